/** A connection that holds bytes for its client. */
export interface ByteHolder {
  /** What it holds now. */
  readonly heldBytes: number;
  /** Gives up what it holds: the client is told where it can be, and loses its connection. */
  shed(): void;
}

/** A {@link ByteHolder} of one direction of a connection that holds bytes in both. */
export class Holding implements ByteHolder {
  readonly shed: () => void;
  readonly #measure: () => number;

  constructor(measure: () => number, shed: () => void) {
    this.#measure = measure;
    this.shed = shed;
  }

  get heldBytes(): number {
    return this.#measure();
  }
}

/** Who holds less is not written down: most connections, most of the time. */
const WRITTEN_FROM = 16 * 1024;
/** At the bound so much of it is made free, so that the holders are not compared again at the next byte. */
const ROOM = 1 / 8;

/**
 * A bound on what all connections together hold. Where it is passed, those that hold most lose their connection, so that many small
 * ones are not turned away because of a few large ones.
 *
 * The sum is kept up while holders report; it may be too high where one shrank and did not say so. Before anybody is shed all of them
 * are asked.
 */
export class ByteBudget {
  /** 0: no bound. */
  limit: number;
  readonly #held = new Map<ByteHolder, number>();
  #total = 0;
  #most = 0;
  #shed = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes held together, as last reported; holders of less than 16 KiB do not count. */
  get total(): number {
    return this.#total;
  }

  /** The highest total so far, the excess that somebody was shed for included. */
  get most(): number {
    return this.#most;
  }

  /** Holders that lost what they held. */
  get shed(): number {
    return this.#shed;
  }

  /** What `holder` holds has changed. It may be shed before this returns. */
  report(holder: ByteHolder): void {
    const before = this.#held.get(holder);
    const bytes = holder.heldBytes;
    if (bytes < WRITTEN_FROM) {
      if (before !== undefined) this.release(holder);
      return;
    }
    this.#held.set(holder, bytes);
    this.#total += bytes - (before ?? 0);
    if (this.#total > this.#most) this.#most = this.#total;
    if (this.#total > this.limit && this.limit > 0) this.#makeRoom();
  }

  /** `holder` holds nothing any more. */
  release(holder: ByteHolder): void {
    this.#total -= this.#held.get(holder) ?? 0;
    this.#held.delete(holder);
  }

  #makeRoom(): void {
    this.#total = 0;
    for (const holder of this.#held.keys()) {
      const bytes = holder.heldBytes;
      if (bytes < WRITTEN_FROM) this.#held.delete(holder);
      else this.#held.set(holder, bytes);
      this.#total += bytes < WRITTEN_FROM ? 0 : bytes;
    }
    if (this.#total <= this.limit) return;
    const largest = [...this.#held].sort(([, a], [, b]) => b - a);
    for (const [holder] of largest) {
      if (this.#total <= this.limit * (1 - ROOM)) return;
      this.release(holder);
      this.#shed++;
      holder.shed();
    }
  }
}
