import type { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { type Coherence, Trust } from './coherence.ts';
import { EntryKind } from './entry.ts';
import { Fill, type FillKind, type FillOwner, type ReadWaiter } from './fill.ts';
import { FillTable } from './fill-table.ts';
import { allFields, encodeFields, fieldOf, mergeFields } from './hash-fields.ts';
import type { LocalCache } from './local-cache.ts';
import { bulkOf, elementsOf, integerOf, isBulk, isError, isNil } from './reply-frame.ts';

const noFields: readonly ByteString[] = [];
/** Between the key of a read and the same key again. */
const PTTL = '\r\n*2\r\n$4\r\nPTTL\r\n$';

/** The way to the store that tells of changes; `commands` are answered by `replies` frames in order. */
export interface ReadSource {
  fetch(key: ByteString, commands: ByteString, replies: number, receiver: Fill): void;
}

/** Where what is stored beside a value is kept: a name per key, and back. */
export interface MetaKeys {
  metaKeyOf(key: ByteString): ByteString | undefined;
  keyOfMetaKey(name: ByteString): ByteString | undefined;
}

export interface CachedReadsOptions {
  readonly cache: LocalCache;
  readonly coherence: Coherence;
  readonly source: ReadSource;
  readonly metaKeys: MetaKeys;
  /**
   * What is said of a value read as `typed`, and kept with it, so that it is made once per read and not once per use.
   * @param beside what the store has beside the value, '' for nothing. @default `beside` as it is
   */
  readonly describe?: (value: ByteString, beside: ByteString) => ByteString;
  /** Which keys are cached. @default all */
  readonly matches?: (key: ByteString) => boolean;
  /** Longest life of an entry, ms; Infinity = none. */
  ttl: number;
  /** How long what cannot be proven may be given out to those who allow it, ms. */
  grace: number;
  /** The same for faces that cannot say that it is so, ms; 0 = never. */
  silentGrace: number;
  /** How long what cannot be proven is remembered, ms; not less than `grace`. */
  unprovenFor: number;
  /** Values above this are not kept. */
  readonly maxEntryBytes: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Monotonic, ms. */
  readonly now: () => number;
}

/** What can be told of a key without its value. */
export interface KeyFacts {
  readonly exists: boolean;
  /** Of a string. */
  readonly length: number | undefined;
  /** What is left of its life, ms; undefined: for ever. */
  readonly ttl: number | undefined;
}

export interface CachedReadsStats {
  hits: number;
  misses: number;
  /** Given out although unproven. */
  stale: number;
  /** Reads that joined one under way. */
  joined: number;
  fills: number;
  failures: number;
  /** Read and not kept: changed meanwhile, too large, of another type, the cache full … */
  unkept: number;
  invalidated: number;
  flushes: number;
}

/**
 * Reads of single keys through the local cache, coherent by server-assisted invalidation (Redis CLIENT TRACKING):
 *
 * - a placeholder (the `Fill`) stands before the read is sent; whatever is told of the key meanwhile marks it, and then its result is
 *   given to those who waited and not kept;
 * - several readers of one key share one read, unless the key was changed since it began;
 * - writes of this node drop the key before their reply is passed on ({@link written});
 * - the time to live in the store bounds the life here;
 * - what is fresh is decided by `Coherence` at every look.
 */
export class CachedReads implements FillOwner {
  readonly stats: CachedReadsStats = {
    hits: 0,
    misses: 0,
    stale: 0,
    joined: 0,
    fills: 0,
    failures: 0,
    unkept: 0,
    invalidated: 0,
    flushes: 0,
  };
  readonly cache: LocalCache;
  readonly coherence: Coherence;
  readonly options: CachedReadsOptions;
  readonly #fills: FillTable;

  constructor(options: CachedReadsOptions) {
    this.options = options;
    this.#fills = new FillTable(options.random);
    this.cache = options.cache;
    this.coherence = options.coherence;
  }

  now(): number {
    return this.options.now();
  }

  epochOf(source: number): number {
    return this.coherence.epochOf(source);
  }

  /** Whether values of this key are kept at all. */
  caches(key: ByteString): boolean {
    return this.options.matches?.(key) ?? true;
  }

  /** The entry of a key when it is fresh, else -1. Counts as a use. */
  fresh(key: ByteString, now: number): number {
    const slot = this.cache.find(key, now);
    if (slot < 0 || !this.#isFresh(slot, now)) return -1;
    this.cache.use(slot, now);
    return slot;
  }

  /** The string at a key, null where there is none, undefined when that is not known here. */
  string(key: ByteString, now: number): ByteString | null | undefined {
    const slot = this.fresh(key, now);
    if (slot >= 0) {
      const kind = this.cache.kindOf(slot);
      if (kind === EntryKind.string) {
        this.stats.hits++;
        return this.cache.payload(slot);
      }
      if (kind === EntryKind.absent) {
        this.stats.hits++;
        return null;
      }
    }
    this.stats.misses++;
    return undefined;
  }

  /** One field of the hash at a key, null where it is not there, undefined when that is not known here. */
  field(key: ByteString, field: ByteString, now: number): ByteString | null | undefined {
    const slot = this.fresh(key, now);
    if (slot >= 0) {
      const kind = this.cache.kindOf(slot);
      let value: ByteString | null | undefined;
      if (kind === EntryKind.absent) value = null;
      else if (kind === EntryKind.fields) value = fieldOf(this.cache.payload(slot), field);
      else if (kind === EntryKind.hash) value = fieldOf(this.cache.payload(slot), field) ?? null;
      if (value !== undefined) {
        this.stats.hits++;
        return value;
      }
    }
    this.stats.misses++;
    return undefined;
  }

  /** All fields of the hash at a key, names and values in turn; undefined when they are not known here. */
  hash(key: ByteString, now: number): readonly ByteString[] | undefined {
    const slot = this.fresh(key, now);
    if (slot >= 0) {
      const kind = this.cache.kindOf(slot);
      if (kind === EntryKind.absent || kind === EntryKind.hash) {
        this.stats.hits++;
        return kind === EntryKind.absent ? [] : allFields(this.cache.payload(slot));
      }
    }
    this.stats.misses++;
    return undefined;
  }

  /** What is known of a key without its value; undefined when nothing is. Times in ms. */
  facts(key: ByteString, now: number): KeyFacts | undefined {
    const slot = this.fresh(key, now);
    if (slot < 0) return undefined;
    this.stats.hits++;
    const { cache } = this;
    const kind = cache.kindOf(slot);
    const expiresAt = cache.deleteAt(slot);
    const ttl = expiresAt === Number.POSITIVE_INFINITY ? undefined : Math.max(0, expiresAt - now);
    if (kind === EntryKind.absent) return { exists: false, length: 0, ttl: undefined };
    return { exists: true, length: kind === EntryKind.string ? cache.payloadLength(slot) : undefined, ttl };
  }

  /** No link to the store tells of changes now: what is asked of it will not be answered soon. */
  isAway(now: number): boolean {
    return !this.coherence.hasProof(now);
  }

  /** A value that cannot be proven, as a RESP3 reply, where such may be given out without saying so. */
  unprovenFrame(key: ByteString, kind: FillKind, fields: readonly ByteString[], now: number): ByteString | undefined {
    const slot = this.options.silentGrace === 0 ? -1 : this.unproven(key, now, this.options.silentGrace);
    if (slot < 0) return undefined;
    const { cache } = this;
    const entryKind = cache.kindOf(slot);
    const isAbsent = entryKind === EntryKind.absent;
    if (kind === 'string' || kind === 'typed') {
      if (isAbsent) return '_\r\n';
      return entryKind === EntryKind.string ? bulkFrame(cache.payload(slot)) : undefined;
    }
    if (entryKind !== EntryKind.hash && entryKind !== EntryKind.fields && !isAbsent) return undefined;
    const payload = isAbsent ? '' : cache.payload(slot);
    if (kind === 'hash') {
      if (entryKind === EntryKind.fields) return undefined;
      const words = isAbsent ? [] : allFields(payload);
      return `%${words.length / 2}\r\n${words.map(bulkFrame).join('')}`;
    }
    const values = fields.map((field) =>
      isAbsent ? null : (fieldOf(payload, field) ?? (entryKind === EntryKind.hash ? null : undefined)),
    );
    if (values.includes(undefined)) return undefined;
    return `*${values.length}\r\n${values.map((value) => (typeof value === 'string' ? bulkFrame(value) : '_\r\n')).join('')}`;
  }

  /**
   * Reads from the store and keeps what may be kept.
   * @returns whether it joined a read that was under way
   */
  read(key: ByteString, kind: FillKind, waiter: ReadWaiter, fields: readonly ByteString[] = noFields): boolean {
    const other = kind === 'fields' ? undefined : this.#fills.find(key, kind);
    if (other !== undefined) {
      this.stats.joined++;
      other.others ??= [];
      other.others.push(waiter);
      return true;
    }
    const metaKey = kind === 'typed' ? this.options.metaKeys.metaKeyOf(key) : undefined;
    let commands = commandsOf(kind, key, fields);
    if (metaKey !== undefined) commands += word1('GET', metaKey);
    const replies = metaKey === undefined ? 2 : 3;
    const fill = new Fill(this, key, kind, replies, fields, waiter);
    this.#fills.add(fill);
    this.stats.fills++;
    this.options.source.fetch(key, commands, replies, fill);
    return false;
  }

  /**
   * The entry of a key that cannot be proven, for those who take one while the store is away; -1 when there is none.
   * @param grace how long it may have been so
   */
  unproven(key: ByteString, now: number, grace: number): number {
    const slot = this.cache.find(key, now);
    if (slot < 0) return -1;
    const trust = this.coherence.trust(this.cache.sourceOf(slot), this.cache.epochOf(slot), now, grace);
    if (trust === Trust.none || now > this.cache.staleAt(slot) + grace) return -1;
    this.stats.stale++;
    return slot;
  }

  /** A client of this node has written the key: to be called before it is told so. */
  written(key: ByteString): void {
    this.#fills.drop(key);
    this.cache.delete(key, 'written');
  }

  /** A client of this node has changed what cannot be told by keys. */
  forgetAll(): void {
    this.#fills.dropAll();
    this.cache.clear();
  }

  attached(source: number): void {
    const now = this.now();
    this.coherence.forget(now, this.options.unprovenFor);
    this.coherence.attached(source, now);
  }

  heard(source: number, at: number): void {
    this.coherence.heard(source, at);
  }

  lost(source: number): void {
    this.coherence.lost(source, this.now());
  }

  /** The store tells of a change. */
  invalidated(source: number, name: ByteString | null): void {
    if (name === null) {
      this.stats.flushes++;
      this.coherence.flushed(source);
      this.#fills.dropAll();
      return;
    }
    this.stats.invalidated++;
    const key = this.options.metaKeys.keyOfMetaKey(name) ?? name;
    this.#fills.drop(key);
    this.cache.delete(key, 'invalidated');
  }

  completed(fill: Fill): void {
    this.#fills.remove(fill);
    const { value, life, others } = fill;
    const meta = fill.kind === 'typed' && (isBulk(value) || isNil(value)) ? this.#describe(fill) : undefined;
    const isKept = this.#keep(fill, meta);
    if (!isKept) this.stats.unkept++;
    const outcome = isKept ? 'kept' : fill.valid ? 'unkept' : 'changed';
    fill.waiter.filled(value, meta, outcome, life);
    if (others !== undefined) for (const waiter of others) waiter.filled(value, meta, outcome, life);
  }

  abandoned(fill: Fill, error: SluiceError): void {
    this.stats.failures++;
    this.#fills.remove(fill);
    fill.waiter.failed(error);
    for (const waiter of fill.others ?? []) waiter.failed(error);
  }

  #describe({ value, beside }: Fill): ByteString {
    const there = beside !== undefined && isBulk(beside) ? bulkOf(beside) : '';
    // Something may be said of a value that is not there, too.
    return isBulk(value) ? (this.options.describe?.(bulkOf(value), there) ?? there) : there;
  }

  /** @param meta of a string read as `typed` */
  #keep(fill: Fill, meta: ByteString | undefined): boolean {
    const { kind, source, epoch, value } = fill;
    const { maxEntryBytes } = this.options;
    if (!fill.valid || epoch === 0 || this.coherence.epochOf(source) !== epoch) return false;
    const ttl = integerOf(fill.life);
    if (ttl === undefined || isError(value)) return false;
    if ((isBulk(value) ? bulkOf(value).length : value.length) > maxEntryBytes) return false;
    const now = this.now();
    // The key was gone by then: kept only where its value was, too.
    if (ttl === -2) return wasAbsent(kind, value) && this.#set(fill, EntryKind.absent, '', meta, ttl, now);
    if (kind === 'string' || kind === 'typed')
      return isBulk(value) && this.#set(fill, EntryKind.string, bulkOf(value), meta, ttl, now);
    if (kind === 'hash') {
      const payload = encodeFields(elementsOf(value) as ByteString[]);
      if (payload === undefined || payload.length > maxEntryBytes) return false;
      return this.#set(fill, EntryKind.hash, payload, '', ttl, now);
    }
    return this.#keepFields(fill, ttl, now);
  }

  /** Keeps the fields read beside those that are known already; together they are as old as the oldest of them. */
  #keepFields(fill: Fill, ttl: number, now: number): boolean {
    const { cache } = this;
    const slot = cache.find(fill.key, now);
    const isSame = slot >= 0 && cache.kindOf(slot) === EntryKind.fields && this.#isFresh(slot, now);
    const values = elementsOf(fill.value);
    const more = fill.fields.map((field, i) => [field, values[i] ?? null] as const);
    const payload = mergeFields(isSame ? cache.payload(slot) : '', more);
    if (payload === undefined || payload.length > this.options.maxEntryBytes) return false;
    return this.#set(fill, EntryKind.fields, payload, '', ttl, now, isSame ? cache.storedAt(slot) : fill.begunAt);
  }

  #set(
    { key, source, epoch, begunAt }: Fill,
    kind: EntryKind,
    payload: ByteString,
    meta: ByteString | undefined,
    ttl: number,
    now: number,
    storedAt = begunAt,
  ): boolean {
    const staleAt = storedAt + this.options.ttl;
    const deleteAt = ttl >= 0 ? begunAt + ttl : Number.POSITIVE_INFINITY;
    return this.cache.set(key, { kind, source, epoch, storedAt, staleAt, deleteAt, meta, payload }, now);
  }

  #isFresh(slot: number, now: number): boolean {
    const { cache } = this;
    return (
      now <= cache.staleAt(slot) &&
      this.coherence.trust(cache.sourceOf(slot), cache.epochOf(slot), now, 0) === Trust.fresh
    );
  }
}

function wasAbsent(kind: FillKind, value: ByteString): boolean {
  if (kind === 'hash') return elementsOf(value).length === 0;
  return kind !== 'fields' && isNil(value);
}

/** The read and `PTTL`. The pieces are few: each `+` of V8 makes an object, and this is made for every miss. */
function commandsOf(kind: FillKind, key: ByteString, fields: readonly ByteString[]): ByteString {
  const word = `${key.length}\r\n${key}`;
  if (kind === 'string' || kind === 'typed') return `*2\r\n$3\r\nGET\r\n$${word}${PTTL}${word}\r\n`;
  if (kind === 'hash') return `*2\r\n$7\r\nHGETALL\r\n$${word}${PTTL}${word}\r\n`;
  const words = fields.map((field) => `\r\n$${field.length}\r\n${field}`).join('');
  return `*${fields.length + 2}\r\n$5\r\nHMGET\r\n$${word}${words}${PTTL}${word}\r\n`;
}

/** A command of a name and one word. */
function word1(name: string, word: ByteString): ByteString {
  return `*2\r\n$${name.length}\r\n${name}\r\n$${word.length}\r\n${word}\r\n`;
}

function bulkFrame(value: ByteString): ByteString {
  return `$${value.length}\r\n${value}\r\n`;
}
