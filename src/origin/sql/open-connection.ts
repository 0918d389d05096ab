import { SluiceError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database } from './database.ts';
import { type DatabaseTarget, databaseUrlForm, parseDatabaseUrl } from './database-url.ts';
import { mysqlDriver } from './mysql.ts';
import { postgresDriver } from './postgres.ts';
import { SessionPool } from './session-pool.ts';
import type { SqlDriver } from './sql-session.ts';
import { sqliteDriver } from './sqlite.ts';

export interface ConnectionOptions {
  /** As in the configuration. */
  readonly name: string;
  /** See {@link databaseUrlForm}. */
  readonly url: string;
  readonly clock: Clock;
  /** Connections at a time. SQLite has at most 4, each a thread. @default 10 */
  readonly maxConnections?: number;
  /** ms. @default 5000 */
  readonly connectTimeout?: number;
  /** Queries that wait for a connection; more are refused. @default 1000 */
  readonly maxWaiting?: number;
}

const IDLE_TIMEOUT = 60_000;

/**
 * Makes the pool of one database and loads the package that speaks to it. Connects when there is something to ask, so the database may be
 * away at the start.
 * @throws SluiceError CONFIG_INVALID, NOT_SUPPORTED when the package is not installed
 */
export async function openConnection({
  name,
  url,
  clock,
  maxConnections = 10,
  connectTimeout = 5000,
  maxWaiting = 1000,
}: ConnectionOptions): Promise<Database> {
  const target = parseDatabaseUrl(url);
  if ('problem' in target)
    throw new SluiceError('CONFIG_INVALID', `connection ${name}: ${target.problem}; expected ${databaseUrlForm}`);
  const driver = await driverOf(target, name, connectTimeout);
  return new SessionPool({
    name,
    driver,
    clock,
    maxConnections,
    connectTimeout,
    maxWaiting,
    idleTimeout: IDLE_TIMEOUT,
  });
}

async function driverOf(target: DatabaseTarget, name: string, connectTimeout: number): Promise<SqlDriver> {
  if (target.dialect === 'sqlite') return sqliteDriver(target.file);
  if (target.dialect === 'postgres')
    return postgresDriver(await loadDriver(name, 'pg', () => import('pg')), { target, connectTimeout });
  return mysqlDriver(await loadDriver(name, 'mysql2', () => import('mysql2')), { target, connectTimeout });
}

/**
 * Loads an optional package.
 * @throws SluiceError NOT_SUPPORTED when it is not installed
 */
export async function loadDriver<T>(connection: string, packageName: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    throw new SluiceError(
      'NOT_SUPPORTED',
      `connection ${connection} needs the package ${packageName}: npm install ${packageName}`,
      { cause: error },
    );
  }
}
