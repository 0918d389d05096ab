import type { ByteString } from '../../kernel/bytes.ts';
import { SinkFailure } from '../sink.ts';
import { textOf } from '../value-text.ts';
import type { MysqlColumn } from './mysql-facts.ts';
import { quoteMysqlText } from './mysql-names.ts';

/** What values of a type have to be. */
export type ValueKind =
  | 'integer'
  | 'number'
  | 'bits'
  | 'bytes'
  | 'date'
  | 'moment'
  | 'time'
  | 'year'
  | 'choice'
  | 'text'
  | 'none';

const kindsByType: ReadonlyMap<string, ValueKind> = new Map([
  ...ofKind('integer', 'tinyint', 'smallint', 'mediumint', 'int', 'integer', 'bigint'),
  ...ofKind('number', 'decimal', 'numeric', 'float', 'double', 'real'),
  ...ofKind('bits', 'bit'),
  ...ofKind('bytes', 'binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'),
  ...ofKind('date', 'date'),
  ...ofKind('moment', 'datetime', 'timestamp'),
  ...ofKind('time', 'time'),
  ...ofKind('year', 'year'),
  ...ofKind('choice', 'enum', 'set'),
  ...ofKind('none', 'geometry', 'point', 'linestring', 'polygon', 'multipoint', 'multilinestring', 'multipolygon'),
  ...ofKind('none', 'geometrycollection', 'geomcollection', 'vector'),
]);

function ofKind(kind: ValueKind, ...types: readonly string[]): readonly [string, ValueKind][] {
  return types.map((type) => [type, kind]);
}

/** `none`: text cannot be written to it. */
export function kindOf({ type }: Pick<MysqlColumn, 'type'>): ValueKind {
  return kindsByType.get(type) ?? 'text';
}

/** More digits than any type has. */
const MAX_DIGITS = 100;

const integer = /^[+-]?\d+$/;
const canonical = /^(?:0|-?[1-9]\d*)$/;
const number = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const date = /^\d{4}-\d\d-\d\d$/;
const moment = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/;
const time = /^-?\d{1,3}:\d\d(?::\d\d(?:\.\d+)?)?$/;

const expected: Readonly<Record<ValueKind, string>> = {
  integer: 'a whole number',
  number: 'a number',
  bits: 'a whole number',
  bytes: 'bytes',
  date: 'a date such as 2026-03-04',
  moment: 'a date and time such as 2026-03-04T05:06:07Z',
  time: 'a time such as 05:06:07',
  year: 'a year of four digits',
  choice: 'one of its values',
  text: 'text',
  none: 'of a type that text can be written to',
};

/**
 * A value as a statement has it. MySQL by itself would round `1.5` for an integer, take a date's beginning of a longer text, and a number for
 * the place of a value in an ENUM.
 * @param isKey different values have to be different rows
 * @throws SinkFailure data: it is none of the column's type
 */
export function literalOf(value: ByteString | null, column: MysqlColumn, isKey = false): string {
  if (value === null) {
    // Some kinds of columns would take the time, or the next number, for it.
    if (!column.canBeNull)
      throw new SinkFailure('data', `the value for column ${column.name} is missing, which is NOT NULL`);
    return 'NULL';
  }
  const kind = kindOf(column);
  const literal = isKey ? keyLiteral(kind, value, column) : anyLiteral(kind, value, column);
  if (literal === undefined)
    throw new SinkFailure('data', `the value for column ${column.name} is not ${expected[kind]}`);
  return literal;
}

function anyLiteral(kind: ValueKind, value: ByteString, column: MysqlColumn): string | undefined {
  switch (kind) {
    case 'integer':
      return integerLiteral(value, column.fullType.startsWith('tinyint(1)'));
    case 'bits':
      return value.startsWith('-') ? undefined : integerLiteral(value, column.fullType === 'bit(1)');
    case 'number':
      return matching(number, value);
    case 'bytes':
      return `X'${Buffer.from(value, 'latin1').toString('hex')}'`;
    case 'date':
      return matching(date, value);
    case 'moment':
      return momentLiteral(value);
    case 'time':
      return matching(time, value);
    case 'year':
      return matching(/^\d{4}$/, value);
    case 'choice': {
      const text = textOf(value, column.name);
      return /^\s*\d+\s*$/.test(text) && !namesChoice(column, text) ? undefined : quoteMysqlText(text);
    }
    case 'text':
      return quoteMysqlText(textOf(value, column.name));
    case 'none':
      return undefined;
  }
}

/** Of text that only ends in other spaces, and of numbers written in two ways, MySQL makes one row. */
function keyLiteral(kind: ValueKind, value: ByteString, column: MysqlColumn): string | undefined {
  if ((kind === 'integer' || kind === 'bits') && !canonical.test(value)) return undefined;
  if (kind === 'text' && value.endsWith(' '))
    throw new SinkFailure('data', `the value for key column ${column.name} ends in a space`);
  return anyLiteral(kind, value, column);
}

function matching(pattern: RegExp, value: ByteString): string | undefined {
  return value.length <= MAX_DIGITS && pattern.test(value) ? `'${value}'` : undefined;
}

function integerLiteral(value: ByteString, isBoolean: boolean): string | undefined {
  if (isBoolean && (value === 'true' || value === 'false')) return value === 'true' ? '1' : '0';
  return value.length <= MAX_DIGITS && integer.test(value) ? value : undefined;
}

function namesChoice({ fullType }: MysqlColumn, text: string): boolean {
  return fullType.includes(`('${text}'`) || fullType.includes(`,'${text}'`);
}

/** Times that name an offset become those of UTC, which is the time zone of the connection. */
function momentLiteral(value: ByteString): string | undefined {
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', offset] =
    value.length <= MAX_DIGITS ? (moment.exec(value) ?? []) : [];
  if (year === undefined) return undefined;
  const at = `${year}-${month}-${day} ${hour}:${minute}:${second}`;
  if (offset === undefined || offset === 'Z') return `'${at}${fraction}'`;
  const stated = Date.parse(`${at.replace(' ', 'T')}Z`);
  const [, sign, hours = '0', minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(offset) ?? [];
  // A day that is none, such as the 30th of February, would become another one.
  if (Number.isNaN(stated) || new Date(stated).toISOString().slice(8, 10) !== day) return undefined;
  const shift = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000);
  const utc = new Date(stated - shift).toISOString().slice(0, 19).replace('T', ' ');
  return `'${utc}${fraction}'`;
}
