import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { type ErrorCode, SluiceError } from '../../errors.ts';
import { type Database, type OpenDatabase, SqliteCode, sqliteCode } from './sqlite.ts';

/** The files of a data folder. */
export class DataFolder {
  readonly path: string;
  /** Log and image, in SQLite's WAL mode. */
  readonly database: string;
  /** Held locked while the folder is in use; empty. */
  readonly lock: string;
  /** The newest acknowledged sequence number; see `HeadFile`. */
  readonly head: string;
  /** A restored database, complete, that still has to take its place. */
  readonly restoring: string;

  constructor(path: string) {
    this.path = resolve(path);
    this.database = join(this.path, 'sluice.db');
    this.lock = join(this.path, 'sluice.lock');
    this.head = join(this.path, 'sluice.head');
    this.restoring = join(this.path, 'sluice.restoring');
  }

  /** What to do about a damaged folder, as a sentence. */
  get remedy(): string {
    return `Nothing was changed. Restore a backup with: sluice restore FILE --data ${this.path} --force`;
  }

  /** What SQLite keeps beside the database. */
  get sidecars(): readonly string[] {
    return [`${this.database}-wal`, `${this.database}-shm`, `${this.database}-journal`];
  }

  /**
   * Makes the folder where it is missing, readable by its owner only.
   * @throws SluiceError DATA_UNAVAILABLE
   */
  create(): void {
    try {
      makeFolder(this.path);
    } catch (error) {
      throw dataError(error, `the data folder ${this.path} cannot be created`);
    }
  }

  /**
   * Takes the folder for this process until the connection returned is closed or the process ends, however it ends.
   * @throws SluiceError DATA_LOCKED, DATA_UNAVAILABLE
   */
  acquire(open: OpenDatabase): Database {
    let connection: Database | undefined;
    try {
      createFile(this.lock);
      connection = open(this.lock, { lockTimeoutMs: 0 });
      connection.exec('BEGIN EXCLUSIVE');
      return connection;
    } catch (error) {
      connection?.close();
      const code = sqliteCode(error);
      if (code === SqliteCode.busy || code === SqliteCode.locked) {
        throw new SluiceError(
          'DATA_LOCKED',
          `the data folder ${this.path} is in use by another process or is already open in this one; stop or close that, or use another folder`,
          { cause: error, details: { folder: this.path } },
        );
      }
      throw dataError(error, `the data folder ${this.path} cannot be locked`);
    }
  }

  /**
   * Puts a restored database in its place, if one waits. Nothing of the old one may stay: SQLite would fold an old write-ahead
   * log into the new database. The lock must be held.
   * @throws SluiceError DATA_UNAVAILABLE
   */
  finishRestore(): void {
    try {
      if (!existsSync(this.restoring)) return;
      for (const file of [...this.sidecars, this.head]) removeFile(file);
      renameSync(this.restoring, this.database);
      syncFolder(this.path);
    } catch (error) {
      throw dataError(error, `the restore into ${this.path} cannot be finished`);
    }
  }

  /** Removes what a backup of this folder left behind when it was killed. */
  removeLeftovers(): void {
    for (const name of readdirSync(this.path))
      if (/^backup-[-0-9a-f]+\.tmp(-journal)?$/.test(name)) removeFile(join(this.path, name));
  }
}

/**
 * Makes a folder and those above it. Node's own way, `recursive`, says ENOENT for every reason and never ends where a file system
 * such as /proc says that.
 */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
  syncFolder(dirname(path));
}

/**
 * Makes an empty file that only its owner reads, unless it exists; SQLite gives its side files the same rights. A file that exists
 * is not even opened: to close it again would drop the locks that this process holds on it, SQLite's among them (POSIX).
 */
export function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Makes the names in a folder durable. */
export function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * The SluiceError for what SQLite or the file system reported: DATA_DAMAGED for a file that is not as SQLite wrote it,
 * DATA_UNAVAILABLE for everything else.
 * @param what a sentence without its full stop, naming the file or folder.
 */
export function dataError(error: unknown, what: string): SluiceError {
  if (error instanceof SluiceError) return error;
  const sqlite = sqliteCode(error);
  const damaged = sqlite === SqliteCode.corrupt || sqlite === SqliteCode.notADatabase;
  const code: ErrorCode = damaged ? 'DATA_DAMAGED' : 'DATA_UNAVAILABLE';
  return new SluiceError(code, `${what}: ${causeText(error)}`, { cause: error });
}

/** What went wrong in the words of the system, for a message. */
export function causeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message;
}

const HEAD_BYTES = 16;
const HEAD_MAGIC = 0x64685331;

/**
 * 16 bytes beside the database: the newest sequence number that was acknowledged, overwritten in place after each commit and never
 * synced. SQLite drops a damaged end of its write-ahead log without a word; this file tells that something was there.
 */
export class HeadFile {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(HEAD_BYTES);

  private constructor(fd: number) {
    this.#fd = fd;
    this.#buffer.writeUInt32LE(HEAD_MAGIC, 8);
  }

  static open(path: string): HeadFile {
    createFile(path);
    return new HeadFile(openSync(path, 'r+'));
  }

  /** @returns the number last written, 0 when there is none that can be read. */
  read(): number {
    const buffer = Buffer.alloc(HEAD_BYTES);
    if (readSync(this.#fd, buffer, 0, HEAD_BYTES, 0) !== HEAD_BYTES) return 0;
    if (buffer.readUInt32LE(8) !== HEAD_MAGIC || buffer.readUInt32LE(12) !== crc32(buffer.subarray(0, 12))) return 0;
    return buffer.readDoubleLE(0);
  }

  write(seq: number): void {
    this.#buffer.writeDoubleLE(seq, 0);
    this.#buffer.writeUInt32LE(crc32(this.#buffer.subarray(0, 12)), 12);
    writeSync(this.#fd, this.#buffer, 0, HEAD_BYTES, 0);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Removes a file and does not mind that it is missing. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
}
