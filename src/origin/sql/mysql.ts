import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'mysql2';
import type { QueryBounds, SqlCell, SqlResult } from './database.ts';
import { type MysqlField, mysqlCell } from './mysql-values.ts';
import type { ServerDriverOptions } from './postgres.ts';
import { closed, refusal, type SqlDriver, SqlFailure, type SqlSession, socketReason } from './sql-session.ts';
import { tlsOptions } from './tls-options.ts';

/** What of `mysql2` is used, some of which its types leave out. */
export interface MysqlPackage {
  createConnection(options: ConnectionOptions): unknown;
}

interface MysqlConnection {
  readonly threadId: number;
  readonly stream: Socket;
  on(event: 'error', listener: (error: unknown) => void): void;
  on(event: 'end' | 'connect', listener: () => void): void;
  query(text: string, done: (error: unknown) => void): void;
  /** Prepares it, or finds it prepared, and runs it. */
  execute(options: {
    readonly sql: string;
    readonly values: readonly string[];
    readonly rowsAsArray: true;
  }): MysqlQuery;
  end(): void;
  destroy(): void;
}

interface MysqlQuery {
  /** Undefined for a statement that gives no rows. */
  on(event: 'fields', listener: (fields: readonly MysqlField[] | undefined) => void): void;
  on(event: 'result', listener: (row: unknown) => void): void;
  on(event: 'error', listener: (error: unknown) => void): void;
  on(event: 'end', listener: () => void): void;
}

/**
 * Given to every connection first. Read-only so that a query cannot change anything, whatever its user may do; who writes begins a READ WRITE
 * transaction. The time zone makes the text of TIMESTAMP columns independent of the server's settings.
 */
const sessionSettings = ['SET SESSION TRANSACTION READ ONLY', "SET time_zone = '+00:00'"];

/** Statements that are kept prepared on each connection; the one used longest ago makes room. */
const MAX_PREPARED = 100;
/** Bytes that may come beside the values: descriptions, messages. */
const OVERHEAD = 64 * 1024;

/** MySQL and MariaDB by the package `mysql2`. */
export function mysqlDriver(mysql: MysqlPackage, { target, connectTimeout }: ServerDriverOptions): SqlDriver {
  const connect = async (signal: AbortSignal): Promise<MysqlSession> => {
    const tls = await tlsOptions(target);
    const connection = mysql.createConnection({
      ...(target.host.startsWith('/') ? { socketPath: target.host } : { host: target.host, port: target.port }),
      ...(target.user === undefined ? {} : { user: target.user }),
      ...(target.password === undefined ? {} : { password: target.password }),
      ...(target.database === undefined ? {} : { database: target.database }),
      // Without this the certificate's name is not looked at.
      ...(tls === undefined ? {} : { ssl: { ...tls, verifyIdentity: tls.rejectUnauthorized } }),
      // The server must not ask for files of this machine.
      flags: ['-LOCAL_FILES'],
      charset: 'utf8mb4',
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      jsonStrings: true,
      timezone: 'Z',
      maxPreparedStatements: MAX_PREPARED,
      // Rows are read without code made at run time.
      disableEval: true,
      // The pool's own time limit holds.
      connectTimeout: 0,
    });
    const session = new MysqlSession(connection as MysqlConnection, kill);
    await session.connect(signal);
    return session;
  };
  /** Ends a connection on the server, and what runs on it. */
  const kill = async (threadId: number): Promise<void> => {
    const session = await connect(AbortSignal.timeout(connectTimeout));
    try {
      await session.command(`KILL ${threadId}`);
    } finally {
      await session.close();
    }
  };
  return {
    dialect: 'mysql',
    maxConnections: Number.POSITIVE_INFINITY,
    async open(signal) {
      const session = await connect(signal);
      try {
        for (const setting of sessionSettings) await session.command(setting);
      } catch (error) {
        await session.close();
        throw error;
      }
      return session;
    },
  };
}

class MysqlSession implements SqlSession {
  isUsable = false;
  onLost: () => void = () => {};
  #isConnected = false;
  readonly #connection: MysqlConnection;
  readonly #kill: (threadId: number) => Promise<void>;
  /** Fails what is under way. */
  #fail: (error: SqlFailure) => void = () => {};

  constructor(connection: MysqlConnection, kill: (threadId: number) => Promise<void>) {
    this.#connection = connection;
    this.#kill = kill;
    connection.on('error', (error) =>
      this.#lost(failureOf(error, this.#isConnected ? 'the connection was lost' : 'cannot connect')),
    );
    connection.on('end', () => this.#lost(new SqlFailure('lost', 'the connection was lost')));
    // A connection that is destroyed says nothing else.
    connection.stream.on('close', () => this.#lost(new SqlFailure('lost', 'the connection was lost')));
  }

  connect(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: SqlFailure): void => {
        signal.removeEventListener('abort', stop);
        this.#destroy();
        reject(error);
      };
      const stop = (): void => fail(new SqlFailure('lost', 'no connection was made'));
      this.#fail = fail;
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      this.#connection.on('connect', () => {
        signal.removeEventListener('abort', stop);
        this.isUsable = true;
        this.#isConnected = true;
        resolve();
      });
    });
  }

  command(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#connection.query(text, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(failureOf(error, 'the connection was lost'));
      });
    });
  }

  async query(text: string, params: readonly string[], bounds: QueryBounds): Promise<SqlResult> {
    try {
      return await this.#execute(text, params, bounds);
    } catch (error) {
      const failure = error instanceof SqlFailure ? error : failureOf(error, 'the connection was lost');
      if (failure.kind !== 'refused') this.#destroy();
      throw failure;
    }
  }

  #execute(text: string, params: readonly string[], { maxRows, maxBytes }: QueryBounds): Promise<SqlResult> {
    const { stream } = this.#connection;
    return new Promise((resolve, reject) => {
      const rows: SqlCell[][] = [];
      let fields: readonly MysqlField[] = [];
      let failure: unknown;
      let received = 0;
      const finish = (settle: () => void): void => {
        stream.removeListener('data', count);
        this.#fail = () => {};
        settle();
      };
      const count = (chunk: Buffer): void => {
        received += chunk.length;
        if (received > 2 * maxBytes + OVERHEAD)
          finish(() =>
            reject(new SqlFailure('too-large', `the answer is longer than ${maxBytes} bytes (maxValueBytes)`)),
          );
      };
      this.#fail = (error) => finish(() => reject(error));
      stream.on('data', count);
      const query = this.#connection.execute({ sql: text, values: params, rowsAsArray: true });
      query.on('fields', (given) => {
        fields = given ?? [];
      });
      query.on('result', (row) => {
        if (!Array.isArray(row)) return;
        if (rows.length < maxRows) {
          rows.push(fields.map((field, i) => mysqlCell(field, row[i])));
          return;
        }
        // The protocol cannot be asked to stop: the connection is given up instead of reading what may be millions of rows.
        this.#destroy();
        finish(() => resolve({ columns: fields.map(({ name }) => name), rows, more: true }));
      });
      query.on('error', (error) => {
        failure = error;
      });
      query.on('end', () => {
        if (failure === undefined)
          finish(() => resolve({ columns: fields.map(({ name }) => name), rows, more: false }));
        else finish(() => reject(failureOf(failure, 'the connection was lost')));
      });
    });
  }

  async cancel(): Promise<void> {
    this.isUsable = false;
    try {
      // Closing the connection alone would leave the query running on the server.
      await this.#kill(this.#connection.threadId);
    } finally {
      this.#destroy();
    }
  }

  async close(): Promise<void> {
    const wasUsable = this.isUsable;
    this.isUsable = false;
    if (!wasUsable) return this.#destroy();
    this.#connection.end();
    // Not waiting for the server, which may hang.
    await closed(this.#connection.stream);
  }

  #lost(failure: SqlFailure): void {
    const wasUsable = this.isUsable;
    this.isUsable = false;
    this.#fail(failure);
    if (wasUsable) this.onLost();
  }

  #destroy(): void {
    this.isUsable = false;
    this.#connection.destroy();
    this.#connection.stream.destroy();
  }
}

/** Codes for the end of a connection: the server stops, ends it, or has ended it for a reason it tells once. */
const endings = new Set([1053, 1927, 4031]);

function failureOf(error: unknown, what: string): SqlFailure {
  const { sqlState, errno, sqlMessage } = error as { [name in 'sqlState' | 'errno' | 'sqlMessage']?: unknown };
  if (typeof sqlState !== 'string' || !/^[0-9A-Z]{5}$/.test(sqlState))
    return new SqlFailure('lost', `${what}: ${socketReason(error)}`);
  const isEnd = typeof errno === 'number' && endings.has(errno);
  return new SqlFailure(isEnd ? 'lost' : 'refused', refusal(sqlState, String(sqlMessage)));
}
