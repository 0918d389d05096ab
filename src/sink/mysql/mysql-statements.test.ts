import { expect, test } from 'vitest';
import type { TableMapping } from '../sink.ts';
import type { MysqlColumn, MysqlTable } from './mysql-facts.ts';
import { serverOf, sessionSettings } from './mysql-settings.ts';
import {
  isComplete,
  keyIndexOf,
  lockingOf,
  type Place,
  removalOf,
  tupleOf,
  updateOf,
  upsertOf,
} from './mysql-statements.ts';

const column = (name: string, isRequired = false): [string, MysqlColumn] => [
  name,
  {
    name,
    type: 'int',
    fullType: 'int',
    canBeNull: true,
    isRequired,
    isGenerated: false,
    isNumbered: false,
    charset: undefined,
    collation: undefined,
  },
];
const table: MysqlTable = {
  kind: 'table',
  engine: 'InnoDB',
  columns: new Map([column('k'), column('l'), column('a', true), column('b'), column('v')]),
  uniqueKeys: [{ name: 'both', columns: ['k', 'l'], isWhole: true }],
};
const mapping: TableMapping = {
  shape: 'row',
  table: 'db.t',
  key: ['k', 'l'],
  columns: ['a', 'b'].map((name) => ({ field: name, column: name })),
  version: 'v',
  fence: undefined,
};
const mariadb: Place = { table, mapping, server: { isMariadb: true, version: 101_119 } };
const mysql: Place = { table, mapping, server: { isMariadb: false, version: 80_041 } };
const row = { key: ['1', '2'], values: ['3'], version: '4' };

test('an upsert changes what is older, and the version last', () => {
  const { start, end } = upsertOf(mariadb, { columns: ['a'] });
  const older = '`db`.`t`.`v` IS NULL OR `db`.`t`.`v` < VALUES(`v`)';
  expect(`${start}${tupleOf(mariadb, row)}${end}`).toBe(
    'INSERT INTO `db`.`t` (`k`, `l`, `a`, `v`) VALUES (1, 2, 3, 4) ON DUPLICATE KEY UPDATE ' +
      `\`a\` = IF(${older}, VALUES(\`a\`), \`db\`.\`t\`.\`a\`), \`v\` = IF(${older}, VALUES(\`v\`), \`db\`.\`t\`.\`v\`)`,
  );
});

test('MySQL since 8.0.20 names the new row, since VALUES() is going to be removed', () => {
  const { end } = upsertOf(mysql, { columns: [] });
  const older = '`db`.`t`.`v` IS NULL OR `db`.`t`.`v` < `sluice new`.`v`';
  expect(end).toBe(
    ` AS \`sluice new\` ON DUPLICATE KEY UPDATE \`v\` = IF(${older}, \`sluice new\`.\`v\`, \`db\`.\`t\`.\`v\`)`,
  );
  expect(upsertOf({ ...mysql, server: { isMariadb: false, version: 80_019 } }, { columns: [] }).end).toContain(
    'VALUES(`v`)',
  );
});

test('counters are added to; records stay as they are', () => {
  const counter: Place = { ...mysql, mapping: { ...mapping, shape: 'counter' } };
  expect(upsertOf(counter, { columns: ['a'] }).end).toContain('COALESCE(`db`.`t`.`a`, 0) + `sluice new`.`a`');
  expect(updateOf(counter, { columns: ['a'] }, row)).toContain('SET `a` = COALESCE(`a`, 0) + 3, `v` = 4 WHERE');
  const record: Place = { ...mysql, mapping: { ...mapping, shape: 'record', key: ['k'], version: undefined } };
  const { start, end } = upsertOf(record, { columns: ['a'] });
  expect(`${start}${tupleOf(record, { ...row, key: ['1'] })}${end}`).toBe(
    'INSERT INTO `db`.`t` (`k`, `a`) VALUES (1, 3) AS `sluice new` ON DUPLICATE KEY UPDATE `k` = `db`.`t`.`k`',
  );
});

test('single rows are changed, and several removed and locked, by their keys', () => {
  const isRow = '`k` = 1 AND `l` = 2 AND (`v` IS NULL OR `v` < 4)';
  expect(updateOf(mysql, { columns: ['a'] }, row)).toBe(`UPDATE \`db\`.\`t\` SET \`a\` = 3, \`v\` = 4 WHERE ${isRow}`);
  expect(removalOf(mysql, [row, row])).toBe(`DELETE FROM \`db\`.\`t\` WHERE (${isRow}) OR (${isRow})`);
  expect(lockingOf(mysql, [row, row])).toBe(
    'SELECT COUNT(*) FROM `db`.`t` FORCE INDEX (`both`) WHERE (`k`, `l`) IN ((1, 2), (1, 2)) FOR UPDATE',
  );
});

test('what a table lacks is told', () => {
  expect(isComplete(mysql, { columns: ['A'] })).toBe(true);
  expect(isComplete(mysql, { columns: ['b'] })).toBe(false);
  expect(() => keyIndexOf({ ...mysql, mapping: { ...mapping, key: ['k'] } })).toThrow('no unique index on exactly');
});

test.each([
  ['10.11.19-MariaDB-0+deb12u1', true, 101_119],
  ['5.5.5-10.6.4-MariaDB', true, 100_604],
  ['8.0.41', false, 80_041],
  ['8.4.3-cluster', false, 80_403],
  ['5.7.44-log', false, 50_744],
])('%s is known', (version, isMariadb, number) => {
  const server = serverOf(
    new Map([
      ['version', version],
      ['max_allowed_packet', '4096'],
    ]),
  );
  expect(server).toEqual({ isMariadb, version: number, maxPacket: 4096 });
});

test('the server gives up before we do', () => {
  const server = { isMariadb: true, version: 101_119, maxPacket: 1 };
  const settings = sessionSettings(server, { timeout: 30_000, isLogged: false });
  for (const setting of [
    'SET SESSION innodb_lock_wait_timeout = 18',
    'SET SESSION max_statement_time = 24',
    'SET SESSION idle_transaction_timeout = 30',
    'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  ])
    expect(settings).toContain(setting);
  const logged = sessionSettings({ ...server, isMariadb: false }, { timeout: 30_000, isLogged: true }).join();
  expect(logged).not.toMatch(/max_statement_time|READ COMMITTED/);
});
