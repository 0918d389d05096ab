import { type Stats, statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { type Database, loadSqlite, type OpenDatabase } from '../../store/engine/sqlite.ts';
import {
  type MappingProblem,
  SinkFailure,
  type SinkFailureKind,
  type SinkRow,
  type TableMapping,
  type WriteRight,
} from '../sink.ts';
import { checkTable } from './sqlite-check.ts';
import { failureOf } from './sqlite-failure.ts';
import { writeRows } from './sqlite-writer.ts';

/** What the thread is asked, one at a time; `close` ends it. */
export type SqliteSinkRequest =
  | { readonly kind: 'check'; readonly mapping: TableMapping }
  | {
      readonly kind: 'write';
      readonly mapping: TableMapping;
      readonly rows: readonly SinkRow[];
      readonly right: WriteRight | undefined;
    }
  | { readonly kind: 'close' };

/** `problems` of a write are empty. */
export type SqliteSinkReply =
  | { readonly problems: readonly MappingProblem[] }
  | { readonly failure: SinkFailureKind; readonly message: string; readonly ambiguous: boolean };

/** The file, open from the first request on. */
class SqliteFile {
  readonly #open: OpenDatabase;
  readonly #path: string;
  #opened: { readonly database: Database; readonly device: number; readonly inode: number } | undefined;

  constructor(open: OpenDatabase, path: string) {
    this.#open = open;
    this.#path = path;
  }

  answer(request: Exclude<SqliteSinkRequest, { kind: 'close' }>): SqliteSinkReply {
    try {
      const database = this.#database();
      if (request.kind === 'check') return { problems: checkTable(database, request.mapping) };
      writeRows(database, request.mapping, request.rows, request.right);
      return { problems: [] };
    } catch (error) {
      const { kind, message, ambiguous } = failureOf(error);
      return { failure: kind, message, ambiguous };
    }
  }

  close(): void {
    this.#opened?.database.close();
    this.#opened = undefined;
  }

  /** Opened anew when another file is at its place: what is written to the old one nobody would see. */
  #database(): Database {
    const before = this.#stat();
    const known = this.#opened;
    if (known !== undefined && before?.dev === known.device && before.ino === known.inode) return known.database;
    this.close();
    const database = this.#open(this.#path);
    try {
      // The journal mode is kept in the file: that of a file which others made is theirs.
      if (before === undefined || before.size === 0) database.exec('PRAGMA journal_mode = WAL');
      database.exec('PRAGMA synchronous = FULL');
      // So that a file that is no database is found at once.
      database.exec('SELECT count(*) FROM sqlite_schema');
      const { dev, ino } = statSync(this.#path);
      this.#opened = { database, device: dev, inode: ino };
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  #stat(): Stats | undefined {
    try {
      return statSync(this.#path, { throwIfNoEntry: false });
    } catch (error) {
      const { code } = error as { code?: unknown };
      throw new SinkFailure('schema', `the file cannot be opened: ${String(code)}`, { cause: error });
    }
  }
}

const port = parentPort;
if (port === null) throw new Error('this file is run as a worker thread');
const file = new SqliteFile(await loadSqlite(), workerData as string);
port.on('message', (request: SqliteSinkRequest) => {
  if (request.kind !== 'close') {
    port.postMessage(file.answer(request));
    return;
  }
  file.close();
  port.close();
});
