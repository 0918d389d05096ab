import { type ByteString, toBuffer } from '../../kernel/bytes.ts';
import { SinkFailure } from '../sink.ts';
import { textOf } from '../value-text.ts';
import type { SqliteColumn } from './sqlite-facts.ts';

/**
 * What a column takes. SQLite itself stores text in a column of numbers without a word, unless the table is STRICT, and gives the affinity
 * NUMERIC to every type it does not know, such as DATETIME or JSON: of those, text is taken as it is.
 */
export type ColumnKind = 'integer' | 'real' | 'decimal' | 'text' | 'bytes';

/** By the rules of affinity (https://sqlite.org/datatype3.html, 3.1), in their order. */
export function kindOf(type: string): ColumnKind {
  const upper = type.toUpperCase();
  if (upper.includes('INT')) return 'integer';
  if (/CHAR|CLOB|TEXT/.test(upper)) return 'text';
  if (upper.includes('BLOB')) return 'bytes';
  if (/REAL|FLOA|DOUB/.test(upper)) return 'real';
  return /NUMERIC|DECIMAL|NUMBER|BOOL/.test(upper) ? 'decimal' : 'text';
}

const integerForm = /^[+-]?\d{1,30}$/;
const numberForm = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const LEAST = -(2n ** 63n);
const GREATEST = 2n ** 63n - 1n;

/**
 * A value as it is bound. Numbers stay text: SQLite makes exact numbers of them by the column's affinity.
 * @throws SinkFailure data: it is not of the column's type
 */
export function boundValue(value: ByteString, { name, type }: SqliteColumn): string | Uint8Array {
  const kind = kindOf(type);
  if (kind === 'bytes') return toBuffer(value);
  if (kind === 'text') return textOf(value, name);
  const isFit = kind === 'integer' ? isInteger64(value) : numberForm.test(value) && Number.isFinite(Number(value));
  if (!isFit)
    throw new SinkFailure(
      'data',
      `the value for column ${name} is no ${kind === 'integer' ? '64-bit integer' : 'number'}`,
    );
  return value;
}

function isInteger64(value: string): boolean {
  if (!integerForm.test(value)) return false;
  const number = BigInt(value.replace(/^\+/, ''));
  return LEAST <= number && number <= GREATEST;
}
