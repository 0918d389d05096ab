import { isSluiceError, SluiceError } from '../errors.ts';
import { forwardStatus, hitStatus } from '../http/cache-status.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { EntryStore, KeptEntry } from './entry-store.ts';
import type { Fetches, FetchTarget } from './fetches.ts';
import { type Found, judge } from './found.ts';
import type { Keyspace } from './keyspace.ts';
import type { Observer } from './observer.ts';

/** What a read-through key answers. */
export interface ReadAnswer {
  /** Undefined: the origin has none. */
  readonly value: ByteString | undefined;
  /** SHA-1 of the value in hexadecimal, '' without one. */
  readonly tag: string;
  /** Media type, '' when there is none. */
  readonly contentType: string;
  /** `Cache-Status` of this answer (RFC 9211). */
  readonly cacheStatus: string;
  /** Whole seconds since the origin gave it; undefined when it was fetched for this read. */
  readonly age: number | undefined;
  /** Past its time. */
  readonly stale: boolean;
}

/** One key that is read through. */
export interface ReadTarget extends FetchTarget {
  readonly keyspace: Keyspace;
}

export interface ReadThroughOptions {
  /** Narrower patterns first. */
  readonly keyspaces: readonly Keyspace[];
  readonly store: EntryStore;
  readonly fetches: Fetches;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Monotonic, ms. */
  readonly monotonic: () => number;
}

const PURGED_AT_A_TIME = 100;

/** Reads of keys whose values come from an origin: from the local cache, else from the store, else from there. */
export class ReadThrough {
  readonly keyspaces: readonly Keyspace[];
  readonly fetches: Fetches;
  readonly #store: EntryStore;
  readonly #now: () => number;
  readonly #monotonic: () => number;

  constructor({ keyspaces, store, fetches, now, monotonic }: ReadThroughOptions) {
    this.keyspaces = keyspaces;
    this.fetches = fetches;
    this.#store = store;
    this.#now = now;
    this.#monotonic = monotonic;
  }

  /** The keyspace of a key, undefined for a key that is none's. */
  find(key: ByteString): ReadTarget | undefined {
    for (const keyspace of this.keyspaces) {
      const captures = keyspace.match(key);
      if (captures !== undefined) return { key, keyspace, captures, identity: '' };
    }
    return undefined;
  }

  /**
   * The value, at once where the cache has it.
   * @throws SluiceError ORIGIN_FAILED, ORIGIN_TIMEOUT, ORIGIN_OVERLOADED, VALUE_TOO_LARGE, KEY_CONFLICT, OVERLOADED, WRONG_TYPE
   */
  read(target: ReadTarget): ReadAnswer | Promise<ReadAnswer> {
    const { observer } = target.keyspace;
    if (observer !== undefined) return this.#observe(target, observer);
    const kept = this.#store.read(target.key);
    if (!(kept instanceof Promise)) return this.#answer(target, kept);
    return kept.then(
      (entry) => this.#answer(target, entry),
      (error: unknown) => this.#withoutStore(target, error),
    );
  }

  /** Drops what is kept of the keys: the next read asks their origin. @returns how many had a value */
  async purge(targets: readonly ReadTarget[]): Promise<number> {
    for (const { key, keyspace } of targets) {
      keyspace.stats.purged++;
      keyspace.forgetFailure(key);
      this.fetches.forget(key);
    }
    return this.#store.purge(targets.map(({ key }) => key));
  }

  /**
   * The same for all keys that match, of any keyspace.
   * @param matches tells them by their bytes
   */
  async purgeMatching(matches: (key: ByteString) => boolean): Promise<number> {
    let purged = 0;
    let batch: ReadTarget[] = [];
    const flush = async (): Promise<void> => {
      purged += await this.purge(batch);
      batch = [];
    };
    // What is being fetched is in no store yet.
    for (const key of this.fetches.keys()) if (matches(key)) this.fetches.forget(key);
    for (const keyspace of this.keyspaces) keyspace.forgetFailures(matches);
    for await (const key of this.#store.keys()) {
      const target = matches(key) ? this.find(key) : undefined;
      if (target !== undefined) batch.push(target);
      if (batch.length >= PURGED_AT_A_TIME) await flush();
    }
    await flush();
    return purged;
  }

  #answer(target: ReadTarget, kept: KeptEntry | undefined): ReadAnswer | Promise<ReadAnswer> {
    const { stats, policy } = target.keyspace;
    const found = kept === undefined ? undefined : this.#judge(kept, target);
    if (found === undefined) return this.#fetch(target, kept);
    if (!found.entry.proven) {
      if (found.entry.value === undefined) return this.#fetch(target, kept);
      return this.#giveStale(target, found, forwardStatus('stale', { detail: 'STORE_UNAVAILABLE' }));
    }
    if (found.freshFor > 0) {
      stats.hits++;
      if (found.entry.value === undefined) stats.negativeHits++;
      else if (found.freshFor < policy.refreshAhead) this.fetches.refresh(target, found.entry);
      return this.#give(found, hitStatus(found.freshFor), false);
    }
    if (found.entry.value === undefined) return this.#fetch(target, kept);
    const error = this.fetches.refresh(target, found.entry);
    return this.#giveStale(target, found, forwardStatus('stale', { ttl: found.freshFor, ...detailOf(error) }));
  }

  /** As if there were no keyspace, but counted. */
  async #observe(target: ReadTarget, observer: Observer): Promise<ReadAnswer> {
    target.keyspace.stats.misses++;
    observer.read(target.key, this.#monotonic());
    const { value, tag, contentType } = await this.fetches.pass(target);
    return { value, tag, contentType, cacheStatus: forwardStatus('bypass'), age: undefined, stale: false };
  }

  /** The store cannot say what it has: the origin can. */
  #withoutStore(target: ReadTarget, error: unknown): Promise<ReadAnswer> {
    if (!isAway(error)) throw error;
    return this.#fetch(target, undefined);
  }

  #fetch(target: ReadTarget, seen: KeptEntry | undefined): Promise<ReadAnswer> {
    const { stats } = target.keyspace;
    stats.misses++;
    const { result, collapsed, identity: joined } = this.fetches.join(target, seen);
    // What another one wanted under this key: when it has failed there is room for this one.
    if (joined !== target.identity)
      return result.then(
        () => Promise.reject(conflict()),
        () => this.read(target),
      );
    if (collapsed) stats.collapsed++;
    return result.then(({ value, tag, contentType, kept, identity }) => {
      if (identity !== target.identity) throw conflict();
      const cacheStatus = forwardStatus('miss', { stored: kept, collapsed });
      return { value, tag, contentType, cacheStatus, age: undefined, stale: false };
    });
  }

  #judge(entry: KeptEntry, { identity }: ReadTarget): Found | undefined {
    const found = judge(entry, this.#now());
    if (found !== undefined && found.beside.identity !== identity) throw conflict();
    return found;
  }

  #giveStale(target: ReadTarget, found: Found, cacheStatus: string): ReadAnswer {
    target.keyspace.stats.stale++;
    return this.#give(found, cacheStatus, true);
  }

  #give({ entry, beside, age }: Found, cacheStatus: string, stale: boolean): ReadAnswer {
    const { value, tag } = entry;
    return { value, tag, contentType: beside.contentType, cacheStatus, age, stale };
  }
}

/** Why what is given out is old. */
function detailOf(error: SluiceError | undefined): { readonly detail?: string } {
  return error === undefined ? {} : { detail: error.code };
}

/** Whether the store is to be done without. */
function isAway(error: unknown): boolean {
  return (
    isSluiceError(error, 'STORE_UNAVAILABLE') ||
    isSluiceError(error, 'STORE_TIMEOUT') ||
    isSluiceError(error, 'STORE_LOADING') ||
    isSluiceError(error, 'OVERLOADED')
  );
}

function conflict(): SluiceError {
  return new SluiceError(
    'KEY_CONFLICT',
    'the key holds what was fetched for another URL or with other parameters; use another key',
  );
}
