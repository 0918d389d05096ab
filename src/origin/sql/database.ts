import type { Cancellation } from '../../kernel/cancellation.ts';
/** Which SQL a database speaks; MariaDB counts as MySQL. */
export type SqlDialect = 'postgres' | 'mysql' | 'sqlite';

/** JSON as the database gave it, not parsed: numbers in it stay exact. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * One value of a row, the same for all databases.
 * - number: floating point, and integers of at most 32 bits
 * - bigint: other integers
 * - string: text, and what only text holds exactly: decimals, dates and times in ISO 8601, UUIDs, ranges …
 */
export type SqlCell = null | boolean | number | bigint | string | Uint8Array | JsonText;

export interface SqlResult {
  /** As the query names them; a name may come twice. */
  readonly columns: readonly string[];
  /** At most `maxRows`. */
  readonly rows: readonly (readonly SqlCell[])[];
  /** There were more than `maxRows`. */
  readonly more: boolean;
}

export interface QueryBounds {
  /** Rows that are wanted; what comes after them is not read. */
  readonly maxRows: number;
  /** Of all values together, roughly: when much more than this arrives, reading ends with VALUE_TOO_LARGE. */
  readonly maxBytes: number;
}

export interface QueryOptions extends QueryBounds {
  /** Ends the wait for a connection, and the query on the server. */
  readonly signal: Cancellation;
}

/** What a database does at this moment, and has done. */
export interface DatabaseStats {
  /** Connections, those being opened or ended included. */
  readonly connections: number;
  readonly idle: number;
  /** Queries that wait for a connection. */
  readonly waiting: number;
  /** Sent. */
  readonly queries: number;
  readonly failures: number;
}

/** One configured database: a bounded pool of connections that can only read. */
export interface Database {
  /** As in the configuration. */
  readonly name: string;
  readonly dialect: SqlDialect;
  readonly stats: DatabaseStats;
  /**
   * @param text one statement, with `$1`, `$2` … (PostgreSQL) or `?` where the parameters stand
   * @throws SluiceError ORIGIN_FAILED, ORIGIN_TIMEOUT (`signal` aborted), ORIGIN_OVERLOADED (never sent), VALUE_TOO_LARGE, CLOSED
   */
  query(text: string, params: readonly string[], options: QueryOptions): Promise<SqlResult>;
  /** Refuses what waits, lets queries under way end, closes the connections. Idempotent. */
  close(): Promise<void>;
}
