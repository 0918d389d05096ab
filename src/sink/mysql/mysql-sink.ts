import { SluiceError } from '../../errors.ts';
import { databaseUrlForm, parseDatabaseUrl } from '../../origin/sql/database-url.ts';
import { loadDriver } from '../../origin/sql/open-connection.ts';
import type { Sink } from '../sink.ts';
import { SqlPool } from '../sql-pool.ts';
import { SqlSink, type SqlWriter } from '../sql-sink.ts';
import { checkTable } from './mysql-check.ts';
import { errorNumber, failureOf, isLost } from './mysql-failure.ts';
import { MysqlSession } from './mysql-session.ts';
import { takeFence, writeRows } from './mysql-writer.ts';

export interface MysqlSinkOptions {
  /** As in the configuration. */
  readonly name: string;
  /** `mysql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE`, or `mariadb://…`, as `parseDatabaseUrl` reads it. */
  readonly url: string;
  /** At a time. @default 2 */
  readonly maxConnections?: number;
  /** ms. @default 5000 */
  readonly connectTimeout?: number;
  /** How long the answer to one statement may take, ms; the server gives up a little earlier. @default 30000 */
  readonly timeout?: number;
}

/**
 * Writes rows to MySQL (5.7 and later) or MariaDB (10.3 and later) by the package `mysql2`. Connects when there is something to write, so the
 * server may be away at the start. Values have to be of the type of their column: nothing is cut, rounded or taken for 0. Times that name an
 * offset are written as those of UTC; columns of BINARY and BLOB get the bytes.
 * @throws SluiceError CONFIG_INVALID, NOT_SUPPORTED when the package is not installed
 */
export async function openMysqlSink({
  name,
  url,
  maxConnections = 2,
  connectTimeout = 5000,
  timeout = 30_000,
}: MysqlSinkOptions): Promise<Sink> {
  const target = parseDatabaseUrl(url);
  if ('problem' in target)
    throw new SluiceError('CONFIG_INVALID', `connection ${name}: ${target.problem}; expected ${databaseUrlForm}`);
  if (target.dialect !== 'mysql')
    throw new SluiceError('CONFIG_INVALID', `connection ${name} is not to MySQL or MariaDB`);
  const mysql = await loadDriver(name, 'mysql2', () => import('mysql2'));
  const create = (): MysqlSession => new MysqlSession(mysql, { target, connectTimeout, timeout });
  return new SqlSink(name, new SqlPool({ maxConnections, create, isLost }), writer);
}

const writer: SqlWriter<MysqlSession> = {
  dialect: 'mysql',
  check: checkTable,
  takeFence,
  writeRows,
  commit: async (session) => void (await session.run('COMMIT')),
  failureOf: (error) => failureOf(error),
  isUnanswered: (error) => isLost(error) || errorNumber(error) === undefined,
};
