import { halfSipHash } from '../../kernel/half-sip-hash.ts';
import { type Rate, TokenBuckets } from '../../kernel/token-bucket.ts';

/** Rates of requests; undefined: no bound. */
export interface RateSettings {
  /** Of each user that has authenticated, over all of its connections. */
  readonly perUser?: Rate | undefined;
  /** Of each address, for what nobody has authenticated for. */
  readonly perAddress?: Rate | undefined;
  /** How many may come at once; 0: as many as the rate counts. */
  readonly burst: number;
}

/** Whose rate it is. */
export type RateKind = 'perUser' | 'perAddress';

/** Payers of each kind that are told apart at one time: 768 KiB for each kind that has a rate. */
const PLACES = 65_536;

/** Who pays: two hashes, made once for a connection and user. */
export interface Payer {
  readonly place: number;
  readonly tag: number;
}

/** The buckets of users and of addresses, apart from each other. */
export class RateLimits {
  readonly #now: () => number;
  readonly #seed: readonly [number, number];
  #settings: RateSettings = { burst: 0 };
  #users: TokenBuckets | undefined;
  #addresses: TokenBuckets | undefined;
  #readAt = 0;

  /** @param now monotonic, ms. @param seed random, so that nobody can choose whose place they share */
  constructor(settings: RateSettings, now: () => number, seed: readonly [number, number]) {
    this.#now = now;
    this.#seed = seed;
    this.replace(settings);
  }

  /** Takes other rates; what was used stays used. */
  replace(settings: RateSettings): void {
    this.#users = this.#bucketsFor(settings.perUser, settings.burst, this.#users);
    this.#addresses = this.#bucketsFor(settings.perAddress, settings.burst, this.#addresses);
    this.#settings = settings;
  }

  #bucketsFor(rate: Rate | undefined, burst: number, old: TokenBuckets | undefined): TokenBuckets | undefined {
    if (rate === undefined) return undefined;
    const depth = burst === 0 ? rate.count : burst;
    if (old === undefined) return new TokenBuckets(PLACES, rate, depth);
    old.setRate(rate, depth, this.#now());
    return old;
  }

  /** Some rate is bounded. */
  get active(): boolean {
    return this.#users !== undefined || this.#addresses !== undefined;
  }

  rateOf(kind: RateKind): Rate | undefined {
    return this.#settings[kind];
  }

  bucketsOf(kind: RateKind): TokenBuckets | undefined {
    return kind === 'perUser' ? this.#users : this.#addresses;
  }

  /** Buckets that are not full. */
  inUse(kind: RateKind): number {
    return this.bucketsOf(kind)?.inUse(this.#now()) ?? 0;
  }

  payer(name: string): Payer {
    const [a, b] = this.#seed;
    return { place: halfSipHash(name, a, b), tag: halfSipHash(name, b ^ 0x5bd1e995, a) };
  }

  /**
   * One request.
   * @param sameInstant it comes so soon after the one before, of whomever, that the time is not read again
   * @returns 0, or the ms until there is room for it
   */
  take(kind: RateKind, payer: Payer, sameInstant: boolean): number {
    const buckets = kind === 'perUser' ? this.#users : this.#addresses;
    if (buckets === undefined) return 0;
    if (!sameInstant) this.#readAt = this.#now();
    return buckets.take(payer.place, payer.tag, this.#readAt);
  }
}
