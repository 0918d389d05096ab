import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';

/** Somebody who waits until a change is written. */
interface Waiter {
  readonly version: number;
  /** Monotonic, ms. */
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: SluiceError) => void;
}

/** What becomes of a row; records have no version. */
interface Written {
  readonly key: ByteString;
  readonly version?: number;
}

/** Who waits at a time, of one keyspace. */
const MAX_WAITING = 10_000;

/** Rows that are to be written before all others, and who waits for that. */
export class Urgent {
  readonly #waiters = new Map<ByteString, Waiter[]>();
  #size = 0;

  /** Rows that somebody waits for. */
  keys(): ByteString[] {
    return [...this.#waiters.keys()];
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size >= MAX_WAITING;
  }

  /** Resolves when the change, or a later one of its row, is written. @throws SluiceError STORE_TIMEOUT, INVALID_ARGUMENT */
  wait(key: ByteString, version: number, deadline: number): Promise<void> {
    if (this.isFull) return Promise.reject(notYet('too many others wait for theirs'));
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(key);
      const waiter = { version, deadline, resolve, reject };
      if (waiters === undefined) this.#waiters.set(key, [waiter]);
      else waiters.push(waiter);
      this.#size++;
    });
  }

  /** The latest change that is waited for. */
  versionOf(key: ByteString): number {
    return this.#waiters.get(key)?.reduce((latest, { version }) => Math.max(latest, version), 0) ?? 0;
  }

  written(rows: Iterable<Written>): void {
    if (this.#size === 0) return;
    for (const { key, version = 0 } of rows)
      this.#end(
        key,
        (one) => one.version <= version,
        ({ resolve }) => resolve(),
      );
  }

  setAside({ key, version = 0 }: Written, reason: string): void {
    const error = new SluiceError('INVALID_ARGUMENT', `the row can never be written; it was set aside: ${reason}`);
    this.#end(
      key,
      (one) => one.version <= version,
      ({ reject }) => reject(error),
    );
  }

  /** Those whose time is over. @param trouble why nothing is written */
  lapse(now: number, trouble: string | undefined): void {
    if (this.#size === 0) return;
    const error = notYet(trouble ?? 'too many others wait');
    for (const key of this.keys())
      this.#end(
        key,
        ({ deadline }) => deadline <= now,
        ({ reject }) => reject(error),
      );
  }

  #end(key: ByteString, isOver: (waiter: Waiter) => boolean, end: (waiter: Waiter) => void): void {
    const waiters = this.#waiters.get(key);
    if (waiters === undefined) return;
    const rest = waiters.filter((waiter) => !isOver(waiter));
    if (rest.length === 0) this.#waiters.delete(key);
    else this.#waiters.set(key, rest);
    this.#size -= waiters.length - rest.length;
    for (const waiter of waiters) if (isOver(waiter)) end(waiter);
  }
}

function notYet(why: string): SluiceError {
  return new SluiceError(
    'STORE_TIMEOUT',
    `the row was accepted and will be written, but is not in the table yet: ${why}`,
  );
}
