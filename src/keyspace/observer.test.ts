import { describe, expect, it } from 'vitest';
import { Observer } from './observer.ts';

/** A deterministic stream of numbers in [0, 1). */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** The share of hits as it is: every key remembered. */
function exactly(
  reads: readonly (readonly [key: string, now: number])[],
  ttl: number,
): { readonly hitRatio: number; readonly keys: number } {
  const fetchedAt = new Map<string, number>();
  let hits = 0;
  for (const [key, now] of reads) {
    if (now - (fetchedAt.get(key) ?? Number.NEGATIVE_INFINITY) < ttl) hits++;
    else fetchedAt.set(key, now);
  }
  const end = reads.length;
  return { hitRatio: hits / end, keys: [...fetchedAt.values()].filter((at) => end - at < ttl).length };
}

describe('an observer', () => {
  it('tells the share of hits there would be, for the ttl and for a tenth and ten times of it', () => {
    const random = numbers(7);
    const reads = Array.from(
      { length: 50_000 },
      (_, i) => [`k${Math.floor(random.next().value ** 3 * 2000)}`, i] as const,
    );
    const observer = new Observer(1000, [1, 2]);
    for (const [key, now] of reads) observer.read(key, now);
    const estimates = observer.estimates(50_000);
    expect(estimates.map(({ ttl }) => ttl)).toEqual([1000, 100, 10_000]);
    for (const { ttl, hitRatio } of estimates) expect(hitRatio).toBeCloseTo(exactly(reads, ttl).hitRatio, 5);
  });

  it('stays near it, in the same memory, when there are far more keys than it has room for', () => {
    const random = numbers(11);
    const reads = Array.from(
      { length: 1_000_000 },
      (_, i) => [`k${Math.floor(random.next().value ** 2 * 300_000)}`, i] as const,
    );
    const observer = new Observer(500_000, [3, 4]);
    for (const [key, now] of reads) observer.read(key, now);
    const [estimate] = observer.estimates(1_000_000);
    const exact = exactly(reads, 500_000);
    expect(Math.abs((estimate?.hitRatio ?? 0) - exact.hitRatio)).toBeLessThan(0.02);
    expect((estimate?.keys ?? 0) / exact.keys).toBeGreaterThan(0.95);
    expect((estimate?.keys ?? 0) / exact.keys).toBeLessThan(1.05);
  });

  it('tells how many keys would be alive', () => {
    const observer = new Observer(100, [5, 6]);
    for (let i = 0; i < 50; i++) observer.read(`k${i}`, i < 20 ? 0 : 90);
    expect(observer.estimates(110).map(({ keys }) => keys)).toEqual([30, 0, 50]);
  });
});
