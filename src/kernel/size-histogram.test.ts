import { expect, it } from 'vitest';
import { SizeHistogram, sizeBounds } from './size-histogram.ts';

it('sizes lie in the first bucket whose bound they do not exceed', () => {
  for (const size of [1, 2, 3, 4, 5, 8192, 8193, 1_000_000]) {
    const histogram = new SizeHistogram();
    histogram.record(size);
    const bucket = histogram.counts.indexOf(1);
    expect(bucket, String(size)).toBe(sizeBounds.findIndex((bound) => size <= bound));
    expect(histogram.sum).toBe(size);
  }
});
