import type { ByteString } from '../kernel/bytes.ts';
import { Dict } from '../kernel/dict.ts';
import { halfSipHash } from '../kernel/half-sip-hash.ts';
import { createPolicy } from './create-policy.ts';
import type { CacheEntry, EntryKind, Slot } from './entry.ts';
import { cellBytesOf, EntryCells, MAX_KEY_BYTES, MAX_META_BYTES } from './entry-cells.ts';
import type { CachePolicy, EvictionPolicy } from './eviction-policy.ts';

/** What an entry costs beyond its cell: its part of the dictionary and of the policy's memory. */
const BYTES_BESIDE_CELL = 32;
/** Most entries one insertion evicts to make room: a large value must not stop everything else for long. */
const EVICTIONS_PER_SET = 4096;

/** Memory held may be so many times that of the cells in use before entries are moved together. */
const HELD = 1.25;
/** Entries moved for one insertion at most: three for each cell it takes empty segments that are three quarters full. */
const MOVES_PER_SET = 8;

export interface LocalCacheOptions {
  readonly maxEntries: number;
  /** Cells in use and {@link BYTES_BESIDE_CELL} for each entry. */
  readonly maxBytes: number;
  readonly policy: CachePolicy;
  /** An entry not used for so long goes, ms; 0 for never. Beyond 2^31 (24 days) it is taken as 2^31. */
  readonly idle: number;
  /** In [0, 1): makes the seed of the hash, and the choice of the policies that choose at random. */
  readonly random: () => number;
  /** True when entries of this source and epoch can never be given out again: the sweep takes them. */
  readonly isDead: (source: number, epoch: number) => boolean;
}

/** Why the caller takes an entry out. */
export type RemovalCause = 'invalidated' | 'written';

/** What happened to entries since the start. */
export interface CacheStats {
  insertions: number;
  replacements: number;
  /** Not kept: too large, or no room. */
  refused: number;
  /** Evicted because of `maxEntries`. */
  evictedForEntries: number;
  /** Evicted because of `maxBytes`. */
  evictedForBytes: number;
  expired: number;
  idle: number;
  dead: number;
  invalidated: number;
  written: number;
  /** Taken out because their successor was not kept. */
  superseded: number;
  /** Gone with all the others. */
  cleared: number;
}

/**
 * Values of another store, as they were when read, bounded in number and in memory. It does what it is told and knows nothing of
 * where values come from or whether they are still true.
 *
 * Entries lie in slab cells outside the JavaScript heap; a dictionary of typed arrays finds them by a keyed hash, since strangers
 * choose the keys. Reading, adding, replacing and taking out an entry are O(1). Instants are those of the caller.
 *
 * A `Slot` is good until the next `set`, `delete`, `clear`, `sweep`, or `find` of another key.
 */
export class LocalCache {
  maxEntries: number;
  maxBytes: number;
  idle: number;
  readonly stats: CacheStats = {
    insertions: 0,
    replacements: 0,
    refused: 0,
    evictedForEntries: 0,
    evictedForBytes: 0,
    expired: 0,
    idle: 0,
    dead: 0,
    invalidated: 0,
    written: 0,
    superseded: 0,
    cleared: 0,
  };
  readonly #policyName: CachePolicy;
  readonly #random: () => number;
  readonly #isDead: (source: number, epoch: number) => boolean;
  readonly #hashKey0: number;
  readonly #hashKey1: number;
  #cells!: EntryCells;
  #dict!: Dict<ByteString>;
  #policy!: EvictionPolicy;
  /** Where the sweep goes on, in hash order. */
  #hand = 0;
  /** Memory held when there was nothing to move. */
  #tidyAt = 0;
  readonly #swept: Slot[] = [];
  #sweepNow = 0;

  constructor(options: LocalCacheOptions) {
    this.maxEntries = options.maxEntries;
    this.maxBytes = options.maxBytes;
    this.idle = options.idle;
    this.#policyName = options.policy;
    this.#random = options.random;
    this.#isDead = options.isDead;
    this.#hashKey0 = Math.floor(options.random() * 2 ** 32) | 0;
    this.#hashKey1 = Math.floor(options.random() * 2 ** 32) | 0;
    this.#reset();
  }

  get size(): number {
    return this.#dict.size;
  }

  /** What `maxBytes` bounds. */
  get usedBytes(): number {
    return this.#cells.slab.usedBytes + this.#dict.size * BYTES_BESIDE_CELL;
  }

  /** Memory that is held: the segments of the cells, free cells included, and the dictionary. */
  get reservedBytes(): number {
    return this.#cells.slab.reservedBytes + this.#dict.bytes;
  }

  /** The entry of a key, or -1. One that has expired or was idle too long goes now. Does not count as a use. */
  find(key: ByteString, now: number): Slot | -1 {
    const slot = this.#dict.find(this.#hashOf(key), key);
    if (slot === 0) return -1;
    if (this.#cells.deleteAt(slot) <= now) {
      this.stats.expired++;
      this.#remove(slot);
      return -1;
    }
    if (this.#isIdle(slot, now)) {
      this.stats.idle++;
      this.#remove(slot);
      return -1;
    }
    return slot;
  }

  /** Counts a use: for the policy, and for `idle`. */
  use(slot: Slot, now: number): void {
    this.#policy.use(slot, now);
    this.#cells.setUsedAt(slot, now);
  }

  kindOf(slot: Slot): EntryKind {
    return this.#cells.kind(slot);
  }

  sourceOf(slot: Slot): number {
    return this.#cells.source(slot);
  }

  epochOf(slot: Slot): number {
    return this.#cells.epoch(slot);
  }

  storedAt(slot: Slot): number {
    return this.#cells.storedAt(slot);
  }

  staleAt(slot: Slot): number {
    return this.#cells.staleAt(slot);
  }

  deleteAt(slot: Slot): number {
    return this.#cells.deleteAt(slot);
  }

  /** A copy: it stays what it is when the entry changes. */
  payload(slot: Slot): ByteString {
    return this.#cells.payload(slot);
  }

  payloadLength(slot: Slot): number {
    return this.#cells.payloadLength(slot);
  }

  meta(slot: Slot): ByteString | undefined {
    return this.#cells.meta(slot);
  }

  /** The same value was proven anew. */
  restamp(slot: Slot, source: number, epoch: number, storedAt: number, staleAt: number, deleteAt: number): void {
    this.#cells.restamp(slot, source, epoch, storedAt, staleAt, deleteAt);
  }

  /**
   * Keeps an entry, in the place of the one the key has. A replaced entry keeps what the policy knows of it.
   *
   * @returns false when it was not kept, because it is too large or there is no room; the key has no entry then.
   */
  set(key: ByteString, entry: CacheEntry, now: number): boolean {
    const hash = this.#hashOf(key);
    const old = this.#dict.find(hash, key);
    const cellBytes = cellBytesOf(key, entry);
    const isKeepable =
      key.length <= MAX_KEY_BYTES &&
      (entry.meta === undefined || entry.meta.length <= MAX_META_BYTES) &&
      cellBytes + BYTES_BESIDE_CELL <= this.maxBytes &&
      this.maxEntries > 0;
    if (
      isKeepable &&
      (old === 0 ? this.#insert(hash, key, entry, cellBytes, now) : this.#replace(hash, old, key, entry, now))
    ) {
      return true;
    }
    this.stats.refused++;
    this.#removeSuperseded(hash, key);
    return false;
  }

  /** @returns whether there was one. */
  delete(key: ByteString, cause: RemovalCause): boolean {
    const slot = this.#dict.find(this.#hashOf(key), key);
    if (slot === 0) return false;
    this.stats[cause]++;
    this.#remove(slot);
    return true;
  }

  /** Drops everything by dropping the memory it is in: the cost does not depend on how much there is. */
  clear(): void {
    this.stats.cleared += this.#dict.size;
    this.#reset();
  }

  /**
   * Goes on round the table: takes out what has expired, was idle too long or is dead, and, where the bounds were lowered, evicts
   * down to them.
   *
   * @param slots about how many places of the table to look at
   * @returns how many entries went
   */
  sweep(now: number, slots: number): number {
    this.#sweepNow = now;
    this.#hand = this.#dict.scan(this.#hand, slots, this.#look);
    const swept = this.#swept;
    for (const slot of swept) this.#remove(slot);
    const size = this.#dict.size;
    const count = swept.length;
    swept.length = 0;
    this.#makeRoom(0, 0, slots, now);
    this.#tidyAt = 0;
    this.#tidy(slots);
    return count + size - this.#dict.size;
  }

  readonly #look = (slot: Slot): void => {
    const cells = this.#cells;
    if (cells.deleteAt(slot) <= this.#sweepNow) this.stats.expired++;
    else if (this.#isIdle(slot, this.#sweepNow)) this.stats.idle++;
    else if (this.#isDead(cells.source(slot), cells.epoch(slot))) this.stats.dead++;
    else return;
    this.#swept.push(slot);
  };

  #insert(hash: number, key: ByteString, entry: CacheEntry, cellBytes: number, now: number): boolean {
    if (!this.#makeRoom(1, cellBytes + BYTES_BESIDE_CELL, EVICTIONS_PER_SET, now)) return false;
    const slot = this.#cells.create(hash, key, entry, now);
    this.#dict.insert(hash, slot);
    this.#policy.add(slot);
    this.stats.insertions++;
    this.#tidy(MOVES_PER_SET);
    return true;
  }

  #replace(hash: number, old: Slot, key: ByteString, entry: CacheEntry, now: number): boolean {
    let slot = old;
    if (!this.#cells.rewrite(old, entry)) {
      slot = this.#cells.copyWith(old, key, entry);
      this.#moved(old, slot);
    }
    this.#cells.setUsedAt(slot, now);
    this.stats.replacements++;
    // It was written first, so that making room can choose it like any other.
    const isKept = this.#makeRoom(0, 0, EVICTIONS_PER_SET, now) && this.#dict.find(hash, key) === slot;
    this.#tidy(MOVES_PER_SET);
    return isKept;
  }

  /** Evicts until so much more is within the bounds. @returns false when it is not, after `most` evictions or for want of a victim. */
  #makeRoom(entries: number, bytes: number, most: number, now: number): boolean {
    for (let evicted = 0; ; evicted++) {
      const tooMany = this.#dict.size + entries > this.maxEntries;
      if (!tooMany && this.usedBytes + bytes <= this.maxBytes) return true;
      if (evicted === most) return false;
      const victim = this.#policy.victim(now, !tooMany);
      if (victim === 0) return false;
      this.#remove(victim);
      if (tooMany) this.stats.evictedForEntries++;
      else this.stats.evictedForBytes++;
    }
  }

  /** Moves up to `most` entries out of sparse segments, so that the memory held stays near the memory used. */
  #tidy(most: number): void {
    const { slab } = this.#cells;
    for (let moves = 0; moves < most; moves++) {
      if (slab.reservedBytes <= slab.usedBytes * HELD || slab.reservedBytes === this.#tidyAt) return;
      const slot = slab.nextToMove();
      if (slot === 0) this.#tidyAt = slab.reservedBytes;
      else this.#moved(slot, this.#cells.copy(slot));
    }
  }

  /** The entry is in another cell now. */
  #moved(from: Slot, to: Slot): void {
    this.#policy.move(from, to);
    this.#dict.replace(this.#cells.hash(from), from, to);
    this.#cells.free(from);
  }

  #removeSuperseded(hash: number, key: ByteString): void {
    const slot = this.#dict.find(hash, key);
    if (slot === 0) return;
    this.stats.superseded++;
    this.#remove(slot);
  }

  #remove(slot: Slot): void {
    this.#policy.remove(slot);
    this.#dict.remove(this.#cells.hash(slot), slot);
    this.#cells.free(slot);
  }

  #isIdle(slot: Slot, now: number): boolean {
    return this.idle > 0 && this.#cells.unusedFor(slot, now) >= this.idle;
  }

  #hashOf(key: ByteString): number {
    return halfSipHash(key, this.#hashKey0, this.#hashKey1);
  }

  #reset(): void {
    const cells = new EntryCells();
    const dict = new Dict<ByteString>((slot, key) => cells.keyEquals(slot, key));
    const random = this.#random;
    this.#cells = cells;
    this.#dict = dict;
    this.#policy = createPolicy(this.#policyName, { cells, pick: () => dict.pick(random), random });
    this.#hand = 0;
    this.#tidyAt = 0;
  }
}
