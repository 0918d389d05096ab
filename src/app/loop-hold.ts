/** Longer than any wait; the timer does nothing. */
const FOR_EVER_MS = 2 ** 30;

/**
 * Keeps the event loop alive while something is being waited for. The timers of a node do not, so that it never keeps a program from ending; but a program
 * that waits for an answer must get it.
 */
export class LoopHold {
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Until the work is done. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting++ === 0) this.#timer = setInterval(() => undefined, FOR_EVER_MS);
    try {
      return await work();
    } finally {
      if (--this.#waiting === 0) clearInterval(this.#timer);
    }
  }
}
