import { seededRandom } from '../../bench/lib/traces.mjs';
import { type CacheEntry, EntryKind } from '../../src/cache/entry.ts';
import { LocalCache, type LocalCacheOptions } from '../../src/cache/local-cache.ts';

/** A cache of 1,000 entries that does the same in every run. */
export function cacheWith(options: Partial<LocalCacheOptions> = {}): LocalCache {
  return new LocalCache({
    maxEntries: 1000,
    maxBytes: 1 << 26,
    policy: 's3-fifo',
    idle: 0,
    random: seededRandom(1),
    isDead: () => false,
    ...options,
  });
}

/** A string that is always fresh and never expires. */
export function entryOf(payload: string, more: Partial<CacheEntry> = {}): CacheEntry {
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

/** Reads a key as a reader does, which counts as a use. */
export function read(cache: LocalCache, key: string, now = 0): string | undefined {
  const slot = cache.find(key, now);
  if (slot < 0) return undefined;
  cache.use(slot, now);
  return cache.payload(slot);
}
