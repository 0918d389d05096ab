import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MappingProblem, SinkRow, TableMapping } from '../../src/sink/sink.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { findProgram } from '../support/programs.ts';
import { type EmptyDatabase, emptyDatabases, rides, visits } from '../support/sink-databases.ts';
import { failureOf, inTime, merge, remove, scooters, whole } from '../support/sink-rows.ts';

let server: PostgresServer | undefined;
beforeAll(async () => {
  if (findProgram('postgres') !== undefined) server = await startPostgres();
});
afterAll(() => server?.[Symbol.asyncDispose]());

describe.each(['PostgreSQL', 'SQLite'] as const)('shapes of rows in %s', (name) => {
  let database: EmptyDatabase;
  beforeEach(async (context) => {
    if (name === 'PostgreSQL' && server === undefined) context.skip();
    database = await emptyDatabases[name](server);
  });
  afterEach(() => database?.[Symbol.asyncDispose]());

  const write = (mapping: TableMapping, rows: readonly SinkRow[], sink = database.sink): Promise<void> =>
    sink.write(mapping, rows, inTime());
  const check = (mapping: TableMapping): Promise<readonly MappingProblem[]> => database.sink.check(mapping, inTime());
  /** Runs what mends a mapping until nothing is wrong with it. */
  const mend = async (mapping: TableMapping): Promise<void> => {
    for (const { statement } of await check(mapping)) await database.run(statement ?? 'no statement');
    expect(await check(mapping)).toEqual([]);
  };
  const counted = async (): Promise<unknown> =>
    (await database.run('select page, seen, liked, ver from visits order by page')).map(([page, ...values]) => [
      page,
      ...values.map((value) => value && Number(value)),
    ]);

  describe('counters', () => {
    test('are added to what is there; what is not there counts as 0', async () => {
      await database.run('create table visits (page text primary key, seen int, liked numeric, ver bigint)');
      await database.run(`insert into visits values ('old', 5, null, null)`);
      await write(visits, [
        merge('old', 1, { seen: '2', liked: '1' }),
        merge('a', 1, { seen: '3' }),
        merge('b', 1, { liked: '-4' }),
        merge('c', 1, {}),
      ]);
      await write(visits, [merge('a', 2, { seen: '+1', liked: '7' }), merge('b', 2, { liked: '-1' })]);
      expect(await counted()).toEqual([
        ['a', 4, 7, 2],
        ['b', null, -5, 2],
        ['c', null, null, 1],
        ['old', 7, 1, 1],
      ]);
    });

    test('what is written twice is added once, and nothing that is older', async () => {
      await mend(visits);
      const rows = [merge('a', 7, { seen: '3' }), merge('b', 7, { seen: '1', liked: '1' })];
      for (let i = 0; i < 3; i++) await write(visits, rows);
      await write(visits, [merge('a', 6, { seen: '100' })]);
      expect(await counted()).toEqual([
        ['a', 3, 0, 7],
        ['b', 1, 1, 7],
      ]);
    });

    test('columns that may not be null need no value once the row is there', async () => {
      await database.run(
        'create table visits (page text primary key, seen int not null, liked int not null, ver bigint)',
      );
      await write(visits, [merge('a', 1, { seen: '1', liked: '2' })]);
      for (let i = 0; i < 2; i++) await write(visits, [merge('a', 2, { liked: '10' })]);
      expect(await counted()).toEqual([['a', 1, 12, 2]]);
    });

    test('1,000 counters of two writers at once', async () => {
      await mend(visits);
      const rows = (version: number): SinkRow[] =>
        Array.from({ length: 1000 }, (_, i) => merge(`p${i}`, version, i % 2 === 0 ? { seen: '1' } : { liked: '2' }));
      await write(visits, rows(1));
      // Sent by several, as when a claim has run out.
      await Promise.all([
        write(visits, rows(2)),
        write(visits, [...rows(2)].reverse(), database.second),
        write(visits, [...rows(2)].reverse(), database.second),
      ]);
      const sums = 'select sum(seen) as a, sum(liked) as b, min(ver) as c, max(ver) as d from visits';
      expect((await database.run(sums))[0]?.map(Number)).toEqual([1000, 2000, 2, 2]);
    });

    test.each([
      ['a fraction', { seen: '1.5' }],
      ['no number', { seen: 'NaN' }],
      ['nothing', { seen: null }],
      ['more than fits', { seen: '9223372036854775807' }],
      ['more than fits, upwards', { seen: '9223372036854775808' }],
    ])('%s is the fault of the row; nothing is added', async (_, values) => {
      await mend(visits);
      await write(visits, [merge('a', 1, { seen: '1' }), merge('b', 1, { seen: '1' })]);
      const failure = await failureOf(write(visits, [merge('a', 2, { seen: '1' }), merge('b', 2, values)]));
      expect(failure).toMatchObject({ kind: 'data', ambiguous: false });
      expect(await counted()).toEqual([
        ['a', 1, 0, 1],
        ['b', 1, 0, 1],
      ]);
    });

    test('are only added to', async () => {
      await mend(visits);
      for (const wrong of [whole('a', 1, { seen: '1' }), remove('a', 1)])
        expect(await failureOf(write(visits, [wrong]))).toMatchObject({
          kind: 'data',
          message: expect.stringContaining('counters of table visits are only added to'),
        });
    });

    test('a table for them is made by the statement that check gives', async () => {
      const [problem] = await check(visits);
      expect(problem?.problem).toBe('there is no table visits');
      await mend(visits);
      await write(visits, [merge('a', 1, { liked: '1' })]);
      expect(await counted()).toEqual([['a', 0, 1, 1]]);
    });

    test('check tells of columns that nothing can be added to', async () => {
      await database.run('create table visits (page text primary key, seen varchar(9), ver bigint)');
      await database.run(`insert into visits values ('a', '12', 1)`);
      const [seen, liked, ...others] = await check(visits);
      expect(seen?.problem).toMatch(
        /^column seen of table visits is (varchar\(9\)|character varying), which nothing can be added to/,
      );
      expect(liked).toMatchObject({
        problem: 'table visits has no column liked',
        statement: expect.stringMatching(/(bigint|INTEGER) NOT NULL DEFAULT 0$/),
      });
      expect(others).toEqual([]);
      if (name === 'SQLite') return;
      await mend(visits);
      await write(visits, [merge('a', 2, { seen: '1', liked: '1' })]);
      expect(await counted()).toEqual([['a', 13, 1, 2]]);
    });

    test('rows and counters cannot be without a version', async () => {
      await mend(visits);
      const bare = { ...visits, version: undefined };
      const problem = 'the mapping to table visits names no version column';
      expect(await check(bare)).toContainEqual({ problem });
      expect(await failureOf(write(bare, [merge('a', 1, {})]))).toMatchObject({
        kind: 'schema',
        message: expect.stringContaining(problem),
      });
    });
  });

  describe('records', () => {
    const create = (): Promise<unknown> =>
      database.run(
        name === 'SQLite'
          ? 'create table rides (at integer primary key, sluice_id text unique, scooter text, km int default 9)'
          : 'create table rides (at serial primary key, sluice_id text unique, scooter text, km int default 9)',
      );
    const listed = (): Promise<unknown> => database.run('select sluice_id, scooter, km from rides order by at');

    test('each is a row of its own, in their order; one that is there stays as it is', async () => {
      await create();
      const rows = [
        merge('9', 1, { scooter: 'a', km: '1' }),
        merge('10', 1, { scooter: 'a', km: '2' }),
        merge('1', 1, { scooter: 'b', km: null }),
      ];
      await write(rides, rows);
      await write(rides, [...rows, merge('2', 2, { scooter: 'c' }), merge('9', 0, { km: '100' })].slice(2, 4));
      await write(rides, [whole('9', 5, { scooter: 'x' }), whole('3', 5, { scooter: 'd' })]);
      expect(await listed()).toEqual([
        ['9', 'a', 1],
        ['10', 'a', 2],
        ['1', 'b', null],
        ['2', 'c', 9],
        ['3', 'd', null],
      ]);
    });

    test('a batch that is written again adds nothing', async () => {
      await mend(rides);
      const rows = Array.from({ length: 3000 }, (_, i) => merge(`r${i}`, i, { scooter: `s${i % 7}`, km: `${i}` }));
      await write(rides, rows);
      await Promise.all([write(rides, rows), write(rides, rows, database.second)]);
      expect(
        (await database.run('select count(*) as a, count(distinct sluice_id) as b from rides'))[0]?.map(Number),
      ).toEqual([3000, 3000]);
    });

    test('they are never removed, and have neither versions nor keys of several columns', async () => {
      await mend(rides);
      expect(await failureOf(write(rides, [remove('a', 1)]))).toMatchObject({ kind: 'data' });
      expect(await check({ ...rides, key: ['sluice_id', 'other'], version: 'ver' })).toEqual(
        expect.arrayContaining([
          { problem: 'the mapping to table rides names 2 key columns, but records have one' },
          { problem: 'the mapping to table rides names a version column, but records have none' },
        ]),
      );
    });

    test('check makes a table ready whose rows are from before', async () => {
      await database.run('create table rides (scooter text, km int)');
      await database.run(`insert into rides values ('old', 1), ('older', 2)`);
      expect((await check(rides)).map(({ problem }) => problem)).toEqual([
        'table rides has no column sluice_id',
        'table rides has no unique index on exactly its key columns (sluice_id)',
      ]);
      await mend(rides);
      await write(rides, [merge('1', 1, { scooter: 'new' })]);
      expect(await database.run('select scooter from rides order by scooter')).toEqual([['new'], ['old'], ['older']]);
    });
  });

  test('two rows of the same key are told apart by nothing', async () => {
    await database.run('create table scooters (id text primary key, lat float, battery int, note text, ver bigint)');
    const failure = await failureOf(write(scooters, [merge('a', 1, { battery: '1' }), remove('a', 2)]));
    expect(failure).toMatchObject({
      kind: 'data',
      message: 'connection fleet: two rows of the batch have the same key',
    });
    expect(await database.run('select id from scooters')).toEqual([]);
  });
});
