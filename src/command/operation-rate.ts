/** How far apart the two marks between which the rate is taken are at least, in ms. */
const SPAN = 1000;

/** Rate of a growing count without a timer: the count is marked about once a second, as it happens to be looked at. */
export class OperationRate {
  #olderAt = 0;
  #olderCount = 0;
  #markAt = 0;
  #markCount = 0;

  /** Called with the count before each operation. @param now ms */
  note(now: number, count: number): void {
    if (now - this.#markAt < SPAN && now >= this.#markAt) return;
    this.#olderAt = this.#markAt;
    this.#olderCount = this.#markCount;
    this.#markAt = now;
    this.#markCount = count;
  }

  /** Per second since the last mark but one, 0 where nothing happened for two spans. */
  perSecond(now: number, count: number): number {
    this.note(now, count);
    const elapsed = now - this.#olderAt;
    if (this.#olderAt === 0 || elapsed <= 0) return 0;
    return Math.round(((count - this.#olderCount) * 1000) / elapsed);
  }

  reset(): void {
    this.#olderAt = 0;
    this.#olderCount = 0;
    this.#markAt = 0;
    this.#markCount = 0;
  }
}
