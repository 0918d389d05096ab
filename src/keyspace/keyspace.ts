import type { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { Histogram } from '../kernel/histogram.ts';
import type { Origin } from '../origin/origin.ts';
import type { Observer } from './observer.ts';

/** How the values of a keyspace are kept; ms and bytes. */
export interface KeyspacePolicy {
  /** How long a value is fresh. */
  readonly ttl: number;
  /** How long after that it may be given out while it is fetched anew, or when that fails. */
  readonly grace: number;
  /** With less than this left of `ttl` a read has the value fetched anew in the background. */
  readonly refreshAhead: number;
  /** How long it is remembered that the origin has none. */
  readonly negativeTtl: number;
  /** How long the origin is not asked again for a key after it failed for it. */
  readonly errorTtl: number;
  /** A fetch, waiting for its turn included. */
  readonly timeout: number;
}

export interface KeyspaceOptions {
  /** The pattern, which is also its name. */
  readonly match: string;
  readonly pattern: { match(key: ByteString): ReadonlyMap<string, ByteString> | undefined };
  readonly policy: KeyspacePolicy;
  readonly origin: Origin;
  /** Present: nothing is kept, reads are only counted. */
  readonly observer?: Observer | undefined;
}

/** What a keyspace has done; plain sums. */
export interface KeyspaceStats {
  /** Given out fresh, from the cache or the store. */
  hits: number;
  /** Of them marks that there is none. */
  negativeHits: number;
  /** Given out past their time. */
  stale: number;
  /** Had to be fetched. */
  misses: number;
  /** Of them those that waited for a fetch of another request. */
  collapsed: number;
  fetches: number;
  /** In the background. */
  refreshes: number;
  /** Answers of the origin. */
  values: number;
  /** Bytes of them. */
  valueBytes: number;
  absences: number;
  unchanged: number;
  failures: number;
  /** Given out, and not kept: the store was full or away, or the key was purged meanwhile. */
  unkept: number;
  purged: number;
}

/** Failures that are remembered, of each keyspace; beyond that the oldest is forgotten, and its key may be asked for again. */
const MAX_FAILURES = 10_000;

/** Read-through keys of one pattern: where their values come from, and how they are kept. */
export class Keyspace {
  readonly name: string;
  readonly policy: KeyspacePolicy;
  readonly origin: Origin;
  readonly observer: Observer | undefined;
  readonly stats: KeyspaceStats = {
    hits: 0,
    negativeHits: 0,
    stale: 0,
    misses: 0,
    collapsed: 0,
    fetches: 0,
    refreshes: 0,
    values: 0,
    valueBytes: 0,
    absences: 0,
    unchanged: 0,
    failures: 0,
    unkept: 0,
    purged: 0,
  };
  /** How long fetches took, in seconds. */
  readonly durations = new Histogram();
  readonly #pattern: KeyspaceOptions['pattern'];
  readonly #failures = new Map<
    ByteString,
    { readonly error: SluiceError; readonly until: number; readonly identity: string }
  >();

  constructor({ match, pattern, policy, origin, observer }: KeyspaceOptions) {
    this.name = match;
    this.#pattern = pattern;
    this.policy = policy;
    this.origin = origin;
    this.observer = observer;
  }

  /** What the pattern captured, or undefined: the key is none of its. */
  match(key: ByteString): ReadonlyMap<string, ByteString> | undefined {
    return this.#pattern.match(key);
  }

  /** Why the origin need not be asked again yet. @param identity what exactly is wanted @param now monotonic, ms */
  failureOf(key: ByteString, identity: string, now: number): SluiceError | undefined {
    const failure = this.#failures.get(key);
    if (failure === undefined || failure.identity !== identity) return undefined;
    if (now < failure.until) return failure.error;
    this.#failures.delete(key);
    return undefined;
  }

  failed(key: ByteString, identity: string, error: SluiceError, now: number): void {
    this.stats.failures++;
    if (this.policy.errorTtl === 0) return;
    this.#failures.delete(key);
    if (this.#failures.size >= MAX_FAILURES) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(key, { error, until: now + this.policy.errorTtl, identity });
  }

  /** The key is to be asked for again at once. */
  forgetFailure(key: ByteString): void {
    this.#failures.delete(key);
  }
  /** The same for all keys that match. */
  forgetFailures(matches: (key: ByteString) => boolean): void {
    for (const key of this.#failures.keys()) if (matches(key)) this.#failures.delete(key);
  }
}
