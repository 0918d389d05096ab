import { expect, test } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { openConnection } from '../../src/origin/sql/open-connection.ts';
import { SqlOrigin } from '../../src/origin/sql/sql-origin.ts';
import { startMariadb } from '../support/mariadb.ts';
import { startPostgres } from '../support/postgres.ts';

test('try', async () => {
  await using server = await startPostgres();
  await server.run(`create table users (id int primary key, name text); insert into users values (1,'Ann')`);
  const database = await openConnection({ name: 'fleet', url: server.url(), clock: systemClock });
  const origin = new SqlOrigin({
    database,
    sql: 'select * from users where id = {1}',
    captures: ['1'],
    maxValueBytes: 1000,
  });
  const r = await origin.fetch({
    key: 'user:1',
    captures: new Map([['1', '1']]),
    validators: undefined,
    signal: AbortSignal.timeout(5000),
  });
  expect(r).toMatchObject({ value: '{"id":1,"name":"Ann"}' });
  await database.close();
});
test('try maria', async () => {
  await using server = await startMariadb();
  await server.run(`use fleet; create table users (id int primary key, name text); insert into users values (1,'Ann')`);
  const database = await openConnection({ name: 'fleet', url: server.url(), clock: systemClock });
  const origin = new SqlOrigin({
    database,
    sql: 'select * from users where id = {1}',
    captures: ['1'],
    maxValueBytes: 1000,
  });
  const r = await origin.fetch({
    key: 'user:1',
    captures: new Map([['1', '1']]),
    validators: undefined,
    signal: AbortSignal.timeout(5000),
  });
  expect(r).toMatchObject({ value: '{"id":1,"name":"Ann"}' });
  await database.close();
});
