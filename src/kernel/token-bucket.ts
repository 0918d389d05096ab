import { durationForm, parseDuration } from './duration.ts';

/** So many in a length of time. */
export interface Rate {
  readonly count: number;
  /** Milliseconds. */
  readonly per: number;
}

/** The form {@link parseRate} accepts, for messages. */
export const rateForm = `a rate such as 100/1s or 5000/1m: a whole number from 1 to 1000000, a slash and ${durationForm}, at most 1d`;

const MAX_COUNT = 1_000_000;
const MAX_PER_MS = 86_400_000;

/** A rate written `COUNT/DURATION`; undefined for anything else. */
export function parseRate(text: string): Rate | undefined {
  const match = /^(\d{1,7})\/(.+)$/.exec(text);
  if (match === null) return undefined;
  const count = Number(match[1]);
  const per = parseDuration(match[2] as string);
  if (count < 1 || count > MAX_COUNT || per === undefined || per < 1 || per > MAX_PER_MS) return undefined;
  return { count, per };
}

/** Buckets that share the places of one hash. */
const WAYS = 8;

/**
 * Token buckets of many payers in a table of fixed size: constant time, no allocation, nothing to clean up.
 *
 * A bucket is one number, the time at which it would be full again (the "theoretical arrival time" of ATM's generic cell rate
 * algorithm). One that is full by now says nothing, so its place is free. When all places a payer may have are taken by buckets that
 * are not full, the newcomer takes over the fullest of them as it is: it does not start anew, and no more is admitted in total than
 * without the take-over. So nobody gets rid of a debt by making the table overflow; who shares a place pays for the other.
 */
export class TokenBuckets {
  readonly #fullAt: Float64Array;
  readonly #tags: Int32Array;
  readonly #mask: number;
  #interval = 0;
  #depth = 0;
  #burst = 0;
  #takenOver = 0;

  /** @param places of buckets, a power of two, at least 8. @param burst how many may come at once */
  constructor(places: number, rate: Rate, burst: number) {
    this.#fullAt = new Float64Array(places).fill(Number.NEGATIVE_INFINITY);
    this.#tags = new Int32Array(places);
    this.#mask = places / WAYS - 1;
    this.setRate(rate, burst, 0);
  }

  /** Takes another rate; what was used before stays used, as far as the new depth reaches. Looks at all buckets. */
  setRate(rate: Rate, burst: number, now: number): void {
    this.#interval = rate.per / rate.count;
    this.#burst = burst;
    this.#depth = this.#interval * burst;
    const latest = now + this.#depth;
    for (const [at, fullAt] of this.#fullAt.entries()) if (fullAt > latest) this.#fullAt[at] = latest;
  }

  /** How many may come at once. */
  get burst(): number {
    return this.#burst;
  }

  /** Buckets taken over by another payer because their places were all in use. */
  get takenOver(): number {
    return this.#takenOver;
  }

  /**
   * Takes one token.
   * @param place which places, @param tag which of them: two hashes of the payer
   * @param now monotonic, ms
   * @returns 0 when there was one; otherwise the ms until there is, and nothing is taken
   */
  take(place: number, tag: number, now: number): number {
    const fullAt = this.#fullAt;
    const interval = this.#interval;
    const at = this.#find(place, tag);
    const debt = Math.max((fullAt[at] as number) - now, 0);
    const missing = debt + interval - this.#depth;
    // Sums of fractions are not exact.
    if (missing > interval / 64) return missing;
    if (this.#tags[at] !== tag) {
      if (debt > 0) this.#takenOver++;
      this.#tags[at] = tag;
    }
    fullAt[at] = now + debt + interval;
    return 0;
  }

  /** Buckets that are not full. Looks at all of them. */
  inUse(now: number): number {
    let used = 0;
    for (const fullAt of this.#fullAt) if (fullAt > now) used++;
    return used;
  }

  /** The payer's own bucket, or the fullest it may take over. */
  #find(place: number, tag: number): number {
    const first = (place & this.#mask) * WAYS;
    let fullest = first;
    for (let at = first; at < first + WAYS; at++) {
      if (this.#tags[at] === tag) return at;
      if ((this.#fullAt[at] as number) < (this.#fullAt[fullest] as number)) fullest = at;
    }
    return fullest;
  }
}
