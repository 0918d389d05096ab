import { describe, expect, it } from 'vitest';
import { cacheWith, entryOf, read } from '../../test/support/local-cache.ts';
import type { LocalCache } from './local-cache.ts';

const value = entryOf('value');
const has = (cache: LocalCache, key: string, now = 0): boolean => cache.find(key, now) >= 0;

function fill(cache: LocalCache, prefix: string, count: number, now = 0): void {
  for (let i = 0; i < count; i++) cache.set(`${prefix}:${i}`, value, now);
}
const kept = (cache: LocalCache, prefix: string, count: number): number =>
  Array.from({ length: count }, (_, i) => has(cache, `${prefix}:${i}`)).filter(Boolean).length;

describe('s3-fifo', () => {
  it('keeps what was used more than once through a scan of any length', () => {
    const cache = cacheWith({ maxEntries: 100 });
    fill(cache, 'popular', 50);
    for (let round = 0; round < 2; round++) for (let i = 0; i < 50; i++) read(cache, `popular:${i}`);
    fill(cache, 'scan', 5000);
    expect(kept(cache, 'popular', 50)).toBe(50);
  });

  it('takes one use for nothing', () => {
    const cache = cacheWith({ maxEntries: 100 });
    fill(cache, 'once', 50);
    for (let i = 0; i < 50; i++) read(cache, `once:${i}`);
    fill(cache, 'scan', 500);
    expect(kept(cache, 'once', 50)).toBe(0);
  });

  it('remembers what it evicted: coming back soon, it stays', () => {
    const cache = cacheWith({ maxEntries: 100 });
    fill(cache, 'filler', 200);
    cache.set('back', value, 0);
    fill(cache, 'some', 100);
    expect(has(cache, 'back')).toBe(false);
    cache.set('back', value, 0);
    fill(cache, 'scan', 1000);
    expect(has(cache, 'back')).toBe(true);
  });

  it('forgets what it evicted long ago', () => {
    const cache = cacheWith({ maxEntries: 100 });
    fill(cache, 'filler', 200);
    cache.set('back', value, 0);
    fill(cache, 'some', 1000);
    cache.set('back', value, 0);
    fill(cache, 'scan', 1000);
    expect(has(cache, 'back')).toBe(false);
  });

  it.each(['invalidated', 'written'] as const)('remembers nothing of a key that was %s', (cause) => {
    const cache = cacheWith({ maxEntries: 100 });
    fill(cache, 'filler', 200);
    cache.set('back', value, 0);
    cache.delete('back', cause);
    fill(cache, 'some', 50);
    cache.set('back', value, 0);
    fill(cache, 'scan', 1000);
    expect(has(cache, 'back')).toBe(false);
    expect(cache.stats[cause]).toBe(1);
  });

  it('knows an entry that was replaced, in its cell or in another, as the one it was', () => {
    const cache = cacheWith({ maxEntries: 100 });
    fill(cache, 'popular', 50);
    for (let round = 0; round < 2; round++) for (let i = 0; i < 50; i++) read(cache, `popular:${i}`);
    for (let i = 0; i < 50; i++) cache.set(`popular:${i}`, entryOf('x'.repeat(i * 40)), 0);
    fill(cache, 'scan', 5000);
    expect(kept(cache, 'popular', 50)).toBe(50);
  });

  it('counts what replaced entries take: a main queue that outgrows its nine tenths shrinks', () => {
    const cache = cacheWith({ maxEntries: 1e6, maxBytes: 1_000_000 });
    for (let i = 0; i < 90; i++) cache.set(`popular:${i}`, entryOf('x'.repeat(1000)), 0);
    for (let round = 0; round < 2; round++) for (let i = 0; i < 90; i++) read(cache, `popular:${i}`);
    fill(cache, 'scan', 10_000);
    expect(kept(cache, 'popular', 90)).toBe(90);
    for (let i = 0; i < 90; i++) cache.set(`popular:${i}`, entryOf('x'.repeat(9600)), 0);
    // All of them would fit, and leave less than a tenth to what is new.
    expect(kept(cache, 'popular', 90)).toBeLessThan(85);
    expect(kept(cache, 'popular', 90)).toBeGreaterThan(75);
  });

  it('lets the main queue go when its entries are not used any more', () => {
    const cache = cacheWith({ maxEntries: 100 });
    fill(cache, 'former', 90);
    for (let round = 0; round < 3; round++) for (let i = 0; i < 90; i++) read(cache, `former:${i}`);
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 60; i++) if (read(cache, `now:${i}`) === undefined) cache.set(`now:${i}`, value, 0);
    }
    expect(kept(cache, 'now', 60)).toBeGreaterThan(55);
  });
});

describe('lru', () => {
  it('evicts in the order of the last use; replacing is none', () => {
    const cache = cacheWith({ maxEntries: 4, policy: 'lru' });
    for (const key of ['a', 'b', 'c', 'd']) cache.set(key, value, 0);
    read(cache, 'a');
    cache.set('b', entryOf('a longer value, in another cell'.repeat(10)), 0);
    const order: string[] = [];
    for (let i = 0; i < 4; i++) {
      cache.set(`new:${i}`, value, 0);
      for (const key of ['a', 'b', 'c', 'd']) if (!has(cache, key) && !order.includes(key)) order.push(key);
    }
    expect(order).toEqual(['b', 'c', 'd', 'a']);
  });
});

describe('lfu', () => {
  it('keeps what is used often', () => {
    const cache = cacheWith({ maxEntries: 200, policy: 'lfu' });
    fill(cache, 'often', 50);
    for (let round = 0; round < 50; round++) for (let i = 0; i < 50; i++) read(cache, `often:${i}`);
    fill(cache, 'scan', 2000);
    expect(kept(cache, 'often', 50)).toBeGreaterThan(45);
  });

  it('forgets in minutes what was used often once', () => {
    const cache = cacheWith({ maxEntries: 200, policy: 'lfu' });
    fill(cache, 'often', 50);
    for (let round = 0; round < 50; round++) for (let i = 0; i < 50; i++) read(cache, `often:${i}`);
    fill(cache, 'later', 2000, 30 * 60_000);
    expect(kept(cache, 'often', 50)).toBeLessThan(5);
  });
});

describe('ttl', () => {
  it('evicts what would expire soonest, of a sample', () => {
    const cache = cacheWith({ maxEntries: 200, policy: 'ttl' });
    for (let i = 0; i < 100; i++) cache.set(`soon:${i}`, entryOf('value', { deleteAt: 1000 + i }), 0);
    for (let i = 0; i < 100; i++) cache.set(`late:${i}`, entryOf('value', { deleteAt: 1e6 + i }), 0);
    for (let i = 0; i < 50; i++) cache.set(`never:${i}`, value, 0);
    expect(kept(cache, 'soon', 100)).toBeLessThanOrEqual(52);
    expect(kept(cache, 'late', 100)).toBeGreaterThan(97);
  });

  it('evicts something where nothing expires', () => {
    const cache = cacheWith({ maxEntries: 10, policy: 'ttl' });
    fill(cache, 'never', 20);
    expect(cache.size).toBe(10);
  });
});

describe('random', () => {
  it('evicts without regard to order', () => {
    const cache = cacheWith({ maxEntries: 100, policy: 'random' });
    fill(cache, 'first', 100);
    fill(cache, 'second', 50);
    expect(cache.size).toBe(100);
    expect(kept(cache, 'first', 100)).toBeGreaterThan(50);
    expect(kept(cache, 'second', 50)).toBeLessThan(50);
  });
});

describe('noeviction', () => {
  it('keeps what it has: new entries find no room, replacing works', () => {
    const cache = cacheWith({ maxEntries: 10, policy: 'noeviction' });
    fill(cache, 'old', 10);
    expect(cache.set('new', value, 0)).toBe(false);
    expect(cache.set('old:3', entryOf('another'), 0)).toBe(true);
    expect(read(cache, 'old:3')).toBe('another');
    expect(kept(cache, 'old', 10)).toBe(10);
    expect(cache.stats).toMatchObject({ refused: 1, evictedForEntries: 0 });
    cache.delete('old:0', 'written');
    expect(cache.set('new', value, 0)).toBe(true);
  });

  it('does not keep a replacement that has no room, nor what it replaces', () => {
    const cache = cacheWith({ maxBytes: 1000, policy: 'noeviction' });
    fill(cache, 'old', 5);
    expect(cache.set('old:1', entryOf('x'.repeat(700)), 0)).toBe(false);
    expect(has(cache, 'old:1')).toBe(false);
    expect(cache.usedBytes).toBeLessThanOrEqual(1000);
  });
});
