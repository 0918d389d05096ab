import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { utf8ToBytes } from '../../src/kernel/bytes.ts';
import { openMysqlSink } from '../../src/sink/mysql/mysql-sink.ts';
import type { Sink, SinkRow, TableMapping, WriteRight } from '../../src/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { type MariadbServer, startMariadb } from '../support/mariadb.ts';
import { findProgram } from '../support/programs.ts';
import { failureOf, inTime, merge, remove, row, scooters, whole } from '../support/sink-rows.ts';

/** Names that are SQL of another meaning when they are not quoted. */
const hostile: TableMapping = {
  ...scooters,
  table: `we\`ird'; drop table scooters; -- "$1 ?`,
  key: ['select', 'k`e\'y"1'],
  columns: [
    { field: `f'); --`, column: 'c`o\'l umn; ? -- "' },
    { field: utf8ToBytes('größe'), column: 'größe' },
  ],
  version: 'ver`sion',
};
const injection = `'); drop table scooters; -- " \\ {,} NULL é 😀 \\'`;
const running = `select id from information_schema.processlist where user = 'sluice' and command in ('Query', 'Execute')`;

describe.skipIf(findProgram('mariadbd') === undefined)('rows in MariaDB', () => {
  let server: MariadbServer;
  let sink: Sink;
  beforeAll(async () => {
    server = await startMariadb();
  }, 60_000);
  afterAll(() => server?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    await server.run(
      `drop database fleet; create database fleet character set utf8mb4 collate utf8mb4_bin; use fleet;
       create table scooters (id varchar(40) primary key, lat double, battery int, note varchar(20), other text, ver bigint not null)`,
    );
    sink = await openMysqlSink({ name: 'fleet', url: server.url() });
  });
  afterEach(() => sink.close());

  const run = (sql: string) => server.run(`use fleet; ${sql}`);
  const all = async (sql = 'select id, lat, battery, note, ver from scooters order by id'): Promise<unknown[]> =>
    ((await run(sql)) as unknown as readonly (readonly object[])[])[1]?.map((found) => Object.values(found)) ?? [];
  const write = (rows: readonly SinkRow[], mapping = scooters, right?: WriteRight): Promise<void> =>
    sink.write(mapping, rows, inTime(), right);
  const problemsOf = async (mapping: TableMapping) => (await sink.check(mapping, inTime())).map((one) => one.problem);
  /** InnoDB tells what it told before to whoever asks more often than ten times a second. */
  const someoneLocks = (rowsChanged = 0): Promise<void> =>
    eventually(
      async () =>
        expect(
          await server.run(
            `select 1 from information_schema.innodb_trx where trx_rows_locked > 0 and trx_rows_modified >= ${rowsChanged}`,
          ),
        ).toHaveLength(1),
      { intervalMs: 150 },
    );
  const mend = async (mapping: TableMapping): Promise<void> => {
    for (const { problem, statement } of await sink.check(mapping, inTime())) await run(statement ?? `no: ${problem}`);
    expect(await sink.check(mapping, inTime())).toEqual([]);
  };

  test('rows are added, changed in part, changed as a whole, emptied and removed', async () => {
    await write([
      merge('a', 1, { lat: '52.5', battery: '80', note: 'né' }),
      merge('b', 1, { battery: '70' }),
      merge('c', 1, { note: 'NULL' }),
      merge('d', 1, {}),
    ]);
    expect(await all()).toEqual([
      ['a', 52.5, 80, 'né', 1],
      ['b', null, 70, null, 1],
      ['c', null, null, 'NULL', 1],
      ['d', null, null, null, 1],
    ]);
    await run(`update scooters set other = 'theirs'`);
    await write([
      merge('a', 2, { battery: '79' }),
      whole('b', 2, { lat: '1' }),
      merge('c', 2, { note: null, lat: '-3.5e1' }),
      remove('d', 2),
      whole('e', 2, { note: '' }),
    ]);
    expect(await all()).toEqual([
      ['a', 52.5, 79, 'né', 2],
      ['b', 1, null, null, 2],
      ['c', -35, null, null, 2],
      ['e', null, null, '', 2],
    ]);
    expect(await all('select other from scooters order by id')).toEqual([['theirs'], ['theirs'], ['theirs'], [null]]);
  });

  test('an older or equal version changes nothing, whatever it is to do', async () => {
    await write([merge('a', 10, { battery: '80' }), merge('b', Number.MAX_SAFE_INTEGER, { battery: '80' })]);
    await write([merge('a', 9, { battery: '1' }), merge('b', Number.MAX_SAFE_INTEGER - 1, { battery: '1' })]);
    await write([merge('a', 10, { battery: '2', note: 'late' })]);
    await write([whole('a', 9, { note: 'late' })]);
    await write([remove('a', 9)]);
    await write([remove('a', 10)]);
    expect(await all('select id, battery, note, ver from scooters order by id')).toEqual([
      ['a', 80, null, 10],
      ['b', 80, null, Number.MAX_SAFE_INTEGER],
    ]);
    await write([remove('a', 11), remove('nobody', 11)]);
    expect(await all('select id from scooters')).toEqual([['b']]);
  });

  test('rows from before the version column was added are overwritten', async () => {
    await run(`create table old (id varchar(9) primary key, note text, ver bigint);
      insert into old values ('a', 'old', null), ('b', 'old', null)`);
    const old = { ...scooters, table: 'old', columns: [{ field: 'note', column: 'note' }] };
    await write([merge('a', 1, { note: 'new' }), remove('b', 1)], old);
    expect(await all('select * from old')).toEqual([['a', 'new', 1]]);
  });

  test('a change of a few columns needs no values for the others, though they are NOT NULL', async () => {
    await run('create table tight (id varchar(9) primary key, a text not null, b text not null, ver bigint)');
    const mapping = { ...scooters, table: 'tight', columns: ['a', 'b'].map((name) => ({ field: name, column: name })) };
    expect(await sink.check(mapping, inTime())).toEqual([]);
    await write([merge('x', 1, { a: '1', b: '1' })], mapping);
    await write([merge('x', 3, { b: '3' })], mapping);
    await write([merge('x', 2, { a: '2' })], mapping);
    expect(await all('select * from tight')).toEqual([['x', '1', '3', 3]]);
    const missing = await failureOf(write([merge('y', 1, { b: '1' })], mapping));
    expect(missing).toMatchObject({ kind: 'data', message: expect.stringContaining('column a') });
    const emptied = await failureOf(write([merge('x', 4, { a: null })], mapping));
    expect(emptied).toMatchObject({ kind: 'data', message: expect.stringContaining('column a') });
    expect(await all('select * from tight')).toEqual([['x', '1', '3', 3]]);
  });

  test.each([
    ['text where a number belongs', { lat: 'north' }, 'column lat'],
    ['a fraction where an integer belongs', { battery: '1.5' }, 'column battery is not a whole number'],
    ['a number with more behind it', { battery: '12abc' }, 'column battery'],
    ['nothing where a number belongs', { battery: '' }, 'column battery'],
    ['a number beyond the type', { battery: '2147483648' }, '22003'],
    ['a number beyond all', { lat: '1e999' }, '22003'],
    ['text that is too long', { note: 'x'.repeat(21) }, '22001'],
  ])('%s fails the whole batch, of which nothing is written', async (_, values, told) => {
    const failure = await failureOf(write([merge('a', 1, { battery: '1' }), merge('b', 1, values), remove('c', 1)]));
    expect(failure).toMatchObject({ kind: 'data', ambiguous: false, message: expect.stringContaining(told) });
    const [value = ''] = Object.values(values);
    if (value !== '') expect(failure.message).not.toContain(value);
    expect(await all()).toEqual([]);
    await write([merge('a', 1, { battery: '1' })]);
  });

  test('a constraint of the table is the fault of the row', async () => {
    await run('alter table scooters add constraint north check (lat < 90)');
    const failure = await failureOf(write([merge('a', 1, { lat: '1' }), merge('b', 1, { lat: '91' })]));
    expect(failure).toMatchObject({ kind: 'data', message: expect.stringContaining('constraint north') });
    expect(await all()).toEqual([]);
  });

  test('bytes that are no text are refused for a column of text and kept by one of bytes', async () => {
    await run('create table files (id varbinary(9) primary key, body blob, note text, ver bigint not null)');
    const columns = ['body', 'note'].map((name) => ({ field: name, column: name }));
    const mapping = { ...scooters, table: 'files', columns };
    const raw = { key: ['\xfe '], version: 1, change: 'merge', values: new Map([['body', '\xff\x00\\x']]) } as const;
    await write([raw], mapping);
    expect(await all(`select hex(id), hex(body) from files`)).toEqual([['FE20', 'FF005C78']]);
    const text = { ...raw, values: new Map([['note', '\xff']]) };
    expect(await failureOf(write([text], mapping))).toMatchObject({ kind: 'data' });
  });

  test('values of every kind of type', async () => {
    await run(`create table kinds (id int, part uuid, ok boolean, flag bit(1), at timestamp(3) null, day date, clock time,
      since year, doc json, state enum('so so', 'well', '7'), code varchar(3), fixed char(4), sum decimal(8,2), \`Big\` bigint,
      bits bit(12), tiny tinyint unsigned, old varchar(9) character set latin1, ver bigint, primary key (part, id))`);
    const values = {
      ok: 'true',
      flag: 'false',
      at: '2026-03-04T05:06:07.250+02:00',
      day: '2026-03-04',
      clock: '-12:34:56',
      since: '2026',
      doc: '{"a": [1, "\\"x\\""]}',
      state: 'so so',
      code: 'abc',
      fixed: 'wxyz',
      sum: '12.34',
      big: '9223372036854775807',
      bits: '2748',
      tiny: '255',
      old: 'größe',
    };
    const columns = Object.keys(values).map((name) => ({ field: name, column: name }));
    const mapping = { ...scooters, table: 'kinds', key: ['id', 'part'], columns };
    expect(await sink.check(mapping, inTime())).toEqual([]);
    const key = ['7', '6ba7b810-9dad-11d1-80b4-00c04fd430c8'];
    await write([row('merge', key, 1, values)], mapping);
    await write([row('merge', key, 2, { ok: '0' }), row('merge', ['8', key[1] ?? ''], 2, { ok: '-1' })], mapping);
    const found = (await server.run(
      `set time_zone = '+00:00'; use fleet; select id, part, ok, flag + 0 as flag, cast(at as char) as at, cast(day as char) as day,
       cast(clock as char) as clock, since, cast(doc as char) as doc, state, code, fixed, cast(sum as char) as sum,
       cast(\`Big\` as char) as big, bits + 0 as bits, tiny, old from kinds order by id limit 1`,
    )) as unknown as readonly (readonly object[])[];
    expect(found[2]?.[0]).toEqual({
      ...values,
      id: 7,
      part: key[1],
      ok: 0,
      flag: 0,
      at: '2026-03-04 03:06:07.250',
      since: 2026,
      bits: 2748,
      tiny: 255,
    });
    // Never cut to fit, and never taken for something else.
    for (const wrong of [
      { code: 'abcd' },
      { fixed: 'wxyz!' },
      { state: 'bad' },
      { state: '1' },
      { doc: '{' },
      { bits: '4096' },
      { bits: '-1' },
      { tiny: '-1' },
      { tiny: '256' },
      { day: '2026-02-30' },
      { day: '2026-03-04T05:06:07Z' },
      { at: '2026-02-30T00:00:00+01:00' },
      { at: '2026-13-01 00:00:00' },
      { at: '0000-00-00 00:00:00' },
      { at: '1767225600000' },
      { clock: '10' },
      { since: '26' },
      { sum: '1e9' },
      { old: '😀' },
    ])
      expect([wrong, await failureOf(write([row('merge', key, 3, wrong)], mapping))]).toMatchObject([
        wrong,
        { kind: 'data' },
      ]);
    await write([row('merge', key, 3, { state: '7' })], mapping);
    await write([row('remove', key, 4)], mapping);
    expect(await all('select id from kinds')).toEqual([[8]]);
  });

  test('keys that MySQL takes for the same are refused', async () => {
    await run('create table numbered (id int primary key, ver bigint not null)');
    const mapping = { ...scooters, table: 'numbered', columns: [] };
    await write([merge('-1', 1, {}), merge('0', 1, {}), merge('10', 1, {}), merge('9', 1, {})], mapping);
    expect(await all('select id from numbered')).toEqual([[-1], [0], [9], [10]]);
    for (const id of ['01', '+1', '-0', '1.0'])
      expect(await failureOf(write([merge(id, 1, {})], mapping))).toMatchObject({ kind: 'data' });
    expect(await failureOf(write([merge('a ', 1, {})]))).toMatchObject({ kind: 'data' });
    await write([merge('a', 1, {}), merge('A', 1, {}), merge('ä', 1, {}), merge(' a', 1, {})]);
    expect(await all('select count(*) from scooters')).toEqual([[4]]);
  });

  test('counters are added to, each change once', async () => {
    await run('create table hits (id varchar(9) primary key, day int, total bigint not null, ver bigint not null)');
    const mapping: TableMapping = {
      ...scooters,
      shape: 'counter',
      table: 'hits',
      columns: ['day', 'total'].map((name) => ({ field: name, column: name })),
    };
    expect(await sink.check(mapping, inTime())).toEqual([]);
    await write([merge('a', 1, { day: '2', total: '5' }), merge('b', 1, { total: '-9' })], mapping);
    for (const _ of [1, 2])
      await write([merge('a', 2, { total: '+7' }), merge('b', 3, { day: '1', total: '1' })], mapping);
    // One that names not every column that needs a value.
    await write([merge('a', 4, { day: '1' })], mapping);
    await write([merge('a', 3, { day: '100' })], mapping);
    expect(await all('select * from hits')).toEqual([
      ['a', 3, 12, 4],
      ['b', 1, -8, 3],
    ]);
    const failure = await failureOf(write([merge('a', 5, { total: '9223372036854775807' })], mapping));
    expect(failure).toMatchObject({ kind: 'data', message: expect.stringContaining('22003') });
    await run(
      'create table words (id varchar(9) primary key, day varchar(9), total int unsigned, ver bigint not null)',
    );
    const problems = await problemsOf({ ...mapping, table: 'words' });
    expect(problems).toEqual([
      'column day of table words is varchar, which nothing can be added to',
      'column total of table words is unsigned, so nothing can be taken from it',
    ]);
    await mend({ ...mapping, table: 'words' });
  });

  test('records are added in their order, each once', async () => {
    await run(
      'create table rides (num int auto_increment primary key, sluice_id varchar(40) character set ascii collate ascii_bin, km decimal(5,1), unique (sluice_id))',
    );
    const mapping: TableMapping = {
      shape: 'record',
      table: 'rides',
      key: ['sluice_id'],
      columns: [{ field: 'km', column: 'km' }],
      version: undefined,
      fence: undefined,
    };
    expect(await sink.check(mapping, inTime())).toEqual([]);
    await write([merge('z-1', 1, { km: '1.5' }), merge('a-2', 2, { km: '2' })], mapping);
    await write([merge('z-1', 1, { km: '9' }), merge('m-3', 3, { km: '3' })], mapping);
    expect(await all('select sluice_id, cast(km as char) from rides order by num')).toEqual([
      ['z-1', '1.5'],
      ['a-2', '2.0'],
      ['m-3', '3.0'],
    ]);
  });

  test('whoever has lost the right to write writes nothing', async () => {
    const fenced = { ...scooters, fence: 'writers' };
    expect(await problemsOf(fenced)).toEqual(['there is no table writers, or none for this user']);
    await mend(fenced);
    const right = (epoch: number, name = 'p1'): WriteRight => ({ name, epoch });
    await write([merge('a', 1, { battery: '1' })], fenced, right(3));
    await write([merge('a', 2, { battery: '2' })], fenced, right(3));
    await write([merge('b', 2, {})], fenced, right(1, 'p2'));
    await write([merge('a', 3, { battery: '3' })], fenced, right(5));
    expect(await failureOf(write([merge('a', 9, { battery: '9' })], fenced, right(4)))).toMatchObject({
      kind: 'fenced',
      ambiguous: false,
    });
    expect(await all('select battery from scooters where id = "a"')).toEqual([[3]]);
    expect(await all('select name, epoch from writers order by name')).toEqual([
      ['p1', 5],
      ['p2', 1],
    ]);
    await run('drop table writers');
    expect(await failureOf(write([merge('a', 4, {})], fenced, right(5)))).toMatchObject({ kind: 'schema' });
  });

  test('a later right waits for what an earlier one is writing', async () => {
    const fenced = { ...scooters, fence: 'writers' };
    await mend(fenced);
    await write([merge('a', 1, {})], fenced, { name: 'p', epoch: 1 });
    const locked = run(`begin; select * from scooters where id = 'a' for update; do sleep(1); commit`);
    await someoneLocks();
    const old = write([merge('a', 2, { note: 'old' })], fenced, { name: 'p', epoch: 1 });
    await eventually(async () => expect(await server.run(running)).toHaveLength(1));
    const ended: string[] = [];
    await Promise.all([
      old.then(() => ended.push('old')),
      write([merge('b', 2, {})], fenced, { name: 'p', epoch: 2 }).then(() => ended.push('new')),
    ]);
    expect(ended).toEqual(['old', 'new']);
    expect(await failureOf(write([merge('a', 3, {})], fenced, { name: 'p', epoch: 1 }))).toMatchObject({
      kind: 'fenced',
    });
    await locked;
  });

  test('a table that is gone is the fault of the table, until it is back', async () => {
    await write([merge('a', 1, { battery: '1' })]);
    await run('rename table scooters to elsewhere');
    const failure = await failureOf(write([merge('a', 2, { battery: '2' })]));
    expect(failure).toMatchObject({ kind: 'schema', message: expect.stringContaining('42S02') });
    await run('rename table elsewhere to scooters; alter table scooters modify battery text');
    await write([merge('a', 2, { battery: 'two' })]);
    await run('alter table scooters drop column battery');
    expect(await failureOf(write([merge('a', 3, { battery: '3' })]))).toMatchObject({
      kind: 'schema',
      message: 'connection fleet: table scooters has no column battery',
    });
    await run('alter table scooters add column battery int, drop primary key');
    expect(await failureOf(write([merge('a', 3, { battery: '3' })]))).toMatchObject({
      kind: 'schema',
      message: 'connection fleet: table scooters has no unique index on exactly its key columns (id)',
    });
    await run('alter table scooters add primary key (id), modify ver int');
    expect(await failureOf(write([merge('a', 3, {})]))).toMatchObject({
      kind: 'schema',
      message: 'connection fleet: column ver of table scooters is int, not bigint',
    });
  });

  test('rights, logins and databases that are missing are nothing a row can help', async () => {
    await run(
      `drop user if exists reader@'127.0.0.1'; create user reader@'127.0.0.1' identified by 'reader'; grant select on scooters to reader@'127.0.0.1'`,
    );
    const open = (url: string) => openMysqlSink({ name: 'other', url });
    const reader = await open(server.url({ user: 'reader', password: 'reader' }));
    const [problem, ...more] = await reader.check(scooters, inTime());
    expect(more).toEqual([]);
    expect(problem).toEqual({
      problem: 'user reader@127.0.0.1 has no right to INSERT, UPDATE, DELETE on table scooters',
      statement: `GRANT INSERT, UPDATE, DELETE ON \`scooters\` TO 'reader'@'127.0.0.1'`,
    });
    const wrong = await open(server.url({ user: 'reader', password: 'secret' }));
    const nowhere = await open(server.url().replace(/fleet$/, 'nowhere'));
    for (const other of [reader, wrong, nowhere]) {
      const failure = await failureOf(other.write(scooters, [merge('a', 1, {})], inTime()));
      expect(failure).toMatchObject({ kind: 'schema', ambiguous: false });
      expect(failure.message).not.toContain('secret');
    }
    await run(problem?.statement ?? 'no statement');
    expect(await reader.check(scooters, inTime())).toEqual([]);
    await server.run('set global read_only = 1');
    expect(await failureOf(reader.write(scooters, [merge('a', 1, {})], inTime()))).toMatchObject({ kind: 'schema' });
    await server.run('set global read_only = 0');
    await reader.write(scooters, [merge('a', 1, {})], inTime());
    await Promise.all([reader, wrong, nowhere].map((one) => one.close()));
  });

  test('a server that is killed is a matter of time', async () => {
    await write([merge('a', 1, { battery: '1' })]);
    await server.kill();
    expect(await failureOf(write([merge('a', 2, { battery: '2' })]))).toMatchObject({
      kind: 'transient',
      ambiguous: false,
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await server.restart();
    await write([merge('a', 2, { battery: '2' })]);
    expect(await all('select id, battery from scooters')).toEqual([['a', 2]]);
  }, 60_000);

  test('connections that were ended while they lay idle are replaced without an error', async () => {
    await Promise.all(['a', 'b', 'c'].map((id) => write([merge(id, 1, {})])));
    const idle = await server.run(`select id from information_schema.processlist where user = 'sluice'`);
    expect(idle).toHaveLength(2);
    await server.run('kill user sluice');
    await Promise.all(['d', 'e', 'f'].map((id) => write([merge(id, 1, {})])));
    expect(await all('select count(*) from scooters')).toEqual([[6]]);
  });

  test('who locks a row makes others wait, but not for ever', async () => {
    await write([merge('a', 1, { battery: '1' })]);
    const quick = await openMysqlSink({ name: 'quick', url: server.url(), timeout: 500 });
    const slow = await openMysqlSink({ name: 'slow', url: server.url(), timeout: 2000 });
    const locked = run('begin; update scooters set battery = 0; do sleep(2.5); commit');
    await someoneLocks();
    const given = (one: Sink, ms?: number): Promise<unknown> =>
      failureOf(one.write(scooters, [merge('a', 2, { battery: '2' })], inTime(ms)));
    expect(await given(quick)).toMatchObject({ kind: 'transient', ambiguous: false, message: /1969|3024/ });
    expect(await given(slow)).toMatchObject({ kind: 'transient', ambiguous: false, message: /error 1205/ });
    expect(await given(sink, 100)).toMatchObject({ kind: 'transient', ambiguous: false });
    await eventually(async () => expect(await server.run(running)).toEqual([]), { timeoutMs: 500 });
    await locked;
    await quick.write(scooters, [merge('a', 2, { battery: '2' })], inTime());
    await Promise.all([quick.close(), slow.close()]);
    expect(await all('select battery from scooters')).toEqual([[2]]);
  });

  test('two nodes that write the same rows at once do not lock each other out', async () => {
    const id = (i: number): string => `s${String(i).padStart(3, '0')}`;
    const ids = Array.from({ length: 300 }, (_, i) => id(i));
    await write(ids.map((one) => merge(one, 1, {})));
    const second = await openMysqlSink({ name: 'second', url: server.url() });
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
    expect(await all('select count(*) from scooters where ver = 9')).toEqual([[300]]);
  });

  test('a deadlock with somebody else passes', async () => {
    await write([merge('a', 1, {}), merge('b', 1, {})]);
    // It waits for the row that the sink has locked, while the sink waits for its own; having changed more, it goes on.
    const other = run(
      `begin; ${'insert into scooters (id, ver) values (uuid(), 0);'.repeat(20)} update scooters set note = 'x' where id = 'b';
       do sleep(1); update scooters set note = 'x' where id = 'a'; commit`,
    );
    await someoneLocks(21);
    const failure = await failureOf(write([merge('a', 2, {}), merge('b', 2, {})]));
    expect(failure).toMatchObject({
      kind: 'transient',
      ambiguous: false,
      message: expect.stringContaining('error 1213'),
    });
    await other;
    await write([merge('a', 2, {}), merge('b', 2, {})]);
  });

  test('whether a commit whose answer is lost took place is not known; the same again is right', async () => {
    await using relay = await commitsUnanswered(server.port);
    const far = await openMysqlSink({ name: 'far', url: server.url().replace(`:${server.port}`, `:${relay.port}`) });
    const rows = [merge('a', 1, { battery: '1' })];
    expect(await failureOf(far.write(scooters, rows, inTime()))).toMatchObject({ kind: 'transient', ambiguous: true });
    await eventually(async () => expect(await all('select id, battery, ver from scooters')).toEqual([['a', 1, 1]]));
    await write(rows);
    expect(await all('select id, battery, ver from scooters')).toEqual([['a', 1, 1]]);
    await far.close();
  });

  test('nor is it known of one whose answer never comes', async () => {
    await using relay = await commitsUnanswered(server.port, 'never');
    const url = server.url().replace(`:${server.port}`, `:${relay.port}`);
    const far = await openMysqlSink({ name: 'far', url, timeout: 1000 });
    const rows = [merge('a', 1, { battery: '1' })];
    expect(await failureOf(far.write(scooters, rows, inTime()))).toMatchObject({ kind: 'transient', ambiguous: true });
    const impatient = new AbortController();
    const second = failureOf(far.write(scooters, rows, impatient.signal));
    await eventually(() => expect(relay.commits()).toBe(2), { timeoutMs: 900 });
    impatient.abort();
    expect(await second).toMatchObject({ kind: 'transient', ambiguous: true });
    expect(await all('select id, battery, ver from scooters')).toEqual([['a', 1, 1]]);
    await far.close();
  });

  test('a table is not altered while it is written to, nor is writing refused for who waits to alter it', async () => {
    await write([merge('a', 1, { battery: '1' })]);
    const locked = run(`begin; select * from scooters where id = 'a' for update; do sleep(1); commit`);
    await someoneLocks();
    const writing = write([merge('a', 2, { battery: '2' }), remove('b', 2)]);
    await eventually(async () => expect(await server.run(running)).toHaveLength(1));
    const altering = run('alter table scooters modify battery varchar(9)');
    await Promise.all([locked, writing, altering]);
    expect(await all('select id, battery from scooters')).toEqual([['a', '2']]);
  });

  test('at most two connections, and those in turn', async () => {
    const work = Array.from({ length: 12 }, (_, i) => write([merge(`s${i}`, 1, { lat: `${i}` })]));
    const counted = server.run(`select id from information_schema.processlist where user = 'sluice'`);
    await Promise.all(work);
    expect((await counted).length).toBeLessThanOrEqual(2);
    expect(await all('select count(*) from scooters')).toEqual([[12]]);
  });

  test('check lists all that is wrong; its statements make it right', async () => {
    await run(
      `create table bare (id varchar(9) collate utf8mb4_general_ci, ver int, lat double, must int not null, serial int not null,
         unique (serial)) engine = MyISAM; create unique index prefix on bare (id(3))`,
    );
    const bare = { ...scooters, table: 'bare' };
    expect(await problemsOf(bare)).toEqual([
      'column id of table bare takes different keys, such as a and A, for the same (collation utf8mb4_general_ci)',
      'table bare has no column battery',
      'table bare has no column note',
      'column ver of table bare is int, but has to be bigint',
      'table bare has no unique index on exactly its key columns (id)',
      'table bare has another unique index, serial (serial): a row that meets it would change the row that is there',
      'table bare has another unique index, prefix (id): a row that meets it would change the row that is there',
      'column must of table bare is NOT NULL without a default, and nothing is mapped to it',
      'column serial of table bare is NOT NULL without a default, and nothing is mapped to it',
      'table bare is kept by MyISAM, which has no transactions',
    ]);
    await mend(bare);
    await write([merge('a', 1, { lat: '1', note: 'anything', battery: '1' })], bare);
    const other = {
      ...scooters,
      table: 'bare',
      key: ['id', 'note'],
      columns: [{ field: 'x', column: 'x' }],
      version: 'v',
    };
    expect((await sink.check(other, inTime())).length).toBeGreaterThan(3);
    await mend(other);
    await mend({ ...scooters, table: 'nothing' });
    await mend({ ...scooters, shape: 'counter', table: 'sums' });
    await mend({ ...scooters, shape: 'record', version: undefined, table: 'records' });
    await mend(hostile);
  });

  test('check tells what no statement mends', async () => {
    await run(`create view seen as select * from scooters; create table odd (id varchar(9) primary key, spot point,
      twice int as (1) stored, ver bigint)`);
    expect(await problemsOf({ ...scooters, table: 'seen' })).toEqual(['seen is no table but a view']);
    expect(await problemsOf({ ...scooters, version: 'lat' })).toContain(
      'column lat of table scooters is named twice in the mapping',
    );
    expect(await problemsOf({ ...scooters, table: 'far.away' })).toEqual([
      'there is no database far, or none for this user',
      'there is no table far.away, or none for this user',
    ]);
    expect(await problemsOf({ ...scooters, table: `${'x'.repeat(70)}` })).toHaveLength(1);
    const columns = ['spot', 'twice'].map((name) => ({ field: name, column: name }));
    expect(await problemsOf({ ...scooters, table: 'odd', columns })).toEqual([
      'column spot of table odd is point, which text cannot be written to',
      'column twice of table odd is generated',
    ]);
    expect(await problemsOf({ ...scooters, table: 'fleet.scooters' })).toEqual([]);
    await server.run('set global read_only = 1');
    expect(await problemsOf(scooters)).toEqual([
      expect.stringMatching(/^table scooters cannot be written to: .*read-only/),
    ]);
    await server.run('set global read_only = 0');
  });

  test('names and values may hold anything', async () => {
    await mend(hostile);
    const key = [injection, `\`; delete from scooters; --`];
    await write([row('merge', key, 1, { [`f'); --`]: injection, größe: '12' })], hostile);
    await write([row('merge', key, 2, { größe: '13' }), row('whole', ['x', 'y'], 2, {})], hostile);
    const quoted = '`we``ird\'; drop table scooters; -- "$1 ?`';
    expect(await all(`select * from ${quoted} order by \`select\` = 'x'`)).toEqual([
      [...key, injection, '13', 2],
      ['x', 'y', null, null, 2],
    ]);
    await write([row('remove', key, 3)], hostile);
    expect(await all(`select \`select\` from ${quoted}`)).toEqual([['x']]);
    expect(await all()).toEqual([]);
    await server.run(`set global sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'`);
    const other = await openMysqlSink({ name: 'other', url: server.url() });
    await other.write(hostile, [row('merge', key, 4, { größe: injection })], inTime());
    await other.close();
    await server.run('set global sql_mode = default');
    expect(await all(`select größe from ${quoted} where ver\`sion = 4`.replace('ver`sion', '`ver``sion`'))).toEqual([
      [injection],
    ]);
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
    const counts = 'count(*), sum(battery = -1), count(note), count(lat)';
    expect((await all(`select ${counts} from scooters`))[0]).toEqual([4000, '2000', 2000, 2000]);
  });

  test('rows that are longer than the server takes at once go in parts; one that alone is longer is refused', async () => {
    await run('alter table scooters modify note longtext; set global max_allowed_packet = 1048576');
    const small = await openMysqlSink({ name: 'small', url: server.url() });
    const long = 'é'.repeat(100_000);
    const rows = Array.from({ length: 12 }, (_, i) => merge(`s${i}`, 1, { note: long }));
    await small.write(scooters, rows, inTime());
    expect(await all('select count(*) from scooters where char_length(note) = 100000')).toEqual([[12]]);
    const failure = await failureOf(small.write(scooters, [merge('t', 1, { note: long.repeat(6) })], inTime()));
    expect(failure).toMatchObject({ kind: 'data', message: expect.stringContaining('max_allowed_packet') });
    await small.close();
    await server.run('set global max_allowed_packet = default');
  });

  test('what would be written is told', () => {
    expect(sink.explain(scooters, [merge('a', 1, { lat: '1' }), remove('b', 2)])).toEqual([
      expect.stringMatching(/^DELETE FROM `scooters` WHERE /),
      expect.stringMatching(/^INSERT INTO `scooters` .* ON DUPLICATE KEY UPDATE /),
    ]);
    expect(sink.caveat).toBeUndefined();
  });

  test('after close nothing is written; what was under way is', async () => {
    const before = write([merge('a', 1, {})]);
    await sink.close();
    await before;
    expect(await failureOf(write([merge('b', 1, {})]))).toMatchObject({ kind: 'transient', ambiguous: false });
    expect(await all('select id from scooters')).toEqual([['a']]);
  });

  test('a URL of another database is refused', async () => {
    await expect(openMysqlSink({ name: 'x', url: 'postgres://localhost/x' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});

/** A way to the server that lets COMMIT pass, and cuts the connection before its answer or keeps the answer for itself. */
async function commitsUnanswered(
  target: number,
  how: 'cut' | 'never' = 'cut',
): Promise<{ readonly port: number; readonly commits: () => number } & AsyncDisposable> {
  const sockets: Socket[] = [];
  let commits = 0;
  const relay: Server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    sockets.push(near, far);
    let isCommitting = false;
    for (const socket of [near, far]) socket.on('error', () => {});
    near.on('data', (bytes) => {
      // Not a word of the session's settings.
      if (bytes.toString('latin1').endsWith('COMMIT')) {
        isCommitting = true;
        commits++;
      }
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      if (!isCommitting) near.write(bytes);
      else if (how === 'cut') near.destroy();
    });
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return {
    port: (relay.address() as { port: number }).port,
    commits: () => commits,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}
