import type { Clock, Timer } from '../kernel/clock.ts';

interface PendingTimer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that stands until it is told to move. Timers fire in order of their instants, those of one instant in order of creation. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  #order = 0;
  readonly #timers = new Set<PendingTimer>();

  /** @param now wall clock, ms since the epoch */
  constructor(now = 1_800_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  setTimer(run: () => void, delayMs: number): Timer {
    const timer = { at: this.#monotonic + Math.max(0, delayMs), order: this.#order++, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Number of timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets `ms` pass and fires what falls due, also timers set meanwhile. */
  advance(ms: number): void {
    const end = this.#monotonic + ms;
    for (;;) {
      const next = this.#nextUntil(end);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#pass(next.at - this.#monotonic);
      next.run();
    }
    this.#pass(end - this.#monotonic);
  }

  /** Sets the wall clock alone, as an operator or NTP does. */
  jump(ms: number): void {
    this.#now += ms;
  }

  #pass(ms: number): void {
    this.#monotonic += ms;
    this.#now += ms;
  }

  #nextUntil(end: number): PendingTimer | undefined {
    let next: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > end) continue;
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
    }
    return next;
  }
}
