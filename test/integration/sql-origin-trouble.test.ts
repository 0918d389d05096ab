import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { DatabaseConnections } from '../../src/origin/sql/database-connections.ts';
import { openConnection } from '../../src/origin/sql/open-connection.ts';
import { eventually } from '../support/eventually.ts';
import { type MariadbServer, startMariadb } from '../support/mariadb.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { findProgram } from '../support/programs.ts';
import { disposable, errorOf, fetchBy, valueIn } from '../support/sql-fetch.ts';
import { startRelay } from '../support/tcp-relay.ts';
import { tempDir } from '../support/temp-dir.ts';

const oneRow = 'select 1 as a';

describe.skipIf(findProgram('postgres') === undefined)('a PostgreSQL server in trouble', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  const open = (more: { url?: string; maxConnections?: number; connectTimeout?: number } = {}) =>
    openConnection({ name: 'fleet', url: server.url(), clock: systemClock, maxConnections: 3, ...more });

  test('killed in a query it fails that query; started again it serves without a restart of ours', async () => {
    await using one = disposable(await open());
    const { database } = one;
    expect(await valueIn(fetchBy(database, oneRow))).toBe('{"a":1}');
    const slow = errorOf(fetchBy(database, 'select pg_sleep(20)::text as s'));
    await eventually(async () => expect((await running(server)).length).toBe(1));
    await server.kill();
    expect(await slow).toMatchObject({ code: 'ORIGIN_FAILED', message: expect.stringMatching(/^connection fleet: /) });
    const away = await errorOf(fetchBy(database, oneRow));
    expect(away).toMatchObject({ code: 'ORIGIN_FAILED', message: 'connection fleet: cannot connect: ECONNREFUSED' });
    await server.restart();
    expect(await valueIn(fetchBy(database, oneRow))).toBe('{"a":1}');
  }, 40_000);

  test('connections that were ended while they lay idle are replaced without an error', async () => {
    await using one = disposable(await open());
    const { database } = one;
    await Promise.all([1, 2, 3].map(() => fetchBy(database, 'select pg_sleep(0.1)::text as s')));
    expect(database.stats.idle).toBe(3);
    const asked = server.run(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sluice'`,
    );
    const answers = Promise.all(Array.from({ length: 30 }, () => valueIn(fetchBy(database, oneRow))));
    await asked;
    expect(new Set(await answers)).toEqual(new Set(['{"a":1}']));
    expect(await valueIn(fetchBy(database, oneRow))).toBe('{"a":1}');
  });

  test('a query whose time is over is ended on the server', async () => {
    await using one = disposable(await open());
    await errorOf(fetchBy(one.database, 'select pg_sleep(20)::text as s', { signal: AbortSignal.timeout(100) }));
    await eventually(async () => expect(await running(server)).toEqual([]));
  });

  test('a query the server is told to end fails alone, and the connection is used again', async () => {
    await using one = disposable(await open({ maxConnections: 1 }));
    const slow = errorOf(fetchBy(one.database, 'select pg_sleep(20)::text as s'));
    await eventually(async () => expect((await running(server)).length).toBe(1));
    await server.run(`select pg_cancel_backend(pid) from pg_stat_activity where application_name = 'sluice'`);
    expect((await slow).message).toContain('SQLSTATE 57014');
    expect(one.database.stats.idle).toBe(1);
    expect(await valueIn(fetchBy(one.database, oneRow))).toBe('{"a":1}');
  });

  test('a wrong password is told without the password', async () => {
    await using one = disposable(await open({ url: server.url({ user: 'owner', password: 'se:cret' }) }));
    const failure = await errorOf(fetchBy(one.database, oneRow));
    expect(failure.code).toBe('ORIGIN_FAILED');
    expect(failure.message).toBe('connection fleet: password authentication failed for user "owner" (SQLSTATE 28P01)');
  });

  test('a server that hangs costs connectTimeout, a connection that hangs the time of its query', async () => {
    await using relay = await startRelay({ target: { port: server.port } });
    const url = server.url().replace(`:${server.port}`, `:${relay.port}`);
    await using one = disposable(await open({ url, connectTimeout: 200, maxConnections: 1 }));
    await relay.admit('ignore');
    expect((await errorOf(fetchBy(one.database, oneRow))).message).toContain('no connection within 200 ms');
    await relay.admit('pass');
    expect(await valueIn(fetchBy(one.database, oneRow))).toBe('{"a":1}');
    relay.set('swallow');
    expect((await errorOf(fetchBy(one.database, oneRow, { signal: AbortSignal.timeout(100) }))).code).toBe(
      'ORIGIN_TIMEOUT',
    );
    relay.set('pass');
    expect(await valueIn(fetchBy(one.database, oneRow))).toBe('{"a":1}');
  });

  test('a server that has no connection left serves by those there are', async () => {
    await server.run(`create role few login password 'x' connection limit 1`);
    await using one = disposable(await open({ url: server.url({ user: 'few', password: 'x' }) }));
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => valueIn(fetchBy(one.database, 'select pg_sleep(0.01)::text || {key} as s'))),
    );
    expect(new Set(answers)).toEqual(new Set(['{"s":"user:1"}']));
  });

  test('statements stay prepared', async () => {
    await using one = disposable(await open({ maxConnections: 1 }));
    const sql = 'select count(*) as n from pg_prepared_statements where from_sql = false';
    expect(await valueIn(fetchBy(one.database, sql))).toBe('{"n":1}');
    expect(await valueIn(fetchBy(one.database, sql))).toBe('{"n":1}');
    expect(await valueIn(fetchBy(one.database, `${sql} and 1 = 1`))).toBe('{"n":2}');
  });

  test('several origins share the connections of one name', async () => {
    const connections = new DatabaseConnections({ clock: systemClock });
    await connections.open({ name: 'fleet', url: server.url(), maxConnections: 1 });
    await expect(connections.open({ name: 'fleet', url: server.url() })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    expect(() => connections.require('other')).toThrow('there is no connection other');
    const pids = await Promise.all(
      [1, 2].map(() => valueIn(fetchBy(connections.require('fleet'), 'select pg_backend_pid() as pid'))),
    );
    expect(new Set(pids).size).toBe(1);
    await connections.close();
    expect(await server.run(`select 1 from pg_stat_activity where application_name = 'sluice'`)).toEqual([]);
  });
});

const running = (server: PostgresServer) =>
  server.run(`select 1 from pg_stat_activity where application_name = 'sluice' and state = 'active'`);

describe.skipIf(findProgram('mariadbd') === undefined)('a MariaDB server in trouble', () => {
  let server: MariadbServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  const open = (more: { url?: string; maxConnections?: number; connectTimeout?: number } = {}) =>
    openConnection({ name: 'fleet', url: server.url(), clock: systemClock, maxConnections: 3, ...more });
  const runningHere = async () =>
    (await server.run('select id, info from information_schema.processlist where user = "sluice"')) as readonly {
      id: number;
      info: string | null;
    }[];
  const sleeping = async () => (await runningHere()).filter(({ info }) => info?.includes('sleep'));

  test('killed in a query it fails that query; started again it serves without a restart of ours', async () => {
    await using one = disposable(await open());
    const { database } = one;
    expect(await valueIn(fetchBy(database, oneRow))).toBe('{"a":1}');
    const slow = errorOf(fetchBy(database, 'select sleep(20) as s'));
    await eventually(async () => expect((await sleeping()).length).toBe(1));
    await server.kill();
    expect(await slow).toMatchObject({ code: 'ORIGIN_FAILED', message: expect.stringMatching(/^connection fleet: /) });
    const away = await errorOf(fetchBy(database, oneRow));
    expect(away).toMatchObject({ code: 'ORIGIN_FAILED', message: 'connection fleet: cannot connect: ECONNREFUSED' });
    await server.restart();
    expect(await valueIn(fetchBy(database, oneRow))).toBe('{"a":1}');
  }, 40_000);

  test('connections that were ended while they lay idle are replaced without an error', async () => {
    await using one = disposable(await open());
    const { database } = one;
    await Promise.all([1, 2, 3].map(() => fetchBy(database, 'select sleep(0.1) as s')));
    expect(database.stats.idle).toBe(3);
    for (const { id } of await runningHere()) await server.run(`kill ${id}`);
    expect(await valueIn(fetchBy(database, oneRow))).toBe('{"a":1}');
  });

  test('a query whose time is over is ended on the server', async () => {
    await using one = disposable(await open());
    await errorOf(fetchBy(one.database, 'select sleep(20) as s', { signal: AbortSignal.timeout(100) }));
    await eventually(async () => expect(await sleeping()).toEqual([]));
  });

  test('a wrong password is told without the password', async () => {
    await using one = disposable(await open({ url: server.url({ user: 'sluice', password: 'se:cret' }) }));
    const failure = await errorOf(fetchBy(one.database, oneRow));
    expect(failure.code).toBe('ORIGIN_FAILED');
    expect(failure.message).toMatch(/^connection fleet: .*Access denied for user 'sluice'@.* \(SQLSTATE 28000\)$/);
    expect(failure.message).not.toContain('cret');
  });

  test('a server that hangs costs connectTimeout, a connection that hangs the time of its query', async () => {
    await using relay = await startRelay({ target: { port: server.port } });
    const url = server.url().replace(`:${server.port}`, `:${relay.port}`);
    await using one = disposable(await open({ url, connectTimeout: 200, maxConnections: 1 }));
    await relay.admit('ignore');
    expect((await errorOf(fetchBy(one.database, oneRow))).message).toContain('no connection within 200 ms');
    await relay.admit('pass');
    expect(await valueIn(fetchBy(one.database, oneRow))).toBe('{"a":1}');
    relay.set('swallow');
    expect((await errorOf(fetchBy(one.database, oneRow, { signal: AbortSignal.timeout(100) }))).code).toBe(
      'ORIGIN_TIMEOUT',
    );
    relay.set('pass');
    expect(await valueIn(fetchBy(one.database, oneRow))).toBe('{"a":1}');
  });
});

describe('a SQLite file in trouble', () => {
  test('one that is not there, or is no database, is told', async () => {
    await using folder = await tempDir();
    const open = (file: string) => openConnection({ name: 'fleet', url: `sqlite:${file}`, clock: systemClock });
    await using missingFile = disposable(await open(join(folder.path, 'none.db')));
    const failure = await errorOf(fetchBy(missingFile.database, oneRow));
    expect(failure).toMatchObject({
      code: 'ORIGIN_FAILED',
      message: expect.stringContaining('the file cannot be opened'),
    });
    await using text = disposable(await open(import.meta.filename));
    expect((await errorOf(fetchBy(text.database, oneRow))).message).toContain('the file cannot be opened');
    new DatabaseSync(join(folder.path, 'none.db')).close();
    expect(await valueIn(fetchBy(missingFile.database, oneRow))).toBe('{"a":1}');
  });
});
