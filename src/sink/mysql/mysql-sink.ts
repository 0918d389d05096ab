import { SluiceError } from '../../errors.ts';
import type { Cancellation } from '../../kernel/cancellation.ts';
import { databaseUrlForm, parseDatabaseUrl } from '../../origin/sql/database-url.ts';
import { loadDriver } from '../../origin/sql/open-connection.ts';
import { SqlFailure } from '../../origin/sql/sql-session.ts';
import { explainWrite } from '../explain.ts';
import {
  type MappingProblem,
  type Sink,
  SinkFailure,
  type SinkRow,
  type TableMapping,
  type WriteRight,
} from '../sink.ts';
import { checkTable } from './mysql-check.ts';
import { MysqlConnections } from './mysql-connections.ts';
import { errorNumber, failureOf, isLost } from './mysql-failure.ts';
import type { MysqlSession } from './mysql-session.ts';
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
  return new MysqlSink(name, new MysqlConnections(mysql, { target, maxConnections, connectTimeout, timeout }));
}

class MysqlSink implements Sink {
  readonly name: string;
  readonly #connections: MysqlConnections;
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(name: string, connections: MysqlConnections) {
    this.name = name;
    this.#connections = connections;
  }

  check(mapping: TableMapping, signal: Cancellation): Promise<readonly MappingProblem[]> {
    return this.#transaction(signal, async (session) => {
      const problems = await checkTable(session, mapping);
      await session.run('ROLLBACK');
      return problems;
    });
  }

  async write(
    mapping: TableMapping,
    rows: readonly SinkRow[],
    signal: Cancellation,
    right?: WriteRight,
  ): Promise<void> {
    if (rows.length === 0) return;
    const { fence } = mapping;
    await this.#transaction(signal, async (session) => {
      if (fence !== undefined && right !== undefined) await takeFence(session, fence, right);
      await writeRows(session, mapping, rows);
      await commit(session);
    });
  }

  explain(mapping: TableMapping, rows: readonly SinkRow[]): readonly string[] {
    return explainWrite('mysql', mapping, rows);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
    await this.#connections.close();
  }

  async #transaction<T>(signal: Cancellation, work: (session: MysqlSession) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new SinkFailure('transient', `connection ${this.name} is closed`);
    const running = this.#connections.use(signal, work);
    this.#underWay.add(running);
    try {
      return await running;
    } catch (error) {
      const { kind, message, ambiguous } = toldOf(error);
      throw new SinkFailure(kind, `connection ${this.name}: ${message}`, { ambiguous });
    } finally {
      this.#underWay.delete(running);
    }
  }
}

function toldOf(error: unknown): SinkFailure {
  // Certificates that cannot be read.
  return error instanceof SqlFailure ? new SinkFailure('transient', error.message) : failureOf(error);
}

/** @throws SinkFailure ambiguous: the answer was lost */
async function commit(session: MysqlSession): Promise<void> {
  try {
    await session.run('COMMIT');
  } catch (error) {
    const { kind, message } = failureOf(error);
    throw new SinkFailure(kind, message, { ambiguous: isLost(error) || errorNumber(error) === undefined });
  }
}
