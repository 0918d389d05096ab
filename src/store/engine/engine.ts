import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import { halfSipHash } from '../../kernel/half-sip-hash.ts';
import { ChangeStream, Space } from './change.ts';
import { Keyspace } from './keyspace.ts';
import { Turn } from './turn.ts';

export interface EngineOptions {
  readonly clock: Clock;
  /** Two 32-bit words that key the hash tables. A data folder keeps its own, so that its shards stay the same. */
  readonly seed: readonly [number, number];
  /** Bound on the bytes of user and compatibility keys, `data` and `cached` together. */
  readonly maxBytes: number;
  /** Bound on the bytes of internal keys. @default an eighth of maxBytes */
  readonly internalBytes?: number;
  /**
   * Bound on the bytes of hashes, lists, sets and sorted sets of all dictionaries: they live on the JavaScript heap, whose size is
   * fixed when the process starts, and a full heap ends the process. @default none
   */
  readonly maxHeapBytes?: number;
  /** In [0, 1). */
  readonly random: () => number;
}

export type EngineState = 'loading' | 'ready' | 'read-only';

/** Keys handed back by one sweep; bounds the pause to about a millisecond. */
const SWEEP_BUDGET = 2000;

/**
 * Typed values in memory, owned by one thread: one JavaScript turn is one atomic step.
 *
 * A caller starts its turn with `begin()`, works on the keyspaces, and then knows from `revealed` which write must be durable
 * before it may tell the outcome.
 */
export class Engine {
  readonly clock: Clock;
  readonly changes = new ChangeStream();
  readonly turn: Turn;
  readonly user: Keyspace;
  readonly compat: Keyspace;
  readonly internal: Keyspace;
  readonly random: () => number;
  /** May be changed while running. */
  maxBytes: number;
  internalBytes: number;
  readonly maxHeapBytes: number;
  #state: EngineState = 'ready';
  #reason = '';

  constructor(options: EngineOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.maxBytes = options.maxBytes;
    this.internalBytes = options.internalBytes ?? options.maxBytes / 8;
    this.maxHeapBytes = options.maxHeapBytes ?? Number.POSITIVE_INFINITY;
    this.turn = new Turn(this.changes);
    this.turn.time = this.clock.now();
    const [key0, key1] = options.seed;
    const hashOf = (key: ByteString): number => halfSipHash(key, key0, key1);
    this.user = new Keyspace(Space.user, this.turn, hashOf);
    this.compat = new Keyspace(Space.compat, this.turn, hashOf);
    this.internal = new Keyspace(Space.internal, this.turn, hashOf);
  }

  /** Starts a turn: takes the time, forgets what was revealed. */
  begin(): void {
    this.turn.time = this.clock.now();
    this.turn.revealed = 0;
  }

  /** Sequence number that must be durable before the outcome of this turn may be told; 0 when nothing must. */
  get revealed(): number {
    return this.turn.revealed;
  }

  space(space: Space): Keyspace {
    return space === Space.user ? this.user : space === Space.compat ? this.compat : this.internal;
  }

  get state(): EngineState {
    return this.#state;
  }

  /** Why the state is not `ready`; '' when it is. */
  get reason(): string {
    return this.#reason;
  }

  setState(state: EngineState, reason = ''): void {
    this.#state = state;
    this.#reason = reason;
    this.turn.writable = state === 'ready';
  }

  /** Bytes under `maxHeapBytes`. */
  get heapBytes(): number {
    return this.user.heapBytes + this.compat.heapBytes + this.internal.heapBytes;
  }

  /** Bytes under `maxBytes`. */
  get usedBytes(): number {
    return this.user.bytes + this.compat.bytes;
  }

  /** @throws SluiceError STORE_LOADING, STORE_READ_ONLY */
  requireWritable(): void {
    if (this.#state === 'ready') return;
    if (this.#state === 'loading')
      throw new SluiceError('STORE_LOADING', 'the data is still being read; try again in a moment');
    throw new SluiceError('STORE_READ_ONLY', `writes are refused: ${this.#reason}`);
  }

  /**
   * Makes room for a write that takes memory, by evicting `cached` entries.
   * @throws SluiceError OUT_OF_MEMORY when `data` alone fills the bound.
   */
  requireMemory(): void {
    this.#requireHeap();
    while (this.usedBytes > this.maxBytes) {
      if (this.user.evictOne() || this.compat.evictOne()) continue;
      throw new SluiceError(
        'OUT_OF_MEMORY',
        'the keys take as much memory as maxBytes allows; delete keys or raise maxBytes',
      );
    }
  }

  /** The same for internal keys. @throws SluiceError OUT_OF_MEMORY */
  requireInternalMemory(): void {
    this.#requireHeap();
    while (this.internal.bytes > this.internalBytes) {
      if (this.internal.evictOne()) continue;
      throw new SluiceError('OUT_OF_MEMORY', "Sluice's own entries take as much memory as is reserved for them");
    }
  }

  #requireHeap(): void {
    if (this.heapBytes <= this.maxHeapBytes) return;
    throw new SluiceError(
      'OUT_OF_MEMORY',
      'the hashes, lists, sets and sorted sets fill the JavaScript heap; delete some or start node with a larger --max-old-space-size',
    );
  }

  /** Gives back the memory of keys that expired, a bounded number a call. @returns true when nothing due is left. */
  sweep(): boolean {
    this.begin();
    const user = this.user.sweep(SWEEP_BUDGET);
    const compat = this.compat.sweep(SWEEP_BUDGET);
    const internal = this.internal.sweep(SWEEP_BUDGET);
    return user && compat && internal;
  }
}
