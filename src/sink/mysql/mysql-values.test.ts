import { expect, test } from 'vitest';
import { utf8ToBytes } from '../../kernel/bytes.ts';
import type { MysqlColumn } from './mysql-facts.ts';
import { quoteMysqlName, quoteMysqlText } from './mysql-names.ts';
import { literalOf } from './mysql-values.ts';

const column = (fullType: string, more: Partial<MysqlColumn> = {}): MysqlColumn => ({
  name: 'c',
  type: /^\w+/.exec(fullType)?.[0] ?? '',
  fullType,
  canBeNull: true,
  isRequired: false,
  isGenerated: false,
  isNumbered: false,
  charset: undefined,
  collation: undefined,
  ...more,
});

test.each([
  ['int', '-12', '-12'],
  ['bigint', '9223372036854775807', '9223372036854775807'],
  ['tinyint(1)', 'true', '1'],
  ['bit(1)', 'false', '0'],
  ['bit(12)', '2748', '2748'],
  ['decimal(8,2)', '-1.50', `'-1.50'`],
  ['double', '.5e-3', `'.5e-3'`],
  ['varchar(9)', 'plain text', `'plain text'`],
  ['varchar(9)', '', `''`],
  ['text', `it's`, `_utf8mb4 X'69742773'`],
  ['text', '\\', `_utf8mb4 X'5c'`],
  ['json', 'é', `_utf8mb4 X'c3a9'`],
  ['blob', 'é', `X'c3a9'`],
  ['date', '2026-03-04', `'2026-03-04'`],
  ['time', '-100:00:00.5', `'-100:00:00.5'`],
  ['year', '2026', `'2026'`],
  ['datetime', '2026-03-04', `'2026-03-04 00:00:00'`],
  ['datetime', '2026-03-04 05:06', `'2026-03-04 05:06:00'`],
  ['datetime(6)', '2026-03-04T05:06:07.123456Z', `'2026-03-04 05:06:07.123456'`],
  ['timestamp', '2026-01-01T00:30:00.25+0200', `'2025-12-31 22:30:00.25'`],
  ['timestamp', '2025-12-31T23:30:00-01', `'2026-01-01 00:30:00'`],
  [`enum('a','7')`, '7', `'7'`],
])('%s takes %j as %s', (type, value, literal) => {
  expect(literalOf(utf8ToBytes(value), column(type))).toBe(literal);
});

test.each([
  ['int', '1.5'],
  ['int', '1e3'],
  ['int', ' 1'],
  ['int', '0x10'],
  ['int', ''],
  ['int', '9'.repeat(101)],
  ['int', '1); drop table t; --'],
  ['int(11)', 'true'],
  ['bit(12)', '-1'],
  ['double', 'inf'],
  ['double', '1,5'],
  ['decimal(8,2)', '1)'],
  ['date', '2026-03-04 00:00:00'],
  ['datetime', '20260304050607'],
  ['datetime', '1767225600000'],
  ['timestamp', '2026-02-30T00:00:00+01:00'],
  ['timestamp', '2026-03-04T05:06:07+'],
  ['time', '10'],
  ['year', '26'],
  [`enum('a','b')`, '1'],
  [`set('a','b')`, '3'],
  ['point', 'POINT(1 1)'],
])('%s refuses %j', (type, value) => {
  expect(() => literalOf(utf8ToBytes(value), column(type))).toThrow(
    expect.objectContaining({ name: 'SinkFailure', kind: 'data' }),
  );
});

test('NULL is refused by a column that is NOT NULL, which may take it for something else', () => {
  expect(literalOf(null, column('timestamp'))).toBe('NULL');
  expect(() => literalOf(null, column('timestamp', { canBeNull: false }))).toThrow('column c is missing');
});

test('keys are written in one way only', () => {
  for (const key of ['01', '+1', '-0', '1 ']) expect(() => literalOf(key, column('int'), true)).toThrow('whole number');
  expect(literalOf('-10', column('int'), true)).toBe('-10');
  expect(() => literalOf('a ', column('varchar(9)'), true)).toThrow('ends in a space');
  expect(literalOf('a ', column('varbinary(9)'), true)).toBe(`X'6120'`);
});

test('names and text cannot end where they are quoted', () => {
  expect(quoteMysqlName('a`b"')).toBe('`a``b"`');
  for (const name of ['', 'a\0']) expect(() => quoteMysqlName(name)).toThrow('no name');
  // Every character but these stands for itself in any sql_mode.
  for (let code = 0; code < 0x100; code++) {
    const character = String.fromCharCode(code);
    const isPlain = code >= 0x20 && code < 0x7f && !`'\\`.includes(character);
    expect(quoteMysqlText(character)).toBe(
      isPlain ? `'${character}'` : `_utf8mb4 X'${Buffer.from(character).toString('hex')}'`,
    );
  }
});
