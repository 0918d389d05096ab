import { describe, expect, it } from 'vitest';
import { DistinctCount } from './distinct-count.ts';

describe('an estimate of how many are different', () => {
  it.each([0, 1, 10, 1000, 10_000, 200_000])('is right within a few per cent for %d', (size) => {
    const count = new DistinctCount();
    for (let i = 0; i < size; i++) count.add(`scooter:${i}`);
    for (let i = 0; i < size; i += 3) count.add(`scooter:${i}`);
    expect(Math.abs(count.estimate - size)).toBeLessThanOrEqual(size * 0.06);
  });
});
