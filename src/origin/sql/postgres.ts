import type { Client, ClientConfig } from 'pg';
import type { QueryBounds, SqlResult } from './database.ts';
import type { ServerTarget } from './database-url.ts';
import { cancelPostgres } from './postgres-cancel.ts';
import { type PostgresClient, PostgresQuery } from './postgres-query.ts';
import { closed, refusal, type SqlDriver, SqlFailure, type SqlSession, socketReason } from './sql-session.ts';
import { tlsOptions } from './tls-options.ts';

export interface ServerDriverOptions {
  readonly target: ServerTarget;
  /** For cancelling a query, which takes a connection of its own, ms. */
  readonly connectTimeout: number;
}

/**
 * Settings of every connection, given in its first message. Read-only so that a query cannot change anything, whatever its role may do;
 * who writes begins a READ WRITE transaction. The others make the text of values independent of the server's settings.
 */
const sessionSettings = [
  ['default_transaction_read_only', 'on'],
  ['TimeZone', 'UTC'],
  ['DateStyle', 'ISO'],
  ['IntervalStyle', 'iso_8601'],
  ['bytea_output', 'hex'],
  ['extra_float_digits', '1'],
]
  .map(([name, value]) => `-c ${name}=${value}`)
  .join(' ');

/** Statements that are kept prepared on each connection; further ones are prepared each time. */
const MAX_PREPARED = 100;

/** PostgreSQL by the package `pg`. */
export function postgresDriver(
  pg: { readonly Client: new (config: ClientConfig) => Client },
  { target, connectTimeout }: ServerDriverOptions,
): SqlDriver {
  const config = async (): Promise<ClientConfig> => ({
    host: target.host,
    port: target.port,
    ...(target.user === undefined ? {} : { user: target.user }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.database === undefined ? {} : { database: target.database }),
    ssl: (await tlsOptions(target)) ?? false,
    application_name: 'sluice',
    options: sessionSettings,
    keepAlive: true,
  });
  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    const known = names.get(text);
    if (known !== undefined) return known;
    if (names.size >= MAX_PREPARED) return '';
    const name = `sluice_${names.size + 1}`;
    names.set(text, name);
    return name;
  };
  return {
    dialect: 'postgres',
    maxConnections: Number.POSITIVE_INFINITY,
    async open(signal) {
      const client = new pg.Client(await config()) as unknown as PostgresClient;
      const session = new PostgresSession(client, { target, connectTimeout, nameOf });
      await session.connect(signal);
      return session;
    },
  };
}

interface PostgresSessionOptions extends ServerDriverOptions {
  /** The name a statement is prepared under; '' for none. */
  readonly nameOf: (text: string) => string;
}

class PostgresSession implements SqlSession {
  isUsable = false;
  onLost: () => void = () => {};
  readonly #client: PostgresClient;
  readonly #options: PostgresSessionOptions;

  constructor(client: PostgresClient, options: PostgresSessionOptions) {
    this.#client = client;
    this.#options = options;
    // Its query, if there is one, hears of it too.
    client.on('error', () => this.#lost());
    client.on('end', () => this.#lost());
  }

  async connect(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) throw new SqlFailure('lost', 'no connection was made');
      await this.#client.connect();
      this.isUsable = true;
    } catch (error) {
      this.#destroy();
      throw error instanceof SqlFailure ? error : failureOf(error, 'cannot connect');
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async query(text: string, params: readonly string[], bounds: QueryBounds): Promise<SqlResult> {
    const query = new PostgresQuery(this.#options.nameOf(text), { text, params, bounds });
    try {
      return await query.run(this.#client);
    } catch (error) {
      const failure = error instanceof SqlFailure ? error : failureOf(error, 'the connection was lost');
      if (failure.kind !== 'refused') this.#destroy();
      throw failure;
    }
  }

  async cancel(): Promise<void> {
    this.isUsable = false;
    try {
      await cancelPostgres(this.#options.target, this.#client, this.#options.connectTimeout);
    } finally {
      this.#destroy();
    }
  }

  async close(): Promise<void> {
    const wasUsable = this.isUsable;
    this.isUsable = false;
    if (!wasUsable) return this.#destroy();
    void this.#client.end();
    // Not waiting for the server, which may hang.
    await closed(this.#client.connection.stream);
  }

  #lost(): void {
    if (!this.isUsable) return;
    this.isUsable = false;
    this.onLost();
  }

  #destroy(): void {
    this.isUsable = false;
    this.#client.connection.stream.destroy();
  }
}

/** Prepared statements that no longer fit: their table was altered, or a pooler between us has given us another server process. */
const staleStates = new Set(['0A000', '26000']);

function failureOf(error: unknown, what: string): SqlFailure {
  const { code, message, severity, routine } = error as {
    [name in 'code' | 'message' | 'severity' | 'routine']?: unknown;
  };
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code) || typeof severity !== 'string')
    return new SqlFailure('lost', `${what}: ${socketReason(error)}`);
  const reason = refusal(code, String(message));
  if (code === '26000' || (staleStates.has(code) && routine === 'RevalidateCachedQuery'))
    return new SqlFailure('stale', reason);
  // Of class 57P and FATAL is what ends the connection: the server stops, or an administrator ended it.
  const isEnd = /^57P0[1-5]$/.test(code) || code.startsWith('08');
  return new SqlFailure(isEnd ? 'lost' : 'refused', reason);
}
