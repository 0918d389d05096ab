import { refusal, socketReason } from '../../origin/sql/sql-session.ts';
import { SinkFailure, type SinkFailureKind } from '../sink.ts';

/** Classes of SQLSTATE that a row is to blame for; `45`: what a trigger refuses by SIGNAL. */
const dataClasses: ReadonlySet<string> = new Set(['01', '21', '22', '23', '27', '44', '45']);
/** Those that somebody has to mend: the table, the rights, the login. Whatever else goes wrong passes. */
const schemaClasses: ReadonlySet<string> = new Set(['0A', '25', '28', '2B', '3D', '3F', '42']);

/**
 * Errors whose SQLSTATE says nothing of them, or something else (MySQL Server Error Message Reference; MariaDB has the same numbers below
 * 1900): most of them have HY000.
 */
const kinds: ReadonlyMap<number, SinkFailureKind> = new Map([
  ...kindsOf('data', [
    1118, // a row is larger than a page takes
    1153, // a packet is larger than max_allowed_packet
    1300, // bytes that are no text
    1364, // a column without a default is given no value
    1366, // a value of another type
    1411, // a date that is none
    1525, // the same, in a comparison
    1526, // no partition for it
    1748, // the same
    3819, // a CHECK is violated
    4025, // the same in MariaDB
  ]),
  ...kindsOf('schema', [
    1130, // this machine may not connect
    1290, // the server runs with --read-only
    1449, // the definer of a trigger is gone
    1665, // binlog_format=STATEMENT
    1836, // the server runs in read-only mode
    1356, // a view names what is gone
  ]),
  ...kindsOf('transient', [
    1203, // too many connections of this user
    1226, // the user's limit for an hour is used up
    1370, // no room for a routine
    1637, // too many transactions
  ]),
]);

const SYNTAX_ERROR = 1064;
/** Of a message of the server. */
const MAX_LENGTH = 300;

/** Codes for the end of a connection: too many of them, the server stops, ends it, or has ended it for a reason it tells once. */
const endings: ReadonlySet<number> = new Set([1040, 1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 4031]);

/** Where messages name a column or a constraint, whatever they quote before. */
const namesColumn = [
  /for column (?:`[^`]*`\.`[^`]*`\.)?[`']([^`']+)[`'] at row \d+$/,
  /^Column '([^']+)' cannot be null$/,
  /^Field '([^']+)' doesn't have a default value$/,
];
const namesConstraint = [
  /^CONSTRAINT `([^`]+)` failed for /,
  /^Check constraint '([^']+)' is violated\.?$/,
  /, CONSTRAINT `([^`]+)` FOREIGN KEY /,
  / for key '([^']+)'$/,
];

function kindsOf(kind: SinkFailureKind, numbers: readonly number[]): readonly [number, SinkFailureKind][] {
  return numbers.map((number) => [number, kind]);
}

/** What of an error of the server is used. */
interface ServerError {
  readonly errno: number;
  readonly sqlState: string;
  readonly sqlMessage: string;
}

/** The error as the server gave it; undefined for what happened on the way. */
function serverError(error: unknown): ServerError | undefined {
  const { errno, sqlState, sqlMessage } = (error ?? {}) as { [name in keyof ServerError]?: unknown };
  if (typeof errno !== 'number' || typeof sqlState !== 'string' || !/^[0-9A-Z]{5}$/.test(sqlState)) return undefined;
  return { errno, sqlState, sqlMessage: String(sqlMessage) };
}

/** The connection is of no more use: it ended, or what became of the last statement is not known. */
export function isLost(error: unknown): boolean {
  if (error instanceof SinkFailure) return false;
  const told = serverError(error);
  return told === undefined || endings.has(told.errno);
}

/** The number of a server's error; undefined for others. */
export function errorNumber(error: unknown): number | undefined {
  return serverError(error)?.errno;
}

/**
 * What an error asks for. Messages of the server that may quote values are left out: of those only the names of column and constraint are
 * told, and the error itself, which holds the statement with its values, is not kept as a cause.
 */
export function failureOf(error: unknown): SinkFailure {
  if (error instanceof SinkFailure) return error;
  const told = serverError(error);
  if (told === undefined) return new SinkFailure('transient', socketReason(error));
  const { errno, sqlMessage } = told;
  const kind = kindOf(told);
  const column = found(namesColumn, sqlMessage);
  const constraint = found(namesConstraint, sqlMessage);
  const names = [
    ...(column === undefined ? [] : [`column ${column}`]),
    ...(constraint === undefined ? [] : [`constraint ${constraint}`]),
  ];
  const text = `${reasonOf(kind, told)}, error ${errno}${names.length === 0 ? '' : `: ${names.join(', ')}`}`;
  return new SinkFailure(kind, text);
}

function reasonOf(kind: SinkFailureKind, { errno, sqlState, sqlMessage }: ServerError): string {
  if (kind === 'data') return refusal(sqlState, 'the database refused the row');
  // It quotes the statement, which holds values.
  if (errno === SYNTAX_ERROR) return refusal(sqlState, 'the database does not understand the statement');
  // The state of all that has no other: what it quotes may be a value.
  if (sqlState === 'HY000') return `${sqlMessage.slice(0, MAX_LENGTH).replaceAll(/'[^']*'?/g, "'…'")} (SQLSTATE HY000)`;
  return refusal(sqlState, sqlMessage);
}

function kindOf({ errno, sqlState }: ServerError): SinkFailureKind {
  if (endings.has(errno)) return 'transient';
  const known = kinds.get(errno);
  if (known !== undefined) return known;
  const ofClass = sqlState.slice(0, 2);
  if (dataClasses.has(ofClass)) return 'data';
  return schemaClasses.has(ofClass) ? 'schema' : 'transient';
}

function found(patterns: readonly RegExp[], message: string): string | undefined {
  for (const pattern of patterns) {
    const name = pattern.exec(message)?.[1];
    if (name !== undefined) return name;
  }
  return undefined;
}
