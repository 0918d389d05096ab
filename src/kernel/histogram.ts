/** Buckets by powers of two of a microsecond: the first holds up to 1 us, the last but one up to 67 s, the last the rest. */
const HISTOGRAM_BUCKETS = 28;

/** Upper bounds of the buckets in seconds; the last is infinite. */
export const histogramBounds: readonly number[] = Array.from({ length: HISTOGRAM_BUCKETS }, (_, i) =>
  i === HISTOGRAM_BUCKETS - 1 ? Number.POSITIVE_INFINITY : 2 ** i / 1e6,
);

/** How long things took, as plain numbers that add up over workers and nodes. Recording is a shift and two additions. */
export class Histogram {
  readonly counts = new Float64Array(HISTOGRAM_BUCKETS);
  sumMs = 0;

  /** @param count how many things took so long. */
  record(ms: number, count = 1): void {
    const us = Math.ceil(ms * 1000) - 1;
    const bucket = us <= 0 ? 0 : us >= 67_108_864 ? HISTOGRAM_BUCKETS - 1 : 32 - Math.clz32(us);
    (this.counts[bucket] as number) += count;
    this.sumMs += ms * count;
  }

  /** Adds what another one recorded. */
  merge(other: Histogram): void {
    for (let i = 0; i < HISTOGRAM_BUCKETS; i++) (this.counts[i] as number) += other.counts[i] as number;
    this.sumMs += other.sumMs;
  }
}
