import { expect, test } from 'vitest';
import { failureOf, isLost } from './mysql-failure.ts';

const told = (errno: number, sqlState: string, sqlMessage = 'said "secret"'): Error =>
  Object.assign(new Error(sqlMessage), { errno, sqlState, sqlMessage });

test.each([
  [1213, '40001', 'transient', false],
  [1205, 'HY000', 'transient', false],
  [1969, '70100', 'transient', false],
  [3024, 'HY000', 'transient', false],
  [1317, '70100', 'transient', false],
  [1114, 'HY000', 'transient', false],
  [1203, '42000', 'transient', false],
  [1040, '08004', 'transient', true],
  [1053, '08S01', 'transient', true],
  [1927, '70100', 'transient', true],
  [4031, 'HY000', 'transient', true],
  [1264, '22003', 'data', false],
  [1265, '01000', 'data', false],
  [1366, 'HY000', 'data', false],
  [1366, '22007', 'data', false],
  [1406, '22001', 'data', false],
  [1048, '23000', 'data', false],
  [1364, 'HY000', 'data', false],
  [1452, '23000', 'data', false],
  [3819, 'HY000', 'data', false],
  [4025, '23000', 'data', false],
  [1118, '42000', 'data', false],
  [1153, '08S01', 'data', false],
  [1644, '45000', 'data', false],
  [1045, '28000', 'schema', false],
  [1049, '42000', 'schema', false],
  [1142, '42000', 'schema', false],
  [1146, '42S02', 'schema', false],
  [1054, '42S22', 'schema', false],
  [1290, 'HY000', 'schema', false],
  [1792, '25006', 'schema', false],
  [1130, 'HY000', 'schema', false],
])('error %i (%s) is %s', (errno, sqlState, kind, lost) => {
  expect(failureOf(told(errno, sqlState))).toMatchObject({
    kind,
    message: expect.stringContaining(`(SQLSTATE ${sqlState}), error ${errno}`),
  });
  expect(isLost(told(errno, sqlState))).toBe(lost);
});

test.each([
  [
    1366,
    '22007',
    "Incorrect integer value: 'secret' for column `fleet`.`scooters`.`battery` at row 2",
    'column battery',
  ],
  [1264, '22003', "Out of range value for column 'battery' at row 1", 'column battery'],
  [1366, 'HY000', "Incorrect value: 'for column 'secret' at row 1' for column 'battery' at row 2", 'column battery'],
  [1048, '23000', "Column 'note' cannot be null", 'column note'],
  [1364, 'HY000', "Field 'note' doesn't have a default value", 'column note'],
  [4025, '23000', 'CONSTRAINT `north` failed for `fleet`.`scooters`', 'constraint north'],
  [3819, 'HY000', "Check constraint 'north' is violated.", 'constraint north'],
  [1062, '23000', "Duplicate entry 'secret' for key 'other'", 'constraint other'],
  [
    1452,
    '23000',
    'Cannot add or update a child row: a foreign key constraint fails (`fleet`.`scooters`, CONSTRAINT `of` FOREIGN KEY (`city`) REFERENCES `cities` (`id`))',
    'constraint of',
  ],
])('names are told of error %i (%s), and no values', (errno, sqlState, message, names) => {
  const failure = failureOf(told(errno, sqlState, message));
  expect(failure.message).toMatch(new RegExp(`, error ${errno}: ${names}$`));
  expect(failure.message).not.toContain('secret');
  expect(failure.cause).toBeUndefined();
});

test('what no row is to blame for is told as the server says it, but for what quotes a statement', () => {
  expect(failureOf(told(1146, '42S02', "Table 'fleet.scooters' doesn't exist")).message).toMatch(/^Table 'fleet\./);
  expect(failureOf(told(1205, 'HY000', 'Lock wait timeout exceeded')).message).toMatch(/^Lock wait timeout/);
  expect(failureOf(told(1064, '42000', "syntax to use near 'secret'"))).toMatchObject({ kind: 'schema' });
  expect(failureOf(told(1064, '42000', "syntax to use near 'secret'")).message).not.toContain('secret');
  expect(failureOf(told(1105, 'HY000', "Unknown trouble with 'secret'")).message).toBe(
    "Unknown trouble with '…' (SQLSTATE HY000), error 1105",
  );
});

test('what happens on the way is transient', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', errno: -111 });
  expect(failureOf(refused)).toMatchObject({ kind: 'transient', message: 'ECONNREFUSED' });
  expect(isLost(refused)).toBe(true);
});
