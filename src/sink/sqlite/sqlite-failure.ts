import { SqliteCode, sqliteCode } from '../../store/engine/sqlite.ts';
import { SinkFailure, type SinkFailureKind } from '../sink.ts';

/** Results besides those in {@link SqliteCode} (https://sqlite.org/rescode.html). */
const ERROR = 1;
const NO_MEMORY = 7;
const INTERRUPT = 9;
const PROTOCOL = 15;
const TOO_BIG = 18;
const CONSTRAINT = 19;
const MISMATCH = 20;
const RANGE = 25;

const transient: readonly number[] = [
  SqliteCode.busy,
  SqliteCode.locked,
  SqliteCode.ioError,
  SqliteCode.full,
  NO_MEMORY,
  INTERRUPT,
  PROTOCOL,
];
const data: readonly number[] = [TOO_BIG, CONSTRAINT, MISMATCH, RANGE];

/**
 * What an error of SQLite asks for; its messages name tables and columns, never values.
 * @param isRunning a row was being written: a plain error then comes of the row, as in a function of a trigger, else of the statement
 */
export function failureOf(error: unknown, isRunning = false): SinkFailure {
  if (error instanceof SinkFailure) return error;
  const code = sqliteCode(error);
  const text = error instanceof Error ? error.message.slice(0, 300) : 'unknown error';
  if (code === undefined) return new SinkFailure('transient', text, { cause: error });
  return new SinkFailure(kindOfCode(code, isRunning), `${text} (SQLite code ${code})`, { cause: error });
}

function kindOfCode(code: number, isRunning: boolean): SinkFailureKind {
  if (transient.includes(code)) return 'transient';
  return data.includes(code) || (isRunning && code === ERROR) ? 'data' : 'schema';
}
