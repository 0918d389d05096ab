import type { Client, ClientConfig } from 'pg';
import type { ServerTarget } from '../../origin/sql/database-url.ts';
import { cancelPostgres, type PostgresProcess } from '../../origin/sql/postgres-cancel.ts';
import { tlsOptions } from '../../origin/sql/tls-options.ts';
import type { SinkSession } from '../sql-pool.ts';

/** What is used of the package. */
export interface PostgresPackage {
  readonly Client: new (config: ClientConfig) => Client;
}

export interface PostgresSessionOptions {
  readonly target: ServerTarget;
  /** ms */
  readonly connectTimeout: number;
  /** How long to wait for the answer to a statement, ms. */
  readonly timeout: number;
  /** Statements that begin a transaction. */
  readonly begin: string;
}

/** One connection to PostgreSQL. */
export class PostgresSession implements SinkSession {
  isUsable = false;
  onLost: () => void = () => {};
  readonly #package: PostgresPackage;
  readonly #options: PostgresSessionOptions;
  #client: Client | undefined;
  #isDropped = false;

  constructor(pg: PostgresPackage, options: PostgresSessionOptions) {
    this.#package = pg;
    this.#options = options;
  }

  /** Of a session that is connected. */
  get client(): Client {
    return this.#client as Client;
  }

  /** @throws what `pg` throws, SqlFailure */
  async connect(): Promise<void> {
    const { target, connectTimeout, timeout } = this.#options;
    const ssl = (await tlsOptions(target)) ?? false;
    if (this.#isDropped) throw new Error('the connection was dropped');
    const client = new this.#package.Client({
      host: target.host,
      port: target.port,
      ...(target.user === undefined ? {} : { user: target.user }),
      ...(target.password === undefined ? {} : { password: target.password }),
      ...(target.database === undefined ? {} : { database: target.database }),
      ssl,
      application_name: 'sluice',
      keepAlive: true,
      connectionTimeoutMillis: connectTimeout,
      query_timeout: timeout,
    });
    this.#client = client;
    client.on('error', () => this.#lost());
    client.on('end', () => this.#lost());
    await client.connect();
    this.isUsable = true;
  }

  async begin(): Promise<void> {
    await this.client.query(this.#options.begin);
  }

  async rollBack(): Promise<void> {
    await this.client.query('ROLLBACK');
  }

  async end(): Promise<void> {
    this.isUsable = false;
    await this.#client?.end().catch(() => {});
  }

  drop(): void {
    this.isUsable = false;
    this.#isDropped = true;
    if (this.#client === undefined) return;
    const { connection } = this.#client as unknown as { readonly connection: { readonly stream: { destroy(): void } } };
    connection.stream.destroy();
  }

  kill(): void {
    const { target, connectTimeout } = this.#options;
    if (this.isUsable) void cancelPostgres(target, this.#client as unknown as PostgresProcess, connectTimeout);
    this.drop();
  }

  #lost(): void {
    this.isUsable = false;
    this.onLost();
  }
}
