import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/lib/traces.mjs';
import { cacheWith, entryOf, read } from '../../test/support/local-cache.ts';
import { halfSipHash } from '../kernel/half-sip-hash.ts';
import { EntryKind } from './entry.ts';
import type { CachePolicy } from './eviction-policy.ts';

const policies: CachePolicy[] = ['s3-fifo', 'lru', 'lfu', 'ttl', 'random', 'noeviction'];

describe('LocalCache', () => {
  it('gives back what was set, of any size and with any bytes', () => {
    const cache = cacheWith();
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1');
    const payloads = ['', 'x', all, all.repeat(256), all.repeat(257), all.repeat(4000)];
    for (const [i, payload] of payloads.entries()) {
      for (const meta of [undefined, '', 'text/plain']) {
        for (const key of [`k${i}${meta}`, `${all}${i}${meta}`, `${i}${meta}`.padEnd(65_535, '\0')]) {
          const entry = entryOf(payload, {
            kind: EntryKind.hash,
            source: 65_535,
            epoch: -7,
            storedAt: 1.5,
            staleAt: 20,
            deleteAt: 1e15,
            meta,
          });
          expect(cache.set(key, entry, 0)).toBe(true);
          const slot = cache.find(key, 1);
          expect(cache.payload(slot)).toBe(payload);
          expect(cache.payloadLength(slot)).toBe(payload.length);
          expect(cache.meta(slot)).toBe(meta);
          expect([cache.kindOf(slot), cache.sourceOf(slot), cache.epochOf(slot)]).toEqual([EntryKind.hash, 65_535, -7]);
          expect([cache.storedAt(slot), cache.staleAt(slot), cache.deleteAt(slot)]).toEqual([1.5, 20, 1e15]);
        }
      }
    }
    expect(cache.size).toBe(payloads.length * 9);
  });

  it.each(policies)('behaves like a bounded map under %s', (policy) => {
    const key = fc.integer({ min: 0, max: 40 }).map((n) => `key:${n}`);
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          set: key,
          size: fc.constantFrom(0, 10, 60, 100, 500, 3000, 70_000),
          ttl: fc.constantFrom(1, 5, 50, Number.POSITIVE_INFINITY),
        }),
      },
      { weight: 6, arbitrary: fc.record({ get: key }) },
      { weight: 1, arbitrary: fc.record({ delete: key }) },
      { weight: 1, arbitrary: fc.record({ wait: fc.integer({ min: 1, max: 20 }) }) },
      { weight: 1, arbitrary: fc.record({ sweep: fc.integer({ min: 1, max: 9000 }) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), fc.constantFrom(0, 12), fc.integer(), (steps, idle, seed) => {
        const cache = cacheWith({ policy, idle, maxEntries: 12, maxBytes: 80_000, random: seededRandom(seed) });
        /** What the cache may still hold: what was last set, unless it was deleted or has run out. */
        const model = new Map<string, { payload: string; deleteAt: number; usedAt: number }>();
        let now = 1000;
        const alive = (key: string) => {
          const entry = model.get(key);
          return entry !== undefined && now < entry.deleteAt && (idle === 0 || now - entry.usedAt < idle)
            ? entry
            : undefined;
        };
        for (const [i, action] of steps.entries()) {
          if ('set' in action) {
            const payload = `${i}`.padEnd(action.size, '.');
            const deleteAt = now + action.ttl;
            const isKept = cache.set(action.set, entryOf(payload, { deleteAt }), now);
            if (isKept) model.set(action.set, { payload, deleteAt, usedAt: now });
            else model.delete(action.set);
            expect(cache.find(action.set, now) >= 0).toBe(isKept);
          } else if ('get' in action) {
            const expected = alive(action.get);
            const payload = read(cache, action.get, now);
            if (payload === undefined) model.delete(action.get);
            else {
              expect(payload).toBe(expected?.payload);
              if (expected !== undefined) expected.usedAt = now;
            }
          } else if ('delete' in action) {
            cache.delete(action.delete, 'invalidated');
            model.delete(action.delete);
          } else if ('wait' in action) now += action.wait;
          else if ('sweep' in action) cache.sweep(now, action.sweep);
          expect(cache.size).toBeLessThanOrEqual(12);
          expect(cache.usedBytes).toBeLessThanOrEqual(80_000);
        }
        const { stats } = cache;
        const gone =
          stats.evictedForEntries +
          stats.evictedForBytes +
          stats.expired +
          stats.idle +
          stats.invalidated +
          stats.superseded;
        expect(cache.size).toBe(stats.insertions - gone);
        // Nothing that was refused or evicted: then the cache is the map.
        if (stats.refused + stats.evictedForEntries + stats.evictedForBytes === 0) {
          for (const key of model.keys()) expect(read(cache, key, now)).toBe(alive(key)?.payload);
        }
        for (const key of [...model.keys()]) cache.delete(key, 'written');
        expect(cache.size).toBe(0);
        expect(cache.usedBytes).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps apart keys whose hashes agree', () => {
    // Both seeds are 0 here, so two keys of one hash can be looked for.
    const seen = new Map<number, string>();
    let pair: [string, string] | undefined;
    for (let i = 0; pair === undefined; i++) {
      const key = `key:${i}`;
      const hash = halfSipHash(key, 0, 0);
      const other = seen.get(hash);
      if (other !== undefined) pair = [other, key];
      seen.set(hash, key);
    }
    const cache = cacheWith({ random: () => 0 });
    for (const key of pair) expect(cache.set(key, entryOf(`of ${key}`), 0)).toBe(true);
    for (const key of pair) expect(read(cache, key)).toBe(`of ${key}`);
    cache.delete(pair[0], 'written');
    expect(read(cache, pair[0])).toBeUndefined();
    expect(read(cache, pair[1])).toBe(`of ${pair[1]}`);
  });

  it('hands out copies: a payload stays when its entry changes', () => {
    const cache = cacheWith();
    cache.set('key', entryOf('before'.padEnd(200)), 0);
    const payload = read(cache, 'key');
    cache.set('key', entryOf('after'.padEnd(200)), 0);
    expect(payload?.trim()).toBe('before');
  });

  it('restamps an entry whose value was proven anew', () => {
    const cache = cacheWith();
    cache.set('key', entryOf('value', { meta: 'text/plain' }), 0);
    const slot = cache.find('key', 0);
    cache.restamp(slot, 9, -3, 1, 2, 3);
    expect([cache.sourceOf(slot), cache.epochOf(slot)]).toEqual([9, -3]);
    expect([cache.storedAt(slot), cache.staleAt(slot), cache.deleteAt(slot)]).toEqual([1, 2, 3]);
    expect([cache.meta(slot), cache.payload(slot)]).toEqual(['text/plain', 'value']);
    expect(cache.find('key', 3)).toBe(-1);
  });

  describe('time', () => {
    it('deletes an entry at its instant, when it is looked for', () => {
      const cache = cacheWith();
      cache.set('key', entryOf('value', { staleAt: 50, deleteAt: 100 }), 0);
      expect(cache.find('key', 99.9)).toBeGreaterThan(0);
      expect(cache.find('key', 100)).toBe(-1);
      expect(cache.size).toBe(0);
      expect(cache.stats.expired).toBe(1);
    });

    it('deletes an entry that was not used for so long; finding is no use', () => {
      const cache = cacheWith({ idle: 100 });
      for (const key of ['used', 'found']) cache.set(key, entryOf('value'), 1000);
      read(cache, 'used', 1060);
      cache.find('found', 1060);
      expect(cache.find('used', 1159)).toBeGreaterThan(0);
      expect(cache.find('found', 1099)).toBeGreaterThan(0);
      expect(cache.find('found', 1100)).toBe(-1);
      expect(cache.find('used', 1160)).toBe(-1);
      expect(cache.stats.idle).toBe(2);
    });

    it('starts the idle time anew when an entry is replaced', () => {
      const cache = cacheWith({ idle: 100 });
      for (const size of [5, 5, 500]) {
        cache.set('key', entryOf('value'), 1000);
        cache.set('key', entryOf('x'.repeat(size)), 1090);
        expect(cache.find('key', 1150)).toBeGreaterThan(0);
        cache.delete('key', 'written');
      }
    });

    it('is not idle because the clock went back, nor where the clock wraps around in 32 bits', () => {
      const cache = cacheWith({ idle: 100 });
      cache.set('key', entryOf('value'), 5000);
      expect(cache.find('key', 1000)).toBeGreaterThan(0);
      cache.set('wrapped', entryOf('value'), 2 ** 32 - 10);
      expect(cache.find('wrapped', 2 ** 32 + 80)).toBeGreaterThan(0);
      expect(cache.find('wrapped', 2 ** 32 + 90)).toBe(-1);
    });

    it('sweeps what nobody asks for: expired, idle, dead', () => {
      const cache = cacheWith({ idle: 1000, isDead: (source, epoch) => source === 4 && epoch < 8 });
      for (let i = 0; i < 50; i++) {
        cache.set(`kept:${i}`, entryOf('value', { source: 4, epoch: 8 }), 900);
        cache.set(`expired:${i}`, entryOf('value', { deleteAt: 1000 }), 900);
        cache.set(`idle:${i}`, entryOf('value'), 0);
        cache.set(`dead:${i}`, entryOf('value', { source: 4, epoch: 7 }), 900);
      }
      let swept = 0;
      // Every slice is small; together they get round.
      for (let i = 0; i < 300; i++) {
        const count = cache.sweep(1000, 20);
        expect(count).toBeLessThan(60);
        swept += count;
      }
      expect(swept).toBe(150);
      expect(cache.size).toBe(50);
      expect(cache.stats).toMatchObject({ expired: 50, idle: 50, dead: 50 });
      for (let i = 0; i < 50; i++) expect(cache.find(`kept:${i}`, 1000)).toBeGreaterThan(0);
    });
  });

  describe('bounds', () => {
    it('does not keep what can never fit, and drops what it would have replaced', () => {
      const cache = cacheWith({ maxBytes: 10_000 });
      const tooMuch = [
        ['key', entryOf('x'.repeat(10_000))],
        ['k'.repeat(65_536), entryOf('x')],
        ['key', entryOf('x', { meta: 'm'.repeat(65_535) })],
      ] as const;
      for (const [key, entry] of tooMuch) {
        cache.set('key', entryOf('old'), 0);
        expect(cache.set(key, entry, 0)).toBe(false);
        expect(cache.find(key, 0)).toBe(-1);
      }
      expect(cache.stats).toMatchObject({ refused: 3, superseded: 2 });
    });

    it('counts why entries were evicted', () => {
      const byEntries = cacheWith({ maxEntries: 10 });
      for (let i = 0; i < 25; i++) byEntries.set(`key:${i}`, entryOf('value'), 0);
      expect(byEntries.stats).toMatchObject({ insertions: 25, evictedForEntries: 15, evictedForBytes: 0 });
      const byBytes = cacheWith({ maxBytes: 10 * (96 + 32) });
      for (let i = 0; i < 25; i++) byBytes.set(`key:${i}`, entryOf('x'.repeat(30)), 0);
      expect(byBytes.stats).toMatchObject({ insertions: 25, evictedForEntries: 0, evictedForBytes: 15 });
    });

    it('evicts only so many entries for one large value, and makes room for it the next time', () => {
      const cache = cacheWith({ maxEntries: 20_000, maxBytes: 9000 * 128 });
      for (let i = 0; i < 9000; i++) cache.set(`key:${i}`, entryOf('x'.repeat(20)), 0);
      expect(cache.size).toBe(9000);
      const large = entryOf('x'.repeat(6000 * 128));
      expect(cache.set('large', large, 0)).toBe(false);
      expect(cache.size).toBe(9000 - 4096);
      expect(cache.set('large', large, 0)).toBe(true);
    });

    it('shrinks to lowered bounds by sweeping, a slice at a time', () => {
      const cache = cacheWith();
      for (let i = 0; i < 1000; i++) cache.set(`key:${i}`, entryOf('value'), 0);
      cache.maxEntries = 500;
      expect(cache.sweep(0, 100)).toBe(100);
      expect(cache.size).toBe(900);
      for (let i = 0; i < 10; i++) cache.sweep(0, 100);
      expect(cache.size).toBe(500);
      cache.maxBytes = 100 * 128;
      expect(cache.set('new', entryOf('value'), 0)).toBe(true);
      expect(cache.usedBytes).toBeLessThanOrEqual(100 * 128);
    });

    it('holds hardly more memory than it counts, also when sizes change and survivors are scattered', () => {
      const cache = cacheWith({ maxEntries: 1e6, maxBytes: 24 << 20 });
      const random = seededRandom(3);
      const hot = entryOf('h'.repeat(100));
      let cold = 0;
      for (const size of [100, 300, 700, 200]) {
        const entry = entryOf('c'.repeat(size));
        for (let i = 0; i < 100_000; i++) {
          const key = random() < 0.3 ? `hot:${Math.floor(8000 * random() ** 2)}` : `cold:${cold++}`;
          if (read(cache, key) === undefined) cache.set(key, key.startsWith('hot') ? hot : entry, 0);
        }
        // A quarter, and a segment begun for each of the sizes.
        expect(cache.reservedBytes).toBeLessThan(cache.usedBytes * 1.25 + (4 << 20));
      }
      for (let i = 0; i < 8000; i++) expect([undefined, hot.payload]).toContain(read(cache, `hot:${i}`));
    });

    it('drops everything at once', () => {
      const cache = cacheWith();
      for (let i = 0; i < 1000; i++) cache.set(`key:${i}`, entryOf('x'.repeat(1000)), 0);
      cache.clear();
      expect([cache.size, cache.usedBytes, cache.stats.cleared]).toEqual([0, 0, 1000]);
      expect(read(cache, 'key:1')).toBeUndefined();
      expect(cache.set('key:1', entryOf('new'), 0)).toBe(true);
      expect(read(cache, 'key:1')).toBe('new');
    });
  });
});
