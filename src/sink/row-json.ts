import type { ByteString } from '../kernel/bytes.ts';
import { SinkFailure, type SinkRow, type TableMapping } from './sink.ts';
import { textOf } from './value-text.ts';

/**
 * What is done to a row, as receivers of JSON are told: `merge`, only these values change; `whole`, the row is these values; `add`, these
 * numbers are added; `record`, a row of its own that never changes; `remove`.
 */
export type JsonChange = SinkRow['change'] | 'add' | 'record';

/**
 * A row as one line of JSON: `{"key":{…},"version":7,"change":"merge","values":{…}}`, by the names of columns. Values are texts or null,
 * those of counters whole numbers of any length. Records have no version: their keys are theirs alone.
 * @throws SinkFailure data: a value is not UTF-8, or not a whole number in a counter
 */
export function rowJson(mapping: TableMapping, row: SinkRow): string {
  const key = mapping.key.map((column, at) => [column, JSON.stringify(textOf(row.key[at] ?? '', column))] as const);
  const change = changeOf(mapping, row);
  const version = mapping.version === undefined ? '' : `"version":${row.version},`;
  return `{"key":${objectOf(key)},${version}"change":"${change}","values":${objectOf(valuesOf(mapping, row))}}`;
}

function changeOf({ shape }: TableMapping, { change }: SinkRow): JsonChange {
  if (change === 'remove' || shape === 'row') return change;
  if (shape === 'record') return 'record';
  return change === 'merge' ? 'add' : change;
}

type Member = readonly [name: string, json: string];

function valuesOf({ shape, columns }: TableMapping, { change, values }: SinkRow): readonly Member[] {
  if (change === 'remove') return [];
  return columns.flatMap(({ field, column }): readonly Member[] => {
    const value = values.get(field);
    // Whoever takes a whole row need not know which columns there are.
    if (value === undefined) return change === 'whole' ? [[column, 'null']] : [];
    if (value === null) return [[column, 'null']];
    return [[column, shape === 'counter' ? wholeNumber(value, column) : JSON.stringify(textOf(value, column))]];
  });
}

function wholeNumber(value: ByteString, column: string): string {
  if (!/^-?\d{1,30}$/.test(value))
    throw new SinkFailure('data', `the value for column ${column} is not a whole number`);
  return BigInt(value).toString();
}

/** Put together as text: every name is a member, `__proto__` too, and stays at its place. */
function objectOf(members: readonly Member[]): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}
