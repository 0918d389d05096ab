import type { ByteString } from '../kernel/bytes.ts';
import { halfSipHash } from '../kernel/half-sip-hash.ts';

/** What could have been, with another `ttl`. */
export interface Estimate {
  /** ms. */
  readonly ttl: number;
  /** Share of the reads that would have found a fresh value, 0 to 1. */
  readonly hitRatio: number;
  /** Keys that would be kept now. */
  readonly keys: number;
}

/** Of the configured `ttl`; the first is the configured one. */
const FACTORS = [1, 0.1, 10] as const;
const CAPACITY = 2 ** 16;
const MASK = CAPACITY - 1;
/** Fuller, the table takes half as many keys. */
const MOST = CAPACITY / 2;

/**
 * Estimates what keeping values would save, while nothing is kept: for each key, when it would last have been fetched.
 *
 * Memory is bounded (2.5 MiB): when more keys come than the table has room for, only every second is looked at, then every fourth, chosen by
 * their hashes. A key is looked at always or never, so the share of hits is that of all keys.
 */
export class Observer {
  readonly #ttls: readonly number[];
  readonly #seeds: readonly [number, number];
  readonly #hashes = new Uint32Array(CAPACITY);
  /** By factor: when a place's key would last have been fetched. */
  readonly #fetchedAt = FACTORS.map(() => new Float64Array(CAPACITY));
  readonly #hits = FACTORS.map(() => 0);
  #used = 0;
  /** One key of so many is looked at; a power of two. */
  #sampling = 1;
  #reads = 0;

  /** @param ttl ms @param seeds of the hash, so that nobody can choose keys that meet */
  constructor(ttl: number, seeds: readonly [number, number]) {
    this.#ttls = FACTORS.map((factor) => ttl * factor);
    this.#seeds = seeds;
  }

  /** One read. @param now monotonic, ms */
  read(key: ByteString, now: number): void {
    // 0 stands for an empty place.
    const hash = halfSipHash(key, this.#seeds[0], this.#seeds[1]) >>> 0 || 1;
    if (hash % this.#sampling !== 0) return;
    // Each stands for all keys that are not looked at.
    this.#reads += this.#sampling;
    const place = this.#placeOf(hash);
    const isNew = this.#hashes[place] === 0;
    if (isNew) {
      this.#hashes[place] = hash;
      this.#used++;
    }
    for (const [i, ttl] of this.#ttls.entries()) {
      const fetchedAt = this.#fetchedAt[i] as Float64Array;
      if (!isNew && now - (fetchedAt[place] as number) < ttl)
        this.#hits[i] = (this.#hits[i] as number) + this.#sampling;
      else fetchedAt[place] = now;
    }
    if (this.#used > MOST) this.#thin();
  }

  /** With the configured `ttl`, and with others. @param now monotonic, ms */
  estimates(now: number): Estimate[] {
    return this.#ttls.map((ttl, i) => {
      const fetchedAt = this.#fetchedAt[i] as Float64Array;
      let alive = 0;
      for (let place = 0; place < CAPACITY; place++)
        if (this.#hashes[place] !== 0 && now - (fetchedAt[place] as number) < ttl) alive++;
      return {
        ttl,
        hitRatio: this.#reads === 0 ? 0 : (this.#hits[i] as number) / this.#reads,
        keys: alive * this.#sampling,
      };
    });
  }

  #placeOf(hash: number): number {
    let place = Math.imul(hash, 0x9e3779b1) >>> 16;
    while (this.#hashes[place] !== 0 && this.#hashes[place] !== hash) place = (place + 1) & MASK;
    return place;
  }

  /** Forgets every second key that is looked at. */
  #thin(): void {
    this.#sampling *= 2;
    const kept: [hash: number, at: number[]][] = [];
    for (let place = 0; place < CAPACITY; place++) {
      const hash = this.#hashes[place] as number;
      if (hash !== 0 && hash % this.#sampling === 0)
        kept.push([hash, this.#fetchedAt.map((fetchedAt) => fetchedAt[place] as number)]);
    }
    this.#hashes.fill(0);
    this.#used = kept.length;
    for (const [hash, at] of kept) {
      const place = this.#placeOf(hash);
      this.#hashes[place] = hash;
      for (const [i, fetchedAt] of this.#fetchedAt.entries()) fetchedAt[place] = at[i] as number;
    }
  }
}
