import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { Dict, SHARDS } from '../../kernel/dict.ts';
import type { Ref } from '../../kernel/slab.ts';
import { Cause, Op, type Space } from './change.ts';
import type { ClassUsage, Collection } from './collections.ts';
import { EntryClass } from './entry-class.ts';
import { EvictionQueue } from './eviction-queue.ts';
import { ExpiryWheel } from './expiry-wheel.ts';
import { Hashes } from './hashes.ts';
import { Lists } from './lists.ts';
import { MAX_KEY_BYTES, Records, typeNames, ValueType } from './records.ts';
import { Sets } from './sets.ts';
import { SortedSets } from './sorted-sets.ts';
import { Strings } from './strings.ts';
import type { Turn } from './turn.ts';

/**
 * One dictionary of typed values: what every type needs (look up, delete, expire, scan, account), with the operations of each
 * type in `strings`, `hashes`, `lists`, `sets` and `sortedSets`.
 *
 * Every mutation emits its effect on the change stream in the same turn. A key whose instant has passed is absent to every
 * operation, whether or not its memory has been given back yet.
 */
export class Keyspace {
  /** How often all keys were dropped at once: what was begun before may not be finished after. */
  flushes = 0;
  readonly space: Space;
  readonly strings: Strings;
  readonly hashes: Hashes;
  readonly lists: Lists;
  readonly sets: Sets;
  readonly sortedSets: SortedSets;
  readonly turn: Turn;
  /** By entry class. */
  readonly usage: readonly [ClassUsage, ClassUsage, ClassUsage] = [
    { entries: 0, bytes: 0, heapBytes: 0 },
    { entries: 0, bytes: 0, heapBytes: 0 },
    { entries: 0, bytes: 0, heapBytes: 0 },
  ];
  records: Records;
  readonly #hashOf: (key: ByteString) => number;
  #dict: Dict<ByteString>;
  #wheel: ExpiryWheel;
  #queue: EvictionQueue;
  #collections: (Collection | undefined)[] = [];
  #freeIds: number[] = [];
  /** Hash of the key of the last `find`; what `emit` files its effect under. */
  #hash = 0;
  /** Counts keys that left because their instant passed. */
  expired = 0;
  evicted = 0;

  constructor(space: Space, turn: Turn, hashOf: (key: ByteString) => number) {
    this.space = space;
    this.turn = turn;
    this.#hashOf = hashOf;
    this.records = new Records();
    this.#dict = this.#newDict();
    this.#wheel = new ExpiryWheel(this.records, turn.time);
    this.#queue = new EvictionQueue(this.records);
    this.strings = new Strings(this);
    this.hashes = new Hashes(this);
    this.lists = new Lists(this);
    this.sets = new Sets(this);
    this.sortedSets = new SortedSets(this);
  }

  /** Number of keys, those included whose instant has passed but whose memory was not given back yet (as Redis's DBSIZE). */
  get size(): number {
    return this.#dict.size;
  }

  /** Number of keys with an expiry. */
  get expiring(): number {
    return this.#wheel.size;
  }

  /** Bytes of all entries and the tables that find them. */
  get bytes(): number {
    return this.usage[0].bytes + this.usage[1].bytes + this.usage[2].bytes + this.#dict.bytes;
  }

  /** The part of `bytes` that lies on the JavaScript heap: hashes, lists, sets and sorted sets. */
  get heapBytes(): number {
    return this.usage[0].heapBytes + this.usage[1].heapBytes + this.usage[2].heapBytes;
  }

  /** Bytes of the slab segments, free cells included. */
  get reservedBytes(): number {
    return this.records.slab.reservedBytes;
  }

  has(key: ByteString): boolean {
    return this.find(key) !== 0;
  }

  /** Redis's name of the key's type, or undefined when the key is absent. */
  typeName(key: ByteString): (typeof typeNames)[number] | undefined {
    const ref = this.find(key);
    return ref === 0 ? undefined : typeNames[this.records.type(ref)];
  }

  /** @returns the expiry instant, 0 for a key that never expires, undefined when absent. */
  expiresAt(key: ByteString): number | undefined {
    const ref = this.find(key);
    return ref === 0 ? undefined : this.records.expiresAt(ref);
  }

  /** @param instant ms since the epoch, 0 = never. An instant that has passed deletes the key. @returns false when absent. */
  expire(key: ByteString, instant: number): boolean {
    const ref = this.find(key);
    if (ref === 0) return false;
    if (instant !== 0 && instant <= this.turn.time) return this.delete(key);
    if (this.records.expiresAt(ref) === instant) return true;
    this.#setExpiry(ref, instant);
    this.emit(Op.expire, key, '', '', instant, 0, this.isDurable(ref));
    return true;
  }

  delete(key: ByteString): boolean {
    const ref = this.find(key);
    if (ref === 0) return false;
    this.deleteRef(ref, key, Cause.command);
    return true;
  }

  /**
   * Moves a value with its expiry to another name; what was there is gone. On the change stream it is a delete and a copy, so it
   * costs the size of the value.
   * @throws SluiceError KEY_TOO_LONG
   */
  rename(from: ByteString, to: ByteString): boolean {
    requireKey(to);
    const source = this.find(from);
    if (source === 0) return false;
    if (from === to) return true;
    const entryClass = this.records.entryClass(source);
    const instant = this.records.expiresAt(source);
    if (this.records.type(source) === ValueType.string) {
      const value = this.records.value(source);
      const contentType = this.records.contentType(source);
      this.delete(from);
      this.strings.set(to, value, { expiresAt: instant, contentType, entryClass });
      return true;
    }
    const collection = this.#collections[this.records.collectionId(source)] as Collection;
    this.#detachCollection(source);
    this.delete(from);
    this.delete(to);
    this.find(to);
    const ref = this.#insert(this.records.create(this.#hash, collection.type, entryClass, to, '', ''));
    this.#attachCollection(ref, collection);
    for (const effect of collection.effects())
      this.emit(effect.op, to, effect.a, effect.b, effect.n, entryClass, this.isDurable(ref));
    if (instant !== 0) this.expire(to, instant);
    return true;
  }

  /** Drops every key at once. */
  flush(): void {
    this.flushes++;
    this.#reset();
    this.turn.changes.emit(this.space, Op.flush, Cause.command, '', '', '', 0, 0, true);
    this.turn.wroteAll();
  }

  /** Drops without telling the keys that `drop` chooses; for replaying a flush that part of an image already contains. */
  dropWhere(drop: (ref: Ref) => boolean): void {
    const refs: Ref[] = [];
    for (let shard = 0; shard < SHARDS; shard++)
      this.#dict.forEachIn(shard, (ref) => {
        if (drop(ref)) refs.push(ref);
      });
    for (const ref of refs) this.#removeRecord(ref);
  }

  /**
   * One step of SCAN, in hash order. Every key present from the first step to the last is visited at least once.
   * @returns the next cursor, 0 at the end.
   */
  scan(cursor: number, count: number, visit: (key: ByteString, type: ValueType) => void): number {
    this.turn.readAll();
    return this.#dict.scan(cursor, count, (ref) => {
      if (!this.#isExpired(ref)) visit(this.records.key(ref), this.records.type(ref));
    });
  }

  /** A key chosen about evenly, or undefined when there is none. */
  randomKey(random: () => number): ByteString | undefined {
    this.turn.readAll();
    for (let tries = 0; tries < 100; tries++) {
      const ref = this.#dict.pick(random);
      if (ref === 0) return undefined;
      if (!this.#isExpired(ref)) return this.records.key(ref);
    }
    return undefined;
  }

  /** Gives back the memory of at most `budget` keys whose instant has passed. @returns true when none is left. */
  sweep(budget: number): boolean {
    if (!this.turn.writable) return true;
    return this.#wheel.advance(this.turn.time, budget, (ref) => this.#expireRef(ref));
  }

  /** Evicts one `cached` entry. @returns false when there is none. */
  evictOne(): boolean {
    const ref = this.#queue.victim();
    if (ref === 0) return false;
    const key = this.records.key(ref);
    this.#hash = this.records.hash(ref);
    this.deleteRef(ref, key, Cause.evicted);
    this.evicted++;
    return true;
  }

  /**
   * One step through all records in the order of their hashes, for a checkpoint: like `scan`, but nothing is marked as read or
   * hidden, and a record may be given whose hash lies before the cursor.
   */
  walk(cursor: number, count: number, visit: (ref: Ref) => void): number {
    return this.#dict.scan(cursor, count, visit);
  }

  /** The record of a key, or 0; marks nothing, hides nothing. */
  peek(key: ByteString): Ref {
    return this.#dict.find(this.#hashOf(key), key);
  }

  /** Unsigned. */
  hashOf(key: ByteString): number {
    return this.#hashOf(key) >>> 0;
  }

  // What the operations of the types are made of.

  /** @returns the live record of a key, or 0. Marks the read. */
  find(key: ByteString): Ref {
    const hash = this.#hashOf(key);
    this.#hash = hash;
    this.turn.read(hash);
    const ref = this.#dict.find(hash, key);
    if (ref === 0) return 0;
    if (this.#isExpired(ref)) {
      if (this.turn.writable) {
        const revealed = this.turn.revealed;
        this.#expireRef(ref);
        // An expiry needs no waiting for: after a crash the key is just as expired.
        this.turn.revealed = revealed;
      }
      return 0;
    }
    if (this.records.entryClass(ref) === EntryClass.cached) this.records.setVisited(ref, true);
    return ref;
  }

  /** Refuses a key of another type. @throws SluiceError WRONG_TYPE */
  requireType(ref: Ref, type: ValueType): void {
    const actual = this.records.type(ref);
    if (actual === type) return;
    throw new SluiceError('WRONG_TYPE', `the key holds a ${typeNames[actual]}, not a ${typeNames[type]}`, {
      details: { expected: typeNames[type], actual: typeNames[actual] },
    });
  }

  /** @throws SluiceError WRONG_TYPE */
  collection<T extends Collection>(key: ByteString, type: T['type']): T | undefined {
    const ref = this.find(key);
    if (ref === 0) return undefined;
    this.requireType(ref, type);
    return this.#collections[this.records.collectionId(ref)] as T;
  }

  /** Makes the record of a collection; the last `find` must have been for this key and found nothing. */
  createCollection(key: ByteString, collection: Collection, entryClass: EntryClass): void {
    requireKey(key);
    const ref = this.#insert(this.records.create(this.#hash, collection.type, entryClass, key, '', ''));
    this.#attachCollection(ref, collection);
  }

  collectionOf(ref: Ref): Collection {
    return this.#collections[this.records.collectionId(ref)] as Collection;
  }

  /**
   * Makes the record of a string in the place of `replaced` (0 = none); the last `find` must have been for this key.
   * @param reserve bytes of room to grow.
   */
  createString(
    key: ByteString,
    contentType: ByteString,
    value: ByteString,
    entryClass: EntryClass,
    reserve: number,
    replaced: Ref,
  ): Ref {
    requireKey(key);
    // Before the old record goes: should there be no memory, the key keeps its value.
    const ref = this.records.create(this.#hash, ValueType.string, entryClass, key, contentType, value, reserve);
    if (replaced !== 0) this.#removeRecord(replaced);
    return this.#insert(ref);
  }

  setExpiry(ref: Ref, instant: number): void {
    this.#setExpiry(ref, instant);
  }

  isDurable(ref: Ref): boolean {
    return this.records.entryClass(ref) !== EntryClass.cached;
  }

  /** The key must be the one of the last `find`. */
  emit(op: Op, key: ByteString, a: ByteString, b: ByteString, n: number, m: number, durable: boolean): void {
    this.turn.changes.emit(this.space, op, Cause.command, key, a, b, n, m, durable);
    this.turn.wrote(this.#hash);
  }

  deleteRef(ref: Ref, key: ByteString, cause: Cause): void {
    const durable = this.isDurable(ref);
    this.#removeRecord(ref);
    this.turn.changes.emit(this.space, Op.delete, cause, key, '', '', 0, 0, durable);
    this.turn.wrote(this.#hash);
  }

  #insert(ref: Ref): Ref {
    this.#dict.insert(this.#hash, ref);
    const entryClass = this.records.entryClass(ref);
    const usage = this.usage[entryClass];
    usage.entries++;
    usage.bytes += this.records.cellBytes(ref);
    if (entryClass === EntryClass.cached) this.#queue.add(ref);
    return ref;
  }

  #removeRecord(ref: Ref): void {
    const records = this.records;
    const entryClass = records.entryClass(ref);
    const usage = this.usage[entryClass];
    usage.entries--;
    usage.bytes -= records.cellBytes(ref);
    if (entryClass === EntryClass.cached) this.#queue.remove(ref);
    this.#wheel.remove(ref);
    if (records.type(ref) !== ValueType.string) {
      const collection = this.#collections[records.collectionId(ref)];
      if (collection !== undefined) {
        collection.detach();
        this.#collections[records.collectionId(ref)] = undefined;
        this.#freeIds.push(records.collectionId(ref));
      }
    }
    this.#dict.remove(records.hash(ref), ref);
    records.slab.free(ref);
  }

  #attachCollection(ref: Ref, collection: Collection): void {
    const id = this.#freeIds.pop() ?? this.#collections.length;
    this.#collections[id] = collection;
    this.records.setCollectionId(ref, id);
    collection.attach(this.usage[this.records.entryClass(ref)], this.isDurable(ref));
  }

  #detachCollection(ref: Ref): void {
    const id = this.records.collectionId(ref);
    (this.#collections[id] as Collection).detach();
    this.#collections[id] = undefined;
    this.#freeIds.push(id);
  }

  #setExpiry(ref: Ref, instant: number): void {
    this.#wheel.remove(ref);
    this.records.setExpiresAt(ref, instant);
    if (instant !== 0) this.#wheel.add(ref, instant);
  }

  #isExpired(ref: Ref): boolean {
    const instant = this.records.expiresAt(ref);
    return instant !== 0 && instant <= this.turn.time;
  }

  #expireRef(ref: Ref): void {
    const key = this.records.key(ref);
    this.#hash = this.records.hash(ref);
    this.deleteRef(ref, key, Cause.expired);
    this.expired++;
  }

  #newDict(): Dict<ByteString> {
    const records = this.records;
    return new Dict((ref, key) => records.keyEquals(ref, key));
  }

  #reset(): void {
    this.records = new Records();
    this.#dict = this.#newDict();
    this.#wheel = new ExpiryWheel(this.records, this.turn.time);
    this.#queue = new EvictionQueue(this.records);
    this.#collections = [];
    this.#freeIds = [];
    for (const usage of this.usage) {
      usage.entries = 0;
      usage.bytes = 0;
      usage.heapBytes = 0;
    }
  }
}

/** @throws SluiceError KEY_TOO_LONG */
export function requireKey(key: ByteString): void {
  if (key.length > MAX_KEY_BYTES) {
    throw new SluiceError('KEY_TOO_LONG', `the key has ${key.length} bytes; at most ${MAX_KEY_BYTES} are allowed`);
  }
}
