import type { Client } from 'pg';
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
import { checkTable } from './postgres-check.ts';
import { PostgresConnections } from './postgres-connections.ts';
import { failureOf, isLost } from './postgres-failure.ts';
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
  return new PostgresSink({
    name,
    connections: new PostgresConnections(pg, { target, maxConnections, connectTimeout, timeout }),
    begin: beginning(timeout),
  });
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

interface PostgresSinkParts {
  readonly name: string;
  readonly connections: PostgresConnections;
  /** Statements that begin a transaction. */
  readonly begin: string;
}

class PostgresSink implements Sink {
  readonly name: string;
  readonly #connections: PostgresConnections;
  readonly #begin: string;
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor({ name, connections, begin }: PostgresSinkParts) {
    this.name = name;
    this.#connections = connections;
    this.#begin = begin;
  }

  check(mapping: TableMapping, signal: Cancellation): Promise<readonly MappingProblem[]> {
    return this.#transaction(signal, async (client) => {
      const problems = await checkTable(client, mapping);
      await client.query('ROLLBACK');
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
    await this.#transaction(signal, async (client) => {
      if (fence !== undefined && right !== undefined) await takeFence(client, fence, right);
      await writeRows(client, mapping, rows);
      await commit(client);
    });
  }

  explain(mapping: TableMapping, rows: readonly SinkRow[]): readonly string[] {
    return explainWrite('postgres', mapping, rows);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
    await this.#connections.close();
  }

  async #transaction<T>(signal: Cancellation, work: (client: Client) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new SinkFailure('transient', `connection ${this.name} is closed`);
    const running = this.#connections.use({ begin: this.#begin, signal }, work);
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
async function commit(client: Client): Promise<void> {
  try {
    await client.query('COMMIT');
  } catch (error) {
    const { kind, message } = failureOf(error);
    throw new SinkFailure(kind, message, { ambiguous: isLost(error) });
  }
}
