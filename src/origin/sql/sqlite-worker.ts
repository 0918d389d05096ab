import { parentPort, workerData } from 'node:worker_threads';
import type { QueryBounds, SqlCell, SqlResult } from './database.ts';

/** What the thread is asked; `close` ends it. */
export type SqliteRequest =
  | { readonly text: string; readonly params: readonly string[]; readonly bounds: QueryBounds }
  | 'close';

/** The first one says whether the file could be opened. */
export type SqliteReply =
  | { readonly result: SqlResult | undefined }
  | { readonly kind: 'lost' | 'refused' | 'too-large'; readonly failure: string };

/** The part of `node:sqlite`'s API that is used; `@photostructure/sqlite` has the same. */
interface Statement {
  setReadBigInts(on: boolean): void;
  setReturnArrays(on: boolean): void;
  columns(): readonly { readonly name: string }[];
  iterate(...params: readonly string[]): Iterable<readonly SqlCell[]>;
}

interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

interface SqliteModule {
  readonly DatabaseSync: new (path: string, options: { readonly readOnly: boolean }) => SqliteDatabase;
  readonly StatementSync?: { readonly prototype: object };
}

/** Statements that are kept prepared; the oldest makes room. */
const MAX_PREPARED = 100;
/** How long to wait for a lock of who writes, ms. */
const LOCK_TIMEOUT = 5000;

/** SQLite of Node where this Node's gives rows as arrays, else the package of the same API. */
async function loadSqlite(): Promise<SqliteModule> {
  const builtin = process.getBuiltinModule?.('node:sqlite') as unknown as SqliteModule | undefined;
  const isFit = builtin?.StatementSync !== undefined && 'setReturnArrays' in builtin.StatementSync.prototype;
  return isFit ? (builtin as SqliteModule) : ((await import('@photostructure/sqlite')) as unknown as SqliteModule);
}

/** A file and what is prepared on it. */
class SqliteReader {
  readonly #database: SqliteDatabase;
  readonly #prepared = new Map<string, Statement>();

  constructor({ DatabaseSync }: SqliteModule, file: string) {
    this.#database = new DatabaseSync(file, { readOnly: true });
    this.#database.exec(`PRAGMA busy_timeout = ${LOCK_TIMEOUT}`);
    // So that a file that is no database is found at once.
    this.#database.exec('SELECT count(*) FROM sqlite_master');
  }

  answer({ text, params, bounds }: Exclude<SqliteRequest, 'close'>): SqliteReply {
    let statement: Statement;
    try {
      statement = this.#prepare(text);
    } catch (error) {
      // No parameters are known yet, so none can be in the message.
      return { kind: 'refused', failure: `${messageOf(error)} (${codeOf(error)})` };
    }
    try {
      return run(statement, params, bounds);
    } catch (error) {
      return { kind: 'refused', failure: `the database refused the query (${codeOf(error)})` };
    }
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }

  #prepare(text: string): Statement {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(text);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size >= MAX_PREPARED && oldest !== undefined) this.#prepared.delete(oldest);
    this.#prepared.set(text, statement);
    return statement;
  }
}

function run(statement: Statement, params: readonly string[], { maxRows, maxBytes }: QueryBounds): SqliteReply {
  const rows: (readonly SqlCell[])[] = [];
  let bytes = 0;
  let more = false;
  for (const row of statement.iterate(...params)) {
    more = rows.length === maxRows;
    if (more) break;
    for (const cell of row) if (typeof cell === 'string' || cell instanceof Uint8Array) bytes += cell.length;
    if (bytes > maxBytes)
      return { kind: 'too-large', failure: `the answer is longer than ${maxBytes} bytes (maxValueBytes)` };
    rows.push(row);
  }
  // After the rows: SQLite prepares a statement anew when a table has changed.
  const columns = statement.columns().map(({ name }) => name);
  return { result: { columns, rows, more } };
}

function codeOf(error: unknown): string {
  const { errcode } = (error ?? {}) as { errcode?: unknown };
  return typeof errcode === 'number' ? `SQLite code ${errcode}` : 'no SQLite code';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 300) : 'unknown error';
}

const port = parentPort;
if (port === null) throw new Error('this file is run as a worker thread');
try {
  const reader = new SqliteReader(await loadSqlite(), workerData as string);
  port.on('message', (request: SqliteRequest) => {
    if (request !== 'close') {
      port.postMessage(reader.answer(request));
      return;
    }
    reader.close();
    port.close();
  });
  port.postMessage({ result: undefined } satisfies SqliteReply);
} catch (error) {
  const failure = `the file cannot be opened: ${messageOf(error)} (${codeOf(error)})`;
  port.postMessage({ kind: 'lost', failure } satisfies SqliteReply);
}
