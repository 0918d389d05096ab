/** Entries of a bucket: 8 pairs of words, one cache line. */
const WAYS = 8;
const BUCKET_WORDS = WAYS * 2;
/** Entries meant for a bucket; the rest is room for uneven hashes. */
const PLANNED = 7;

/**
 * The hashes of the last entries that left, without the entries: a bounded memory that forgets the oldest first. Each is in the one
 * bucket its hash says, with the number of its arrival; one that came too long ago counts as gone. Adding and taking look at
 * one bucket. Where a bucket overflows its oldest goes early, which is rare.
 */
export class Ghost {
  /** Pairs of hash and arrival number. */
  #words = new Int32Array(BUCKET_WORDS);
  #bucketMask = 0;
  /** How many of the last arrivals count. */
  #limit = 0;
  /** The number of the next arrival; starts where the zeros of an empty table are long gone. Wraps around. */
  #arrivals = 0x40000000;

  /** @param limit how many are remembered from now on */
  add(hash: number, limit: number): void {
    this.#limit = limit;
    if (limit > (this.#bucketMask + 1) * PLANNED) this.#grow(limit);
    this.#put(hash, this.#arrivals);
    this.#arrivals = (this.#arrivals + 1) | 0;
  }

  /** True when the hash is remembered; it is forgotten by that. */
  take(hash: number): boolean {
    const words = this.#words;
    const start = (hash & this.#bucketMask) * BUCKET_WORDS;
    for (let at = start; at < start + BUCKET_WORDS; at += 2) {
      if (words[at] !== hash || this.#age(words[at + 1] as number) > this.#limit) continue;
      words[at + 1] = (this.#arrivals - 0x40000000) | 0;
      return true;
    }
    return false;
  }

  #age(arrival: number): number {
    return (this.#arrivals - arrival) >>> 0;
  }

  /** Puts a hash in the place of the one that arrived first. */
  #put(hash: number, arrival: number): void {
    const words = this.#words;
    const start = (hash & this.#bucketMask) * BUCKET_WORDS;
    let oldest = start;
    for (let at = start; at < start + BUCKET_WORDS; at += 2) {
      if (this.#age(words[at + 1] as number) > this.#age(words[oldest + 1] as number)) oldest = at;
    }
    words[oldest] = hash;
    words[oldest + 1] = arrival;
  }

  #grow(limit: number): void {
    const old = this.#words;
    const buckets = 2 ** Math.ceil(Math.log2(limit / PLANNED));
    this.#bucketMask = buckets - 1;
    this.#words = new Int32Array(buckets * BUCKET_WORDS);
    for (let at = 0; at < old.length; at += 2) {
      if (this.#age(old[at + 1] as number) <= this.#limit) this.#put(old[at] as number, old[at + 1] as number);
    }
  }
}
