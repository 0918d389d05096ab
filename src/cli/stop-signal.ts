import { setTimeout as sleep } from 'node:timers/promises';

/** Under npm a terminal's Ctrl-C arrives twice: once from the terminal and once passed on by npm. */
const echoMs = 1000;
/** By then npm has passed it on. */
const npmEchoMs = 200;

/** The signals that tell a node to stop. */
export interface StopSignal {
  /** Resolves at the first INT or TERM. */
  readonly received: Promise<void>;
  /**
   * Resolves when the process may end. Under npm that is a moment after the signal: Node gives up its handlers while it ends, and the INT
   * that npm passes on would turn the status 0 of an orderly end into an end by a signal.
   */
  mayEnd(): Promise<void>;
}

/**
 * Catches INT and TERM to the end of the process. Another one that comes more than a second after the first ends the process at once, so
 * that a drain that hangs can be cut short.
 */
export function catchStopSignal(): StopSignal {
  let first: number | undefined;
  const received = new Promise<void>((resolve) => {
    const onSignal = (signal: NodeJS.Signals): void => {
      const now = performance.now();
      if (first === undefined) {
        first = now;
        resolve();
      } else if (now - first > echoMs) {
        process.exit(signal === 'SIGINT' ? 130 : 143);
      }
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
  return {
    received,
    async mayEnd() {
      if (first === undefined || process.env['npm_lifecycle_event'] === undefined) return;
      await sleep(Math.max(0, first + npmEchoMs - performance.now()));
    },
  };
}
