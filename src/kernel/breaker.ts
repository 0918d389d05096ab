import { type BackoffRange, backoff } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface BreakerOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** In [0, 1). */
  readonly random: () => number;
  /** Failures in a row that open it. @default 5 */
  readonly failures?: number;
  /** How long it stays open, growing with each probe that fails. @default 1 s to 30 s */
  readonly pause?: BackoffRange;
}

export type BreakerState = 'closed' | 'open' | 'half-open';
/** Whether a call is one of many, or the one that finds out whether others make sense. */
export type BreakerRole = 'ordinary' | 'probe';
/** `neither`: the call ended without saying anything of the other side. */
export type BreakerOutcome = 'success' | 'failure' | 'neither';

const DEFAULT_FAILURES = 5;
const DEFAULT_PAUSE: BackoffRange = { first: 1_000, last: 30_000 };

/**
 * Stops calls to what fails all the time, and lets one call at a time find out whether it answers again. Calls begun before it opened
 * say nothing any more.
 */
export class Breaker {
  readonly #options: Required<BreakerOptions>;
  /** In a row, while closed. */
  #failures = 0;
  /** In a row, without a success in between. */
  #openings = 0;
  /** Undefined: closed. */
  #openUntil: number | undefined;
  #probing = false;

  constructor({ clock, random, failures = DEFAULT_FAILURES, pause = DEFAULT_PAUSE }: BreakerOptions) {
    this.#options = { clock, random, failures, pause };
  }

  get state(): BreakerState {
    if (this.#openUntil === undefined) return 'closed';
    return this.#probing || this.#options.clock.monotonic() >= this.#openUntil ? 'half-open' : 'open';
  }

  /** How long no call makes sense, ms; 0: {@link begin} would let one pass now. */
  wait(): number {
    if (this.#openUntil === undefined) return 0;
    const { clock, pause } = this.#options;
    // While one finds out, nobody knows how long that takes.
    return this.#probing ? pause.first : Math.max(0, this.#openUntil - clock.monotonic());
  }

  /** Begins a call, which must {@link end}; undefined: it must not be made. */
  begin(): BreakerRole | undefined {
    if (this.#openUntil === undefined) return 'ordinary';
    if (this.wait() > 0) return undefined;
    this.#probing = true;
    return 'probe';
  }

  end(role: BreakerRole, outcome: BreakerOutcome): void {
    if (role === 'probe') {
      this.#probing = false;
      if (outcome === 'failure') this.#open();
      else if (outcome === 'success') this.#close();
    } else if (this.#openUntil === undefined && outcome !== 'neither') {
      this.#failures = outcome === 'success' ? 0 : this.#failures + 1;
      if (this.#failures >= this.#options.failures) this.#open();
    }
  }

  #open(): void {
    const { clock, pause, random } = this.#options;
    this.#openUntil = clock.monotonic() + backoff(pause, this.#openings, random);
    this.#openings++;
  }

  #close(): void {
    this.#openUntil = undefined;
    this.#failures = 0;
    this.#openings = 0;
  }
}
