import { expect, test } from 'vitest';
import { groupRows } from './row-groups.ts';
import type { SinkRow, TableMapping } from './sink.ts';

const mapping: TableMapping = {
  shape: 'row',
  table: 't',
  key: ['k'],
  columns: [
    { field: 'a', column: 'A' },
    { field: 'b', column: 'B' },
  ],
  version: 'v',
  fence: undefined,
};
const row = (
  change: SinkRow['change'],
  key: string,
  values: Readonly<Record<string, string | null>> = {},
): SinkRow => ({
  key: [key],
  version: 7,
  change,
  values: new Map(Object.entries(values)),
});

test('rows that change the same columns go together, by key; removals go first', () => {
  const groups = groupRows(mapping, [
    row('merge', 'z', { b: '1' }),
    row('merge', 'y', { b: null, a: '2' }),
    row('remove', 'x'),
    row('whole', 'w', { b: '3' }),
    row('merge', 'c', { b: '4' }),
    row('remove', 'b'),
    row('merge', 'a'),
  ]);
  expect(
    groups.map(({ change, columns, rows }) => [change, columns, rows.map(({ key, values }) => [...key, ...values])]),
  ).toEqual([
    ['remove', [], [['b'], ['x']]],
    ['write', [], [['a']]],
    [
      'write',
      ['B'],
      [
        ['c', '4'],
        ['z', '1'],
      ],
    ],
    [
      'write',
      ['A', 'B'],
      [
        ['w', null, '3'],
        ['y', '2', null],
      ],
    ],
  ]);
});

test('keys of several columns are ordered column by column', () => {
  const keys = [
    ['b', 'a'],
    ['a', 'z'],
    ['a', 'b'],
  ];
  const rows = keys.map((key): SinkRow => ({ ...row('remove', ''), key }));
  expect(groupRows({ ...mapping, key: ['k', 'l'] }, rows)[0]?.rows.map(({ key }) => key.join(''))).toEqual([
    'ab',
    'az',
    'ba',
  ]);
});

test('no rows, no groups', () => {
  expect(groupRows(mapping, [])).toEqual([]);
});

test('records keep their order', () => {
  const records: TableMapping = { ...mapping, shape: 'record', version: undefined };
  const groups = groupRows(records, [row('merge', 'z', { a: '1' }), row('merge', 'y'), row('merge', 'x', { a: '2' })]);
  expect(groups.map(({ rows }) => rows.map(({ key }) => key[0]))).toEqual([['y'], ['z', 'x']]);
});

test.each<[string, TableMapping['shape'], readonly SinkRow[]]>([
  ['two rows of one key', 'row', [row('merge', 'a'), row('merge', 'b'), row('remove', 'a')]],
  ['a record that is removed', 'record', [row('remove', 'a')]],
  ['a counter that is removed', 'counter', [row('remove', 'a')]],
  ['a counter that is set', 'counter', [row('whole', 'a', { a: '1' })]],
  ['a counter that is emptied', 'counter', [row('merge', 'a', { a: null })]],
  ['a fraction that is added', 'counter', [row('merge', 'a', { a: '1', b: '0.5' })]],
])('%s is refused', (_, shape, rows) => {
  expect(() => groupRows({ ...mapping, shape }, rows)).toThrow(expect.objectContaining({ kind: 'data' }));
});

test('keys of several columns differ in any of them', () => {
  const keys = [
    ['a', 'b'],
    ['a,b', ''],
    ['', 'a,b'],
    ['a\0b', ''],
  ];
  const rows = keys.map((key): SinkRow => ({ ...row('merge', ''), key }));
  expect(groupRows({ ...mapping, key: ['k', 'l'] }, rows)[0]?.rows).toHaveLength(4);
});
