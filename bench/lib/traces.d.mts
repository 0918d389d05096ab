interface HitRatios {
  readonly fifo: number;
  readonly clock: number;
  readonly lru: number;
  readonly s3Fifo: number;
}

interface TraceKind {
  readonly like: string;
  readonly what: string;
  readonly keys: number;
  readonly sizes: readonly number[];
  readonly real: readonly HitRatios[];
  make(): Int32Array;
}

export const traceKinds: readonly TraceKind[];

export function seededRandom(seed: number): () => number;

export function uniqueKeys(trace: Int32Array): number;
