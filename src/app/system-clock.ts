import type { Clock } from '../kernel/clock.ts';

/** Node's timers are 32 bits wide and fire at once beyond that. */
const LONGEST_MS = 0x7fffffff;

/** The clock of the machine. Timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(run, delayMs) {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      timer = (
        leftMs > LONGEST_MS ? setTimeout(() => wait(leftMs - LONGEST_MS), LONGEST_MS) : setTimeout(run, leftMs)
      ).unref();
    };
    wait(delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
