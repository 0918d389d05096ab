import type { Clock, Timer } from '../kernel/clock.ts';
import type { Engine } from '../store/engine/engine.ts';

const INTERVAL_MS = 100;
/** While more is due than one sweep takes, the next follows after a pause for others. */
const BUSY_MS = 1;

/** Gives back the memory of expired keys in the background, a bounded piece at a time. */
export class Sweeper {
  readonly #engine: Engine;
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
    this.#schedule(INTERVAL_MS);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#clock.setTimer(() => {
      const done = this.#engine.state !== 'ready' || this.#engine.sweep();
      this.#schedule(done ? INTERVAL_MS : BUSY_MS);
    }, delayMs);
  }
}
