import { JsonText, type SqlCell } from './database.ts';

/** A column as `mysql2` describes it. */
export interface MysqlField {
  readonly name: string;
  readonly columnType: number;
  /** `json` for JSON columns of MariaDB, which are text otherwise. */
  readonly extendedFormat?: string;
}

/** Types of columns (enum_field_types of the protocol) that are read in ways of their own. */
const Type = { float: 4, timestamp: 7, longlong: 8, datetime: 12, bit: 16, json: 245 } as const;

/** A value as `mysql2` gives it in the binary protocol, with dates and 64-bit integers as text. */
export function mysqlCell({ columnType, extendedFormat }: MysqlField, value: unknown): SqlCell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') {
    if (columnType === Type.json || extendedFormat === 'json') return new JsonText(value);
    if (columnType === Type.longlong) return BigInt(value);
    // DATETIME has no time zone; TIMESTAMP is UTC, as the connection asked for.
    if (columnType === Type.timestamp) return `${value.replace(' ', 'T')}Z`;
    return columnType === Type.datetime ? value.replace(' ', 'T') : value;
  }
  if (typeof value === 'number') return columnType === Type.float ? shortest(value) : value;
  if (value instanceof Uint8Array) return columnType === Type.bit ? bitsOf(value) : value;
  // Geometry and vectors, which it reads into objects.
  return new JsonText(JSON.stringify(value));
}

/** The decimal number with the fewest digits that is this 32-bit number: 0.1, not 0.10000000149011612. */
function shortest(float: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(float.toPrecision(digits));
    if (Math.fround(short) === float) return short;
  }
  return float;
}

function bitsOf(bytes: Uint8Array): bigint {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  return bits;
}
