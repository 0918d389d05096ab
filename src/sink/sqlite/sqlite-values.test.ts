import { expect, test } from 'vitest';
import { boundValue, kindOf } from './sqlite-values.ts';

test.each([
  ['INTEGER', 'integer'],
  ['unsigned big int', 'integer'],
  ['CHARINT', 'integer'],
  ['VARCHAR(10)', 'text'],
  ['clob', 'text'],
  ['BLOB', 'bytes'],
  ['', 'text'],
  ['DOUBLE PRECISION', 'real'],
  ['DECIMAL(10,5)', 'decimal'],
  ['BOOLEAN', 'decimal'],
  ['DATETIME', 'text'],
  ['JSON', 'text'],
  ['ANY', 'text'],
])('a column declared %j takes %s', (type, kind) => {
  expect(kindOf(type)).toBe(kind);
});

const bound = (type: string, value: string) =>
  boundValue(value, { name: 'c', type, isGenerated: false, isRequired: false });

test.each([
  ['INTEGER', '-9223372036854775808'],
  ['INTEGER', '+9223372036854775807'],
  ['INTEGER', '007'],
  ['REAL', '-1.5e-3'],
  ['REAL', '.5'],
  ['NUMERIC', '12345678901234567890.5'],
])('%s takes %s', (type, value) => {
  expect(bound(type, value)).toBe(value);
});

test.each([
  ['INTEGER', '9223372036854775808'],
  ['INTEGER', '-9223372036854775809'],
  ['INTEGER', '1e3'],
  ['INTEGER', ' 1'],
  ['INTEGER', '1\n'],
  ['INTEGER', '0x10'],
  ['INTEGER', '9'.repeat(100_000)],
  ['REAL', 'NaN'],
  ['REAL', 'Infinity'],
  ['REAL', '1e999'],
  ['REAL', '.'],
  ['REAL', `${'9'.repeat(1_000_000)}x`],
  ['NUMERIC', 'true'],
  ['NUMERIC', ''],
])('%s refuses %s', (type, value) => {
  expect(() => bound(type, value)).toThrow(expect.objectContaining({ kind: 'data' }));
});

test('bytes stay bytes', () => {
  expect(bound('BLOB', '\xff\x00')).toEqual(Buffer.from([255, 0]));
});
