/**
 * Caches that are nothing but their policy, written for clearness and apart from the ones they judge. Each maps a trace (key numbers,
 * dense from 0) and a capacity in entries to the share of requests that hit.
 */

function hitRatio(trace, request) {
  let hits = 0;
  for (const key of trace) if (request(key)) hits++;
  return hits / trace.length;
}

/** The same for a `LocalCache`: a request reads, and fills what it does not find. */
export function localCache(cache, trace) {
  const never = Number.POSITIVE_INFINITY;
  const entry = {
    kind: 0,
    source: 0,
    epoch: 0,
    storedAt: 0,
    staleAt: never,
    deleteAt: never,
    meta: undefined,
    payload: 'value',
  };
  return hitRatio(trace, (number) => {
    const key = `key:${number}`;
    const slot = cache.find(key, 0);
    if (slot >= 0) cache.use(slot, 0);
    else cache.set(key, entry, 0);
    return slot >= 0;
  });
}

/** First in, first out; with `secondChance` the CLOCK: a key used since it was last passed goes round again. */
function fifoLike(trace, capacity, secondChance) {
  const isIn = new Set();
  const used = new Set();
  const queue = new Queue();
  return hitRatio(trace, (key) => {
    if (isIn.has(key)) {
      if (secondChance) used.add(key);
      return true;
    }
    while (isIn.size >= capacity) {
      const oldest = queue.shift();
      if (used.delete(oldest)) queue.push(oldest);
      else isIn.delete(oldest);
    }
    isIn.add(key);
    queue.push(key);
    return false;
  });
}

export const fifo = (trace, capacity) => fifoLike(trace, capacity, false);
export const clock = (trace, capacity) => fifoLike(trace, capacity, true);

export function lru(trace, capacity) {
  // The queue has every use; only the last one of a key counts.
  const lastUse = new Map();
  const queue = new Queue();
  let uses = 0;
  return hitRatio(trace, (key) => {
    const hit = lastUse.has(key);
    while (!hit && lastUse.size >= capacity) {
      const { key: oldest, use } = queue.shift();
      if (lastUse.get(oldest) === use) lastUse.delete(oldest);
    }
    lastUse.set(key, ++uses);
    queue.push({ key, use: uses });
    return hit;
  });
}

/** Algorithm 1 of Yang et al., SOSP 2023: a small queue of 10 %, counters up to 3, a ghost queue as long as the main one. */
export function s3Fifo(trace, capacity) {
  const smallCapacity = Math.max(1, Math.floor(capacity / 10));
  const mainCapacity = capacity - smallCapacity;
  const frequency = new Map();
  const small = new Queue();
  const main = new Queue();
  const ghost = new Queue();
  const ghostArrival = new Map();
  let arrivals = 0;

  const toGhost = (key) => {
    ghostArrival.set(key, ++arrivals);
    ghost.push({ key, arrival: arrivals });
    while (ghost.length > mainCapacity) {
      const { key: oldest, arrival } = ghost.shift();
      if (ghostArrival.get(oldest) === arrival) ghostArrival.delete(oldest);
    }
  };
  const evictFromMain = () => {
    for (;;) {
      const key = main.shift();
      const uses = frequency.get(key);
      if (uses === 0) return void frequency.delete(key);
      frequency.set(key, uses - 1);
      main.push(key);
    }
  };
  const evictFromSmall = () => {
    while (small.length > 0) {
      const key = small.shift();
      if (frequency.get(key) > 1) {
        frequency.set(key, 0);
        main.push(key);
        if (main.length > mainCapacity) return evictFromMain();
      } else {
        frequency.delete(key);
        return toGhost(key);
      }
    }
  };
  return hitRatio(trace, (key) => {
    const uses = frequency.get(key);
    if (uses !== undefined) {
      frequency.set(key, Math.min(3, uses + 1));
      return true;
    }
    while (small.length + main.length >= capacity) {
      if (small.length >= smallCapacity) evictFromSmall();
      else evictFromMain();
    }
    frequency.set(key, 0);
    if (ghostArrival.delete(key)) main.push(key);
    else small.push(key);
    return false;
  });
}

/** First in, first out, without moving what stays. */
class Queue {
  #items = [];
  #first = 0;

  get length() {
    return this.#items.length - this.#first;
  }

  push(item) {
    this.#items.push(item);
  }

  shift() {
    const item = this.#items[this.#first++];
    if (this.#first > 4096 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }
}
