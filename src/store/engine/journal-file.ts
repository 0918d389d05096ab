import { existsSync, statSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { SluiceError } from '../../errors.ts';
import type { Space } from './change.ts';
import { assembleImage, type Image, type PieceHeader } from './checkpoint-ranges.ts';
import { causeText, createFile, type DataFolder, dataError, syncFolder } from './data-folder.ts';
import { FORMAT_VERSION } from './effect-codec.ts';
import type { Database, OpenDatabase, Row, Statement } from './sqlite.ts';

/** "SLCE": tells a Sluice database from any other SQLite file. */
const APPLICATION_ID = 0x534c4345;

const SCHEMA = `
BEGIN IMMEDIATE;
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${FORMAT_VERSION};
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  seed0 INTEGER NOT NULL, seed1 INTEGER NOT NULL, created INTEGER NOT NULL, crc INTEGER NOT NULL
);
CREATE TABLE log (
  seq INTEGER PRIMARY KEY, first INTEGER NOT NULL, crc INTEGER NOT NULL, effects BLOB NOT NULL
);
CREATE TABLE image (
  id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, space INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
  piece INTEGER NOT NULL, last INTEGER NOT NULL, upto INTEGER NOT NULL, crc INTEGER NOT NULL, effects BLOB NOT NULL
);`;

/** What a data folder was given when it was made. */
export interface Meta {
  /** Key of the hash tables: the image is cut by these hashes. */
  readonly seed: readonly [number, number];
  /** ms since the epoch. */
  readonly created: number;
}

/** One row of the log: the effects of one group commit. */
export interface Group {
  /** Number of the first effect of the group; one more than `last` of the group before. */
  readonly first: number;
  readonly last: number;
  readonly effects: Uint8Array;
}

/** One row of the image. */
export interface Piece extends Omit<PieceHeader, 'id' | 'bytes'> {
  readonly effects: Uint8Array;
}

/** Where effects come from: a range of the image, by its index, or the group of the log that begins with the number. */
export type EffectsSource = { readonly range: number } | { readonly first: number };

export interface Contents {
  readonly effects: Uint8Array;
  readonly source: EffectsSource;
}

export interface Extent {
  /** Number of the newest change. */
  readonly seq: number;
  /** Number that the next group has to begin with. */
  readonly first: number;
}

/** Makes the database of a new folder. @throws SluiceError DATA_UNAVAILABLE */
export function createDatabase(open: OpenDatabase, folder: DataFolder, meta: Meta): void {
  let database: Database | undefined;
  try {
    createFile(folder.database);
    database = open(folder.database);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    database.exec(SCHEMA);
    const [seed0, seed1] = meta.seed;
    database.prepare('INSERT INTO meta VALUES (1, ?, ?, ?, ?)').run(seed0, seed1, meta.created, metaCrc(meta));
    database.exec('COMMIT');
    syncFolder(folder.path);
  } catch (error) {
    throw dataError(error, `the database ${folder.database} cannot be created`);
  } finally {
    database?.close();
  }
}

/** Whether the folder has no database yet, or one whose making was interrupted before anything could be stored in it. */
export function isUnborn(open: OpenDatabase, file: string): boolean {
  if (!existsSync(file) || statSync(file).size === 0) return true;
  let database: Database | undefined;
  try {
    database = open(file, { readOnly: true });
    return database.prepare('SELECT count(*) AS n FROM sqlite_master').get()?.['n'] === 0;
  } catch {
    // Whatever is wrong with it, it is not new.
    return false;
  } finally {
    database?.close();
  }
}

/**
 * Reads a database of the format above: a data folder's or a backup. Changes nothing in the file. What is not as it was written
 * is DATA_DAMAGED, with the file and the place in the message.
 */
export class JournalReader {
  readonly #database: Database;
  readonly #file: string;
  readonly #remedy: string;
  #isOpen = true;

  /** @param remedy a sentence for the message of an error. */
  constructor(open: OpenDatabase, file: string, remedy = '') {
    this.#file = file;
    this.#remedy = remedy;
    try {
      // For an error that names the reason. Not by opening it: to close it again would drop this process's locks on it (POSIX).
      statSync(file);
      this.#database = open(file, { readOnly: true });
    } catch (error) {
      throw dataError(error, `${file} cannot be opened`);
    }
  }

  /** @throws SluiceError DATA_DAMAGED, DATA_VERSION */
  meta(): Meta {
    return this.#guard('the header', () => {
      if (this.#number('PRAGMA application_id') !== APPLICATION_ID) throw this.#damaged('it is no database of Sluice');
      const format = this.#number('PRAGMA user_version');
      if (format !== FORMAT_VERSION) {
        throw new SluiceError(
          'DATA_VERSION',
          `${this.#file} has format ${format}, this version of Sluice reads format ${FORMAT_VERSION}; run a version that reads it`,
          { details: { file: this.#file, format, supported: FORMAT_VERSION } },
        );
      }
      const row = this.#database.prepare('SELECT seed0, seed1, created, crc FROM meta').get();
      if (row === undefined) throw this.#damaged('the table "meta" is empty');
      const meta: Meta = { seed: [integer(row, 'seed0'), integer(row, 'seed1')], created: integer(row, 'created') };
      if (metaCrc(meta) !== row['crc']) throw this.#damaged('the row of the table "meta" does not match its checksum');
      return meta;
    });
  }

  image(): Image {
    return this.#guard('the table "image"', () => {
      const sql =
        'SELECT id, generation, space, start, stop, piece, last, upto, length(effects) AS bytes FROM image ORDER BY id';
      return assembleImage(this.#database.prepare(sql).all().map(toPieceHeader));
    });
  }

  /** Bytes of effects in the log. */
  logBytes(): number {
    return this.#guard('the table "log"', () => this.#number('SELECT coalesce(sum(length(effects)), 0) FROM log'));
  }

  /** The effects of one row of the image. @throws SluiceError DATA_DAMAGED */
  piece(header: PieceHeader): Uint8Array {
    return this.#guard(`row ${header.id} of the table "image"`, () => {
      const row = this.#database.prepare('SELECT crc, effects FROM image WHERE id = ?').get(header.id);
      const effects = row?.['effects'];
      if (!(effects instanceof Uint8Array)) throw this.#damaged(`row ${header.id} of the table "image" has no bytes`);
      if (pieceCrc({ ...header, effects }) !== row?.['crc'])
        throw this.#damaged(`row ${header.id} of the table "image" does not match its checksum`);
      return effects;
    });
  }

  /**
   * Everything needed to rebuild the engine's state, in order: the image, then the log.
   * @throws SluiceError DATA_DAMAGED
   */
  *contents(image: Image): Generator<Contents, Extent> {
    for (const [range, { pieces }] of image.ranges.entries())
      for (const piece of pieces) yield { effects: this.piece(piece), source: { range } };
    let seq = image.newest;
    let first = image.upto + 1;
    for (const group of this.groups(image.upto)) {
      yield { effects: group.effects, source: { first: group.first } };
      seq = Math.max(seq, group.last);
      first = group.last + 1;
    }
    return { seq, first };
  }

  /**
   * The groups of the log in order, each checked.
   * @param upto what the image contains: the log may begin at any group that leaves nothing out after it.
   * @throws SluiceError DATA_DAMAGED
   */
  *groups(upto: number): Generator<Group> {
    let expected = upto + 1;
    let begun = false;
    let after = 0;
    // Row by row: an iterator of the package dies when the garbage collector takes its statement.
    const sql = 'SELECT seq, first, crc, effects FROM log WHERE seq > ? ORDER BY seq LIMIT 1';
    const next = this.#guard('the table "log"', () => this.#database.prepare(sql));
    for (;;) {
      const row = this.#guard(`the table "log" after change ${expected - 1}`, () => next.get(after));
      if (row === undefined) return;
      const last = integer(row, 'seq');
      const first = integer(row, 'first');
      const effects = row['effects'];
      if (!(effects instanceof Uint8Array)) throw this.#damaged(`row ${last} of the table "log" has no bytes`);
      const group = { first, last, effects };
      if (groupCrc(group) !== row['crc'])
        throw this.#damaged(`row ${last} of the table "log" does not match its checksum`);
      if (begun ? first !== expected : first > expected)
        throw this.#damaged(`the changes ${expected} to ${first - 1} are missing from the table "log"`);
      begun = true;
      expected = last + 1;
      after = last;
      yield group;
    }
  }

  /** An error of this file, for what only a caller can find out (a frame that cannot be read). */
  damaged(what: string): SluiceError {
    return this.#damaged(what);
  }

  /** Idempotent. */
  close(): void {
    if (this.#isOpen) this.#database.close();
    this.#isOpen = false;
  }

  #number(sql: string): number {
    return Object.values(this.#database.prepare(sql).get() as Row)[0] as number;
  }

  #guard<T>(what: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof SluiceError) throw error;
      if (error instanceof RangeError) throw this.#damaged(`${what}: ${error.message}`, error);
      const wrapped = dataError(error, `${what} of ${this.#file} cannot be read`);
      throw wrapped.code === 'DATA_DAMAGED'
        ? this.#damaged(`${what} cannot be read (${causeText(error)})`, error)
        : wrapped;
    }
  }

  #damaged(what: string, cause?: unknown): SluiceError {
    return new SluiceError(
      'DATA_DAMAGED',
      `${this.#file} is damaged: ${what}${this.#remedy === '' ? '' : `. ${this.#remedy}`}`,
      { details: { file: this.#file }, ...(cause === undefined ? {} : { cause }) },
    );
  }
}

export interface JournalFileOptions {
  /** Whether a commit waits until the disk has it. */
  readonly sync: boolean;
  /** SQLite's write-ahead log is folded into the database when it is longer. */
  readonly walBytes: number;
}

const PAGE_BYTES = 4096;
/** Bounds of one slice of trimming: what a commit may have to wait for. */
const TRIM_ROWS = 256;
const TRIM_BYTES = 1024 * 1024;

/** The rows of one valid range of the image. */
interface StoredRange {
  readonly generation: number;
  readonly to: number;
  readonly ids: readonly number[];
  readonly bytes: number;
}

/** The writing side of the same database. One instance a folder. Every method is one transaction: done or not done. */
export class JournalFile {
  readonly #database: Database;
  readonly #insertGroup: Statement;
  readonly #insertPiece: Statement;
  readonly #deletePiece: Statement;
  readonly #trimTo: Statement;
  readonly #trim: Statement;
  /** The valid ranges by space, in the order of their hashes: those of the running pass, then older ones. */
  readonly #ranges: readonly [StoredRange[], StoredRange[], StoredRange[]] = [[], [], []];
  /** Rows of a range whose last piece has not come, or will not come any more. */
  #unfinished: number[] = [];
  #unfinishedBytes = 0;
  #imageBytes = 0;

  /** @throws SluiceError DATA_UNAVAILABLE */
  constructor(open: OpenDatabase, file: string, image: Image, options: JournalFileOptions) {
    for (const range of image.ranges) {
      const bytes = range.pieces.reduce((sum, piece) => sum + piece.bytes, 0);
      const ids = range.pieces.map((piece) => piece.id);
      this.#ranges[range.space].push({ generation: range.generation, to: range.to, ids, bytes });
      this.#imageBytes += bytes;
    }
    this.#unfinished.push(...image.stale);
    try {
      const database = open(file);
      this.#database = database;
      database.exec(`
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = ${options.sync ? 'FULL' : 'NORMAL'};
        PRAGMA wal_autocheckpoint = ${Math.max(1, Math.floor(options.walBytes / PAGE_BYTES))};
        PRAGMA journal_size_limit = ${options.walBytes};`);
      this.#insertGroup = database.prepare('INSERT INTO log VALUES (?, ?, ?, ?)');
      this.#insertPiece = database.prepare('INSERT INTO image VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
      this.#deletePiece = database.prepare('DELETE FROM image WHERE id = ?');
      this.#trimTo = database.prepare(`
        SELECT coalesce(max(seq), 0) AS seq, count(*) AS rows, coalesce(sum(bytes), 0) AS bytes
        FROM (
          SELECT seq, bytes, sum(bytes) OVER (ORDER BY seq) - bytes AS before
          FROM (SELECT seq, length(effects) AS bytes FROM log WHERE seq <= ? ORDER BY seq LIMIT ${TRIM_ROWS})
        ) WHERE before < ${TRIM_BYTES}`);
      this.#trim = database.prepare('DELETE FROM log WHERE seq <= ?');
    } catch (error) {
      throw dataError(error, `${file} cannot be opened for writing`);
    }
  }

  /** Bytes of effects in the valid part of the image. */
  get imageBytes(): number {
    return this.#imageBytes;
  }

  /** Highest generation in the image; the next pass takes a higher one. */
  get generation(): number {
    return Math.max(0, ...this.#ranges.map(([first]) => first?.generation ?? 0));
  }

  /** Commits the rows of a group, all or none. */
  append(rows: readonly Group[]): void {
    const insert = (row: Group): unknown => this.#insertGroup.run(row.last, row.first, groupCrc(row), row.effects);
    const [only, ...more] = rows;
    if (only === undefined) return;
    if (more.length === 0) insert(only);
    else this.#atomically(() => rows.forEach(insert));
  }

  /** Adds a piece; the last of a range makes the range valid and drops what older passes had there. */
  putPiece(piece: Piece): void {
    const { generation, space, from, to, last, upto, effects } = piece;
    const ranges = this.#ranges[space];
    const abandoned = piece.piece === 0 ? this.#unfinished : [];
    let start = 0;
    while (start < ranges.length && (ranges[start] as StoredRange).generation === generation) start++;
    let end = start;
    if (last) while (end < ranges.length && (ranges[end] as StoredRange).to <= to) end++;
    const superseded = ranges.slice(start, end);
    const id = this.#atomically(() => {
      for (const old of abandoned) this.#deletePiece.run(old);
      for (const range of superseded) for (const old of range.ids) this.#deletePiece.run(old);
      const values = [generation, space, from, to, piece.piece, last ? 1 : 0, upto, pieceCrc(piece), effects];
      return Number(this.#insertPiece.run(...values).lastInsertRowid);
    });
    if (piece.piece === 0) {
      this.#unfinished = [];
      this.#unfinishedBytes = 0;
    }
    this.#unfinished.push(id);
    this.#unfinishedBytes += effects.length;
    if (!last) return;
    const stored = { generation, to, ids: this.#unfinished, bytes: this.#unfinishedBytes };
    ranges.splice(start, end - start, stored);
    this.#imageBytes += stored.bytes - superseded.reduce((sum, range) => sum + range.bytes, 0);
    this.#unfinished = [];
    this.#unfinishedBytes = 0;
  }

  /** Deletes the oldest groups of the log, as many as a short transaction can take, whose changes are all in the image. */
  trim(upto: number): { readonly bytes: number; readonly done: boolean } {
    const found = this.#trimTo.get(upto) as { seq: number; rows: number; bytes: number };
    if (found.rows > 0) this.#trim.run(found.seq);
    return { bytes: found.bytes, done: found.rows === 0 };
  }

  close(): void {
    this.#database.close();
  }

  #atomically<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      // A full disk has rolled back already, and then ROLLBACK is an error.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

function toPieceHeader(row: Row): PieceHeader {
  return {
    id: integer(row, 'id'),
    generation: integer(row, 'generation'),
    space: integer(row, 'space') as Space,
    from: integer(row, 'start'),
    to: integer(row, 'stop'),
    piece: integer(row, 'piece'),
    last: row['last'] === 1,
    upto: integer(row, 'upto'),
    bytes: integer(row, 'bytes'),
  };
}

function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new RangeError(`the column "${column}" holds no number`);
  return value;
}

function metaCrc(meta: Meta): number {
  return crc32(`${meta.seed[0]} ${meta.seed[1]} ${meta.created}`);
}

function groupCrc(group: Group): number {
  return crc32(`${group.first} ${group.last}`, crc32(group.effects));
}

function pieceCrc(piece: Omit<Piece, 'bytes'>): number {
  const { generation, space, from, to, last, upto } = piece;
  // The bytes first: given no bytes, zlib forgets the value it is to go on from.
  return crc32(`${generation} ${space} ${from} ${to} ${piece.piece} ${last ? 1 : 0} ${upto}`, crc32(piece.effects));
}
