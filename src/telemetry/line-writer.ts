import { close, mkdirSync, openSync, write } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const writeTo = promisify(write);
const closeFile = promisify(close);

/** Standard output. */
const STDOUT = 1;
/** Lines gathered before they are written, for a file, and for a pipe: more at once would not stay in one piece there (POSIX, PIPE_BUF). */
const FILE_BATCH = 64 * 1024;
const PIPE_BATCH = 4096;
const FLUSH_MS = 200;
/** A full pipe is tried again after so long. */
const RETRY_MS = 20;
/** How long the end may wait for a pipe that nobody reads. */
const CLOSE_MS = 1000;

export interface LineWriterOptions {
  /** Appended to, made when it does not exist, for the owner only; absent: standard output. */
  readonly file?: string | undefined;
  /** Characters that may wait; lines beyond are dropped. @default 4 Mi */
  readonly maxWaiting?: number;
  /** Told once of each spell of trouble. */
  readonly onError?: (error: Error) => void;
}

/** Writes lines without making anybody wait: they are gathered, and dropped rather than kept when the disk or the reader is slow. */
export class LineWriter {
  /** Lines that were not written. */
  dropped = 0;
  readonly #file: string | undefined;
  readonly #maxWaiting: number;
  readonly #onError: (error: Error) => void;
  #fd: number;
  #lines: string[] = [];
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;
  #closed = false;
  #givenUp = false;

  /** @throws Error of the file system when the file cannot be opened */
  constructor({ file, maxWaiting = 4 * 1024 * 1024, onError = () => {} }: LineWriterOptions) {
    this.#file = file;
    this.#maxWaiting = maxWaiting;
    this.#onError = onError;
    this.#fd = file === undefined ? STDOUT : openForAppend(file);
  }

  /** @param line without its end */
  write(line: string): void {
    if (this.#closed || this.#waiting + line.length > this.#maxWaiting) {
      this.dropped++;
      return;
    }
    this.#lines.push(line);
    this.#waiting += line.length + 1;
    if (this.#waiting >= FILE_BATCH) this.#flush();
    else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.#flush(), FLUSH_MS);
      this.#timer.unref();
    }
  }

  /** Opens the file anew, which somebody may have moved away. @throws Error of the file system; then the old one stays */
  async reopen(): Promise<void> {
    if (this.#file === undefined || this.#closed) return;
    const fd = openForAppend(this.#file);
    await this.#settled();
    const old = this.#fd;
    this.#fd = fd;
    await closeFile(old);
  }

  /** Writes what waits, as far as it can be written soon. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const giveUp = setTimeout(() => {
      this.#givenUp = true;
    }, CLOSE_MS);
    await this.#settled();
    clearTimeout(giveUp);
    if (this.#fd !== STDOUT) await closeFile(this.#fd);
  }

  async #settled(): Promise<void> {
    this.#flush();
    while (this.#writing !== undefined) await this.#writing;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writing !== undefined || this.#lines.length === 0) return;
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#lines.length > 0) {
      const lines = this.#takeBatch();
      try {
        await this.#writeOut(Buffer.from(`${lines.join('\n')}\n`));
        this.#failing = false;
      } catch (error) {
        this.dropped += lines.length;
        if (!this.#failing) this.#onError(error as Error);
        this.#failing = true;
      }
    }
  }

  /** Whole lines, one at least. */
  #takeBatch(): string[] {
    const bytes = this.#fd === STDOUT ? PIPE_BATCH : FILE_BATCH;
    let count = 0;
    let length = 0;
    for (const line of this.#lines) {
      if (count > 0 && length + line.length + 1 > bytes) break;
      length += line.length + 1;
      count++;
    }
    this.#waiting -= length;
    const rest = this.#lines.splice(count);
    const batch = this.#lines;
    this.#lines = rest;
    return batch;
  }

  async #writeOut(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      try {
        const { bytesWritten } = await writeTo(this.#fd, bytes, at);
        at += bytesWritten;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || this.#givenUp) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}

function openForAppend(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a', 0o600);
}
