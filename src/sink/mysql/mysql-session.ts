import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'mysql2';
import type { ServerTarget } from '../../origin/sql/database-url.ts';
import { closed } from '../../origin/sql/sql-session.ts';
import { tlsOptions } from '../../origin/sql/tls-options.ts';
import { SinkFailure } from '../sink.ts';
import type { SinkSession } from '../sql-pool.ts';
import { type MysqlServer, serverOf, sessionSettings } from './mysql-settings.ts';

/** What of `mysql2` is used, some of which its types leave out. */
export interface MysqlPackage {
  createConnection(options: ConnectionOptions): unknown;
}

interface MysqlConnection {
  readonly threadId: number;
  readonly stream: Socket;
  on(event: 'error', listener: (error: unknown) => void): void;
  on(event: 'end' | 'connect', listener: () => void): void;
  query(
    options: { readonly sql: string; readonly rowsAsArray: true },
    done: (error: unknown, result?: unknown) => void,
  ): void;
  end(): void;
  destroy(): void;
}

export interface MysqlSessionOptions {
  readonly target: ServerTarget;
  /** ms */
  readonly connectTimeout: number;
  /** How long to wait for the answer to a statement, ms; the server gives up a little earlier. */
  readonly timeout: number;
}

/** Every value as text. */
export type MysqlRow = readonly (string | null)[];

export interface MysqlAnswer {
  readonly rows: readonly MysqlRow[];
  /** Of a statement that gives no rows: how many it found, changed or not. */
  readonly found: number;
}

/** One connection to MySQL or MariaDB. Runs one statement at a time. */
export class MysqlSession implements SinkSession {
  isUsable = false;
  onLost: () => void = () => {};
  server: MysqlServer = { isMariadb: false, version: 0, maxPacket: 1024 * 1024 };
  readonly #mysql: MysqlPackage;
  readonly #options: MysqlSessionOptions;
  #connection: MysqlConnection | undefined;
  #isDropped = false;
  /** Fails what is under way. */
  #fail: (error: unknown) => void = () => {};

  constructor(mysql: MysqlPackage, options: MysqlSessionOptions) {
    this.#mysql = mysql;
    this.#options = options;
  }

  /** Makes the connection and its settings. @throws what `mysql2` throws, SqlFailure */
  async connect(): Promise<void> {
    await this.#connect();
    const { rows } = await this.run(
      `SHOW VARIABLES WHERE Variable_name IN ('version', 'max_allowed_packet', 'binlog_format', 'log_bin')`,
    );
    const variables = new Map(rows.map(([name, value]) => [name?.toLowerCase() ?? '', value ?? '']));
    this.server = serverOf(variables);
    // Statements in the binary log would be run again in another order than they were.
    const isLogged = variables.get('log_bin') === 'ON' && variables.get('binlog_format') === 'STATEMENT';
    for (const setting of sessionSettings(this.server, { timeout: this.#options.timeout, isLogged }))
      await this.run(setting);
  }

  async begin(): Promise<void> {
    await this.run('START TRANSACTION');
  }

  async rollBack(): Promise<void> {
    await this.run('ROLLBACK');
  }

  /** Runs a statement, whose values are in it. @throws what `mysql2` throws */
  run(sql: string): Promise<MysqlAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#connection === undefined || !this.isUsable) throw lost();
      const timer = setTimeout(() => {
        this.kill();
        fail(new SinkFailure('transient', 'no answer in time'));
      }, this.#options.timeout);
      const settle = (): void => {
        clearTimeout(timer);
        this.#fail = () => {};
      };
      const fail = (error: unknown): void => {
        settle();
        reject(error);
      };
      this.#fail = fail;
      this.#connection.query({ sql, rowsAsArray: true }, (error, result) => {
        if (error !== null && error !== undefined) return fail(error);
        settle();
        resolve(answerOf(result));
      });
    });
  }

  kill(): void {
    const threadId = this.isUsable ? this.#connection?.threadId : undefined;
    this.drop();
    if (threadId !== undefined) void this.#killed(threadId);
  }

  drop(): void {
    this.isUsable = false;
    this.#isDropped = true;
    this.#connection?.destroy();
    this.#connection?.stream.destroy();
  }

  async end(): Promise<void> {
    if (this.#connection === undefined || !this.isUsable) return this.drop();
    this.isUsable = false;
    this.#connection.end();
    await closed(this.#connection.stream);
  }

  async #connect(): Promise<void> {
    const { target, connectTimeout } = this.#options;
    const tls = await tlsOptions(target);
    if (this.#isDropped) throw lost();
    const connection = this.#mysql.createConnection({
      ...(target.host.startsWith('/') ? { socketPath: target.host } : { host: target.host, port: target.port }),
      ...(target.user === undefined ? {} : { user: target.user }),
      ...(target.password === undefined ? {} : { password: target.password }),
      ...(target.database === undefined ? {} : { database: target.database }),
      // Without this the certificate's name is not looked at.
      ...(tls === undefined ? {} : { ssl: { ...tls, verifyIdentity: tls.rejectUnauthorized } }),
      // The server must not ask for files of this machine. Rows that are found count, changed or not.
      flags: ['-LOCAL_FILES', 'FOUND_ROWS'],
      charset: 'utf8mb4',
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      jsonStrings: true,
      timezone: 'Z',
      disableEval: true,
      connectTimeout,
    }) as MysqlConnection;
    this.#connection = connection;
    await new Promise<void>((resolve, reject) => {
      this.#fail = reject;
      connection.on('error', (error) => this.#lost(error));
      connection.on('end', () => this.#lost(lost()));
      // A connection that is destroyed says nothing else.
      connection.stream.on('close', () => this.#lost(lost()));
      connection.on('connect', () => {
        this.isUsable = true;
        resolve();
      });
    });
  }

  #lost(error: unknown): void {
    const wasUsable = this.isUsable;
    this.isUsable = false;
    this.#fail(error);
    if (wasUsable) this.onLost();
  }

  async #killed(threadId: number): Promise<void> {
    const other = new MysqlSession(this.#mysql, { ...this.#options, timeout: this.#options.connectTimeout });
    try {
      await other.#connect();
      await other.run(`KILL ${threadId}`);
      await other.end();
    } catch {
      // It has ended by itself, or the server is away.
      other.drop();
    }
  }
}

function lost(): Error {
  return Object.assign(new Error('the connection was lost'), { code: 'PROTOCOL_CONNECTION_LOST' });
}

function answerOf(result: unknown): MysqlAnswer {
  if (!Array.isArray(result)) return { rows: [], found: (result as { readonly affectedRows: number }).affectedRows };
  const rows = (result as readonly (readonly unknown[])[]).map((row) =>
    row.map((value) => (value === null || value === undefined ? null : String(value))),
  );
  return { rows, found: rows.length };
}
