import { SluiceError } from '../../errors.ts';
import { databaseUrlForm, parseDatabaseUrl } from '../../origin/sql/database-url.ts';
import { loadDriver } from '../../origin/sql/open-connection.ts';
import type { Sink } from '../sink.ts';
import { SqlPool } from '../sql-pool.ts';
import { SqlSink, type SqlWriter } from '../sql-sink.ts';
import { checkTable } from './postgres-check.ts';
import { failureOf, isLost } from './postgres-failure.ts';
import { PostgresSession } from './postgres-session.ts';
import { takeFence, writeRows } from './postgres-writer.ts';

export interface PostgresSinkOptions {
  /** As in the configuration. */
  readonly name: string;
  /** `postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE`, as `parseDatabaseUrl` reads it. */
  readonly url: string;
  /** At a time. @default 2 */
  readonly maxConnections?: number;
  /** ms. @default 5000 */
  readonly connectTimeout?: number;
  /** How long the answer to one statement may take, ms; the server gives up a little earlier. @default 30000 */
  readonly timeout?: number;
}

/**
 * Writes rows to PostgreSQL by the package `pg`. Connects when there is something to write, so the server may be away at the start. Values
 * are cast by PostgreSQL from their text to the type of the column; columns of bytea get the bytes.
 * @throws SluiceError CONFIG_INVALID, NOT_SUPPORTED when the package is not installed
 */
export async function openPostgresSink({
  name,
  url,
  maxConnections = 2,
  connectTimeout = 5000,
  timeout = 30_000,
}: PostgresSinkOptions): Promise<Sink> {
  const target = parseDatabaseUrl(url);
  if ('problem' in target)
    throw new SluiceError('CONFIG_INVALID', `connection ${name}: ${target.problem}; expected ${databaseUrlForm}`);
  if (target.dialect !== 'postgres') throw new SluiceError('CONFIG_INVALID', `connection ${name} is not to PostgreSQL`);
  const pg = await loadDriver(name, 'pg', () => import('pg'));
  const begin = beginning(timeout);
  const create = (): PostgresSession => new PostgresSession(pg, { target, connectTimeout, timeout, begin });
  return new SqlSink(name, new SqlPool({ maxConnections, create, isLost }), writer);
}

/**
 * The server's time-outs end before ours, so that we hear what became of a statement. The other settings make text of the same meaning
 * everywhere, and a commit one that is kept.
 */
function beginning(timeout: number): string {
  return [
    'BEGIN',
    // Guard and fence look at what others committed while we waited for them.
    `SET LOCAL transaction_isolation = 'read committed'`,
    `SET LOCAL statement_timeout = ${Math.max(1, Math.floor(timeout * 0.8))}`,
    `SET LOCAL lock_timeout = ${Math.max(1, Math.floor(timeout * 0.6))}`,
    // A node of ours that is frozen within a transaction must not keep rows locked.
    `SET LOCAL idle_in_transaction_session_timeout = ${timeout}`,
    'SET LOCAL synchronous_commit = on',
    `SET LOCAL TimeZone = 'UTC'`,
    `SET LOCAL DateStyle = 'ISO, YMD'`,
  ].join('; ');
}

const writer: SqlWriter<PostgresSession> = {
  dialect: 'postgres',
  check: ({ client }, mapping) => checkTable(client, mapping),
  takeFence: ({ client }, fence, right) => takeFence(client, fence, right),
  writeRows: ({ client }, mapping, rows) => writeRows(client, mapping, rows),
  commit: async ({ client }) => void (await client.query('COMMIT')),
  failureOf: (error) => failureOf(error),
  isUnanswered: isLost,
};
