import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { utf8ToBytes } from '../../src/kernel/bytes.ts';
import { openPostgresSink } from '../../src/sink/postgres/postgres-sink.ts';
import type { Sink, SinkRow, TableMapping } from '../../src/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { findProgram } from '../support/programs.ts';
import { failureOf, inTime, merge, remove, row, scooters, whole } from '../support/sink-rows.ts';

/** Names that are SQL of another meaning when they are not quoted. */
const hostile: TableMapping = {
  shape: 'row',
  table: `pub"lic; --.we"ird'; drop table scooters; --.$1`,
  key: ['select', `k"e'y.1`],
  columns: [
    { field: `f'); --`, column: `c"o'l umn; $1 ?` },
    { field: utf8ToBytes('größe'), column: 'größe' },
  ],
  version: `ver"sion`,
  fence: undefined,
};
const injection = `'); drop table scooters; -- " \\ {,} NULL é 😀`;

describe.skipIf(findProgram('postgres') === undefined)('rows in PostgreSQL', () => {
  let server: PostgresServer;
  let sink: Sink;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await server.run(
      `drop schema public cascade; create schema public;
       create table scooters (id text primary key, lat float8, battery int4, note varchar(20), other text, ver bigint not null)`,
    );
    sink = await openPostgresSink({ name: 'fleet', url: server.url() });
  });
  afterEach(() => sink.close());

  const all = async (sql = 'select id, lat, battery, note, ver from scooters order by id'): Promise<unknown[]> =>
    (await server.run(sql)).map((found) => Object.values(found));
  const write = (rows: readonly SinkRow[], mapping = scooters): Promise<void> => sink.write(mapping, rows, inTime());

  test('rows are added, changed in part, changed as a whole, emptied and removed', async () => {
    await write([
      merge('a', 1, { lat: '52.5', battery: '80', note: 'né' }),
      merge('b', 1, { battery: '70' }),
      merge('c', 1, { note: 'NULL' }),
      merge('d', 1, {}),
    ]);
    expect(await all()).toEqual([
      ['a', 52.5, 80, 'né', '1'],
      ['b', null, 70, null, '1'],
      ['c', null, null, 'NULL', '1'],
      ['d', null, null, null, '1'],
    ]);
    await server.run(`update scooters set other = 'theirs'`);
    await write([
      merge('a', 2, { battery: '79' }),
      whole('b', 2, { lat: '1' }),
      merge('c', 2, { note: null, lat: '-3.5e1' }),
      remove('d', 2),
      whole('e', 2, { note: '' }),
    ]);
    expect(await all()).toEqual([
      ['a', 52.5, 79, 'né', '2'],
      ['b', 1, null, null, '2'],
      ['c', -35, null, null, '2'],
      ['e', null, null, '', '2'],
    ]);
    expect(await all('select other from scooters order by id')).toEqual([['theirs'], ['theirs'], ['theirs'], [null]]);
  });

  test('an older or equal version changes nothing, whatever it is to do', async () => {
    await write([merge('a', 10, { battery: '80' }), merge('b', Number.MAX_SAFE_INTEGER, { battery: '80' })]);
    await write([merge('a', 9, { battery: '1' }), merge('b', Number.MAX_SAFE_INTEGER - 1, { battery: '1' })]);
    await write([merge('a', 10, { battery: '2' })]);
    await write([whole('a', 9, { note: 'late' })]);
    await write([remove('a', 9)]);
    await write([remove('a', 10)]);
    expect(await all('select id, battery, note, ver from scooters order by id')).toEqual([
      ['a', 80, null, '10'],
      ['b', 80, null, `${Number.MAX_SAFE_INTEGER}`],
    ]);
    await write([remove('a', 11), remove('nobody', 11)]);
    expect(await all('select id from scooters')).toEqual([['b']]);
  });

  test('rows from before the version column was added are overwritten', async () => {
    await server.run(`create table old (id text primary key, note text, ver bigint);
      insert into old values ('a', 'old', null), ('b', 'old', null)`);
    const old = { ...scooters, table: 'old', columns: [{ field: 'note', column: 'note' }] };
    await write([merge('a', 1, { note: 'new' }), remove('b', 1)], old);
    expect(await all('select * from old')).toEqual([['a', 'new', '1']]);
  });

  test('a change of a few columns needs no values for the others, though they are NOT NULL', async () => {
    await server.run(`create domain must as text not null;
      create table tight (id text primary key, a text not null, b must, ver bigint)`);
    const mapping = { ...scooters, table: 'tight', columns: ['a', 'b'].map((name) => ({ field: name, column: name })) };
    await write([merge('x', 1, { a: '1', b: '1' })], mapping);
    await write([merge('x', 3, { b: '3' })], mapping);
    await write([merge('x', 2, { a: '2' })], mapping);
    expect(await all('select * from tight')).toEqual([['x', '1', '3', '3']]);
    const failure = await failureOf(write([merge('y', 1, { b: '1' })], mapping));
    expect(failure).toMatchObject({ kind: 'data', message: expect.stringContaining('column a') });
  });

  test.each([
    ['text where a number belongs', { lat: 'north' }, 'type double precision'],
    ['a fraction where an integer belongs', { battery: '1.5' }, 'type integer'],
    ['a number beyond the type', { battery: '2147483648' }, '22003'],
    ['text that is too long', { note: 'x'.repeat(21) }, '22001'],
    ['a NUL', { note: 'a\0b' }, 'column note'],
  ])('%s fails the whole batch, of which nothing is written', async (_, values, told) => {
    const failure = await failureOf(write([merge('a', 1, { battery: '1' }), merge('b', 1, values), remove('c', 1)]));
    expect(failure).toMatchObject({ kind: 'data', ambiguous: false, message: expect.stringContaining(told) });
    expect(failure.message).not.toContain(Object.values(values)[0]);
    expect(await all()).toEqual([]);
    await write([merge('a', 1, { battery: '1' })]);
  });

  test('a constraint of the table is the fault of the row', async () => {
    await server.run('alter table scooters add constraint north check (lat < 90)');
    const failure = await failureOf(write([merge('a', 1, { lat: '1' }), merge('b', 1, { lat: '91' })]));
    expect(failure).toMatchObject({ kind: 'data', message: expect.stringContaining('constraint north') });
    expect(await all()).toEqual([]);
  });

  test('bytes that are no text are refused for a column of text and kept by one of bytes', async () => {
    await server.run('create table files (id text primary key, body bytea, note text, ver bigint not null)');
    const columns = ['body', 'note'].map((name) => ({ field: name, column: name }));
    const mapping = { ...scooters, table: 'files', columns };
    const raw = { key: ['a'], version: 1, change: 'merge', values: new Map([['body', '\xff\x00\\x']]) } as const;
    await write([raw], mapping);
    expect(await all(`select encode(body, 'hex') from files`)).toEqual([['ff005c78']]);
    const text = { ...raw, values: new Map([['note', '\xff']]) };
    expect(await failureOf(write([text], mapping))).toMatchObject({ kind: 'data' });
  });

  test('values of every kind of type', async () => {
    await server.run(`create type mood as enum ('so so', 'well'); create domain short as varchar(3); create domain shorter as short;
      create table kinds (id int4, part uuid, ok boolean, at timestamptz, day date, doc jsonb, list int4[], state mood,
        code shorter, fixed char(4), sum numeric(8,2), "Big" bigint, bits bit(3), ver bigint, primary key (part, id))`);
    const values = {
      ok: 'yes',
      at: '2026-03-04T05:06:07Z',
      day: '2026-03-04',
      doc: '{"a": [1, "\\"x\\""]}',
      list: '{1,NULL,3}',
      state: 'so so',
      code: 'abc',
      fixed: 'wxyz',
      sum: '12.34',
      Big: '9223372036854775807',
      bits: '101',
    };
    const columns = Object.keys(values).map((name) => ({ field: name, column: name }));
    const mapping = { ...scooters, table: 'kinds', key: ['id', 'part'], columns };
    expect(await sink.check(mapping, inTime())).toEqual([]);
    const key = ['7', '6ba7b810-9dad-11d1-80b4-00c04fd430c8'];
    await write([row('merge', key, 1, values)], mapping);
    await write([row('merge', key, 2, { ok: 'no' }), row('merge', ['8', key[1] ?? ''], 2, { ok: 'no' })], mapping);
    expect(
      await all(`select id, ok, at at time zone 'UTC' = '2026-03-04 05:06:07' as at, day::text, doc, list, state, code,
      fixed, sum, "Big", bits from kinds order by id limit 1`),
    ).toEqual([
      [7, false, true, values.day, { a: [1, '"x"'] }, [1, null, 3], 'so so', 'abc', 'wxyz', '12.34', values.Big, '101'],
    ]);
    // Never cut to fit.
    for (const wrong of [
      { code: 'abcd' },
      { fixed: 'wxyz!' },
      { state: 'bad' },
      { doc: '{' },
      { list: '{1' },
      { bits: '1' },
    ])
      expect(await failureOf(write([row('merge', key, 3, wrong)], mapping))).toMatchObject({ kind: 'data' });
    await write([row('remove', key, 3)], mapping);
    expect(await all('select id from kinds')).toEqual([[8]]);
  });

  test('the same key written in two ways is the fault of the rows', async () => {
    await server.run('create table numbered (id int4 primary key, ver bigint not null)');
    const mapping = { ...scooters, table: 'numbered', columns: [] };
    expect(await failureOf(write([merge('1', 1, {}), merge('01', 2, {})], mapping))).toMatchObject({ kind: 'data' });
  });

  test('a table that is gone is the fault of the table, until it is back', async () => {
    await write([merge('a', 1, { battery: '1' })]);
    await server.run('alter table scooters rename to elsewhere');
    expect(await failureOf(write([merge('a', 2, { battery: '2' })]))).toMatchObject({
      kind: 'schema',
      message: 'connection fleet: there is no table scooters',
    });
    await server.run('alter table elsewhere rename to scooters; alter table scooters alter battery type text');
    await write([merge('a', 2, { battery: 'two' })]);
    await server.run('alter table scooters drop column battery');
    expect(await failureOf(write([merge('a', 3, { battery: '3' })]))).toMatchObject({
      kind: 'schema',
      message: 'connection fleet: table scooters has no column battery',
    });
    await server.run(
      'alter table scooters add column battery int4; alter table scooters drop constraint scooters_pkey',
    );
    expect(await failureOf(write([merge('a', 3, { battery: '3' })]))).toMatchObject({ kind: 'schema' });
    await server.run('alter table scooters alter ver type int4');
    expect(await failureOf(write([merge('a', 3, {})]))).toMatchObject({
      kind: 'schema',
      message: 'connection fleet: column ver of table scooters is integer, not bigint',
    });
  });

  test('rights, logins and databases that are missing are nothing a row can help', async () => {
    await server.run(
      `drop role if exists reader; create role reader login password 'reader'; grant usage on schema public to reader;
       grant select on scooters to reader`,
    );
    const open = (url: string) => openPostgresSink({ name: 'other', url });
    const reader = await open(server.url({ user: 'reader', password: 'reader' }));
    expect(await reader.check(scooters, inTime())).toEqual([
      {
        problem: 'user reader has no right to INSERT, UPDATE, DELETE on table scooters',
        statement: 'GRANT INSERT, UPDATE, DELETE ON "public"."scooters" TO "reader"',
      },
    ]);
    // No more than the shape needs.
    await server.run(`create table counts (id text primary key, n int, ver bigint); grant insert, select on counts to reader;
      create table fences (name text primary key, epoch bigint not null)`);
    const counts = { ...scooters, table: 'counts', columns: [{ field: 'n', column: 'n' }] };
    const records = { ...counts, shape: 'record', version: undefined } as const;
    expect(await reader.check(records, inTime())).toEqual([]);
    await reader.write(records, [merge('a', 1, { n: '1' })], inTime());
    expect(await reader.check({ ...counts, shape: 'counter', fence: 'fences' }, inTime())).toEqual([
      {
        problem: 'user reader has no right to UPDATE on table counts',
        statement: 'GRANT UPDATE ON "public"."counts" TO "reader"',
      },
      {
        problem: 'user reader has no right to SELECT, INSERT, UPDATE on table fences',
        statement: 'GRANT SELECT, INSERT, UPDATE ON "public"."fences" TO "reader"',
      },
    ]);
    await server.run(
      'revoke usage on schema public from reader; alter role reader set default_transaction_read_only = on',
    );
    await server.run('grant insert, update, delete on scooters to reader');
    const second = await open(server.url({ user: 'reader', password: 'reader' }));
    expect(await second.check({ ...scooters, table: 'public.scooters' }, inTime())).toEqual([
      {
        problem: 'user reader has no right to use schema public',
        statement: 'GRANT USAGE ON SCHEMA "public" TO "reader"',
      },
      { problem: 'the database can only be read: it is a standby, or default_transaction_read_only is on' },
    ]);
    await server.run('grant usage on schema public to reader');
    const wrong = await open(server.url({ user: 'reader', password: 'secret' }));
    const nowhere = await open(server.url().replace(/postgres$/, 'nowhere'));
    for (const other of [second, wrong, nowhere]) {
      const failure = await failureOf(other.write(scooters, [merge('a', 1, {})], inTime()));
      expect(failure).toMatchObject({ kind: 'schema', ambiguous: false });
      expect(failure.message).not.toContain('secret');
      await other.close();
    }
    await reader.close();
  });

  test('a server that is killed is a matter of time', async () => {
    await write([merge('a', 1, { battery: '1' })]);
    await server.kill();
    // The processes it has left behind serve for another moment.
    await eventually(async () =>
      expect(await failureOf(write([merge('a', 1, { battery: '1' })]))).toMatchObject({
        kind: 'transient',
        ambiguous: false,
        message: expect.stringContaining('ECONNREFUSED'),
      }),
    );
    await server.restart();
    await write([merge('a', 2, { battery: '2' })]);
    expect(await all('select id, battery from scooters')).toEqual([['a', 2]]);
  }, 60_000);

  test('connections that were ended while they lay idle are replaced without an error', async () => {
    await Promise.all(['a', 'b', 'c'].map((id) => write([merge(id, 1, {})])));
    const ended = await server.run(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sluice'`,
    );
    expect(ended).toHaveLength(2);
    await Promise.all(['d', 'e', 'f'].map((id) => write([merge(id, 1, {})])));
    await write([merge('g', 1, {})]);
    expect(await all('select count(*)::int from scooters')).toEqual([[7]]);
  });

  test('who locks a row makes others wait, but not for ever', async () => {
    await write([merge('a', 1, { battery: '1' })]);
    const quick = await openPostgresSink({ name: 'quick', url: server.url(), timeout: 500 });
    const locked = server.run('begin; update scooters set battery = 0; select pg_sleep(1.5); commit');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const failure = await failureOf(quick.write(scooters, [merge('a', 2, { battery: '2' })], inTime()));
    expect(failure).toMatchObject({ kind: 'transient', ambiguous: false, message: expect.stringContaining('55P03') });
    const impatient = failureOf(sink.write(scooters, [merge('a', 2, { battery: '2' })], inTime(100)));
    expect(await impatient).toMatchObject({ kind: 'transient', ambiguous: false });
    const running = `select from pg_stat_activity where application_name = 'sluice' and state = 'active'`;
    await eventually(async () => expect(await server.run(running)).toEqual([]), { timeoutMs: 500 });
    await locked;
    await quick.write(scooters, [merge('a', 2, { battery: '2' })], inTime());
    await quick.close();
    expect(await all('select battery from scooters')).toEqual([[2]]);
  });

  test('two nodes that write the same rows at once do not lock each other out', async () => {
    const id = (i: number): string => `s${String(i).padStart(3, '0')}`;
    const ids = Array.from({ length: 300 }, (_, i) => id(i));
    await write(ids.map((one) => merge(one, 1, {})));
    const second = await openPostgresSink({ name: 'second', url: server.url() });
    const kinds = [{ lat: '1' }, { battery: '2' }, { note: 'x' }, { lat: '1', note: 'y' }] as const;
    // Each groups the same rows in another way.
    const round = (node: number, turn: number): SinkRow[] =>
      ids.map((one, i) => merge(one, 2 + turn, kinds[(i * (node + 1) + turn) % kinds.length] ?? {}));
    await Promise.all(
      [sink, second, sink, second].map(async (node, n) => {
        for (let turn = 0; turn < 8; turn++) await node.write(scooters, round(n, turn), inTime());
      }),
    );
    await second.close();
    expect(await all('select count(*)::int from scooters where ver = 9')).toEqual([[300]]);
  });

  test('whether a commit whose answer is lost took place is not known; the same again is right', async () => {
    await using relay = await commitsUnanswered(server.port);
    const far = await openPostgresSink({ name: 'far', url: server.url().replace(`:${server.port}`, `:${relay.port}`) });
    const rows = [merge('a', 1, { battery: '1' })];
    expect(await failureOf(far.write(scooters, rows, inTime()))).toMatchObject({ kind: 'transient', ambiguous: true });
    expect(await all('select id, battery, ver from scooters')).toEqual([['a', 1, '1']]);
    await write(rows);
    expect(await all('select id, battery, ver from scooters')).toEqual([['a', 1, '1']]);
    await far.close();
  });

  test('at most two connections, and those in turn', async () => {
    const work = Array.from({ length: 12 }, (_, i) => write([merge(`s${i}`, 1, { lat: `${i}` })]));
    const counted = server.run(`select count(*)::int as n from pg_stat_activity where application_name = 'sluice'`);
    await Promise.all(work);
    expect((await counted)[0]?.['n']).toBeLessThanOrEqual(2);
    expect(await all('select count(*)::int from scooters')).toEqual([[12]]);
  });

  test('check lists all that is wrong; its statements make it right', async () => {
    await server.run(
      `create table bare (id varchar(9), ver int4, lat float8 generated always as (1) stored, must int not null,
         battery int4 generated always as identity);
       create unique index on bare (id) where ver is null; create unique index on bare (id, ver)`,
    );
    const bare = { ...scooters, table: 'bare' };
    const problems = await sink.check(bare, inTime());
    expect(problems.map(({ problem }) => problem)).toEqual([
      'column lat of table bare is generated',
      'column battery of table bare is always generated',
      'table bare has no column note',
      'column ver of table bare is integer, but has to be bigint',
      'table bare has no unique index on exactly its key columns (id)',
      'column must of table bare is NOT NULL without a default, and nothing is mapped to it',
    ]);
    for (const { statement } of problems) await server.run(statement ?? 'no statement');
    expect(await sink.check(bare, inTime())).toEqual([]);
    await write([merge('a', 1, { lat: '1', note: 'anything', battery: '1' })], bare);

    const other = {
      ...scooters,
      table: 'bare',
      key: ['id', 'note'],
      columns: [{ field: 'x', column: 'x' }],
      version: 'v',
    };
    const more = await sink.check(other, inTime());
    expect(more).toHaveLength(3);
    for (const { statement } of more) await server.run(statement ?? 'no statement');
    expect(await sink.check(other, inTime())).toEqual([]);

    for (const mapping of [{ ...scooters, table: 'nothing' }, hostile]) {
      for (const { statement } of await sink.check(mapping, inTime())) await server.run(statement ?? 'no statement');
      expect(await sink.check(mapping, inTime())).toEqual([]);
    }
    await server.run(`drop schema "pub""lic; --" cascade`);
  });

  test('check tells what no statement mends', async () => {
    await server.run('create view seen as select * from scooters');
    const problemsOf = async (mapping: TableMapping) => (await sink.check(mapping, inTime())).map((one) => one.problem);
    expect(await problemsOf({ ...scooters, table: 'seen' })).toEqual([
      'seen is no table but a view or a foreign table',
    ]);
    expect(await problemsOf({ ...scooters, version: 'lat' })).toContain(
      'column lat of table scooters is named twice in the mapping',
    );
    expect(await problemsOf({ ...scooters, table: 'far.away' })).toEqual([
      'there is no schema far',
      'there is no table far.away',
    ]);
    expect(await problemsOf({ ...scooters, table: `${'x'.repeat(70)}` })).toHaveLength(1);
    expect(await problemsOf(scooters)).toEqual([]);
    expect(await problemsOf({ ...scooters, table: 'public.scooters' })).toEqual([]);
  });

  test('names and values may hold anything', async () => {
    for (const { statement } of await sink.check(hostile, inTime())) await server.run(statement ?? 'no statement');
    const key = [injection, `"; delete from scooters; --`];
    await write([row('merge', key, 1, { [`f'); --`]: injection, größe: '12' })], hostile);
    await write([row('merge', key, 2, { größe: '13' }), row('whole', ['x', 'y'], 2, {})], hostile);
    const quoted = `"pub""lic; --"."we""ird'; drop table scooters; --.$1"`;
    expect(await all(`select * from ${quoted} order by "select" = 'x'`)).toEqual([
      [...key, injection, '13', '2'],
      ['x', 'y', null, null, '2'],
    ]);
    await write([row('remove', key, 3)], hostile);
    expect(await all(`select "select" from ${quoted}`)).toEqual([['x']]);
    expect(await all()).toEqual([]);
    await server.run(`drop schema "pub""lic; --" cascade`);
  });

  test('a bad row anywhere among many fails them all, and the next write is well', async () => {
    const rows = Array.from({ length: 7000 }, (_, i) => merge(`s${String(i).padStart(5, '0')}`, 1, { battery: '1' }));
    for (const [at, wrong] of [
      [10, { battery: 'many' }],
      [4500, { battery: 'many' }],
      // Found by us while the server is at those before it.
      [2500, { battery: '1\0' }],
      [6999, { battery: '\u00ff\0' }],
    ] as const) {
      const failure = await failureOf(write(rows.with(at, merge(`s${String(at).padStart(5, '0')}`, 1, wrong))));
      expect(failure).toMatchObject({ kind: 'data', ambiguous: false });
    }
    await write(rows);
    expect(await all('select count(*)::int from scooters')).toEqual([[7000]]);
  });

  test('5,000 rows of all kinds', async () => {
    const id = (i: number): string => `s${String(i).padStart(5, '0')}`;
    const first = Array.from({ length: 5000 }, (_, i) => merge(id(i), 1, { lat: `${i / 10}`, battery: `${i % 100}` }));
    await write(first.reverse());
    const second = Array.from({ length: 5000 }, (_, i) =>
      i % 5 === 0
        ? remove(id(i), 2)
        : i % 2 === 0
          ? merge(id(i), 2, { battery: '-1' })
          : whole(id(i), 2, { note: 'n' }),
    );
    await write(second);
    const counts = 'count(*)::int, count(*) filter (where battery = -1)::int, count(note)::int, count(lat)::int';
    expect((await server.run(`select array[${counts}] as n from scooters`))[0]?.['n']).toEqual([
      4000, 2000, 2000, 2000,
    ]);
  });

  test('after close nothing is written; what was under way is', async () => {
    const before = write([merge('a', 1, {})]);
    await sink.close();
    await before;
    expect(await failureOf(write([merge('b', 1, {})]))).toMatchObject({ kind: 'transient', ambiguous: false });
    expect(await all('select id from scooters')).toEqual([['a']]);
  });

  test('a URL of another database is refused', async () => {
    await expect(openPostgresSink({ name: 'x', url: 'mysql://localhost/x' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});

/** A way to the server that lets COMMIT pass and cuts the connection before its answer. */
async function commitsUnanswered(target: number): Promise<{ readonly port: number } & AsyncDisposable> {
  const sockets: Socket[] = [];
  const relay: Server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    sockets.push(near, far);
    let isCommitting = false;
    for (const socket of [near, far]) socket.on('error', () => {});
    near.on('data', (bytes) => {
      isCommitting ||= bytes.includes('COMMIT');
      far.write(bytes);
    });
    far.on('data', (bytes) => (isCommitting ? near.destroy() : near.write(bytes)));
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return {
    port: (relay.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}
