import type { CachedReads } from '../cache/cached-reads.ts';
import { EntryKind } from '../cache/entry.ts';
import type { FillOutcome } from '../cache/fill.ts';
import { bulkOf, integerOf, isBulk, isError } from '../cache/reply-frame.ts';
import type { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Claimed, EntryStore, FetchRight, KeptEntry, Outcome } from '../keyspace/entry-store.ts';
import { ReplyError } from '../resp/reply-decoder.ts';
import { errorOfReply } from '../store/redis/error-of-reply.ts';
import { keptOf, type RedisKeptEntries } from '../store/redis/kept-entries.ts';

export interface RemoteEntriesOptions {
  readonly entries: RedisKeptEntries;
  readonly reads: CachedReads;
  /** Monotonic, ms. */
  readonly now: () => number;
}

/** Read-through entries of a store behind, through the local cache, which the store keeps true. */
export class RemoteEntries implements EntryStore {
  readonly #entries: RedisKeptEntries;
  readonly #reads: CachedReads;
  readonly #now: () => number;

  constructor({ entries, reads, now }: RemoteEntriesOptions) {
    this.#entries = entries;
    this.#reads = reads;
    this.#now = now;
  }

  read(key: ByteString): KeptEntry | undefined | Promise<KeptEntry | undefined> {
    const reads = this.#reads;
    const at = this.#now();
    const slot = reads.fresh(key, at);
    const known = slot < 0 ? unknown : this.#entryAt(slot, at, true);
    if (known !== unknown) {
      reads.stats.hits++;
      return known;
    }
    reads.stats.misses++;
    const old = reads.isAway(at) ? this.#unproven(key, at) : undefined;
    return old ?? this.#fill(key);
  }

  async claim(key: ByteString, life: number, seen: KeptEntry | undefined): Promise<Claimed> {
    const claimed = await this.#entries.claim(key, life, seen);
    if (claimed === 'taken' || !('settle' in claimed)) return claimed;
    return { settle: (held, outcome) => this.#settle(claimed, held, outcome) };
  }

  async #settle(right: FetchRight, key: ByteString, outcome: Outcome | undefined): Promise<boolean> {
    try {
      return await right.settle(key, outcome);
    } finally {
      if (outcome !== undefined) this.#reads.written(key);
    }
  }

  async purge(keys: readonly ByteString[]): Promise<number> {
    try {
      return await this.#entries.purge(keys);
    } finally {
      for (const key of keys) this.#reads.written(key);
    }
  }

  keys(): AsyncIterable<ByteString> {
    return this.#entries.keys();
  }

  #fill(key: ByteString): Promise<KeptEntry | undefined> {
    return new Promise((resolve, reject) => {
      const begunAt = this.#now();
      const failed = (error: SluiceError): void => {
        const old = this.#unproven(key, this.#now());
        if (old === undefined) reject(error);
        else resolve(old);
      };
      this.#reads.read(key, 'typed', {
        filled: (frame: ByteString, meta: ByteString | undefined, outcome: FillOutcome, life: ByteString): void => {
          if (isError(frame)) {
            failed(errorOfReply(new ReplyError(frame.slice(1, -2))));
            return;
          }
          const value = isBulk(frame) ? bulkOf(frame) : undefined;
          const ttl = integerOf(life) ?? -1;
          const left = ttl < 0 ? Number.POSITIVE_INFINITY : begunAt + ttl - this.#now();
          const entry = keptOf(value, meta ?? '', left, true);
          // The value may have been replaced between the commands of the read: once more, in one step.
          if (outcome === 'changed' && value !== undefined && entry?.beside === '')
            this.#entries.readValue(key).then(resolve, reject);
          else resolve(entry);
        },
        failed,
      });
    });
  }

  #unproven(key: ByteString, at: number): KeptEntry | undefined {
    const slot = this.#reads.unproven(key, at, Number.POSITIVE_INFINITY);
    const known = slot < 0 ? unknown : this.#entryAt(slot, at, false);
    return known === unknown ? undefined : known;
  }

  /** What the local cache has; {@link unknown} where it has a part only. */
  #entryAt(slot: number, at: number, proven: boolean): KeptEntry | undefined | typeof unknown {
    const { cache } = this.#reads;
    const kind = cache.kindOf(slot);
    const meta = kind === EntryKind.string || kind === EntryKind.absent ? cache.meta(slot) : undefined;
    if (meta === undefined) return unknown;
    return keptOf(kind === EntryKind.string ? cache.payload(slot) : undefined, meta, cache.deleteAt(slot) - at, proven);
  }
}

const unknown = Symbol('unknown');
