import { describe, expect, it } from 'vitest';
import { backoff, fullJitter } from './backoff.ts';

const range = { first: 100, last: 1_000 };

describe('backoff', () => {
  it('doubles up to the last', () => {
    expect([0, 1, 2, 3, 4, 5000].map((attempt) => backoff(range, attempt, () => 1))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
  });

  it('leaves half of it to chance, and full jitter all of it', () => {
    expect(backoff(range, 1, () => 0)).toBe(100);
    expect(fullJitter(range, 1, () => 0)).toBe(0);
    expect(fullJitter(range, 1, () => 0.5)).toBe(100);
  });
});
