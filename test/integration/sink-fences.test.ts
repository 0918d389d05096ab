import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MappingProblem, SinkRow, TableMapping, WriteRight } from '../../src/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { findProgram } from '../support/programs.ts';
import { type EmptyDatabase, emptyDatabases } from '../support/sink-databases.ts';
import { failureOf, inTime, merge, remove, scooters } from '../support/sink-rows.ts';

const fenced: TableMapping = { ...scooters, fence: 'fences' };

let server: PostgresServer | undefined;
beforeAll(async () => {
  if (findProgram('postgres') !== undefined) server = await startPostgres();
});
afterAll(() => server?.[Symbol.asyncDispose]());

describe.each(['PostgreSQL', 'SQLite'] as const)('fences in %s', (name) => {
  let database: EmptyDatabase;
  beforeEach(async (context) => {
    if (name === 'PostgreSQL' && server === undefined) context.skip();
    database = await emptyDatabases[name](server);
    await database.run('create table scooters (id text primary key, lat float, battery int, note text, ver bigint)');
  });
  afterEach(() => database?.[Symbol.asyncDispose]());

  const write = (mapping: TableMapping, rows: readonly SinkRow[], right?: WriteRight, sink = database.sink) =>
    sink.write(mapping, rows, inTime(), right);
  const check = (mapping: TableMapping): Promise<readonly MappingProblem[]> => database.sink.check(mapping, inTime());
  /** Runs what mends a mapping until nothing is wrong with it. */
  const mend = async (mapping: TableMapping): Promise<void> => {
    for (const { statement } of await check(mapping)) await database.run(statement ?? 'no statement');
    expect(await check(mapping)).toEqual([]);
  };
  const right = (epoch: number, part = 'fleet/0'): WriteRight => ({ name: part, epoch });
  const versions = (): Promise<unknown> => database.run('select id, battery from scooters order by id');
  test('who has the right no more writes nothing', async () => {
    await mend(fenced);
    await write(fenced, [merge('a', 1, { battery: '1' })], right(1));
    await write(fenced, [merge('a', 2, { battery: '2' })], right(3));
    const late = write(fenced, [merge('a', 9, { battery: '9' }), merge('b', 9, {})], right(2), database.second);
    expect(await failureOf(late)).toMatchObject({
      kind: 'fenced',
      ambiguous: false,
      message: 'connection second: the right to write has passed to another: fence fences has a later epoch',
    });
    await write(fenced, [merge('b', 1, { battery: '3' })], right(3));
    await write(fenced, [merge('c', 1, { battery: '4' })], right(1, 'fleet/1'));
    expect(await versions()).toEqual([
      ['a', 2],
      ['b', 3],
      ['c', 4],
    ]);
    expect((await database.run('select name, epoch from fences order by name')).map((one) => one.map(String))).toEqual([
      ['fleet/0', '3'],
      ['fleet/1', '1'],
    ]);
  });

  test('a removed row does not come back by a write that was late', async () => {
    await mend(fenced);
    await write(fenced, [merge('a', 1, { battery: '1' })], right(1));
    await write(fenced, [remove('a', 3)], right(2), database.second);
    expect(await failureOf(write(fenced, [merge('a', 2, { battery: '2' })], right(1)))).toMatchObject({
      kind: 'fenced',
    });
    expect(await versions()).toEqual([]);
  });

  test('a write that fails leaves no epoch', async () => {
    await mend(fenced);
    await write(fenced, [merge('a', 1, {})], right(1));
    const bad = write(fenced, [merge('b', 1, { battery: 'many' })], right(2), database.second);
    expect(await failureOf(bad)).toMatchObject({ kind: 'data' });
    await write(fenced, [merge('a', 2, { battery: '2' })], right(1));
    expect(await versions()).toEqual([['a', 2]]);
  });

  test('any name and the greatest epochs', async () => {
    await mend(fenced);
    const odd = `'); drop table scooters; -- "`;
    await write(fenced, [merge('a', 1, {})], right(Number.MAX_SAFE_INTEGER, odd));
    const late = write(fenced, [merge('a', 2, {})], right(Number.MAX_SAFE_INTEGER - 1, odd));
    expect(await failureOf(late)).toMatchObject({ kind: 'fenced' });
  });

  test('check tells what it lacks; a fence that is gone is the fault of the table', async () => {
    const [missing, ...others] = await check(fenced);
    expect(missing).toMatchObject({
      problem: 'there is no table fences',
      statement: expect.stringMatching(
        /CREATE TABLE .*"fences" \("name" (text|TEXT) NOT NULL, "epoch" (bigint|INTEGER) NOT NULL, PRIMARY KEY \("name"\)\)/,
      ),
    });
    expect(others).toEqual([]);
    expect(await failureOf(write(fenced, [merge('a', 1, {})], right(1)))).toMatchObject({ kind: 'schema' });
    await database.run('create table fences (name text)');
    expect((await check(fenced)).map(({ problem }) => problem)).toEqual([
      'table fences has no column epoch',
      'table fences has no unique index on exactly its key columns (name)',
    ]);
    await mend(fenced);
    expect(await check({ ...fenced, fence: 'scooters' })).toContainEqual({
      problem: 'table scooters cannot be its own fence',
    });
    await write(fenced, [merge('a', 1, {})], right(1));
    // Without a right there is none to lose, as when rows are put in by hand.
    await write(fenced, [merge('a', 2, {})]);
  });

  test('a newer writer waits for an older one that is in the middle; after it the older one writes no more', async (context) => {
    // SQLite has one writer at a time.
    if (name === 'SQLite') context.skip();
    await mend(fenced);
    await write(fenced, [merge('a', 1, { battery: '1' }), merge('b', 1, { battery: '1' })], right(1));
    const done: string[] = [];
    const locking = database.run(
      `begin; update scooters set note = 'locked' where id = 'a'; select pg_sleep(0.6); commit`,
    );
    await waiters(`query like '%pg_sleep%' and state = 'active'`, 1);
    const older = write(fenced, [merge('a', 2, { battery: '2' })], right(1)).then(() => done.push('older'));
    await waiters(`wait_event_type = 'Lock'`, 1);
    // Of another row: only the fence makes it wait.
    const newer = write(fenced, [merge('b', 2, { battery: '2' })], right(2), database.second).then(() =>
      done.push('newer'),
    );
    await waiters(`wait_event_type = 'Lock'`, 2);
    expect(done).toEqual([]);
    await Promise.all([locking, older, newer]);
    expect(done).toEqual(['older', 'newer']);
    expect(await failureOf(write(fenced, [merge('c', 1, {})], right(1)))).toMatchObject({ kind: 'fenced' });
    expect(await versions()).toEqual([
      ['a', 2],
      ['b', 2],
    ]);
  });

  test('an older writer that waits for a newer one is refused when that has written', async (context) => {
    if (name === 'SQLite') context.skip();
    await mend(fenced);
    await write(fenced, [merge('a', 1, { battery: '1' })], right(1));
    const locking = database.run(
      `begin; update scooters set note = 'locked' where id = 'a'; select pg_sleep(0.6); commit`,
    );
    await waiters(`query like '%pg_sleep%' and state = 'active'`, 1);
    const newer = write(fenced, [merge('a', 2, { battery: '2' })], right(2), database.second);
    await waiters(`wait_event_type = 'Lock'`, 1);
    const older = failureOf(write(fenced, [merge('b', 9, {})], right(1)));
    await waiters(`wait_event_type = 'Lock'`, 2);
    await Promise.all([locking, newer]);
    expect(await older).toMatchObject({ kind: 'fenced', ambiguous: false });
    expect(await versions()).toEqual([['a', 2]]);
  });

  /** Waits until so many connections are like this. */
  const waiters = (condition: string, count: number): Promise<void> =>
    eventually(
      async () => {
        const sql = `select count(*)::int from pg_stat_activity where pid <> pg_backend_pid() and ${condition}`;
        expect(await database.run(sql)).toEqual([[count]]);
      },
      { timeoutMs: 500 },
    );
});
