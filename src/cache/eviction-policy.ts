import type { Slot } from './entry.ts';
import type { EntryCells } from './entry-cells.ts';

/** `s3-fifo`, or what Redis means by the rest of its `maxmemory-policy` names. */
export type CachePolicy = 's3-fifo' | 'lru' | 'lfu' | 'ttl' | 'random' | 'noeviction';

/**
 * Which entry leaves when there is no room. The policy hears of everything that happens to entries; it may keep eight bits and two
 * links in each of them.
 */
export interface EvictionPolicy {
  /** A new entry, at the end of whatever order there is. */
  add(slot: Slot): void;
  /** A read. The entry's instant of last use is still that of the use before. */
  use(slot: Slot, now: number): void;
  /** The entry goes, whyever. */
  remove(slot: Slot): void;
  /** The same entry is in another cell from now on; its state and links were copied, the old cell still stands. */
  move(from: Slot, to: Slot): void;
  /**
   * The entry to evict next, or 0; the caller removes it at once.
   * @param byBytes room is wanted in bytes, not in entries
   */
  victim(now: number, byBytes: boolean): Slot;
}

/** What a policy may use of its surroundings. */
export interface PolicyContext {
  readonly cells: EntryCells;
  /** Any entry, each with about the same chance, or 0. */
  readonly pick: () => Slot;
  /** In [0, 1). */
  readonly random: () => number;
}
