import type { Cancellation } from '../kernel/cancellation.ts';
import { SinkFailure } from './sink.ts';

/** One connection to a database server, which runs one statement at a time. */
export interface SinkSession {
  /** It is connected, and nothing has gone wrong on it. */
  readonly isUsable: boolean;
  /** Called once when the connection is lost, whoever ended it. */
  onLost: () => void;
  connect(): Promise<void>;
  begin(): Promise<void>;
  rollBack(): Promise<void>;
  /** Ends it; nothing runs on it. */
  end(): Promise<void>;
  /** Ends it at once; its transaction ends with it. */
  drop(): void;
  /** The same, and ends on the server what runs on it: its locks would be kept for as long as it runs. */
  kill(): void;
}

export interface SqlPoolOptions<Session extends SinkSession> {
  readonly maxConnections: number;
  /** A connection that is still to be made. */
  readonly create: () => Session;
  /** Whether the error says that the connection was gone already. */
  readonly isLost: (error: unknown) => boolean;
}

/** A connection that nobody has used for so long is closed, ms. */
const IDLE_TIMEOUT = 60_000;

/** A session, in the hands of one user at a time. */
interface Held<Session> {
  readonly session: Session;
  idleTimer: NodeJS.Timeout | undefined;
}

/** A few connections to one server, opened when they are needed. */
export class SqlPool<Session extends SinkSession> {
  readonly #options: SqlPoolOptions<Session>;
  #idle: Held<Session>[] = [];
  /** In use, being opened included. */
  #used = 0;
  #waiting: (() => void)[] = [];

  constructor(options: SqlPoolOptions<Session>) {
    this.#options = options;
  }

  /**
   * Runs `work` in a transaction, which `work` ends. A connection that the server ended while it lay idle is replaced. When `signal` aborts
   * the connection is dropped, what runs on it is ended, and who waits for its answer hears that it is lost.
   */
  async use<T>(signal: Cancellation, work: (session: Session) => Promise<T>): Promise<T> {
    await this.#place(signal);
    try {
      const held = await this.#begun(signal);
      try {
        const result = await unlessAborted(held.session, signal, () => work(held.session));
        this.#keep(held);
        return result;
      } catch (error) {
        await this.#rollBack(held, error);
        throw error;
      }
    } finally {
      this.#used--;
      this.#waiting.shift()?.();
    }
  }

  /** Closes those that lie idle; nothing is in use. */
  async close(): Promise<void> {
    const idle = this.#idle;
    this.#idle = [];
    await Promise.all(
      idle.map(({ session, idleTimer }) => {
        clearTimeout(idleTimer);
        return session.end();
      }),
    );
  }

  /** Waits until one more may be used. */
  async #place(signal: Cancellation): Promise<void> {
    while (this.#used >= this.#options.maxConnections) {
      if (signal.aborted) throw outOfTime();
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener('abort', done);
          this.#waiting = this.#waiting.filter((waiting) => waiting !== done);
          resolve();
        };
        this.#waiting.push(done);
        signal.addEventListener('abort', done, { once: true });
      });
    }
    if (signal.aborted) {
      this.#waiting.shift()?.();
      throw outOfTime();
    }
    this.#used++;
  }

  async #begun(signal: Cancellation): Promise<Held<Session>> {
    for (;;) {
      const idle = this.#idle.pop();
      clearTimeout(idle?.idleTimer);
      const held = idle ?? (await this.#open(signal));
      try {
        await unlessAborted(held.session, signal, () => held.session.begin());
        return held;
      } catch (error) {
        held.session.drop();
        if (idle === undefined || signal.aborted || !this.#options.isLost(error)) throw error;
      }
    }
  }

  async #open(signal: Cancellation): Promise<Held<Session>> {
    const session = this.#options.create();
    const held: Held<Session> = { session, idleTimer: undefined };
    session.onLost = () => {
      clearTimeout(held.idleTimer);
      this.#idle = this.#idle.filter((one) => one !== held);
    };
    try {
      await unlessAborted(session, signal, () => session.connect());
      return held;
    } catch (error) {
      session.drop();
      throw error;
    }
  }

  /** Rows that cannot be written are looked for by many tries, which had better not connect each time; other errors are few. */
  async #rollBack(held: Held<Session>, error: unknown): Promise<void> {
    try {
      if (!(error instanceof SinkFailure && error.kind === 'data')) throw error;
      await held.session.rollBack();
      this.#keep(held);
    } catch {
      held.session.drop();
    }
  }

  #keep(held: Held<Session>): void {
    if (!held.session.isUsable) return;
    this.#idle.push(held);
    held.idleTimer = setTimeout(() => {
      this.#idle = this.#idle.filter((one) => one !== held);
      void held.session.end();
    }, IDLE_TIMEOUT).unref();
  }
}

/** Ends the connection when `signal` aborts before `work` has ended. */
async function unlessAborted<T>(session: SinkSession, signal: Cancellation, work: () => Promise<T>): Promise<T> {
  const stop = (): void => session.kill();
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) throw outOfTime();
    return await work();
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function outOfTime(): SinkFailure {
  return new SinkFailure('transient', 'no answer in time');
}
