import type { ByteString } from '../kernel/bytes.ts';
import { concatenated, everywhere, first, interleaved, type Merge, sum } from './cluster-merge.ts';
import { slotOf } from './slot.ts';

/** Commands on several keys that may be on several nodes: words for each key, and what the parts give. */
const splits: ReadonlyMap<string, { readonly step: 1 | 2; readonly merge: Merge | 'in order' }> = new Map([
  ['mget', { step: 1, merge: 'in order' }],
  ['mset', { step: 2, merge: first }],
  ['del', { step: 1, merge: sum }],
  ['unlink', { step: 1, merge: sum }],
  ['exists', { step: 1, merge: sum }],
  ['touch', { step: 1, merge: sum }],
]);

export interface Part {
  readonly slot: number;
  readonly argv: ByteString[];
}

/** One command made of parts, one for each slot. Undefined where that cannot be done. */
export function splitBySlot(
  argv: readonly ByteString[],
): { readonly parts: readonly Part[]; readonly merge: Merge } | undefined {
  const name = argv[0] as ByteString;
  const split = splits.get(name.toLowerCase());
  if (split === undefined || (argv.length - 1) % split.step !== 0) return undefined;
  const parts = new Map<number, Part & { readonly places: number[] }>();
  for (let at = 1; at < argv.length; at += split.step) {
    const slot = slotOf(argv[at] as ByteString);
    let part = parts.get(slot);
    if (part === undefined) {
      part = { slot, argv: [name], places: [] };
      parts.set(slot, part);
    }
    for (let i = 0; i < split.step; i++) part.argv.push(argv[at + i] as ByteString);
    part.places.push((at - 1) / split.step);
  }
  const all = [...parts.values()];
  if (split.merge !== 'in order') return { parts: all, merge: split.merge };
  const merge = interleaved(
    all.map(({ places }) => places),
    (argv.length - 1) / split.step,
  );
  return { parts: all, merge };
}

export interface Everywhere {
  readonly merge: Merge;
  /** One node that can do it is enough. */
  readonly isOneEnough?: boolean;
}

const all: Everywhere = { merge: first };
const one: Everywhere = { merge: first, isOneEnough: true };

/** Commands without a key that concern every primary. */
const broadcasts: ReadonlyMap<string, Everywhere> = new Map([
  ['flushall', all],
  ['flushdb', all],
  ['dbsize', { merge: sum }],
  ['keys', { merge: concatenated }],
  ['script load', all],
  ['script flush', all],
  ['script exists', { merge: everywhere }],
  ['script kill', one],
  ['function load', all],
  ['function delete', all],
  ['function flush', all],
  ['function restore', all],
  ['function kill', one],
  ['config set', all],
  ['config resetstat', all],
]);
const containers = new Set(['script', 'function', 'config']);

/** How the replies of all primaries become one; undefined for what one node answers. */
export function everywhereRule(argv: readonly ByteString[]): Everywhere | undefined {
  const name = (argv[0] as ByteString).toLowerCase();
  if (!containers.has(name)) return broadcasts.get(name);
  return broadcasts.get(`${name} ${(argv[1] ?? '').toLowerCase()}`);
}

/** Channels that belong to a slot, by position; undefined for other commands. */
export function shardChannels(argv: readonly ByteString[]): readonly number[] | undefined {
  const name = (argv[0] as ByteString).toLowerCase();
  if (name === 'spublish') return argv.length > 1 ? [1] : [];
  if (name !== 'ssubscribe' && name !== 'sunsubscribe') return undefined;
  return argv.slice(1).map((_, i) => i + 1);
}

export const CROSS_SLOT = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";

/** The one slot of all these keys; -1 where there are none, undefined where they have several. */
export function commonSlot(argv: readonly ByteString[], positions: readonly number[]): number | undefined {
  let common = -1;
  for (const position of positions) {
    const key = argv[position];
    if (key === undefined) continue;
    const slot = slotOf(key);
    if (common >= 0 && slot !== common) return undefined;
    common = slot;
  }
  return common;
}
