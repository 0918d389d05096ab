import { describe, expect, test } from 'vitest';
import { JsonText, type SqlCell } from './database.ts';
import { mysqlCell } from './mysql-values.ts';
import { postgresCell } from './postgres-values.ts';
import { jsonOf, rawValue, rowAsJson } from './row-value.ts';

test.each<[SqlCell, string, string]>([
  [true, 'true', 'true'],
  [-1.5e300, '-1.5e+300', '-1.5e+300'],
  [Number.NaN, '"NaN"', 'NaN'],
  [-0, '0', '0'],
  [9007199254740991n, '9007199254740991', '9007199254740991'],
  [9007199254740992n, '"9007199254740992"', '9007199254740992'],
  [-9007199254740992n, '"-9007199254740992"', '-9007199254740992'],
  ['a"é', '"a\\"\u00c3\u00a9"', 'a"\u00c3\u00a9'],
  [Uint8Array.of(0, 255), '"AP8="', '\x00\xff'],
  [new JsonText('{"n": 12345678901234567890}'), '{"n": 12345678901234567890}', '{"n": 12345678901234567890}'],
])('%s in a row is %s, as a column %s', (cell, json, raw) => {
  expect(rowAsJson(['c'], [cell])).toBe(`{"c":${json}}`);
  if (cell !== null) expect(rawValue(cell)).toBe(raw);
});

test('a row is an object in the order of its columns', () => {
  expect(rowAsJson(['b', 'a"', '1'], ['x', null, 2])).toBe('{"b":"x","a\\"":null,"1":2}');
});

describe('text of PostgreSQL', () => {
  test.each<[number, string, string]>([
    [16, 't', 'true'],
    [20, '9223372036854775807', '"9223372036854775807"'],
    [701, '0.1', '0.1'],
    [701, '-Infinity', '"-Infinity"'],
    [1700, '1.10', '"1.10"'],
    [17, '\\x00ff', '"AP8="'],
    [1184, '2024-02-29 23:59:59.123456+00', '"2024-02-29T23:59:59.123456Z"'],
    [1114, '2024-02-29 23:59:59', '"2024-02-29T23:59:59"'],
    [1184, 'infinity', '"infinity"'],
    [1184, '0044-03-15 12:00:00+00 BC', '"0044-03-15 12:00:00+00 BC"'],
    [3802, '{"a": 1.10}', '{"a": 1.10}'],
    [1007, '{1,NULL,3}', '[1,null,3]'],
    [1007, '{}', '[]'],
    [1007, '{{1,2},{3,4}}', '[[1,2],[3,4]]'],
    [1009, '{a,"b,\\"c\\\\}",NULL,"NULL",""}', '["a","b,\\"c\\\\}",null,"NULL",""]'],
    [1000, '{t,f}', '[true,false]'],
    [199, '{"{\\"a\\": [1]}"}', '[{"a": [1]}]'],
    [1007, '[0:1]={1,2}', '"[0:1]={1,2}"'],
    [99999, '(1,2)', '"(1,2)"'],
  ])('of the type %i: %s is %s', (oid, text, json) => {
    expect(jsonOf(postgresCell(oid, text))).toBe(json);
  });
});

describe('values of MySQL', () => {
  test.each<[number, unknown, string]>([
    [3, 42, '42'],
    [4, Math.fround(0.1), '0.1'],
    [4, Math.fround(16777217), '16777216'],
    [8, '18446744073709551615', '"18446744073709551615"'],
    [8, '42', '42'],
    [246, '1.10', '"1.10"'],
    [7, '2024-02-29 23:59:59.5', '"2024-02-29T23:59:59.5Z"'],
    [12, '2024-02-29 23:59:59', '"2024-02-29T23:59:59"'],
    [16, Buffer.of(1, 0), '256'],
    [245, '{"a": 1.10}', '{"a": 1.10}'],
    [252, Buffer.of(0, 255), '"AP8="'],
    [255, { x: 1, y: 2 }, '{"x":1,"y":2}'],
    [253, null, 'null'],
  ])('of the type %i: %s is %s', (columnType, value, json) => {
    expect(jsonOf(mysqlCell({ name: 'c', columnType }, value))).toBe(json);
  });

  test('JSON of MariaDB is JSON', () => {
    expect(jsonOf(mysqlCell({ name: 'c', columnType: 252, extendedFormat: 'json' }, '[1]'))).toBe('[1]');
  });
});
