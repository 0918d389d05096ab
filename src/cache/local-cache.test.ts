import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CacheEntry, EntryKind } from './entry.ts';
import type { CachePolicy } from './eviction-policy.ts';
import { LocalCache, type LocalCacheOptions } from './local-cache.ts';

/** Mulberry32: the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function cacheWith(options: Partial<LocalCacheOptions> = {}): LocalCache {
  return new LocalCache({
    maxEntries: 1000,
    maxBytes: 1 << 26,
    policy: 's3-fifo',
    idle: 0,
    random: seeded(1),
    isDead: () => false,
    ...options,
  });
}

function entryOf(payload: string, more: Partial<CacheEntry> = {}): CacheEntry {
  const never = Number.POSITIVE_INFINITY;
  return {
    kind: EntryKind.string,
    source: 1,
    epoch: 1,
    storedAt: 0,
    staleAt: never,
    deleteAt: never,
    meta: undefined,
    payload,
    ...more,
  };
}

const policies: CachePolicy[] = ['s3-fifo', 'lru', 'lfu', 'ttl', 'random', 'noeviction'];

/** Reads a key as a reader does. */
function read(cache: LocalCache, key: string, now: number): string | undefined {
  const slot = cache.find(key, now);
  if (slot < 0) return undefined;
  cache.use(slot, now);
  return cache.payload(slot);
}

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
        const cache = cacheWith({ policy, idle, maxEntries: 12, maxBytes: 80_000, random: seeded(seed) });
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
});
