/**
 * One cache in a process of its own: `node --expose-gc bench/lib/cache-probe.mjs SUBJECT ENTRIES`. Fills it with ENTRIES
 * entries of 20 + 100 bytes, does every operation a number of times at that size, and prints what it cost as one line of
 * JSON: nanoseconds of CPU per operation, resident bytes per entry, pauses. SUBJECT is `sluice` or `lru-cache`.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { keyOf } from './data.mjs';
import { median } from './measure.mjs';
import { residentBytes } from './process.mjs';

/** Operations of one kind; as many at every size. */
const operations = 200_000;
const [subject, size] = [process.argv[2], Number(process.argv[3])];

const keyBytes = Buffer.from(keyOf(0), 'latin1');
/** A key as it comes from a socket: one flat string, not yet hashed. (`String(number)` would leave it in a cache of V8.) */
function keyFrom(number) {
  for (let rest = number, at = keyBytes.length - 1; at >= 4; at--, rest = Math.floor(rest / 10)) {
    keyBytes[at] = 48 + (rest % 10);
  }
  return keyBytes.latin1Slice();
}
const payload = 'v'.repeat(100);

async function openSluice() {
  const { LocalCache } = await import('../../dist/cache/local-cache.js');
  const options = { maxEntries: size, maxBytes: Number.POSITIVE_INFINITY, policy: 's3-fifo', idle: 0 };
  const cache = new LocalCache({ ...options, random: Math.random, isDead: () => false });
  const entry = {
    kind: 0,
    source: 0,
    epoch: 0,
    storedAt: 0,
    staleAt: Number.POSITIVE_INFINITY,
    deleteAt: Number.POSITIVE_INFINITY,
    meta: undefined,
    payload,
  };
  return {
    get(key) {
      const slot = cache.find(key, 1);
      if (slot < 0) return undefined;
      cache.use(slot, 1);
      return cache.payload(slot);
    },
    set: (key, deleteAt) => cache.set(key, deleteAt === undefined ? entry : { ...entry, deleteAt }, 1),
    delete: (key) => cache.delete(key, 'invalidated'),
    expire() {
      // Slices as small as those between two turns of a server.
      while (cache.size > 0) cache.sweep(3, 64);
    },
    clear: () => cache.clear(),
    size: () => cache.size,
  };
}

/** The cache most programs in this language use. Values are buffers, as they must be to lie outside the heap. */
async function openLruCache() {
  // By a name in a variable: a tool of the development dependencies brings it, the project does not ask for it.
  const { LRUCache } = await import(subject);
  let now = 1;
  const cache = new LRUCache({ max: size, perf: { now: () => now }, ttlResolution: 0 });
  return {
    get: (key) => cache.get(key)?.latin1Slice(),
    set: (key, deleteAt) =>
      cache.set(key, Buffer.from(payload, 'latin1'), deleteAt === undefined ? undefined : { ttl: deleteAt - now }),
    delete: (key) => cache.delete(key),
    expire() {
      now = 3;
      cache.purgeStale();
      now = 1;
    },
    clear: () => cache.clear(),
    size: () => cache.size,
  };
}

const cache = await { sluice: openSluice, 'lru-cache': openLruCache }[subject]();

let pauses = [];
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) pauses.push(duration);
}).observe({ entryTypes: ['gc'] });
/** An observer hears of entries in a later turn. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

const figures = {};
let checked = 0;
const cpuMicroseconds = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
/** Nanoseconds of CPU of each of `count` runs of `operation`. */
function time(name, count, operation) {
  const from = cpuMicroseconds();
  for (let i = 0; i < count; i++) operation(i);
  figures[name] = ((cpuMicroseconds() - from) * 1000) / count;
}
function must(holds, what) {
  if (!holds) throw new Error(`${subject} with ${size} entries: ${what}`);
}

// As many different keys, at random places, whatever the size.
const known = Array.from({ length: operations }, () => keyFrom(Math.floor(Math.random() * size)));
const unknown = Array.from({ length: operations }, (_, i) => keyFrom(size * 2 + i));
const collect = () => {
  globalThis.gc();
  globalThis.gc();
};
collect();
const before = residentBytes(process.pid).all;
time('fill', size, (i) => cache.set(keyFrom(i)));
must(cache.size() === size, `holds ${cache.size()}`);
collect();
figures.bytesPerEntry = (residentBytes(process.pid).all - before) / size;

// Once to warm up: the first run of a loop is compiled while it runs.
const warm = Math.ceil(operations / 10);
for (let i = 0; i < warm; i++) {
  cache.get(known[i]);
  cache.get(unknown[i]);
  cache.set(known[i]);
}
time('hit', operations, (i) => {
  checked += cache.get(known[i]).length;
});
must(checked === operations * 100, 'a hit was not what had been set');
time('miss', operations, (i) => {
  checked += cache.get(unknown[i]) === undefined ? 0 : 1;
});
must(checked === operations * 100, 'a miss was none');
time('replace', operations, (i) => cache.set(known[i]));

time('evict', operations, (i) => cache.set(unknown[i]));
must(cache.size() === size, `holds ${cache.size()} after evictions`);

// The keys of the measurements would be most of what the collector looks at.
known.length = unknown.length = 0;
collect();
// Skewed reads and fills together, as a cache lives: what a pause interrupts. In five stretches, of which the median counts:
// a pause during which another program had the processor says nothing of this one.
const longest = [];
for (let stretch = 0; stretch < 5; stretch++) {
  await turn();
  pauses = [];
  for (let i = 0; i < operations; i++) {
    const key = keyFrom(Math.floor(size * 2 * Math.random() ** 3));
    if (cache.get(key) === undefined) cache.set(key);
    if (i % 50_000 === 0) await turn();
  }
  await turn();
  longest.push(Math.max(0, ...pauses));
}
figures.longestPauseMs = median(longest);
const fullCollections = Array.from({ length: 5 }, () => {
  const from = performance.now();
  globalThis.gc();
  return performance.now() - from;
});
figures.fullCollectionMs = median(fullCollections);
collect();
figures.bytesPerEntryLater = (residentBytes(process.pid).all - before) / size;

const clearedFrom = performance.now();
cache.clear();
figures.purgeMs = performance.now() - clearedFrom;

// A small cache is filled and emptied as often as it takes to see as many operations as in a large one.
const batch = Math.min(size, operations);
const batches = Math.ceil(operations / batch);
const firstKeys = Array.from({ length: batch }, (_, i) => keyFrom(i));
const costs = { delete: [], expire: [] };
for (let round = 0; round < batches; round++) {
  cache.clear();
  for (let i = 0; i < size; i++) cache.set(keyFrom(i));
  time('delete', batch, (i) => cache.delete(firstKeys[i]));
  must(cache.size() === size - batch, `holds ${cache.size()} after ${batch} deletions`);
  costs.delete.push(figures.delete);

  cache.clear();
  for (let i = 0; i < size; i++) cache.set(keyFrom(i), 2);
  time('expire', 1, () => cache.expire());
  must(cache.size() === 0, `holds ${cache.size()} after all expired`);
  costs.expire.push(figures.expire / size);
}
for (const [name, each] of Object.entries(costs)) figures[name] = median(each);

console.log(JSON.stringify(figures));
