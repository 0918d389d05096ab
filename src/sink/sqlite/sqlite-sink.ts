import { Worker } from 'node:worker_threads';
import type { Cancellation } from '../../kernel/cancellation.ts';
import { explainWrite } from '../explain.ts';
import {
  type MappingProblem,
  type Sink,
  SinkFailure,
  type SinkRow,
  type TableMapping,
  type WriteRight,
} from '../sink.ts';
import type { SqliteSinkReply, SqliteSinkRequest } from './sqlite-sink-worker.ts';

export interface SqliteSinkOptions {
  /** As in the configuration. */
  readonly name: string;
  /** Made, in WAL mode, when it is not there; the mode of a file that is there stays as it is. */
  readonly file: string;
}

/**
 * Writes rows to a SQLite file from a thread of its own, with a commit that waits for the disk (`synchronous = FULL`). The file is opened
 * by the first call. Values of columns declared as numbers have to be numbers; columns declared BLOB get the bytes, others text in UTF-8.
 */
export function openSqliteSink({ name, file }: SqliteSinkOptions): Sink {
  return new SqliteSink(name, file);
}

class SqliteSink implements Sink {
  readonly name: string;
  readonly #file: string;
  #thread: SqliteThread | undefined;
  /** Ends when everything before it has ended: the file has one writer. */
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(name: string, file: string) {
    this.name = name;
    this.#file = file;
  }

  check(mapping: TableMapping, signal: Cancellation): Promise<readonly MappingProblem[]> {
    return this.#inTurn({ kind: 'check', mapping }, signal);
  }

  async write(
    mapping: TableMapping,
    rows: readonly SinkRow[],
    signal: Cancellation,
    right?: WriteRight,
  ): Promise<void> {
    if (rows.length > 0) await this.#inTurn({ kind: 'write', mapping, rows, right }, signal);
  }

  explain(mapping: TableMapping, rows: readonly SinkRow[]): readonly string[] {
    return explainWrite('sqlite', mapping, rows);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
    await this.#thread?.close();
  }

  #inTurn(request: SqliteSinkRequest, signal: Cancellation): Promise<readonly MappingProblem[]> {
    if (this.#isClosed) return Promise.reject(new SinkFailure('transient', `connection ${this.name} is closed`));
    return new Promise((resolve, reject) => {
      let isSent = false;
      const stop = (): void =>
        reject(
          new SinkFailure('transient', `connection ${this.name}: no answer in time`, {
            ambiguous: isSent && request.kind === 'write',
          }),
        );
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      const run = async (): Promise<void> => {
        try {
          if (signal.aborted) return;
          isSent = true;
          resolve(await this.#ask(request));
        } catch (error) {
          reject(error);
        } finally {
          signal.removeEventListener('abort', stop);
        }
      };
      this.#last = this.#last.then(run);
    });
  }

  async #ask(request: SqliteSinkRequest): Promise<readonly MappingProblem[]> {
    if (this.#thread?.hasEnded !== false) this.#thread = new SqliteThread(this.#file);
    const reply = await this.#thread.ask(request);
    if ('problems' in reply) return reply.problems;
    throw new SinkFailure(reply.failure, `connection ${this.name}: ${reply.message}`, { ambiguous: reply.ambiguous });
  }
}

/** The thread that has the file open. */
class SqliteThread {
  hasEnded = false;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  #reply: (reply: SqliteSinkReply) => void = () => {};

  constructor(file: string) {
    this.#worker = new Worker(workerFile('sqlite-sink-worker'), {
      workerData: file,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      name: 'sluice-sqlite-sink',
    });
    this.#exited = new Promise((done) =>
      this.#worker.once('exit', () => {
        this.hasEnded = true;
        this.#reply({ failure: 'transient', message: 'the thread that writes the file has ended', ambiguous: true });
        done();
      }),
    );
    this.#worker.on('message', (reply: SqliteSinkReply) => this.#reply(reply));
    // Its errors are told by messages; what ends the thread besides, such as memory, is told by its end.
    this.#worker.on('error', () => {});
  }

  ask(request: SqliteSinkRequest): Promise<SqliteSinkReply> {
    return new Promise((resolve) => {
      this.#reply = resolve;
      this.#worker.postMessage(request);
    });
  }

  async close(): Promise<void> {
    this.#worker.postMessage({ kind: 'close' } satisfies SqliteSinkRequest);
    await this.#exited;
  }
}

/** The compiled file of the thread, also for the sources as tests run them: Node cannot run TypeScript in a thread. */
function workerFile(name: 'sqlite-sink-worker'): URL {
  const here = import.meta.url;
  return here.endsWith('.ts') ? new URL(`../../../dist/sink/sqlite/${name}.js`, here) : new URL(`./${name}.js`, here);
}
