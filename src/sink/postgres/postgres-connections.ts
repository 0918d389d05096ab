import type { Client, ClientConfig } from 'pg';
import type { Cancellation } from '../../kernel/cancellation.ts';
import type { ServerTarget } from '../../origin/sql/database-url.ts';
import { cancelPostgres, type PostgresProcess } from '../../origin/sql/postgres-cancel.ts';
import { tlsOptions } from '../../origin/sql/tls-options.ts';
import { SinkFailure } from '../sink.ts';
import { isLost } from './postgres-failure.ts';

/** What is used of the package. */
export interface PostgresPackage {
  readonly Client: new (config: ClientConfig) => Client;
}

export interface PostgresConnectionsOptions {
  readonly target: ServerTarget;
  readonly maxConnections: number;
  /** ms */
  readonly connectTimeout: number;
  /** How long to wait for the answer to a statement, ms. */
  readonly timeout: number;
}

/** A connection that nobody has used for so long is closed, ms. */
const IDLE_TIMEOUT = 60_000;

/** One connection, in the hands of one user at a time. */
interface Held {
  readonly client: Client;
  isUsable: boolean;
  idleTimer: NodeJS.Timeout | undefined;
}

/** A few connections to one server, opened when they are needed. */
export class PostgresConnections {
  readonly #package: PostgresPackage;
  readonly #options: PostgresConnectionsOptions;
  #idle: Held[] = [];
  /** In use, being opened included. */
  #used = 0;
  #waiting: (() => void)[] = [];

  constructor(pg: PostgresPackage, options: PostgresConnectionsOptions) {
    this.#package = pg;
    this.#options = options;
  }

  /**
   * Runs `work` on a connection on which `begin` was run. A connection that the server ended while it lay idle is replaced. When `signal`
   * aborts the connection is dropped, what runs on it is ended, and who waits for its answer hears that it is lost.
   */
  async use<T>(
    { begin, signal }: { readonly begin: string; readonly signal: Cancellation },
    work: (client: Client) => Promise<T>,
  ): Promise<T> {
    await this.#place(signal);
    try {
      const held = await this.#begun(begin, signal);
      try {
        const result = await this.#unlessAborted(held, signal, () => work(held.client));
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
      idle.map(({ client, idleTimer }) => {
        clearTimeout(idleTimer);
        return client.end().catch(() => {});
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

  async #begun(begin: string, signal: Cancellation): Promise<Held> {
    for (;;) {
      const idle = this.#idle.pop();
      clearTimeout(idle?.idleTimer);
      const held = idle ?? (await this.#open(signal));
      try {
        await this.#unlessAborted(held, signal, () => held.client.query(begin));
        return held;
      } catch (error) {
        drop(held);
        if (idle === undefined || signal.aborted || !isLost(error)) throw error;
      }
    }
  }

  async #open(signal: Cancellation): Promise<Held> {
    const { target, connectTimeout, timeout } = this.#options;
    const client = new this.#package.Client({
      host: target.host,
      port: target.port,
      ...(target.user === undefined ? {} : { user: target.user }),
      ...(target.password === undefined ? {} : { password: target.password }),
      ...(target.database === undefined ? {} : { database: target.database }),
      ssl: (await tlsOptions(target)) ?? false,
      application_name: 'sluice',
      keepAlive: true,
      connectionTimeoutMillis: connectTimeout,
      query_timeout: timeout,
    });
    const held: Held = { client, isUsable: false, idleTimer: undefined };
    const lost = (): void => {
      held.isUsable = false;
      clearTimeout(held.idleTimer);
      this.#idle = this.#idle.filter((one) => one !== held);
    };
    client.on('error', lost);
    client.on('end', lost);
    try {
      await this.#unlessAborted(held, signal, () => client.connect());
      held.isUsable = true;
      return held;
    } catch (error) {
      drop(held);
      throw error;
    }
  }

  /** Rows that cannot be written are looked for by many tries, which had better not connect each time; other errors are few. */
  async #rollBack(held: Held, error: unknown): Promise<void> {
    try {
      if (!(error instanceof SinkFailure && error.kind === 'data')) throw error;
      await held.client.query('ROLLBACK');
      this.#keep(held);
    } catch {
      drop(held);
    }
  }

  /** Drops the connection when `signal` aborts before `work` has ended. */
  async #unlessAborted<T>(held: Held, signal: Cancellation, work: () => Promise<T>): Promise<T> {
    const stop = (): void => {
      const { target, connectTimeout } = this.#options;
      // Its locks would be kept for as long as it runs.
      if (held.isUsable) void cancelPostgres(target, held.client as unknown as PostgresProcess, connectTimeout);
      drop(held);
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) throw outOfTime();
      return await work();
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #keep(held: Held): void {
    if (!held.isUsable) return;
    this.#idle.push(held);
    held.idleTimer = setTimeout(() => {
      this.#idle = this.#idle.filter((one) => one !== held);
      held.client.end().catch(() => {});
    }, IDLE_TIMEOUT).unref();
  }
}

function outOfTime(): SinkFailure {
  return new SinkFailure('transient', 'no answer in time');
}

/** Ends a connection at once; its transaction ends with it. */
function drop(held: Held): void {
  held.isUsable = false;
  const { connection } = held.client as unknown as { readonly connection: { readonly stream: { destroy(): void } } };
  connection.stream.destroy();
}
