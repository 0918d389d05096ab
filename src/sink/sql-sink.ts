import type { Cancellation } from '../kernel/cancellation.ts';
import { SqlFailure } from '../origin/sql/sql-session.ts';
import { explainWrite } from './explain.ts';
import {
  type MappingProblem,
  type Sink,
  SinkFailure,
  type SinkRow,
  type TableMapping,
  type WriteRight,
} from './sink.ts';
import type { SinkSession, SqlPool } from './sql-pool.ts';

/** What one kind of database server does in its own way, each within the transaction of a session. */
export interface SqlWriter<Session extends SinkSession> {
  readonly dialect: 'postgres' | 'mysql';
  check(session: Session, mapping: TableMapping): Promise<readonly MappingProblem[]>;
  /** @throws SinkFailure fenced */
  takeFence(session: Session, fence: string, right: WriteRight): Promise<void>;
  writeRows(session: Session, mapping: TableMapping, rows: readonly SinkRow[]): Promise<void>;
  commit(session: Session): Promise<void>;
  /** What an error asks for. */
  failureOf(error: unknown): SinkFailure;
  /** After such an error of a commit nobody knows whether it took place. */
  isUnanswered(error: unknown): boolean;
}

/** Rows in a database server: each call is a transaction of its own. */
export class SqlSink<Session extends SinkSession> implements Sink {
  readonly name: string;
  readonly #pool: SqlPool<Session>;
  readonly #writer: SqlWriter<Session>;
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(name: string, pool: SqlPool<Session>, writer: SqlWriter<Session>) {
    this.name = name;
    this.#pool = pool;
    this.#writer = writer;
  }

  check(mapping: TableMapping, signal: Cancellation): Promise<readonly MappingProblem[]> {
    return this.#transaction(signal, async (session) => {
      const problems = await this.#writer.check(session, mapping);
      await session.rollBack();
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
      if (fence !== undefined && right !== undefined) await this.#writer.takeFence(session, fence, right);
      await this.#writer.writeRows(session, mapping, rows);
      await this.#commit(session);
    });
  }

  explain(mapping: TableMapping, rows: readonly SinkRow[]): readonly string[] {
    return explainWrite(this.#writer.dialect, mapping, rows);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
    await this.#pool.close();
  }

  async #transaction<T>(signal: Cancellation, work: (session: Session) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new SinkFailure('transient', `connection ${this.name} is closed`);
    const running = this.#pool.use(signal, work);
    this.#underWay.add(running);
    try {
      return await running;
    } catch (error) {
      // Certificates that cannot be read are no error of the server.
      const { kind, message, ambiguous } =
        error instanceof SqlFailure ? new SinkFailure('transient', error.message) : this.#writer.failureOf(error);
      throw new SinkFailure(kind, `connection ${this.name}: ${message}`, { ambiguous });
    } finally {
      this.#underWay.delete(running);
    }
  }

  /** @throws SinkFailure ambiguous: the answer was lost */
  async #commit(session: Session): Promise<void> {
    try {
      await this.#writer.commit(session);
    } catch (error) {
      const { kind, message } = this.#writer.failureOf(error);
      throw new SinkFailure(kind, message, { ambiguous: this.#writer.isUnanswered(error) });
    }
  }
}
