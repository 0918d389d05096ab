import type { Cancellation } from '../../kernel/cancellation.ts';
import { rowJson } from '../row-json.ts';
import { type MappingProblem, type Sink, SinkFailure, type SinkRow, type TableMapping } from '../sink.ts';
import { LineFile, type OpenLineFile } from './line-file.ts';

export interface JsonlSinkOptions {
  /** As in the configuration. */
  readonly name: string;
  /** Made when it is not there, its folder is not. Nobody else may write to it. */
  readonly file: string;
  /** For tests. @default that of node:fs */
  readonly open?: OpenLineFile | undefined;
}

/**
 * Appends each row as a line of JSON to a file, and says that rows are written when the disk has them. A file that was moved away is
 * written to no more: the next lines go to a new one at its place.
 */
export function openJsonlSink({ name, file, open }: JsonlSinkOptions): Sink {
  return new JsonlSink(name, file, open);
}

class JsonlSink implements Sink {
  readonly name: string;
  readonly caveat =
    'lines may be written again after a crash or an error of the disk: whoever reads them counts a key with the same version once';
  readonly #path: string;
  readonly #file: LineFile;
  /** Ends when everything before it has ended. */
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(name: string, path: string, open: OpenLineFile | undefined) {
    this.name = name;
    this.#path = path;
    this.#file = new LineFile(path, open);
  }

  async check({ fence }: TableMapping, signal: Cancellation): Promise<readonly MappingProblem[]> {
    await this.#inTurn(() => this.#file.check(), signal);
    return fence === undefined ? [] : [{ problem: `${this.name} is a file, which keeps no fence` }];
  }

  async write(mapping: TableMapping, rows: readonly SinkRow[], signal: Cancellation): Promise<void> {
    if (rows.length === 0) return;
    const lines = Buffer.from(this.explain(mapping, rows).join('\n').concat('\n'), 'utf8');
    await this.#inTurn(() => this.#file.append(lines), signal);
  }

  explain(mapping: TableMapping, rows: readonly SinkRow[]): readonly string[] {
    const table = `{"table":${JSON.stringify(mapping.table)},`;
    return rows.map((row) => table + rowJson(mapping, row).slice(1));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
    await this.#file.close();
  }

  #named({ kind, message, ambiguous }: SinkFailure): SinkFailure {
    return new SinkFailure(kind, `${this.#path}: ${message}`, { ambiguous });
  }

  /** What has begun cannot be called back; who waits for it no longer leaves. */
  #inTurn(work: () => Promise<void>, signal: Cancellation): Promise<void> {
    const turn = this.#last.then(async () => {
      signal.throwIfAborted();
      if (this.#isClosed) throw new SinkFailure('transient', `${this.name} is closed`);
      await work().catch((error: unknown) => {
        throw error instanceof SinkFailure ? this.#named(error) : error;
      });
    });
    this.#last = turn.catch(() => undefined);
    return new Promise<void>((resolve, reject) => {
      const leave = (): void => reject(lateFailure(signal.reason));
      signal.addEventListener('abort', leave, { once: true });
      turn
        .then(resolve, (error: unknown) => {
          if (error instanceof SinkFailure) reject(error);
          else reject(signal.aborted ? lateFailure(signal.reason) : error);
        })
        .finally(() => signal.removeEventListener('abort', leave));
    });
  }
}

function lateFailure(reason: unknown): SinkFailure {
  if (reason instanceof SinkFailure) return reason;
  return new SinkFailure('transient', 'it took too long', { ambiguous: true });
}
