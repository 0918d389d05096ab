import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram, histogramBounds } from './histogram.ts';

describe('Histogram', () => {
  it('counts every duration in the first bucket whose bound is not below it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 200_000, noNaN: true }), (ms) => {
        const histogram = new Histogram();
        histogram.record(ms);
        const expected = histogramBounds.findIndex((bound) => ms / 1000 <= bound * (1 + 1e-12));
        expect(Math.abs(histogram.counts.indexOf(1) - expected)).toBeLessThanOrEqual(
          ms * 1000 === Math.round(ms * 1000) ? 0 : 1,
        );
      }),
    );
  });

  it('adds up', () => {
    const one = new Histogram();
    const two = new Histogram();
    one.record(0.001);
    two.record(3);
    two.record(90_000);
    one.merge(two);
    expect([...one.counts].reduce((sum, count) => sum + count)).toBe(3);
    expect(one.counts.at(-1)).toBe(1);
    expect(one.sumMs).toBeCloseTo(90_003.001);
  });
});
