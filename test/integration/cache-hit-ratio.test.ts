import { describe, expect, it } from 'vitest';
import { clock, localCache, lru, s3Fifo } from '../../bench/lib/cache-simulations.mjs';
import { seededRandom, traceKinds, uniqueKeys } from '../../bench/lib/traces.mjs';
import type { CachePolicy } from '../../src/cache/eviction-policy.ts';
import { LocalCache } from '../../src/cache/local-cache.ts';

interface Bounds {
  readonly maxEntries?: number;
  readonly maxBytes?: number;
}

function cacheOf(policy: CachePolicy, { maxEntries = 1e9, maxBytes = 1e12 }: Bounds): LocalCache {
  return new LocalCache({ maxEntries, maxBytes, policy, idle: 0, random: seededRandom(7), isDead: () => false });
}

const percent = (policy: CachePolicy, bounds: Bounds, trace: Int32Array): number =>
  100 * localCache(cacheOf(policy, bounds), trace);

describe.each(traceKinds)('on a trace like $like', ({ keys, sizes, real, make }) => {
  const trace = make();

  it('has about as many keys as the real one', () => {
    expect(Math.abs(uniqueKeys(trace) / keys - 1)).toBeLessThan(0.1);
  });

  it.each(sizes.map((maxEntries, i) => ({ maxEntries, published: real[i] })))(
    'hits as often as S3-FIFO does, with $maxEntries entries',
    ({ maxEntries, published }) => {
      const hits = percent('s3-fifo', { maxEntries }, trace);
      expect(Math.abs(hits - 100 * s3Fifo(trace, maxEntries))).toBeLessThan(0.3);
      expect(Math.abs(hits - (published?.s3Fifo ?? 0))).toBeLessThan(1.5);
      // The worst it ever does beside the two that most caches use.
      expect(hits).toBeGreaterThan(100 * Math.max(lru(trace, maxEntries), clock(trace, maxEntries)) - 3);
    },
  );
});

describe('policies on a trace like web07', () => {
  const trace = traceKinds[0]?.make() ?? new Int32Array();
  const maxEntries = 2000;

  it('lru is exact', () => {
    expect(percent('lru', { maxEntries }, trace)).toBeCloseTo(100 * lru(trace, maxEntries), 6);
  });

  it('s3-fifo beats lru, clock and random, and random is the worst', () => {
    const s3 = percent('s3-fifo', { maxEntries }, trace);
    const random = percent('random', { maxEntries }, trace);
    expect(s3).toBeGreaterThan(100 * lru(trace, maxEntries) + 2);
    expect(s3).toBeGreaterThan(100 * clock(trace, maxEntries) + 2);
    for (const policy of ['lru', 'lfu'] as const) {
      expect(percent(policy, { maxEntries }, trace)).toBeGreaterThan(random + 1);
    }
  });

  it('a bound in bytes serves as well as one in entries', () => {
    const full = cacheOf('s3-fifo', { maxEntries });
    localCache(full, trace);
    const byBytes = percent('s3-fifo', { maxBytes: full.usedBytes }, trace);
    expect(Math.abs(byBytes - percent('s3-fifo', { maxEntries }, trace))).toBeLessThan(0.5);
  });
});
