/** Up to 8,192 things, by powers of two, then the rest. */
const SIZE_BUCKETS = 15;

/** Upper bounds of the buckets; the last is infinite. */
export const sizeBounds: readonly number[] = Array.from({ length: SIZE_BUCKETS }, (_, i) =>
  i === SIZE_BUCKETS - 1 ? Number.POSITIVE_INFINITY : 2 ** i,
);

/** How many at a time, as plain numbers that add up. */
export class SizeHistogram {
  readonly counts = new Float64Array(SIZE_BUCKETS);
  sum = 0;

  /** @param size from 1 on */
  record(size: number): void {
    const bucket = Math.min(SIZE_BUCKETS - 1, size <= 1 ? 0 : 32 - Math.clz32(size - 1));
    (this.counts[bucket] as number) += 1;
    this.sum += size;
  }
}
