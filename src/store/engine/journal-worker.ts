import { statfsSync, statSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { isSluiceError, SluiceError } from '../../errors.ts';
import { causeText, DataFolder, dataError, HeadFile } from './data-folder.ts';
import {
  type Contents,
  createDatabase,
  type Group,
  isUnborn,
  JournalFile,
  JournalReader,
  type Meta,
  type Piece,
} from './journal-file.ts';
import type { JournalReply, JournalRequest, JournalWorkerOptions } from './journal-messages.ts';
import { type Database, loadSqlite, type OpenDatabase } from './sqlite.ts';

/** Messages of effects on their way to the engine while it loads. */
const LOAD_WINDOW = 4;
const RETRY_FIRST_MS = 250;
const RETRY_LAST_MS = 5000;
const DISK_CHECK_BYTES = 4 * 1024 * 1024;
const DISK_CHECK_MS = 1000;

/**
 * The thread that owns the database of a data folder. Everything that touches the disk happens here, in the order of the
 * messages; a group that cannot be committed is kept and tried again until it can.
 */
class JournalWorker {
  readonly #port: MessagePort;
  readonly #options: JournalWorkerOptions;
  readonly #folder: DataFolder;
  readonly #open: OpenDatabase;
  #lock: Database | undefined;
  #head: HeadFile | undefined;
  #file: JournalFile | undefined;
  #grantMore: (() => void) | undefined;
  #window = LOAD_WINDOW;
  #closing = false;
  #retrying: readonly Group[] | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_FIRST_MS;
  #bytesSinceCheck = 0;
  #lastCheck = 0;
  #problem = '';
  /** Inode of the database that is open. */
  #inode: number | undefined;
  #diskTimer: NodeJS.Timeout | undefined;
  #trimUpto = 0;
  #trimming = false;

  constructor(port: MessagePort, options: JournalWorkerOptions, open: OpenDatabase) {
    this.#port = port;
    this.#options = options;
    this.#folder = new DataFolder(options.dataDir);
    this.#open = open;
  }

  start(): void {
    this.#port.on('message', (message: JournalRequest) => this.#handle(message));
    try {
      this.#send({ kind: 'opened', meta: this.#acquire() });
    } catch (error) {
      this.#refuse(error);
    }
  }

  #handle(message: JournalRequest): void {
    switch (message.kind) {
      case 'group':
        this.#append(message.rows);
        return;
      case 'piece':
        this.#put(message);
        return;
      case 'trim':
        this.#trimUpto = message.upto;
        if (!this.#trimming) this.#trim();
        return;
      case 'load':
        this.#load().catch((error: unknown) => this.#refuse(error));
        return;
      case 'more':
        this.#window++;
        this.#grantMore?.();
        return;
      case 'close':
        this.#close();
    }
  }

  #acquire(): Meta {
    const { database, path, head } = this.#folder;
    this.#folder.create();
    this.#lock = this.#folder.acquire(this.#open);
    this.#folder.finishRestore();
    this.#folder.removeLeftovers();
    try {
      this.#head = HeadFile.open(head);
    } catch (error) {
      throw dataError(error, `${head} cannot be written`);
    }
    if (isUnborn(this.#open, database)) {
      const acknowledged = this.#head.read();
      if (acknowledged > 0) {
        throw new SluiceError(
          'DATA_DAMAGED',
          `${database} is missing or empty although ${acknowledged} changes were written to ${path}. ${this.#folder.remedy}`,
          { details: { file: database } },
        );
      }
      createDatabase(this.#open, this.#folder, this.#options.meta);
      this.#head.write(0);
    }
    const reader = new JournalReader(this.#open, database, this.#folder.remedy);
    try {
      return reader.meta();
    } finally {
      reader.close();
    }
  }

  async #load(): Promise<void> {
    const { database } = this.#folder;
    const reader = new JournalReader(this.#open, database, this.#folder.remedy);
    try {
      const image = reader.image();
      this.#send({ kind: 'image', ranges: image.ranges });
      const contents = reader.contents(image);
      let next = contents.next();
      for (; next.done !== true; next = contents.next()) await this.#sendContents(next.value);
      const logBytes = reader.logBytes();
      reader.close();
      const { sync, walBytes } = this.#options;
      this.#file = new JournalFile(this.#open, database, image, { sync, walBytes });
      this.#inode = statSync(database).ino;
      const { generation, imageBytes } = this.#file;
      const head = this.#head?.read() ?? 0;
      this.#send({ kind: 'loaded', ...next.value, head, generation, imageBytes, logBytes });
      this.#checkDisk();
    } finally {
      reader.close();
    }
  }

  async #sendContents({ effects, source }: Contents): Promise<void> {
    while (this.#window === 0 && !this.#closing)
      await new Promise<void>((granted) => {
        this.#grantMore = granted;
      });
    if (this.#closing) throw new SluiceError('CLOSED', 'the store was closed while it was loading');
    this.#window--;
    // Only memory of its own may be given away.
    const own = effects.byteLength === effects.buffer.byteLength ? effects : effects.slice();
    this.#port.postMessage({ kind: 'effects', effects: own, source } satisfies JournalReply, [
      own.buffer as ArrayBuffer,
    ]);
  }

  #append(rows: readonly Group[]): void {
    try {
      this.#file?.append(rows);
    } catch (error) {
      this.#send({ kind: 'failed', reason: causeText(error) });
      this.#retryLater(rows);
      return;
    }
    this.#committed(rows);
  }

  #committed(rows: readonly Group[]): void {
    const { last } = rows[rows.length - 1] as Group;
    try {
      this.#head?.write(last);
    } catch {
      // Only a hint for the next start: the commit itself stands.
    }
    this.#send(last);
    for (const { effects } of rows) this.#bytesSinceCheck += effects.length;
    if (this.#bytesSinceCheck >= DISK_CHECK_BYTES || performance.now() - this.#lastCheck > DISK_CHECK_MS)
      this.#checkDisk();
  }

  /** The same bytes again and again: what memory holds must reach the disk before anything newer. */
  #retryLater(rows: readonly Group[]): void {
    this.#retrying = rows;
    this.#retryTimer = setTimeout(() => this.#retry(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_LAST_MS);
  }

  #retry(): boolean {
    const rows = this.#retrying;
    if (rows === undefined) return true;
    try {
      this.#file?.append(rows);
    } catch (error) {
      this.#send({ kind: 'failed', reason: causeText(error) });
      this.#retryLater(rows);
      return false;
    }
    this.#retrying = undefined;
    this.#retryMs = RETRY_FIRST_MS;
    this.#committed(rows);
    return true;
  }

  #put(piece: Piece): void {
    let failure: string | undefined;
    try {
      this.#file?.putPiece(piece);
    } catch (error) {
      failure = causeText(error);
    }
    const imageBytes = this.#file?.imageBytes ?? 0;
    this.#bytesSinceCheck += piece.effects.length;
    this.#send({ kind: 'stored', imageBytes, ...(failure === undefined ? {} : { failure }) });
  }

  #trim(): void {
    this.#trimming = false;
    if (this.#file === undefined) return;
    try {
      const { bytes, done } = this.#file.trim(this.#trimUpto);
      this.#send({ kind: 'trimmed', bytes, done });
      if (done) return;
      // Not in one go: groups that arrive meanwhile come between.
      this.#trimming = true;
      setImmediate(() => this.#trim());
    } catch {
      // Nothing is lost by a longer log; the next checkpoint tries again.
      this.#send({ kind: 'trimmed', bytes: 0, done: true });
    }
  }

  /** Asks for read-only where a commit would still succeed and yet be of no use, or the next one would fail. */
  #checkDisk(): void {
    this.#bytesSinceCheck = 0;
    this.#lastCheck = performance.now();
    const problem = this.#diskProblem();
    // Again and again while there is one: its figure changes, and a message may find the main thread still loading.
    if (problem !== '' || this.#problem !== '') this.#send({ kind: 'disk', problem });
    this.#problem = problem;
    clearTimeout(this.#diskTimer);
    if (problem !== '') this.#diskTimer = setTimeout(() => this.#checkDisk(), DISK_CHECK_MS);
  }

  #diskProblem(): string {
    const { database, path } = this.#folder;
    let freeBytes: number;
    try {
      // What is written to a removed file is gone with the process.
      if (statSync(database).ino !== this.#inode)
        return `${database} is no longer the file that is open; stop Sluice and see what took its place`;
      const { bavail, bsize } = statfsSync(path);
      freeBytes = bavail * bsize;
    } catch (error) {
      return `${database} is gone or out of reach; put it back as it was, or stop Sluice (${causeText(error)})`;
    }
    // SQLite needs room to fold its log, and even to delete.
    const { minFreeBytes } = this.#options;
    const low = freeBytes < (this.#problem === '' ? minFreeBytes : minFreeBytes * 1.1);
    return low ? `the disk of the data folder has only ${(freeBytes / 1024 / 1024).toFixed(1)} MiB left` : '';
  }

  #close(): void {
    this.#closing = true;
    this.#grantMore?.();
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#diskTimer);
    let failure: string | undefined;
    if (this.#retrying !== undefined) {
      try {
        this.#file?.append(this.#retrying);
      } catch (error) {
        failure = causeText(error);
      }
    }
    this.#release();
    this.#port.postMessage({ kind: 'closed', ...(failure === undefined ? {} : { failure }) } satisfies JournalReply);
    this.#port.close();
  }

  #refuse(error: unknown): void {
    if (this.#closing) return;
    const refusal = isSluiceError(error) ? error : dataError(error, `${this.#folder.path} cannot be read`);
    this.#release();
    const { code, message, details } = refusal;
    this.#send({ kind: 'refused', code, message, ...(details === undefined ? {} : { details }) });
    this.#port.close();
  }

  #release(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#head?.close();
    this.#head = undefined;
    this.#lock?.close();
    this.#lock = undefined;
  }

  #send(reply: JournalReply): void {
    this.#port.postMessage(reply);
  }
}

if (parentPort !== null) new JournalWorker(parentPort, workerData as JournalWorkerOptions, await loadSqlite()).start();
