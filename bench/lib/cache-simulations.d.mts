import type { LocalCache } from '../../src/cache/local-cache.ts';

type Simulation = (trace: Int32Array, capacity: number) => number;

export const fifo: Simulation;
export const clock: Simulation;
export const lru: Simulation;
export const s3Fifo: Simulation;

export function localCache(cache: LocalCache, trace: Int32Array): number;
