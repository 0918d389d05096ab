import type { ByteString } from '../../kernel/bytes.ts';
import type { SortedSets } from '../engine/sorted-sets.ts';
import { numberIn } from './arguments.ts';
import type { DecisionSpace } from './decision.ts';

/**
 * A row lies in a hash of its own while it waits to be written, and after that: its fields under one letter that says what becomes of
 * them, and beside them what concerns all of it.
 */
export const rowLetter = {
  /** A field as it was last written. */
  clean: 'f',
  /** A field that is to be written. */
  dirty: 'd',
  /** A field that is to be emptied. */
  dropped: 'x',
  /** What is to be added to a field. */
  added: 'a',
  /** What is being added to it. */
  adding: 'b',
} as const;
/** The number of the last change; never given twice. */
export const ROW_VERSION = 'v';
/** The row is to be removed. */
export const ROW_REMOVED = '~';
/** What no field names is to be emptied. */
export const ROW_WHOLE = '=';
/** There are no other fields than those that are known here. */
export const ROW_KNOWN = 'c';
/** The number of the change up to which is being added. */
export const ROW_ADDING = 'w';

/** Defines `back(name, since)`: the row waits again, for as long as it has waited already. */
export const luaBack = `
local function back(name, since)
  local score = redis.call('ZSCORE', KEYS[1], name)
  if not score or tonumber(score) > since then redis.call('ZADD', KEYS[1], text(since), name) end
end
`;

/** The same on the engine. */
export function putBack(space: DecisionSpace, dirty: ByteString, name: ByteString, since: number): void {
  const { sortedSets } = space.keyspace(dirty);
  const score = sortedSets.read(dirty)?.score(name);
  if (score === undefined || score > since) sortedSets.add(dirty, name, since, space.entryClass);
}

/** Since when a row that was taken had waited. */
export function takeSince(space: DecisionSpace, since: ByteString, name: ByteString, now: number): number {
  const { hashes } = space.keyspace(since);
  const text = hashes.read(since)?.get(name);
  hashes.delete(since, name);
  return text === undefined ? now : numberIn(text);
}

/** The types of keys are looked at before anything is changed: an error leaves all as it was. @throws SluiceError WRONG_TYPE */
export function requireTypes(
  space: DecisionSpace,
  dirty: ByteString,
  inflight: ByteString,
  since: ByteString,
): { readonly dirtyRows: SortedSets; readonly inflightRows: SortedSets } {
  const dirtyRows = space.keyspace(dirty).sortedSets;
  const inflightRows = space.keyspace(inflight).sortedSets;
  dirtyRows.read(dirty);
  inflightRows.read(inflight);
  space.keyspace(since).hashes.read(since);
  return { dirtyRows, inflightRows };
}

/** The same in Lua. */
export const luaTypes = `
redis.call('ZCARD', KEYS[1])
redis.call('ZCARD', KEYS[2])
redis.call('HLEN', KEYS[3])
`;
