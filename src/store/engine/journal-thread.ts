import { Worker } from 'node:worker_threads';
import { SluiceError } from '../../errors.ts';
import type { JournalReply, JournalRequest, JournalWorkerOptions } from './journal-messages.ts';

/** Takes what the thread says; replaced as the journal goes from opening over loading to running. */
export interface JournalListener {
  reply(reply: JournalReply): void;
  /** The thread ended although nobody asked it to. */
  ended(error: SluiceError): void;
}

/** The main thread's end of the worker that owns a data folder. */
export class JournalThread {
  readonly #worker: Worker;
  #listener: JournalListener | undefined;
  #expectEnd = false;
  readonly #exited: Promise<void>;

  constructor(options: JournalWorkerOptions) {
    this.#worker = new Worker(workerFile('journal-worker'), {
      workerData: options,
      execArgv: quiet,
      name: 'sluice-journal',
    });
    this.#exited = new Promise((done) => this.#worker.once('exit', () => done()));
    this.#worker.on('message', (reply: JournalReply) => this.#listener?.reply(reply));
    this.#worker.on('error', (error) => this.#ended(error));
    this.#worker.on('exit', () => this.#ended(undefined));
  }

  listen(listener: JournalListener): void {
    this.#listener = listener;
  }

  /** Sends a message; the memory of `effects` is given away. */
  post(request: JournalRequest): void {
    this.#worker.postMessage(request, memoryOf(request));
  }

  /** From now on the end of the thread is no surprise. */
  expectEnd(): void {
    this.#expectEnd = true;
  }

  /** @returns when the thread is gone; it has to have been asked to close. */
  exited(): Promise<void> {
    return this.#exited;
  }

  #ended(cause: unknown): void {
    if (this.#expectEnd) return;
    this.#expectEnd = true;
    const text = cause instanceof Error ? `: ${cause.message}` : '';
    this.#listener?.ended(
      new SluiceError('DATA_UNAVAILABLE', `the thread that writes to disk has ended${text}; start Sluice again`, {
        cause,
      }),
    );
  }
}

/** Keeps Node's note that `node:sqlite` is experimental from the operator. */
export const quiet: readonly string[] & string[] = ['--disable-warning=ExperimentalWarning'];

/**
 * The compiled file of a worker. Node cannot run TypeScript in a thread, so the sources, as tests run them, use the worker of
 * the last build: build first.
 */
export function workerFile(name: 'journal-worker' | 'backup-worker'): URL {
  const here = import.meta.url;
  return here.endsWith('.ts') ? new URL(`../../../dist/store/engine/${name}.js`, here) : new URL(`./${name}.js`, here);
}

/** What a message hands over instead of copying. */
function memoryOf(request: JournalRequest): ArrayBuffer[] {
  if (request.kind === 'group') return request.rows.map(({ effects }) => effects.buffer as ArrayBuffer);
  return request.kind === 'piece' ? [request.effects.buffer as ArrayBuffer] : [];
}
