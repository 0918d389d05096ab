import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { QueryBounds, SqlDialect, SqlResult } from './database.ts';

/** One connection to a database. Runs one query at a time; the pool sees to that. */
export interface SqlSession {
  /** False once it was lost or ended. */
  readonly isUsable: boolean;
  /** Called once when the connection is lost, whoever ended it. */
  onLost: () => void;
  /** @throws SqlFailure */
  query(text: string, params: readonly string[], bounds: QueryBounds): Promise<SqlResult>;
  /** Ends the connection, and on the server what still runs on it. Resolves when that has ended there, or cannot be known. */
  cancel(): Promise<void>;
  /** Ends it; nothing runs on it. */
  close(): Promise<void>;
}

/** Makes connections to one database. */
export interface SqlDriver {
  readonly dialect: SqlDialect;
  /** More connections than this bring nothing. */
  readonly maxConnections: number;
  /** @throws SqlFailure also when `signal` aborts */
  open(signal: AbortSignal): Promise<SqlSession>;
}

/**
 * - `lost`: the connection ended before the answer
 * - `stale`: what was prepared on the connection no longer fits; another connection would do
 * - `refused`: the database answered with an error
 * - `too-large`: more came than `maxBytes` allows
 */
export type SqlFailureKind = 'lost' | 'stale' | 'refused' | 'too-large';

/** Why a query or a connection failed. The message never holds parameters, values or passwords. */
export class SqlFailure extends Error {
  readonly kind: SqlFailureKind;

  constructor(kind: SqlFailureKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/**
 * Classes of SQLSTATE (ISO 9075, PostgreSQL appendix A) whose messages speak of the statement, the login or the server. Messages of
 * others may quote parameters and stored values.
 */
const tellable = new Set(['08', '0A', '25', '26', '28', '3D', '3F', '42', '53', '55', '57', '58', 'XX']);

/** What may be told of an error that a server gave. */
export function refusal(sqlState: string, message: string): string {
  const reason = tellable.has(sqlState.slice(0, 2)) ? firstLine(message) : reasons.get(sqlState.slice(0, 2));
  return `${reason ?? 'the database refused the query'} (SQLSTATE ${sqlState})`;
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['22', 'the database refused a value: it is not of the type the query needs'],
  ['40', 'the database ended the transaction because of others'],
]);

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

/** What may be told of an error of a socket: its code, such as ECONNREFUSED, not its message. */
export function socketReason(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  // What `mysql2` calls every problem of TLS; the message says which.
  if (typeof code === 'string' && code !== 'HANDSHAKE_SSL_ERROR') return code;
  return error instanceof Error ? firstLine(error.message) : 'unknown error';
}

/** Closes a socket once what is written has left. */
export async function closed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  const gone = once(socket, 'close').catch(() => {});
  socket.destroySoon();
  await gone;
}
