import type { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Clock, Timer } from '../kernel/clock.ts';

/** Changes that wait for room, of one keyspace. */
const MAX_WAITING = 10_000;

/** Where changes wait until there is room for them, in their order. */
export class Room {
  readonly #clock: Clock;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #wake: (() => void) | undefined;
  /** The last change of each key that waits. */
  readonly #ofKey = new Map<ByteString, Promise<unknown>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Somebody waits: whoever comes now comes after. */
  get isBusy(): boolean {
    return this.#waiting > 0;
  }

  /** Resolves when what waits of the key has ended; undefined: nothing does. */
  of(key: ByteString): Promise<unknown> | undefined {
    return this.#ofKey.get(key);
  }

  /** A change of the key that is under way; whoever comes now comes after. */
  hold(key: ByteString, change: Promise<unknown>): void {
    const over = (): void => {
      if (this.#ofKey.get(key) === settled) this.#ofKey.delete(key);
    };
    const settled: Promise<void> = change.then(over, over);
    this.#ofKey.set(key, settled);
  }

  /** There may be room now. */
  freed(): void {
    this.#wake?.();
  }

  /**
   * Tries in turn, until it succeeds or the time is over.
   * @param attempt undefined: there is no room @param timeout ms @throws SluiceError OVERLOADED and what `attempt` throws
   */
  enter<T>(
    key: ByteString,
    attempt: () => T | undefined | Promise<T | undefined>,
    timeout: number,
    full: () => SluiceError,
  ): Promise<T> {
    if (this.#waiting >= MAX_WAITING) return Promise.reject(full());
    this.#waiting++;
    const deadline = this.#clock.monotonic() + timeout;
    const before = this.#last;
    const entered = before.then(() => this.#try(attempt, deadline, full));
    const over = (): void => {
      this.#waiting--;
      if (this.#ofKey.get(key) === settled) this.#ofKey.delete(key);
    };
    const settled: Promise<void> = entered.then(over, over);
    this.#last = settled;
    this.#ofKey.set(key, settled);
    return entered;
  }

  async #try<T>(
    attempt: () => T | undefined | Promise<T | undefined>,
    deadline: number,
    full: () => SluiceError,
  ): Promise<T> {
    for (;;) {
      const result = await attempt();
      if (result !== undefined) return result;
      const left = deadline - this.#clock.monotonic();
      if (left <= 0) throw full();
      await this.#freed(left);
    }
  }

  #freed(most: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const over = (): void => {
        timer?.cancel();
        this.#wake = undefined;
        resolve();
      };
      this.#wake = over;
      timer = this.#clock.setTimer(over, most);
    });
  }
}
