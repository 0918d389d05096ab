import { expect, test } from 'vitest';
import { failureOf } from './sqlite-failure.ts';

const told = (errcode: number): Error => Object.assign(new Error('what it said'), { errcode });

test.each([
  ['busy', 5, 'transient'],
  ['busy, snapshot', 517, 'transient'],
  ['locked', 6, 'transient'],
  ['an error of the disk', 10, 'transient'],
  ['the disk is full', 13, 'transient'],
  ['a constraint', 1299, 'data'],
  ['a type that does not fit', 20, 'data'],
  ['too big', 18, 'data'],
  ['a plain error', 1, 'schema'],
  ['read-only', 8, 'schema'],
  ['it cannot be opened', 14, 'schema'],
  ['damaged', 11, 'schema'],
  ['no database', 26, 'schema'],
])('%s (%i) is %s', (_, code, kind) => {
  expect(failureOf(told(code))).toMatchObject({ kind, message: `what it said (SQLite code ${code & 255})` });
});

test('a plain error while a row is written comes of the row; what is not from SQLite passes', () => {
  expect(failureOf(told(1), true).kind).toBe('data');
  expect(failureOf(told(5), true).kind).toBe('transient');
  expect(failureOf(new Error('other')).kind).toBe('transient');
  const failure = failureOf(told(1));
  expect(failureOf(failure)).toBe(failure);
});
