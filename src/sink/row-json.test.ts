import { describe, expect, test } from 'vitest';
import { utf8ToBytes } from '../kernel/bytes.ts';
import { rowJson } from './row-json.ts';
import { SinkFailure, type SinkRow, type SinkShape, type TableMapping } from './sink.ts';

const mapping = (shape: SinkShape): TableMapping => ({
  shape,
  table: 't',
  key: ['area', 'id'],
  columns: [
    { field: 'a', column: 'A' },
    { field: utf8ToBytes('größe'), column: 'größe' },
    { field: 'p', column: '__proto__' },
  ],
  version: 'v',
  fence: undefined,
});
const row = (change: SinkRow['change'], values: Record<string, string | null>, key = ['x', '7']): SinkRow => ({
  key,
  version: 5,
  change,
  values: new Map(Object.entries(values)),
});
const told = (shape: SinkShape, ...args: Parameters<typeof row>): unknown =>
  JSON.parse(rowJson(mapping(shape), row(...args)));

describe('a row as JSON', () => {
  test('has its key, its version and what changes, by column', () => {
    expect(rowJson(mapping('row'), row('merge', { p: '1', a: 'x\n"' }))).toBe(
      '{"key":{"area":"x","id":"7"},"version":5,"change":"merge","values":{"A":"x\\n\\"","__proto__":"1"}}',
    );
    expect(told('row', 'merge', { a: null, [utf8ToBytes('größe')]: utf8ToBytes('é😀') })).toEqual({
      key: { area: 'x', id: '7' },
      version: 5,
      change: 'merge',
      values: { A: null, größe: 'é😀' },
    });
  });

  test('as a whole names every column; removed it names none', () => {
    expect(rowJson(mapping('row'), row('whole', { a: '1' }))).toContain(
      '"change":"whole","values":{"A":"1","größe":null,"__proto__":null}}',
    );
    expect(told('row', 'remove', {})).toMatchObject({ change: 'remove', values: {} });
  });

  test('of a counter has numbers that are added', () => {
    expect(rowJson(mapping('counter'), row('merge', { a: '-9223372036854775808', p: '007' }))).toContain(
      '"change":"add","values":{"A":-9223372036854775808,"__proto__":7}}',
    );
    expect(told('counter', 'whole', { a: '3' })).toMatchObject({ change: 'whole', values: { A: 3 } });
    expect(told('counter', 'remove', {})).toMatchObject({ change: 'remove' });
    expect(() => told('counter', 'merge', { a: '1.5' })).toThrow(SinkFailure);
  });

  test('of records is a record', () => {
    const records = { ...mapping('record'), version: undefined };
    expect(rowJson(records, row('whole', { a: '1' }))).toBe(
      '{"key":{"area":"x","id":"7"},"change":"record","values":{"A":"1","größe":null,"__proto__":null}}',
    );
  });

  test('is refused when it is not UTF-8', () => {
    expect(() => told('row', 'merge', { a: '\xff' })).toThrow(/column A is not text in UTF-8/);
    expect(() => told('row', 'merge', {}, ['x', '\xff'])).toThrow(/column id is not text in UTF-8/);
  });
});
