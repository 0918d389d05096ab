/** The part of `node:sqlite`'s API that Sluice uses; `@photostructure/sqlite` has the same. */
export interface Statement {
  run(...values: readonly SqliteValue[]): { readonly lastInsertRowid: number | bigint };
  get(...values: readonly SqliteValue[]): Row | undefined;
  all(...values: readonly SqliteValue[]): Row[];
}

export interface Database {
  /** False again when SQLite has rolled back by itself, as it does when the disk is full. */
  readonly isTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

export type SqliteValue = string | number | Uint8Array | null;
export type Row = Record<string, SqliteValue>;

interface SqliteModule {
  readonly DatabaseSync: new (path: string, options?: { readOnly?: boolean }) => Database;
}

/** Opens a database file; what `loadSqlite` gives. */
export type OpenDatabase = (path: string, options?: OpenDatabaseOptions) => Database;

export interface OpenDatabaseOptions {
  /** A reader changes nothing in the file, not even by closing it as the last. @default false */
  readonly readOnly?: boolean;
  /** How long to wait for a lock of another connection, in ms. @default 5000 */
  readonly lockTimeoutMs?: number;
}

/**
 * SQLite of Node where this Node has it, else the package of the same API.
 *
 * To be called in worker threads: they are started with `--disable-warning=ExperimentalWarning`, so that Node's note about
 * `node:sqlite` does not reach the operator, while other warnings do.
 */
export async function loadSqlite(): Promise<OpenDatabase> {
  const builtin = process.getBuiltinModule?.('node:sqlite');
  const module = (builtin ?? (await import('@photostructure/sqlite'))) as unknown as SqliteModule;
  return (path, { readOnly = false, lockTimeoutMs = 5000 } = {}) => {
    const database = new module.DatabaseSync(path, { readOnly });
    // Not the option of the constructor: Node before 22.16 overlooks it.
    database.exec(`PRAGMA busy_timeout = ${lockTimeoutMs}`);
    return database;
  };
}

/** Results of SQLite that Sluice treats differently (https://sqlite.org/rescode.html). */
export const SqliteCode = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
} as const;

/** The primary result code of an error that SQLite gave, or undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}
