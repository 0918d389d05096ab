/**
 * Made-up request traces for judging caches by their hit ratio. A trace is a list of key numbers, dense from 0.
 *
 * The recipes take number of requests, number of keys and kind from traces that are published but not part of this repository
 * (docs/explanation/cache.md names them), and their parameters were searched until FIFO, CLOCK, LRU and S3-FIFO of
 * cache-simulations.mjs came out near what they reach on the real ones. The traces are the same in every run.
 */

/** Mulberry32: numbers in [0, 1) from a seed. */
export function seededRandom(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ranks from 0 whose frequency falls with `rank ** -alpha`. */
function zipfRanks(items, alpha, random) {
  const cumulative = new Float64Array(items);
  let sum = 0;
  for (let rank = 0; rank < items; rank++) cumulative[rank] = sum += (rank + 1) ** -alpha;
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = items - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/**
 * Popular keys, mixed with what real traces have besides:
 * - `items`, `alpha`: the popular ones; `drift`: how many of them per request give way to others
 * - `again`, `nearest`, `farthest`: share of requests that repeat one made so many requests ago (the logarithm is even)
 * - `fresh`: share of requests for a key that was never asked for before
 * - `scan`, `scanLength`, `scanOver`: share of requests that are part of a run over neighbouring keys of a region of their own
 */
function mixed({
  requests,
  seed,
  items,
  alpha,
  drift = 0,
  again = 0,
  nearest = 1,
  farthest = 1,
  fresh = 0,
  scan = 0,
  scanLength = 0,
  scanOver = 1,
}) {
  const random = seededRandom(seed);
  const rank = zipfRanks(items, alpha, random);
  const region = items + Math.ceil(requests * drift) + 1;
  let nextFresh = region + scanOver;
  const trace = [];
  while (trace.length < requests) {
    const choice = random();
    const back = Math.floor(nearest * (farthest / nearest) ** random());
    if (choice < again && back <= trace.length) trace.push(trace[trace.length - back]);
    else if (choice < again + fresh) trace.push(nextFresh++);
    else if (choice < again + fresh + scan / scanLength) {
      const start = Math.floor(random() * scanOver);
      for (let i = 0; i < scanLength && trace.length < requests; i++) trace.push(region + ((start + i) % scanOver));
    } else trace.push(rank() + Math.floor(trace.length * drift));
  }
  return dense(trace);
}

/** Runs round and round over `loops` = [first key, keys, rounds], now and then one of `hot` other keys. */
function looping({ seed, loops, hot, hotShare }) {
  const random = seededRandom(seed);
  const trace = [];
  for (const [first, keys, rounds] of loops) {
    for (let i = 0; i < keys * rounds; i++) {
      trace.push(hot + first + (i % keys));
      if (random() < hotShare) trace.push(Math.floor(random() * hot));
    }
  }
  return dense(trace);
}

/** Every second key comes once; the others come again after `gap` requests, and then never. */
function twiceOrOnce({ requests, gap }) {
  const trace = [];
  let next = 0;
  while (trace.length < requests) {
    // Two new keys, and the first of the two that came `gap` requests ago.
    trace.push(next, next + 1);
    next += 2;
    const earlier = next - 2 - 2 * Math.floor(gap / 3);
    if (earlier >= 0) trace.push(earlier);
  }
  return dense(trace.slice(0, requests));
}

function dense(trace) {
  const numbers = new Map();
  return Int32Array.from(trace, (key) => {
    let number = numbers.get(key);
    if (number === undefined) numbers.set(key, (number = numbers.size));
    return number;
  });
}

export const uniqueKeys = (trace) => trace.reduce((most, key) => Math.max(most, key), -1) + 1;

/**
 * Each kind: the trace it is made after, capacities in entries, and for each the hit ratio in % that FIFO, CLOCK, LRU and S3-FIFO
 * reach on (the first million requests of) the real trace.
 */
export const traceKinds = [
  {
    like: 'web07',
    what: 'a web site: popular pages that change, one-time visits, crawlers',
    keys: 20_484,
    sizes: [500, 2000],
    real: [
      { fifo: 42.8, clock: 46.2, lru: 45.6, s3Fifo: 50.0 },
      { fifo: 52.9, clock: 56.1, lru: 55.5, s3Fifo: 58.0 },
    ],
    make: () =>
      mixed({
        ...{ requests: 76_118, seed: 1, items: 14_588, alpha: 0.948, drift: 0.0111, fresh: 0.098 },
        ...{ again: 0.17, nearest: 1, farthest: 99, scan: 0.0765, scanLength: 141, scanOver: 7343 },
      }),
  },
  {
    like: 'web12',
    what: 'a web site with more that comes back soon',
    keys: 13_756,
    sizes: [500, 2000],
    real: [
      { fifo: 52.4, clock: 56.5, lru: 55.8, s3Fifo: 60.8 },
      { fifo: 68.7, clock: 73.1, lru: 72.6, s3Fifo: 75.6 },
    ],
    make: () =>
      mixed({
        ...{ requests: 95_607, seed: 1, items: 6439, alpha: 0.9, drift: 0.00141, fresh: 0.0681 },
        ...{ again: 0.388, nearest: 2, farthest: 9633, scan: 0.0211, scanLength: 129, scanOver: 2907 },
      }),
  },
  {
    like: 'corda',
    what: 'recency: half of the keys come twice, soon after each other, and never again',
    keys: 90_468,
    sizes: [512, 8192],
    real: [
      { fifo: 33.3, clock: 33.3, lru: 33.3, s3Fifo: 33.3 },
      { fifo: 33.3, clock: 33.3, lru: 33.3, s3Fifo: 33.3 },
    ],
    make: () => twiceOrOnce({ requests: 135_702, gap: 30 }),
  },
  {
    like: 'gli',
    what: 'loops, some longer than the cache',
    keys: 2529,
    sizes: [1000, 2000],
    real: [
      { fifo: 11.1, clock: 11.3, lru: 11.2, s3Fifo: 35.1 },
      { fifo: 47.9, clock: 57.4, lru: 57.4, s3Fifo: 52.1 },
    ],
    make: () =>
      looping({
        seed: 1,
        loops: [
          [1285, 314, 2.78],
          [3495, 875, 1.094],
          [484, 1153, 2.916],
          [2980, 751, 0.918],
        ],
        hot: 13,
        hotShare: 0.018,
      }),
  },
  {
    like: 'sprite',
    what: 'a file system: nine of ten requests repeat an earlier one, near or far',
    keys: 7075,
    sizes: [200, 800],
    real: [
      { fifo: 40.2, clock: 40.8, lru: 39.9, s3Fifo: 46.7 },
      { fifo: 84.5, clock: 88.4, lru: 88.6, s3Fifo: 87.5 },
    ],
    make: () =>
      mixed({
        ...{ requests: 133_996, seed: 1, items: 9420, alpha: 1.13, drift: 0.0067, fresh: 0.00559 },
        ...{ again: 0.9, nearest: 122, farthest: 18_495, scan: 0.003, scanLength: 45, scanOver: 2620 },
      }),
  },
  {
    like: 'orm-busy',
    what: 'a database mapper: a few keys most of the time, which ones changes',
    keys: 44_000,
    sizes: [1000, 10_000],
    real: [
      { fifo: 78.8, clock: 79.4, lru: 79.6, s3Fifo: 78.5 },
      { fifo: 89.0, clock: 90.0, lru: 90.1, s3Fifo: 91.2 },
    ],
    make: () =>
      mixed({
        ...{ requests: 1_000_000, seed: 1, items: 45_611, alpha: 1.19, drift: 0.00286, fresh: 0.0151 },
        ...{ again: 0.459, nearest: 1, farthest: 25_841, scan: 0.0612, scanLength: 68, scanOver: 5985 },
      }),
  },
  {
    like: 'w106',
    what: 'a virtual disk: most requests repeat an earlier one, with runs over neighbours',
    keys: 39_000,
    sizes: [2500, 25_000],
    real: [
      { fifo: 80.1, clock: 81.7, lru: 82.5, s3Fifo: 83.8 },
      { fifo: 93.9, clock: 95.5, lru: 95.6, s3Fifo: 95.5 },
    ],
    make: () =>
      mixed({
        ...{ requests: 1_000_000, seed: 1, items: 11_863, alpha: 0.9, fresh: 0.0164 },
        ...{ again: 0.644, nearest: 2, farthest: 52_165, scan: 0.0114, scanLength: 84, scanOver: 23_649 },
      }),
  },
  {
    like: 'scarab-recs',
    what: 'recommendations: a long tail of products',
    keys: 221_000,
    sizes: [2500, 25_000],
    real: [
      { fifo: 31.7, clock: 35.5, lru: 34.6, s3Fifo: 42.6 },
      { fifo: 56.7, clock: 60.4, lru: 60.1, s3Fifo: 62.3 },
    ],
    make: () =>
      mixed({
        ...{ requests: 1_000_000, seed: 1, items: 138_913, alpha: 0.9, drift: 0.00598, fresh: 0.085 },
        ...{ again: 0.0675, nearest: 91, farthest: 214_118, scan: 0.027, scanLength: 34, scanOver: 75_215 },
      }),
  },
];
