import type { Clock } from '../kernel/clock.ts';

/** The clock of the machine. Timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(run, delayMs) {
    // Longer delays overflow Node's 32-bit timers and would fire at once.
    const timer = setTimeout(run, Math.min(delayMs, 0x7fffffff)).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
