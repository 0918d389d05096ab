/** A pending timer: `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/**
 * Time as a parameter: everything that waits, expires or measures takes a `Clock`.
 * The system clock is made in `app/`, the fake one in `testing/`.
 */
export interface Clock {
  /** Wall clock, whole milliseconds since the epoch. May jump. */
  now(): number;
  /** Milliseconds of a clock that never goes back; only differences mean something. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`. The timer does not keep the process alive. */
  setTimer(run: () => void, delayMs: number): Timer;
}
