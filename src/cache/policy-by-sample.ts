import type { Slot } from './entry.ts';
import type { EntryCells } from './entry-cells.ts';
import type { EvictionPolicy, PolicyContext } from './eviction-policy.ts';

/** Entries looked at for one victim, as `maxmemory-samples` of Redis; twice its default, which costs little without a network. */
const SAMPLES = 10;
/** Redis's LFU_INIT_VAL, lfu-log-factor and lfu-decay-time. */
const FIRST_COUNT = 5;
const LOG_FACTOR = 10;
const DECAY_MS = 60_000;
const MOST_COUNT = 255;

/** Policies without an order of their own: the worst of a few entries goes. */
abstract class SamplingPolicy implements EvictionPolicy {
  protected readonly cells: EntryCells;
  readonly #pick: () => Slot;

  constructor(context: PolicyContext) {
    this.cells = context.cells;
    this.#pick = context.pick;
  }

  /** How much an entry is worth; the lowest of a sample goes. */
  protected abstract worth(slot: Slot, now: number): number;

  victim(now: number): Slot {
    let victim = this.#pick();
    if (victim === 0) return 0;
    let lowest = this.worth(victim, now);
    for (let i = 1; i < SAMPLES; i++) {
      const slot = this.#pick();
      const worth = this.worth(slot, now);
      if (worth >= lowest) continue;
      victim = slot;
      lowest = worth;
    }
    return victim;
  }

  add(_slot: Slot): void {}
  use(_slot: Slot, _now: number): void {}
  remove(_slot: Slot): void {}
  move(_from: Slot, _to: Slot): void {}
}

/**
 * The entry used least often goes, as in Redis: eight bits count uses on a logarithmic scale and lose one for each minute without
 * a use.
 */
export class LfuPolicy extends SamplingPolicy {
  readonly #random: () => number;

  constructor(context: PolicyContext) {
    super(context);
    this.#random = context.random;
  }

  override add(slot: Slot): void {
    this.cells.setState(slot, FIRST_COUNT);
  }

  override use(slot: Slot, now: number): void {
    const count = this.worth(slot, now);
    const above = Math.max(0, count - FIRST_COUNT);
    const isCounted = count < MOST_COUNT && this.#random() * (above * LOG_FACTOR + 1) < 1;
    this.cells.setState(slot, isCounted ? count + 1 : count);
  }

  protected override worth(slot: Slot, now: number): number {
    const minutes = Math.floor(this.cells.unusedFor(slot, now) / DECAY_MS);
    return Math.max(0, this.cells.state(slot) - minutes);
  }
}

/** The entry that would be deleted soonest goes; among those that never would, any. */
export class TtlPolicy extends SamplingPolicy {
  protected override worth(slot: Slot): number {
    return this.cells.deleteAt(slot);
  }
}

/** Any entry goes. */
export class RandomPolicy implements EvictionPolicy {
  readonly #pick: () => Slot;

  constructor(context: PolicyContext) {
    this.#pick = context.pick;
  }

  victim(): Slot {
    return this.#pick();
  }

  add(): void {}
  use(): void {}
  remove(): void {}
  move(): void {}
}

/** Nothing goes: what has no room is not kept. */
export class NoEviction implements EvictionPolicy {
  victim(): Slot {
    return 0;
  }

  add(): void {}
  use(): void {}
  remove(): void {}
  move(): void {}
}
