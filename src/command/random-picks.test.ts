import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixedSequence } from '../../test/support/command-session.ts';
import { distinctPositions, pickPositions } from './random-picks.ts';

const sizes = fc.integer({ min: 1, max: 60 });
const counts = fc.integer({ min: 0, max: 80 });

describe('random picks', () => {
  it('picks different positions with a positive count, at most all of them', () => {
    fc.assert(
      fc.property(sizes, counts, fc.nat(), (size, count, seed) => {
        const picked = pickPositions(size, count, fixedSequence(seed));
        expect(picked).toHaveLength(Math.min(size, count));
        expect(new Set(picked).size).toBe(picked.length);
        expect(picked.every((position) => position >= 0 && position < size)).toBe(true);
      }),
    );
  });

  it('picks as many as asked for with a negative count', () => {
    fc.assert(
      fc.property(sizes, counts, fc.nat(), (size, count, seed) => {
        const picked = pickPositions(size, -count, fixedSequence(seed));
        expect(picked).toHaveLength(count);
        expect(picked.every((position) => position >= 0 && position < size)).toBe(true);
      }),
    );
  });

  it('picks every position about equally often', () => {
    const random = fixedSequence(7);
    const times = new Array<number>(10).fill(0);
    const rounds = 10_000;
    for (let i = 0; i < rounds; i++)
      for (const position of distinctPositions(10, 3, random)) times[position] = (times[position] ?? 0) + 1;
    // 3,000 each; six standard deviations are 275.
    for (const seen of times) expect(Math.abs(seen - rounds * 0.3)).toBeLessThan(275);
  });

  it('refuses to repeat without end', () => {
    expect(() => pickPositions(1, -(2 ** 24) - 1, Math.random)).toThrow('ERR value is out of range');
  });
});
