import { constants, type FileHandle, open as openFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SinkFailure } from '../sink.ts';
import { failureOfFile } from './file-failure.ts';

/** What of a `FileHandle` is used. */
export type LineHandle = Pick<FileHandle, 'read' | 'write' | 'stat' | 'truncate' | 'datasync' | 'close'>;
/** @default that of node:fs */
export type OpenLineFile = (path: string, flags: number, mode: number) => Promise<LineHandle>;

interface OpenedFile {
  readonly handle: LineHandle;
  readonly device: number;
  readonly inode: number;
}

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND;
const MODE = 0o640;
const LINE_END = 10;
const LINE_START = '{';
const CHUNK = 65_536;
/** More than that without an end is no line of ours. */
const LONGEST_LINE = 1024 ** 3;

/**
 * A file that lines of JSON are appended to. One call at a time; whoever moves the file away finds no half line in it, and the next lines
 * in a new file.
 */
export class LineFile {
  readonly #path: string;
  readonly #open: OpenLineFile;
  #opened: OpenedFile | undefined;

  constructor(path: string, open: OpenLineFile = openFile) {
    this.#path = path;
    this.#open = open;
  }

  /**
   * Appends whole lines, and returns when the disk has them.
   * @param lines each with its end
   * @throws SinkFailure nothing is in the file then, unless it is ambiguous
   */
  async append(lines: Buffer): Promise<void> {
    try {
      const { handle } = await this.#file();
      const { size } = await handle.stat();
      await this.#write(handle, lines, size);
    } catch (error) {
      throw failureOfFile(error);
    }
  }

  /** Opens the file, and makes it if it is not there. @throws SinkFailure */
  async check(): Promise<void> {
    try {
      await this.#file();
    } catch (error) {
      throw failureOfFile(error);
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.handle.close();
  }

  async #write(handle: LineHandle, lines: Buffer, size: number): Promise<void> {
    let written = 0;
    try {
      while (written < lines.length) {
        const { bytesWritten } = await handle.write(lines, written);
        written += bytesWritten;
      }
    } catch (error) {
      await this.#takeBack(handle, size, written);
      throw error;
    }
    try {
      await handle.datasync();
    } catch (error) {
      // What a descriptor has lost it does not tell of twice: the next lines go over another one.
      await this.#takeBack(handle, size, written);
      const { kind, message } = failureOfFile(error);
      throw new SinkFailure(kind, message, { ambiguous: true });
    }
  }

  /** Cuts off what was written of lines that are not whole. Where that fails opening the file anew does it. */
  async #takeBack(handle: LineHandle, size: number, written: number): Promise<void> {
    try {
      // Unless somebody else has written since.
      if (written > 0 && (await handle.stat()).size === size + written) await handle.truncate(size);
    } catch {
      // The failure that led here is the one to tell of.
    }
    await this.close().catch(() => undefined);
  }

  /** Opened anew when another file is at its place, or none: what is written to the old one nobody would look for. */
  async #file(): Promise<OpenedFile> {
    const known = this.#opened;
    if (known !== undefined) {
      const now = await stat(this.#path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (now?.dev === known.device && now.ino === known.inode) return known;
      await this.close();
    }
    const handle = await this.#open(this.#path, FLAGS, MODE);
    try {
      const { dev, ino, size, ...rest } = await handle.stat();
      if (!isRegular(rest.mode)) throw new SinkFailure('schema', 'it is not a regular file');
      if (size === 0) await syncFolder(this.#path);
      else await mendEnd(handle, size);
      this.#opened = { handle, device: dev, inode: ino };
      return this.#opened;
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw error;
    }
  }
}

function isRegular(mode: number): boolean {
  return (mode & constants.S_IFMT) === constants.S_IFREG;
}

/** The name of a new file is in its folder, which has to be on the disk too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await openFile(dirname(path), constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * A crash may leave a part of a line at the end, which was never told as written: it is cut off. A whole line without its end gets one.
 * @throws SinkFailure schema: the end is no line of ours, and the file may be somebody's for another purpose
 */
async function mendEnd(handle: LineHandle, size: number): Promise<void> {
  const start = await startOfLastLine(handle, size);
  if (start === size) return;
  const rest = await readAll(handle, start, size);
  if (isWhole(rest)) {
    await handle.write(Buffer.from('\n'), 0);
  } else if (rest.latin1Slice(0, 1) === LINE_START || rest.every((byte) => byte === 0)) {
    // After a loss of power there may be zeros where nothing was written.
    await handle.truncate(start);
  } else {
    throw notOurs();
  }
  await handle.datasync();
}

/** Where what follows the last end of a line begins; `size`: nothing follows. */
async function startOfLastLine(handle: LineHandle, size: number): Promise<number> {
  for (let end = size; end > 0 && size - end < LONGEST_LINE; ) {
    const from = Math.max(0, end - CHUNK);
    const at = (await readAll(handle, from, end)).lastIndexOf(LINE_END);
    if (at !== -1) return from + at + 1;
    end = from;
    if (end === 0) return 0;
  }
  throw notOurs();
}

async function readAll(handle: LineHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.alloc(to - from);
  for (let at = 0; at < buffer.length; ) {
    const { bytesRead } = await handle.read(buffer, at, buffer.length - at, from + at);
    if (bytesRead === 0) return buffer.subarray(0, at);
    at += bytesRead;
  }
  return buffer;
}

function isWhole(line: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return value !== null && typeof value === 'object';
  } catch {
    return false;
  }
}

function notOurs(): SinkFailure {
  return new SinkFailure('schema', 'its last line is not JSON: it is left as it is, name another file');
}
