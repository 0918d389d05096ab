import type { CachedReads } from '../cache/cached-reads.ts';
import { EntryKind } from '../cache/entry.ts';
import type { FillOutcome } from '../cache/fill.ts';
import { bulkOf, isBulk, isError } from '../cache/reply-frame.ts';
import type { SyncTokens } from '../cache/sync-token.ts';
import { isSluiceError, SluiceError } from '../errors.ts';
import type { AbsentKey, KeyEntry, KeyStore, KeySync, ReadOrigin } from '../face/http/key-handler.ts';
import { type ForwardReason, forwardStatus, hitStatus } from '../http/cache-status.ts';
import { type ByteString, fromBuffer, toBuffer } from '../kernel/bytes.ts';
import { ReplyError } from '../resp/reply-decoder.ts';
import { tagOf } from '../store/decisions/tag.ts';
import type { KeyValue, SetOptions, SetOutcome } from '../store/ports.ts';
import { errorOfReply } from '../store/redis/error-of-reply.ts';

export interface RemoteKeysOptions {
  /** The keys in the store. */
  readonly store: KeyValue;
  /** The Redis command TYPE, for refusals of keys that hold no string; undefined where the store does not say. */
  readonly typeOf: (key: ByteString) => Promise<string | undefined>;
  /** Absent where nothing is cached. Its `describe` is {@link describeValue}. */
  readonly reads: CachedReads | undefined;
  /** Keys that are not for clients of this face. */
  readonly isReserved: (key: ByteString) => boolean;
  readonly tokens: SyncTokens;
  /** Monotonic, ms. */
  readonly now: () => number;
}

type Answer = KeyEntry | AbsentKey;

/** Letters of a tag. */
const TAG_LENGTH = 40;

/**
 * What is kept with a value that was read for HTTP: its tag and its media type, which belongs to it only if it was stored with this
 * very value.
 * @param beside what the store has beside the value: the tag of the value it was stored with, and the media type; '' for nothing
 */
export function describeValue(value: ByteString, beside: ByteString): ByteString {
  const tag = tagOf(value);
  return beside.startsWith(tag) ? beside : tag;
}

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
      readAfter: (token, key) => this.#readAfter(token, key),
    };
  }

  read(key: ByteString): Answer | Promise<Answer> {
    return this.#read(key, true);
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

  /** @param takesStale a value that cannot be proven will do while the store is away */
  #read(key: ByteString, takesStale: boolean): Answer | Promise<Answer> {
    const { reads, isReserved, now } = this.#options;
    if (isReserved(key)) throw ownKey();
    if (reads === undefined || !reads.caches(key)) return this.#readStore(key, 'bypass');
    const at = now();
    const slot = reads.fresh(key, at);
    const hit = slot < 0 ? undefined : answerOf(reads, slot, at, hitOrigin);
    if (hit !== undefined) {
      reads.stats.hits++;
      return hit;
    }
    reads.stats.misses++;
    const stale = takesStale && reads.isAway(at) ? staleAnswer(reads, key, at, 'STORE_UNAVAILABLE') : undefined;
    return stale ?? this.#fill(reads, key, takesStale);
  }

  /** A read that sees at least what the write left after which the token was given out. */
  async #readAfter(token: string, key: ByteString): Promise<Answer> {
    const { reads, isReserved, tokens } = this.#options;
    if (isReserved(key)) throw ownKey();
    if (reads === undefined || !reads.caches(key)) return this.#readStore(key, 'bypass');
    const isCurrent = await new Promise<boolean>((resolve) => tokens.honour(token, resolve));
    // What is kept from before the last loss of the link may be older than the write, so nothing stale will do.
    return isCurrent ? this.#read(key, false) : this.#readStore(key, 'request');
  }

  #fill(reads: CachedReads, key: ByteString, takesStale: boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let collapsed = false;
      const fail = (error: SluiceError): void => {
        const stale = takesStale && leavesUnknown(error) ? staleAnswer(reads, key, this.#now(), error.code) : undefined;
        if (stale === undefined) this.#explain(key, error).then(reject, reject);
        else resolve(stale);
      };
      const waiter = {
        filled: (frame: ByteString, meta: ByteString | undefined, outcome: FillOutcome): void => {
          if (isError(frame)) {
            fail(errorOfReply(new ReplyError(frame.slice(1, -2))));
          } else if (outcome === 'changed' && meta?.length === TAG_LENGTH) {
            // Its media type may have been replaced between the commands of the read: once more, in one step.
            this.#readStore(key, 'miss').then(resolve, reject);
          } else {
            const cacheStatus = forwardStatus('miss', { stored: outcome === 'kept', collapsed });
            const origin: ReadOrigin = { cacheStatus, age: undefined };
            resolve(isBulk(frame) ? entryOf(bulkOf(frame), meta ?? '', origin) : { text: undefined, origin });
          }
        },
        failed: fail,
      };
      collapsed = reads.read(key, 'typed', waiter);
    });
  }

  /** Past the cache, in one step of the store. */
  async #readStore(key: ByteString, reason: ForwardReason): Promise<Answer> {
    const origin: ReadOrigin = { cacheStatus: forwardStatus(reason), age: undefined };
    try {
      const entry = await this.#options.store.get(toBuffer(key));
      if (entry === undefined) return { text: undefined, origin };
      return { text: fromBuffer(entry.value), tag: entry.tag, contentType: entry.contentType, origin };
    } catch (error) {
      throw await this.#explain(key, error);
    }
  }

  async #write<T>(key: Uint8Array, work: () => Promise<T>): Promise<T> {
    const { reads, isReserved } = this.#options;
    const name = fromBuffer(key);
    if (isReserved(name)) throw ownKey();
    try {
      const result = await work();
      reads?.written(name);
      return result;
    } catch (error) {
      // What is kept of the key must not outlive a write that may have happened; one that was never sent costs nobody anything.
      if (!isSluiceError(error, 'STORE_UNAVAILABLE') && !isSluiceError(error, 'OVERLOADED')) reads?.written(name);
      throw isSluiceError(error, 'WRONG_TYPE') ? await this.#nameType(name, error) : error;
    }
  }

  #now(): number {
    return this.#options.now();
  }

  /** The error of a read as clients get it: a value that is unknown may be asked for again, another type has its name. */
  async #explain(key: ByteString, error: unknown): Promise<unknown> {
    if (isSluiceError(error, 'STORE_TIMEOUT'))
      return new SluiceError('STORE_UNAVAILABLE', 'the store gave no answer; try again', { cause: error });
    return isSluiceError(error, 'WRONG_TYPE') ? this.#nameType(key, error) : error;
  }

  async #nameType(key: ByteString, error: SluiceError): Promise<SluiceError> {
    const actual = await this.#options.typeOf(key).catch(() => undefined);
    if (actual === undefined || actual === 'string' || actual === 'none') return error;
    return new SluiceError('WRONG_TYPE', `the key holds a ${actual}, not a string`, {
      details: { expected: 'string', actual },
      cause: error,
    });
  }
}

/** Whether the value is as unknown as if nobody had been asked. */
function leavesUnknown({ code }: SluiceError): boolean {
  return code === 'STORE_UNAVAILABLE' || code === 'STORE_TIMEOUT' || code === 'STORE_LOADING' || code === 'OVERLOADED';
}

/** What is kept of a key although it cannot be proven, where there is something that may be given out. */
function staleAnswer(reads: CachedReads, key: ByteString, now: number, detail: string): Answer | undefined {
  const slot = reads.unproven(key, now, reads.options.grace);
  return slot < 0 ? undefined : answerOf(reads, slot, now, (ttl) => forwardStatus('stale', { ttl: past(ttl), detail }));
}

/** When the proof was lost is not told; what has outlived `cache.ttl` besides is. */
function past(ttl: number): number | undefined {
  return ttl < 0 ? ttl : undefined;
}

const hitOrigin = (ttl: number): string => hitStatus(ttl);

/** What an entry of the cache answers; undefined when it does not know all of it. */
function answerOf(
  { cache }: CachedReads,
  slot: number,
  now: number,
  status: (ttl: number) => string,
): Answer | undefined {
  const kind = cache.kindOf(slot);
  const origin: ReadOrigin = {
    cacheStatus: status(Math.min(cache.staleAt(slot), cache.deleteAt(slot)) - now),
    age: Math.max(0, Math.floor((now - cache.storedAt(slot)) / 1000)),
  };
  if (kind === EntryKind.absent) return { text: undefined, origin };
  const meta = kind === EntryKind.string ? cache.meta(slot) : undefined;
  return meta === undefined ? undefined : entryOf(cache.payload(slot), meta, origin);
}

/** @param meta as {@link describeValue} makes it */
function entryOf(text: ByteString, meta: ByteString, origin: ReadOrigin): KeyEntry {
  return { text, tag: meta.slice(0, TAG_LENGTH), contentType: meta.slice(TAG_LENGTH), origin };
}

function ownKey(): SluiceError {
  return new SluiceError(
    'FORBIDDEN',
    "the key is one of Sluice's own, or of those that need a grant; choose another name",
  );
}
