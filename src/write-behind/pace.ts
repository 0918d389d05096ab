import type { Rate } from '../kernel/token-bucket.ts';

/** So much of the time of a rate may go at once, ms: so nothing exceeds it in any longer time by more than that share. */
const AT_ONCE_MS = 50;

/** How much may go now, under a rate. What was not used does not add up, so that no burst follows a rest. */
export class Pace {
  readonly #interval: number;
  readonly #depth: number;
  /** When all that may go at once may go again, monotonic ms. */
  #fullAt = Number.NEGATIVE_INFINITY;

  constructor({ count, per }: Rate) {
    this.#interval = per / count;
    this.#depth = Math.max(1, Math.floor(AT_ONCE_MS / this.#interval));
  }

  /**
   * @param wanted at least 1 @param now monotonic, ms
   * @returns how many may go, 0 for none: little by little is not worth a transaction each
   */
  take(wanted: number, now: number): number {
    const some = Math.min(wanted, this.#depth);
    if (this.wait(some, now) > 0) return 0;
    this.#fullAt = Math.max(this.#fullAt, now) + some * this.#interval;
    return some;
  }

  /** They did not go. */
  giveBack(count: number): void {
    this.#fullAt -= count * this.#interval;
  }

  /** Until so many may go, ms. */
  wait(wanted: number, now: number): number {
    const some = Math.min(wanted, this.#depth);
    const left = (this.#fullAt - now) / this.#interval;
    return Math.max(0, Math.ceil((left + some - this.#depth) * this.#interval));
  }
}

/** What a database may get: rows and transactions, each at a pace or as many as there are. */
export class Allowance {
  readonly #rows: Pace | undefined;
  readonly #transactions: Pace | undefined;

  constructor({ rows, transactions }: { readonly rows: Rate | undefined; readonly transactions: Rate | undefined }) {
    this.#rows = rows === undefined ? undefined : new Pace(rows);
    this.#transactions = transactions === undefined ? undefined : new Pace(transactions);
  }

  /** @param now monotonic, ms @returns how many rows may go in one transaction now, 0 for none */
  take(most: number, now: number): number {
    if (this.#transactions !== undefined && this.#transactions.take(1, now) === 0) return 0;
    const count = this.#rows === undefined ? most : this.#rows.take(most, now);
    if (count === 0) this.#transactions?.giveBack(1);
    return count;
  }

  /** So many rows did not go, and maybe the whole transaction. */
  giveBack(rows: number, transaction: boolean): void {
    if (rows > 0) this.#rows?.giveBack(rows);
    if (transaction) this.#transactions?.giveBack(1);
  }

  /** Until a transaction of so many rows may go, ms. */
  wait(rows: number, now: number): number {
    return Math.max(this.#rows?.wait(rows, now) ?? 0, this.#transactions?.wait(1, now) ?? 0);
  }
}
