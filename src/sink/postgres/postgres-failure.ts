import { refusal, socketReason } from '../../origin/sql/sql-session.ts';
import { SinkFailure, type SinkFailureKind } from '../sink.ts';

/** Classes of SQLSTATE (PostgreSQL, appendix A) that pass: the same again, later. */
const passing: ReadonlySet<string> = new Set([
  '08',
  '25',
  '26',
  '34',
  '40',
  '53',
  '55',
  '57',
  '58',
  '72',
  'F0',
  'HV',
  'XX',
]);
/** A policy of the table refuses a row, which has the code of a right that is missing. */
const OF_POLICY = /row-level security|row security/;
/** Classes that a row is to blame for, as is whatever a trigger makes up. */
const data: ReadonlySet<string> = new Set(['09', '21', '22', '23', '27', '38', '39', '44', '54', 'P0']);
/** Those that somebody has to mend: the table, the rights, the login. */
const schema: ReadonlySet<string> = new Set(['0A', '0L', '0P', '28', '2B', '3D', '3F', '42']);
const READ_ONLY = '25006';

/** What of an error of the server is used; `severity` is in the language of the server. */
interface ServerError {
  readonly code: string;
  readonly message: string;
  readonly column?: string;
  readonly constraint?: string;
}

/** The error as the server gave it; undefined for what happened on the way. */
function serverError(error: unknown): ServerError | undefined {
  const { code, severity } = (error ?? {}) as { [name in 'code' | 'severity']?: unknown };
  const isServers = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && typeof severity === 'string';
  return isServers ? (error as ServerError) : undefined;
}

/** The connection is of no more use: it ended, or what became of the last statement is not known. */
export function isLost(error: unknown): boolean {
  if (error instanceof SinkFailure) return false;
  const code = serverError(error)?.code;
  return code === undefined || code.startsWith('08') || /^57P0[1-5]$/.test(code);
}

/**
 * What an error asks for. Messages of the server that may quote values are left out: of those only the names of type, column and
 * constraint are told, and the error itself, which holds the values, is not kept as a cause.
 * @param types names of types that the message may speak of
 */
export function failureOf(error: unknown, types: Iterable<string> = []): SinkFailure {
  if (error instanceof SinkFailure) return error;
  const told = serverError(error);
  if (told === undefined) {
    const reason = socketReason(error);
    // The package's own words for a login that cannot be right, such as one without a password.
    return new SinkFailure(reason.startsWith('SASL') ? 'schema' : 'transient', reason);
  }
  const { code, column, constraint } = told;
  const type = code.startsWith('22') ? longestIn(told.message, types) : undefined;
  const names = [
    ...(type === undefined ? [] : [`type ${type}`]),
    ...(column === undefined ? [] : [`column ${column}`]),
    ...(constraint === undefined ? [] : [`constraint ${constraint}`]),
  ];
  const text = refusal(code, told.message) + (names.length === 0 ? '' : `: ${names.join(', ')}`);
  return new SinkFailure(code === '42501' && OF_POLICY.test(told.message) ? 'data' : kindOf(code), text);
}

function kindOf(code: string): SinkFailureKind {
  const ofClass = code.slice(0, 2);
  if (data.has(ofClass)) return 'data';
  if (schema.has(ofClass) || code === READ_ONLY) return 'schema';
  return passing.has(ofClass) || /^0[0-9B-Z]/.test(ofClass) ? 'transient' : 'data';
}

/** The type that the message begins to speak of before it quotes anything. */
function longestIn(message: string, types: Iterable<string>): string | undefined {
  return [...types].filter((type) => message.includes(`${type}: "`)).sort((a, b) => b.length - a.length)[0];
}
