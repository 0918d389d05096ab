import { Worker } from 'node:worker_threads';
import type { QueryBounds, SqlResult } from './database.ts';
import { type SqlDriver, SqlFailure, type SqlSession } from './sql-session.ts';
import type { SqliteReply, SqliteRequest } from './sqlite-worker.ts';

/** Threads; more would only compete for the file. */
const MAX_THREADS = 4;

/** A SQLite file, read in threads: its calls wait for the disk and for what they compute. */
export function sqliteDriver(file: string): SqlDriver {
  return {
    dialect: 'sqlite',
    maxConnections: MAX_THREADS,
    async open(signal) {
      const session = new SqliteSession(file);
      await session.opened(signal);
      return session;
    },
  };
}

class SqliteSession implements SqlSession {
  isUsable = false;
  onLost: () => void = () => {};
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  #reply: (reply: SqliteReply) => void = () => {};

  constructor(file: string) {
    this.#worker = new Worker(workerFile('sqlite-worker'), {
      workerData: file,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      name: 'sluice-sqlite',
    });
    this.#exited = new Promise((done) => this.#worker.once('exit', () => done()));
    this.#worker.on('message', (reply: SqliteReply) => this.#reply(reply));
    // Its errors are told by messages; what ends the thread besides, such as memory, ends the connection.
    this.#worker.on('error', () => {});
    this.#worker.once('exit', () => this.#ended());
  }

  async opened(signal: AbortSignal): Promise<void> {
    const opened = this.#answer();
    const stop = (): void => void this.close();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      await opened;
      if (signal.aborted) throw new SqlFailure('lost', 'the file was not opened in time');
      this.isUsable = true;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async query(text: string, params: readonly string[], bounds: QueryBounds): Promise<SqlResult> {
    const answer = this.#answer();
    this.#worker.postMessage({ text, params, bounds } satisfies SqliteRequest);
    const result = await answer;
    if (result === undefined) throw new SqlFailure('lost', 'the thread gave no result');
    return result;
  }

  /**
   * The API has no way to interrupt a query, and a thread that is ended inside of one may take the process with it: it ends by itself
   * after its query, and keeps its place in the pool until then.
   */
  cancel(): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    this.isUsable = false;
    this.#worker.postMessage('close');
    await this.#exited;
  }

  #answer(): Promise<SqlResult | undefined> {
    return new Promise((resolve, reject) => {
      this.#reply = (reply) => {
        this.#reply = () => {};
        if ('failure' in reply) reject(new SqlFailure(reply.kind, reply.failure));
        else resolve(reply.result);
      };
    });
  }

  #ended(): void {
    const wasUsable = this.isUsable;
    this.isUsable = false;
    this.#reply({ kind: 'lost', failure: 'the thread that reads the file has ended' });
    if (wasUsable) this.onLost();
  }
}

/** The compiled file of the thread, also for the sources as tests run them: Node cannot run TypeScript in a thread. */
function workerFile(name: 'sqlite-worker'): URL {
  const here = import.meta.url;
  return here.endsWith('.ts') ? new URL(`../../../dist/origin/sql/${name}.js`, here) : new URL(`./${name}.js`, here);
}
