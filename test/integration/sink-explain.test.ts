import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SinkRow, TableMapping } from '../../src/sink/sink.ts';
import { type PostgresServer, startPostgres } from '../support/postgres.ts';
import { findProgram } from '../support/programs.ts';
import { type EmptyDatabase, emptyDatabases, rides, visits } from '../support/sink-databases.ts';
import { inTime, merge, remove, row, scooters, whole } from '../support/sink-rows.ts';

let server: PostgresServer | undefined;
beforeAll(async () => {
  if (findProgram('postgres') !== undefined) server = await startPostgres();
});
afterAll(() => server?.[Symbol.asyncDispose]());

describe.each(['PostgreSQL', 'SQLite'] as const)('told statements in %s', (name) => {
  let database: EmptyDatabase;
  beforeEach(async (context) => {
    if (name === 'PostgreSQL' && server === undefined) context.skip();
    database = await emptyDatabases[name](server);
  });
  afterEach(() => database?.[Symbol.asyncDispose]());

  /** SQL, escapes and what a terminal would act on. */
  const odd = `'); drop table scooters; -- \\' \\\\ \u001b[31m\u202e\n\t"$1 ?;é😀`;

  test.each(['as they are told', 'by a write'])('rows are the same %s', async (way) => {
    await database.run('create table scooters (id text primary key, lat float, battery int, note text, ver bigint)');
    await database.run('create table visits (page text primary key, seen int, liked int, ver bigint)');
    await database.run('create table rides (sluice_id text primary key, scooter text, km int)');
    const execute = async (mapping: TableMapping, rows: readonly SinkRow[]): Promise<void> => {
      if (way === 'by a write') return database.sink.write(mapping, rows, inTime());
      for (const statement of database.sink.explain(mapping, rows)) await database.run(statement);
    };
    await execute(scooters, [merge('a', 1, { lat: '1.5', battery: '3', note: odd })]);
    await execute(scooters, [merge('a', 1, { note: 'old' })]);
    await execute(scooters, [merge('a', 2, { battery: null }), whole(odd, 3, { note: odd }), remove('none', 1)]);
    await execute(scooters, [merge('b', 2, {}), merge('c', 2, { lat: '1' })]);
    await execute(scooters, [remove('b', 2)]);
    await execute(scooters, [remove('c', 3)]);
    for (let i = 0; i < 2; i++) await execute(visits, [merge('x', 3, { seen: '2' })]);
    await execute(visits, [merge('x', 4, { seen: '2', liked: '1' })]);
    for (let i = 0; i < 2; i++) await execute(rides, [merge(odd, 1, { scooter: 'a', km: '1' })]);
    expect(await database.run('select id, lat, battery, note from scooters order by ver, id')).toEqual([
      ['a', 1.5, null, odd],
      ['b', null, null, null],
      [odd, null, null, odd],
    ]);
    expect(await database.run('select seen, liked from visits')).toEqual([[4, 1]]);
    expect(await database.run('select * from rides')).toEqual([[odd, 'a', 1]]);
  });

  test('they are plain lines', () => {
    for (const mapping of [scooters, { ...scooters, key: ['id', 'note'], columns: [] }])
      for (const statement of database.sink.explain(mapping, [
        row('merge', [odd, odd].slice(0, mapping.key.length), 1, { note: odd }),
        row('remove', ['x', odd].slice(0, mapping.key.length), 1),
      ]))
        expect(statement).not.toMatch(/[\p{Cc}\u202e]/u);
  });

  test('each tells how many rows it would write', () => {
    const fenced = { ...scooters, fence: 'fences' };
    const rows = [
      ...Array.from({ length: 1200 }, (_, i) => merge(`s${i}`, 1, { lat: '1' })),
      merge('t', 1, { note: `${'x'.repeat(199)}é${'x'.repeat(5000)}` }),
      remove('u', 4),
      remove('v', 4),
    ];
    const told = database.sink.explain(fenced, rows);
    expect(told).toHaveLength(4);
    expect(told[0]).toMatch(/^INSERT INTO "fences" AS t .* -- name and epoch of the writer$/);
    expect(told[1]).toBe(`DELETE FROM "scooters" WHERE "id" = 'u' AND ("ver" IS NULL OR "ver" < 4); -- and 1 more row`);
    expect(told[2]).toMatch(/^INSERT INTO .*'x{199}…'.* -- long values are cut here$/);
    expect(told[3]).toBe(
      `INSERT INTO "scooters" AS t ("id", "lat", "ver") VALUES ('s0', '1', 1) ON CONFLICT ("id") DO UPDATE SET ` +
        `"lat" = excluded."lat", "ver" = excluded."ver" WHERE t."ver" IS NULL OR t."ver" < excluded."ver"; -- and 1199 more rows`,
    );
    expect(database.sink.explain(fenced, [])).toEqual([]);
  });

  test('bytes stay bytes', async () => {
    const type = name === 'SQLite' ? 'blob' : 'bytea';
    await database.run(`create table files (id text primary key, body ${type}, ver bigint)`);
    const files = { ...scooters, table: 'files', columns: [{ field: 'body', column: 'body' }] };
    const raw = { ...row('merge', ['a'], 1), values: new Map([['body', '\xff\x00\\x\x80']]) };
    for (const statement of database.sink.explain(files, [raw])) await database.run(statement);
    const hex = name === 'SQLite' ? 'lower(hex(body))' : `encode(body, 'hex')`;
    expect(await database.run(`select ${hex} from files`)).toEqual([['ff005c7880']]);
  });
});
