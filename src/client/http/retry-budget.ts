/** Retries that are free when little goes on. */
const BURST = 10;
/** What a call adds: one retry for ten calls. */
const PER_CALL = 0.1;

/** Keeps retries from multiplying the load of an API that fails because of it: at most a tenth of the calls, and 10. */
export class RetryBudget {
  #left = BURST;

  /** A call is made. */
  earn(): void {
    this.#left = Math.min(BURST, this.#left + PER_CALL);
  }

  /** Takes one retry. @returns false when none is left */
  spend(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
