import { hash } from 'node:crypto';
import type { CachedReads } from '../cache/cached-reads.ts';
import { EntryKind } from '../cache/entry.ts';
import { bulkOf, isBulk, isError } from '../cache/reply-frame.ts';
import type { SyncTokens } from '../cache/sync-token.ts';
import { isSluiceError, SluiceError } from '../errors.ts';
import type { AbsentKey, KeyEntry, KeyStore, KeySync, ReadOrigin } from '../face/http/key-handler.ts';
import { type ByteString, fromBuffer, toBuffer } from '../kernel/bytes.ts';
import type { StoreKeys } from '../store/keys.ts';
import type { KeyValue, SetOptions, SetOutcome } from '../store/ports.ts';

export interface RemoteKeysOptions {
  /** The keys in the store. */
  readonly store: KeyValue;
  /** Absent where nothing is cached. */
  readonly reads: CachedReads | undefined;
  readonly storeKeys: StoreKeys;
  readonly tokens: SyncTokens;
  /** Monotonic, ms. */
  readonly now: () => number;
}

const ASCII_ONLY = /^[\x00-\x7f]*$/;
const TAG_LENGTH = 40;

/** The keys of the HTTP face where they are in a store behind: read through the cache, written straight. */
export class RemoteKeys implements KeyStore {
  readonly sync: KeySync;
  readonly #options: RemoteKeysOptions;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
    const { tokens } = options;
    this.sync = {
      isToken: (text) => tokens.isToken(text),
      issue: () => tokens.issue(),
      readAfter: (token, key) =>
        new Promise((resolve, reject) => {
          tokens.honour(token, (current) => {
            Promise.resolve(current ? this.read(key) : this.#readStore(key)).then(resolve, reject);
          });
        }),
    };
  }

  read(key: ByteString): KeyEntry | AbsentKey | Promise<KeyEntry | AbsentKey> {
    const { reads, storeKeys, now } = this.#options;
    if (storeKeys.isOwn(key)) throw ownKey();
    if (reads === undefined || !reads.caches(key)) return this.#readStore(key);
    const at = now();
    const slot = reads.fresh(key, at);
    if (slot >= 0) {
      const answer = this.#cached(reads, slot, at, 'hit');
      if (answer !== undefined) {
        reads.stats.hits++;
        return answer;
      }
    }
    reads.stats.misses++;
    return this.#fill(reads, key);
  }

  async set(key: Uint8Array, value: Uint8Array, options: SetOptions): Promise<SetOutcome> {
    return this.#write(key, () => this.#options.store.set(key, value, options));
  }

  async delete(key: Uint8Array, options: { readonly onlyIf?: { readonly tags: readonly string[] } }): Promise<boolean> {
    return this.#write(key, () => this.#options.store.delete(key, options));
  }

  async increment(key: Uint8Array, by: bigint): Promise<bigint> {
    return this.#write(key, () => this.#options.store.increment(key, by));
  }

  /** What is kept of the key must not outlive the write, whatever became of it. */
  async #write<T>(key: Uint8Array, work: () => Promise<T>): Promise<T> {
    const { reads, storeKeys } = this.#options;
    const name = fromBuffer(key);
    if (storeKeys.isOwn(name)) throw ownKey();
    try {
      return await work();
    } finally {
      reads?.written(name);
    }
  }

  #fill(reads: CachedReads, key: ByteString): Promise<KeyEntry | AbsentKey> {
    return new Promise((resolve, reject) => {
      reads.read(key, 'typed', {
        filled: (frame, meta) => {
          const origin: ReadOrigin = { cacheStatus: 'sluice; fwd=miss', age: undefined };
          if (isBulk(frame)) resolve(entryOf(bulkOf(frame), meta ?? '', origin));
          else if (isError(frame)) reject(errorOf(frame));
          else resolve({ text: undefined, origin });
        },
        failed: (error) => {
          const at = this.#options.now();
          const slot = reads.unproven(key, at, reads.options.grace);
          const answer = slot < 0 ? undefined : this.#cached(reads, slot, at, 'fwd=stale');
          if (answer === undefined) reject(unknown(error));
          else resolve(answer);
        },
      });
    });
  }

  /** Past the cache. */
  async #readStore(key: ByteString): Promise<KeyEntry | AbsentKey> {
    const origin: ReadOrigin = { cacheStatus: 'sluice; fwd=bypass', age: undefined };
    try {
      const entry = await this.#options.store.get(toBuffer(key));
      if (entry === undefined) return { text: undefined, origin };
      return { text: fromBuffer(entry.value), tag: entry.tag, contentType: entry.contentType, origin };
    } catch (error) {
      throw unknown(error);
    }
  }

  /** What a slot of the cache answers; undefined when it does not know all of it. */
  #cached(
    { cache }: CachedReads,
    slot: number,
    now: number,
    how: 'hit' | 'fwd=stale',
  ): KeyEntry | AbsentKey | undefined {
    const kind = cache.kindOf(slot);
    const ttl = Math.floor((Math.min(cache.staleAt(slot), cache.deleteAt(slot)) - now) / 1000);
    const origin: ReadOrigin = {
      cacheStatus: `sluice; ${how}${Number.isFinite(ttl) ? `; ttl=${ttl}` : ''}`,
      age: Math.max(0, Math.floor((now - cache.storedAt(slot)) / 1000)),
    };
    if (kind === EntryKind.absent) return { text: undefined, origin };
    const meta = kind === EntryKind.string ? cache.meta(slot) : undefined;
    return meta === undefined ? undefined : entryOf(cache.payload(slot), meta, origin);
  }
}

/** @param meta what is stored beside the value: the tag of the value it belongs to, and its media type */
function entryOf(text: ByteString, meta: ByteString, origin: ReadOrigin): KeyEntry {
  const tag = hash('sha1', ASCII_ONLY.test(text) ? text : toBuffer(text));
  const contentType = meta.startsWith(tag) ? meta.slice(TAG_LENGTH) : '';
  return { text, tag, contentType, origin };
}

function errorOf(frame: ByteString): SluiceError {
  const text = frame.slice(1, -2);
  if (text.startsWith('WRONGTYPE')) return new SluiceError('WRONG_TYPE', 'the key holds a value of another type');
  if (text.startsWith('LOADING')) return new SluiceError('STORE_UNAVAILABLE', `the store answers: ${text}`);
  return new SluiceError('STORE_UNAVAILABLE', `the store refused to read the key: ${text}`);
}

/** A read that failed, however it did, leaves the value unknown and may be tried again. */
function unknown(error: unknown): unknown {
  if (!isSluiceError(error, 'STORE_TIMEOUT')) return error;
  return new SluiceError('STORE_UNAVAILABLE', error.message, { cause: error });
}

function ownKey(): SluiceError {
  return new SluiceError('FORBIDDEN', "the key is one of Sluice's own; choose another name");
}
