import { hash } from 'node:crypto';
import type { ByteString } from '../../kernel/bytes.ts';
import type { EntryClass } from '../engine/entry-class.ts';
import type { Keyspace } from '../engine/keyspace.ts';
import type { Turn } from '../engine/turn.ts';

/** What a script answers. `null` is nil; numbers are whole and within 2^53, what may be greater is text. */
export type ScriptReply = number | ByteString | null | readonly ScriptReply[];

/** Where the native form works. */
export interface DecisionSpace {
  readonly turn: Turn;
  /** The dictionary of a key. */
  keyspace(key: ByteString): Keyspace;
  /** What entries become that are made. */
  readonly entryClass: EntryClass;
}

/** What a decision is made of; {@link Decision} has the rest. */
export interface DecisionParts {
  /** For people: lower case with hyphens. */
  readonly name: string;
  /** `delete`: changes something and takes no memory, or takes it to give more back: it goes on where memory is short. */
  readonly access: 'read' | 'write' | 'delete';
  /** At least and at most so many. */
  readonly keys: readonly [least: number, most: number];
  /** At least so many. */
  readonly args: number;
  readonly lua: string;
  /**
   * The script goes with every call, so that the server never has to ask for it: a reading that comes again then could come after a change that
   * was made after it. @default false
   */
  readonly isSentWhole?: boolean;
  /**
   * @param keys as many as `keys` says @param args as many as `args` says or more
   * @throws SluiceError WRONG_TYPE, NOT_AN_INTEGER, OVERFLOW, KEY_TOO_LONG, INVALID_ARGUMENT, where the script answers with an error
   */
  native(space: DecisionSpace, keys: readonly ByteString[], args: readonly ByteString[]): ScriptReply;
}

/**
 * What must be decided in one atomic step, in two forms side by side that do the same: a Lua script for Redis, and a function on the
 * engine. Both take the keys and arguments of EVAL and answer alike.
 *
 * Where time counts, the first argument is the instant in milliseconds since the epoch, '' for the time of the store. An instant
 * given stands in for the store's clock: keys that end by then are gone.
 */
export interface Decision extends DecisionParts {
  /** Of `lua`, as EVALSHA takes it. */
  readonly sha1: string;
}

export function defineDecision(parts: DecisionParts): Decision {
  const lua = parts.lua.trim();
  return { ...parts, lua, sha1: hash('sha1', lua) };
}
