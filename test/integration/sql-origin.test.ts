import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { utf8ToBytes } from '../../src/kernel/bytes.ts';
import type { Database } from '../../src/origin/sql/database.ts';
import { openConnection } from '../../src/origin/sql/open-connection.ts';
import { startMariadb } from '../support/mariadb.ts';
import { startPostgres } from '../support/postgres.ts';
import { findProgram } from '../support/programs.ts';
import { disposable, errorOf, fetchBy, valueIn } from '../support/sql-fetch.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A database with tables of its own kind, and the words in which it does the same things. */
interface Subject extends AsyncDisposable {
  readonly url: string;
  readonly run: (sql: string) => Promise<unknown>;
  /** Takes `seconds`, or long where the database cannot sleep. */
  readonly slow: (seconds: number) => string;
  readonly write: string;
  readonly allTypes: { readonly create: string; readonly row: object };
  /** A parameter that the column `id` cannot hold; where the database takes any text there is none. */
  readonly refused: string | undefined;
  readonly bytesColumn: string;
}

const subjects: Record<string, () => Promise<Subject>> = {
  PostgreSQL: async () => {
    const server = await startPostgres();
    return {
      url: server.url(),
      run: server.run,
      slow: (seconds) => `select pg_sleep(${seconds})::text`,
      write: 'insert into users (id, name) values (1000, {1}) returning name',
      allTypes: {
        create: `create table everything as select true as yes, 7::int2 as small, -3 as int, 9007199254740993::int8 as big, 0.1::float4 as f4,
          1e300::float8 as f8, 12345678901234567890.10::numeric as exact, '{"b": 1, "a": 1.0}'::json as doc, '\\x00ff'::bytea as bytes,
          timestamptz '2024-03-01 00:00:00.5+01' as at, timestamp '2024-03-01 00:00:00' as local, date '2024-02-29' as day,
          interval '1 day 2 hours' as span, array['a','b,"c'] as list, null::text as nothing`,
        row: {
          yes: true,
          small: 7,
          int: -3,
          big: '9007199254740993',
          f4: 0.1,
          f8: 1e300,
          exact: '12345678901234567890.10',
          doc: { b: 1, a: 1 },
          bytes: 'AP8=',
          at: '2024-02-29T23:00:00.5Z',
          local: '2024-03-01T00:00:00',
          day: '2024-02-29',
          span: 'P1DT2H',
          list: ['a', 'b,"c'],
          nothing: null,
        },
      },
      refused: 'secret-text',
      bytesColumn: 'bytea',
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
  MariaDB: async () => {
    const server = await startMariadb(['--default-time-zone=+05:00']);
    return {
      url: server.url(),
      run: (sql) => server.run(`use fleet; ${sql}`),
      slow: (seconds) => `select sleep(${seconds}) as slept`,
      write: 'insert into users (id, name) values (1000, {1})',
      allTypes: {
        create: `create table everything (yes bool, small smallint, \`int\` int, big bigint unsigned, f4 float, f8 double, exact decimal(30,2), doc json,
          bytes varbinary(9), at timestamp(1), local datetime, day date, span time, bits bit(9), nothing text);
          set time_zone = '+01:00'; insert into everything values (true, 7, -3, 18446744073709551615, 0.1, 1e300, 12345678901234567890.10,
          '{"b": 1, "a": 1.0}', x'00ff', '2024-03-01 00:00:00.5', '2024-03-01 00:00:00', '2024-02-29', '26:00:00', b'100000001', null)`,
        row: {
          yes: 1,
          small: 7,
          int: -3,
          big: '18446744073709551615',
          f4: 0.1,
          f8: 1e300,
          exact: '12345678901234567890.10',
          doc: { b: 1, a: 1 },
          bytes: 'AP8=',
          at: '2024-02-29T23:00:00.5Z',
          local: '2024-03-01T00:00:00',
          day: '2024-02-29',
          span: '26:00:00',
          bits: 257,
          nothing: null,
        },
      },
      refused: undefined,
      bytesColumn: 'longblob',
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
  SQLite: async () => {
    const folder = await tempDir();
    const file = join(folder.path, 'fleet.db');
    const writer = new DatabaseSync(file);
    return {
      url: `sqlite:${file}`,
      run: async (sql) => writer.exec(sql),
      slow: (seconds) =>
        `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${seconds * 1_500_000}) select count(*) as n from n`,
      write: 'insert into users (id, name) values (1000, {1}) returning name',
      allTypes: {
        create: `create table everything ("int" integer, big integer, real real, text text, bytes blob, absent text);
          insert into everything values (-3, 9007199254740993, 0.1, 'é', x'00ff', null)`,
        row: { int: -3, big: '9007199254740993', real: 0.1, text: 'é', bytes: 'AP8=', absent: null },
      },
      refused: undefined,
      bytesColumn: 'blob',
      [Symbol.asyncDispose]: async () => {
        writer.close();
        await folder[Symbol.asyncDispose]();
      },
    };
  },
};

const missing = { PostgreSQL: 'postgres', MariaDB: 'mariadbd' } as const;
const isMissing = (name: string): boolean => name in missing && !findProgram(missing[name as keyof typeof missing]);

describe.each(Object.entries(subjects).filter(([name]) => !isMissing(name)))('%s as an origin', (_name, start) => {
  let subject: Subject;
  let database: Database;
  const open = (more: { maxConnections?: number; maxWaiting?: number; url?: string } = {}): Promise<Database> =>
    openConnection({ name: 'fleet', url: subject.url, clock: systemClock, maxConnections: 2, ...more });

  beforeAll(async () => {
    subject = await start();
    await subject.run(
      `create table users (id bigint primary key, name varchar(200), photo ${subject.bytesColumn}, note varchar(200));
       insert into users (id, name, photo, note) values (1, 'Ann', x'00ff', null), (2, 'Zoë; drop table users --', null, 'n'), (9007199254740993, 'exact', null, null);
       ${subject.allTypes.create}`
        // The same literal of bytes for all of them.
        .replace("x'00ff', null)", subject.bytesColumn === 'bytea' ? "'\\x00ff', null)" : "x'00ff', null)"),
    );
    database = await open();
  });
  afterAll(async () => {
    await database?.close();
    await subject?.[Symbol.asyncDispose]();
  });

  test('a row is a JSON object, no row is absent', async () => {
    const sql = 'select id, name from users where id = {1}';
    expect(await fetchBy(database, sql, { captures: { 1: '1' } })).toEqual({
      kind: 'value',
      value: '{"id":1,"name":"Ann"}',
      contentType: 'application/json',
      validators: { etag: '', lastModified: '' },
      freshFor: undefined,
    });
    expect(await fetchBy(database, sql, { captures: { 1: '3' } })).toEqual({ kind: 'absent', freshFor: undefined });
  });

  test('every type has its form in JSON', async () => {
    const json = await valueIn(fetchBy(database, 'select * from everything'));
    const row = JSON.parse(Buffer.from(json, 'latin1').toString());
    expect(row).toEqual(subject.allTypes.row);
  });

  test('one column is the value itself: text, bytes, numbers; NULL is absent', async () => {
    const column = (name: string, id: string) =>
      valueIn(fetchBy(database, `select * from users where id = {1}`, { captures: { 1: id }, column: name }));
    expect(await column('name', '2')).toBe(utf8ToBytes('Zoë; drop table users --'));
    expect(await column('photo', '1')).toBe('\x00\xff');
    expect(await column('id', '9007199254740993')).toBe('9007199254740993');
    expect(await column('note', '1')).toBe('absent');
    const failure = await errorOf(column('missing', '1'));
    expect(failure).toMatchObject({
      code: 'ORIGIN_FAILED',
      message: 'connection fleet: the query gives no column missing; there is id, name, photo, note',
    });
  });

  test('what a client sends is never part of the query', async () => {
    const sql = 'select id from users where name = {name}';
    const named = (name: string) => valueIn(fetchBy(database, sql, { captures: { name: utf8ToBytes(name) } }));
    expect(await named('Zoë; drop table users --')).toBe('{"id":2}');
    for (const name of ["' or ''='", "Ann' --", '\\', "\\' or 1=1 -- ", '{key}', '$1', '?', '', '☃'.repeat(300)])
      expect(await named(name)).toBe('absent');
    // No text of a database is equal to these bytes.
    expect(await valueIn(fetchBy(database, sql, { captures: { name: 'A\xff' } }))).toBe('absent');
    expect(await valueIn(fetchBy(database, sql, { captures: { name: 'Ann\0' } }))).toBe('absent');
    expect(await valueIn(fetchBy(database, 'select id from users where id = 1 and {key} = {key}'))).toBe('{"id":1}');
  });

  test('integers are compared exactly', async () => {
    const sql = 'select name from users where id = {1}';
    expect(await valueIn(fetchBy(database, sql, { captures: { 1: '9007199254740993' } }))).toBe('{"name":"exact"}');
    expect(await valueIn(fetchBy(database, sql, { captures: { 1: '9007199254740992' } }))).toBe('absent');
  });

  test('more than one row is an error, however many there are', async () => {
    const failure = await errorOf(fetchBy(database, 'select a.id from users a, users b, users c'));
    expect(failure.code).toBe('ORIGIN_FAILED');
    expect(failure.message).toContain('more than one row');
    const twice = await errorOf(fetchBy(database, 'select id, name as id from users where id = 1'));
    expect(twice.message).toContain('two columns named id');
    expect(await valueIn(fetchBy(database, 'select id from users where id = 1'))).toBe('{"id":1}');
  });

  test('a value that is too large is refused, and the connection serves on', async () => {
    const long = 'x'.repeat(150);
    const sql = 'select {1} as v from users where id = 1';
    const cast = sql.replace('{1}', 'cast({1} as char(150))');
    const options = { captures: { 1: long }, column: 'v' };
    expect(await valueIn(fetchBy(database, cast, { ...options, maxValueBytes: 150 }))).toBe(long);
    expect((await errorOf(fetchBy(database, cast, { ...options, maxValueBytes: 149 }))).code).toBe('VALUE_TOO_LARGE');
    await subject.run(`update users set photo = ${filled(subject, 3_000_000)} where id = 2`);
    const photo = 'select photo from users where id = 2';
    expect((await errorOf(fetchBy(database, photo, { maxValueBytes: 1000 }))).code).toBe('VALUE_TOO_LARGE');
    expect((await valueIn(fetchBy(database, photo, { column: 'photo', maxValueBytes: 3_000_000 }))).length).toBe(
      3_000_000,
    );
  });

  test('a query cannot write', async () => {
    const failure = await errorOf(fetchBy(database, subject.write, { captures: { 1: 'Eve' } }));
    expect(failure.code).toBe('ORIGIN_FAILED');
    expect(failure.message).not.toContain('Eve');
    expect(await valueIn(fetchBy(database, 'select id from users where id = 1000'))).toBe('absent');
  });

  test('errors name the connection and what the database said, not what was asked for', async () => {
    const table = await errorOf(
      fetchBy(database, 'select * from nowhere where a = {1}', { captures: { 1: 'secret' } }),
    );
    expect(table.code).toBe('ORIGIN_FAILED');
    expect(table.message).toMatch(/^connection fleet: .*nowhere.* \((SQLSTATE 42P01|SQLSTATE 42S02|SQLite code 1)\)$/);
    expect(table.message).not.toContain('secret');
    if (subject.refused !== undefined) {
      const type = await errorOf(
        fetchBy(database, 'select * from users where id = {1}', { captures: { 1: subject.refused } }),
      );
      expect(type.message).toBe(
        'connection fleet: the database refused a value: it is not of the type the query needs (SQLSTATE 22P02)',
      );
    }
  });

  test('a table that is altered is read in its new form', async () => {
    await subject.run('create table changing (a int); insert into changing values (1)');
    expect(await valueIn(fetchBy(database, 'select * from changing'))).toBe('{"a":1}');
    await subject.run('alter table changing add column b int default 2');
    expect(await valueIn(fetchBy(database, 'select * from changing'))).toBe('{"a":1,"b":2}');
  });

  test('a slow query ends with its time, and its place is free again', async () => {
    await using one = disposable(await open({ maxConnections: 1 }));
    const started = performance.now();
    const slow = fetchBy(one.database, subject.slow(5), { signal: AbortSignal.timeout(200) });
    // It waits for the place of the first.
    const next = valueIn(fetchBy(one.database, 'select id from users where id = 1'));
    const failure = await errorOf(slow);
    expect(failure).toMatchObject({
      code: 'ORIGIN_TIMEOUT',
      message: 'connection fleet: the query was cancelled: its time was over',
    });
    expect(performance.now() - started).toBeLessThan(1500);
    expect(await next).toBe('{"id":1}');
  });

  test('the event loop is free while a query runs', async () => {
    await using one = disposable(await open({ maxConnections: 1 }));
    await fetchBy(one.database, 'select id from users where id = 1');
    const slow = fetchBy(one.database, subject.slow(5), { signal: AbortSignal.timeout(300) });
    let longest = 0;
    let last = performance.now();
    const ticking = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 5);
    await errorOf(slow);
    clearInterval(ticking);
    expect(longest).toBeLessThan(200);
  });

  test('more queries than connections wait, more than may wait are refused', async () => {
    await using one = disposable(await open({ maxConnections: 1, maxWaiting: 2 }));
    const { database } = one;
    await fetchBy(database, 'select id from users where id = 1');
    const slow = errorOf(fetchBy(database, subject.slow(5), { signal: AbortSignal.timeout(300) }));
    const waiting = [1, 2].map((id) =>
      valueIn(fetchBy(database, 'select id from users where id = {1}', { captures: { 1: `${id}` } })),
    );
    const refused = await errorOf(fetchBy(database, 'select id from users where id = 1'));
    expect(refused).toMatchObject({ code: 'ORIGIN_OVERLOADED', details: { retryAfter: expect.any(Number) } });
    expect(database.stats).toMatchObject({ connections: 1, waiting: 2 });
    expect((await slow).code).toBe('ORIGIN_TIMEOUT');
    expect(await Promise.all(waiting)).toEqual(['{"id":1}', '{"id":2}']);
  });

  test('who waits longer than its time gets a timeout, and its place in the queue is free', async () => {
    await using one = disposable(await open({ maxConnections: 1, maxWaiting: 1 }));
    await fetchBy(one.database, 'select id from users where id = 1');
    const slow = errorOf(fetchBy(one.database, subject.slow(5), { signal: AbortSignal.timeout(400) }));
    const late = await errorOf(fetchBy(one.database, 'select 1 as a', { signal: AbortSignal.timeout(50) }));
    expect(late).toMatchObject({ code: 'ORIGIN_TIMEOUT' });
    expect(late.message).toContain('no connection became free in time');
    expect(one.database.stats.waiting).toBe(0);
    await slow;
  });

  test('many queries at a time use no more connections than configured', async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => valueIn(fetchBy(database, 'select id from users where id = 1'))),
    );
    expect(new Set(answers)).toEqual(new Set(['{"id":1}']));
    expect(database.stats.connections).toBeLessThanOrEqual(2);
  });

  test('after close nothing is asked any more', async () => {
    const closing = await open();
    const last = valueIn(fetchBy(closing, 'select id from users where id = 1'));
    expect(await last).toBe('{"id":1}');
    await Promise.all([closing.close(), closing.close()]);
    expect((await errorOf(fetchBy(closing, 'select 1 as a'))).code).toBe('CLOSED');
    expect(closing.stats.connections).toBe(0);
  });
});

/** An expression for so many bytes. */
function filled(subject: Subject, length: number): string {
  if (subject.bytesColumn === 'bytea') return `decode(repeat('61', ${length}), 'hex')`;
  return subject.bytesColumn === 'blob' ? `zeroblob(${length})` : `repeat('a', ${length})`;
}
