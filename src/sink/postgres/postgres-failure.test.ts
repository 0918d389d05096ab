import { expect, test } from 'vitest';
import { failureOf, isLost } from './postgres-failure.ts';

const told = (code: string, message = 'said "secret"', more: object = {}): Error =>
  Object.assign(new Error(message), { severity: 'ERROR', code, ...more });

test.each([
  ['08006', 'transient', true],
  ['40001', 'transient', false],
  ['40P01', 'transient', false],
  ['53100', 'transient', false],
  ['53300', 'transient', false],
  ['55P03', 'transient', false],
  ['57014', 'transient', false],
  ['57P01', 'transient', true],
  ['57P03', 'transient', true],
  ['58030', 'transient', false],
  ['XX000', 'transient', false],
  ['21000', 'data', false],
  ['22P02', 'data', false],
  ['22021', 'data', false],
  ['23505', 'data', false],
  ['54000', 'data', false],
  ['P0001', 'data', false],
  ['25006', 'schema', false],
  ['28P01', 'schema', false],
  ['3D000', 'schema', false],
  ['42P01', 'schema', false],
  ['42501', 'schema', false],
  ['0A000', 'schema', false],
])('SQLSTATE %s is %s', (code, kind, lost) => {
  expect(failureOf(told(code))).toMatchObject({ kind, message: expect.stringContaining(`SQLSTATE ${code}`) });
  expect(isLost(told(code))).toBe(lost);
});

test('what a message quotes of values is left out; names are told', () => {
  const types = ['integer', 'big integer'];
  const wrong = failureOf(told('22P02', 'invalid input syntax for type integer: "secret"'), types);
  expect(wrong.message).toMatch(/^the database refused a value: .* \(SQLSTATE 22P02\): type integer$/);
  const missing = failureOf(told('23502', 'null value', { column: 'a', constraint: 'b', detail: 'row (secret)' }));
  expect(missing.message).toBe('the database refused the query (SQLSTATE 23502): column a, constraint b');
  expect(failureOf(told('22003', 'value "secret" is out of range'), types).message).not.toContain('secret');
});

test('what happens on the way is transient, but for a login that cannot be right', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  expect(failureOf(refused)).toMatchObject({ kind: 'transient', message: 'ECONNREFUSED' });
  expect(isLost(refused)).toBe(true);
  expect(failureOf(new Error('SASL: client password must be a string')).kind).toBe('schema');
  expect(failureOf(new Error('Query read timeout')).kind).toBe('transient');
});
