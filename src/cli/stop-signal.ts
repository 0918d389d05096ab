/** Under npm a terminal's Ctrl-C arrives twice: once from the terminal and once passed on by npm. */
const echoMs = 1000;

/**
 * INT and TERM while this is alive: the first one resolves {@link received}; another one that comes more than a second after it ends the
 * process at once, so that a drain that hangs can be cut short.
 */
export class StopSignal implements Disposable {
  readonly received: Promise<void>;
  readonly #onSignal: (signal: NodeJS.Signals) => void;

  constructor() {
    let resolve: () => void = () => undefined;
    this.received = new Promise((done) => {
      resolve = done;
    });
    let first: number | undefined;
    this.#onSignal = (signal) => {
      const now = performance.now();
      if (first === undefined) {
        first = now;
        resolve();
      } else if (now - first > echoMs) {
        process.exit(signal === 'SIGINT' ? 130 : 143);
      }
    };
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
  }
}
