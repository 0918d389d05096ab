import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { utf8ToBytes } from '../../src/kernel/bytes.ts';
import type { Sink, SinkRow, TableMapping } from '../../src/sink/sink.ts';
import { openSqliteSink } from '../../src/sink/sqlite/sqlite-sink.ts';
import { failureOf, inTime, merge, remove, row, scooters, whole } from '../support/sink-rows.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

/** Names that are SQL of another meaning when they are not quoted. */
const hostile: TableMapping = {
  shape: 'row',
  table: `main.we"ird'; drop table scooters; --`,
  key: ['select', `k"e'y.1`],
  columns: [
    { field: `f'); --`, column: `c"o'l umn; $1 ?` },
    { field: utf8ToBytes('größe'), column: 'größe' },
  ],
  version: `ver"sion`,
  fence: undefined,
};
const injection = `'); drop table scooters; -- " \\ {,} NULL é 😀`;

describe('rows in a SQLite file', () => {
  let folder: TempDir;
  let file: string;
  let database: InstanceType<typeof DatabaseSync>;
  let sink: Sink;

  beforeEach(async () => {
    folder = await tempDir();
    file = join(folder.path, 'fleet.db');
    database = new DatabaseSync(file);
    database.exec(
      'CREATE TABLE scooters (id TEXT PRIMARY KEY, lat REAL, battery INTEGER, note TEXT, other TEXT, ver INTEGER NOT NULL)',
    );
    sink = openSqliteSink({ name: 'fleet', file });
  });
  afterEach(async () => {
    await sink.close();
    database.close();
    await folder[Symbol.asyncDispose]();
  });
  const all = (sql = 'SELECT id, lat, battery, note, ver FROM scooters ORDER BY id'): unknown[] =>
    database
      .prepare(sql)
      .all()
      .map((found) => Object.values(found));
  const write = (rows: readonly SinkRow[], mapping = scooters): Promise<void> => sink.write(mapping, rows, inTime());

  test('rows are added, changed in part, changed as a whole, emptied and removed', async () => {
    await write([
      merge('a', 1, { lat: '52.5', battery: '80', note: 'né' }),
      merge('b', 1, { battery: '70' }),
      merge('c', 1, { note: 'x' }),
      merge('d', 1, {}),
    ]);
    expect(all()).toEqual([
      ['a', 52.5, 80, 'né', 1],
      ['b', null, 70, null, 1],
      ['c', null, null, 'x', 1],
      ['d', null, null, null, 1],
    ]);
    database.exec(`UPDATE scooters SET other = 'theirs'`);
    await write([
      merge('a', 2, { battery: '79' }),
      whole('b', 2, { lat: '1' }),
      merge('c', 2, { note: null, lat: '-3.5e1' }),
      remove('d', 2),
      whole('e', 2, { note: '' }),
    ]);
    expect(all()).toEqual([
      ['a', 52.5, 79, 'né', 2],
      ['b', 1, null, null, 2],
      ['c', -35, null, null, 2],
      ['e', null, null, '', 2],
    ]);
    expect(all('SELECT other FROM scooters ORDER BY id')).toEqual([['theirs'], ['theirs'], ['theirs'], [null]]);
  });

  test('an older or equal version changes nothing, whatever it is to do', async () => {
    await write([merge('a', 10, { battery: '80' }), merge('b', Number.MAX_SAFE_INTEGER, { battery: '80' })]);
    await write([merge('a', 9, { battery: '1' }), merge('b', Number.MAX_SAFE_INTEGER - 1, { battery: '1' })]);
    await write([merge('a', 10, { battery: '2' })]);
    await write([whole('a', 9, { note: 'late' })]);
    await write([remove('a', 9)]);
    await write([remove('a', 10)]);
    expect(all('SELECT id, battery, note, typeof(ver) FROM scooters')).toEqual([
      ['a', 80, null, 'integer'],
      ['b', 80, null, 'integer'],
    ]);
    await write([remove('a', 11), remove('nobody', 11)]);
    expect(all('SELECT id FROM scooters')).toEqual([['b']]);
  });

  test('rows from before the version column was added are overwritten', async () => {
    database.exec('CREATE TABLE old (id TEXT PRIMARY KEY, note TEXT, ver INTEGER)');
    database.exec(`INSERT INTO old VALUES ('a', 'old', NULL), ('b', 'old', NULL)`);
    const old = { ...scooters, table: 'old', columns: [{ field: 'note', column: 'note' }] };
    await write([merge('a', 1, { note: 'new' }), remove('b', 1)], old);
    expect(all('SELECT * FROM old')).toEqual([['a', 'new', 1]]);
  });

  test('a change of a few columns needs no values for the others, though they are NOT NULL', async () => {
    database.exec('CREATE TABLE strict_one (id TEXT PRIMARY KEY, a TEXT NOT NULL, b TEXT NOT NULL, ver INTEGER)');
    const columns = ['a', 'b'].map((name) => ({ field: name, column: name }));
    const mapping = { ...scooters, table: 'strict_one', columns };
    await write([merge('x', 1, { a: '1', b: '1' })], mapping);
    await write([merge('x', 3, { b: '3' })], mapping);
    await write([merge('x', 2, { a: '2' })], mapping);
    expect(all('SELECT * FROM strict_one')).toEqual([['x', '1', '3', 3]]);
    expect(await failureOf(write([merge('y', 1, { a: '1' })], mapping))).toMatchObject({ kind: 'data' });
  });

  test.each([
    ['text where a number belongs', { lat: 'north' }],
    ['a fraction where an integer belongs', { battery: '1.5' }],
    ['an integer of more than 64 bits', { battery: '9223372036854775808' }],
    ['infinity', { lat: '1e999' }],
    ['nothing where a number belongs', { battery: '' }],
  ])('%s fails the whole batch, of which nothing is written', async (_, values) => {
    const failure = await failureOf(write([merge('a', 1, { battery: '1' }), merge('b', 1, values), remove('c', 1)]));
    expect(failure).toMatchObject({ kind: 'data', ambiguous: false });
    expect(failure.message).not.toContain(Object.values(values)[0] || 'north');
    expect(all()).toEqual([]);
  });

  test('bytes that are no text are refused for a column of text and kept by one of bytes', async () => {
    database.exec('CREATE TABLE files (id TEXT PRIMARY KEY, body BLOB, ver INTEGER NOT NULL) STRICT');
    const mapping = { ...scooters, table: 'files', columns: [{ field: 'body', column: 'body' }] };
    const raw = { key: ['a'], version: 1, change: 'merge', values: new Map([['body', '\xff\x00\x01']]) } as const;
    await write([raw], mapping);
    expect(all('SELECT hex(body) FROM files')).toEqual([['FF0001']]);
    const text = { ...raw, values: new Map([['note', '\xff\x00\x01']]) };
    expect(await failureOf(write([text]))).toMatchObject({ kind: 'data' });
  });

  test('a constraint of the table is the fault of the row', async () => {
    database.exec('CREATE TABLE checked (id TEXT PRIMARY KEY, lat REAL CHECK (lat < 90), ver INTEGER NOT NULL)');
    const mapping = { ...scooters, table: 'checked', columns: [{ field: 'lat', column: 'lat' }] };
    const failure = await failureOf(write([merge('a', 1, { lat: '1' }), merge('b', 1, { lat: '91' })], mapping));
    expect(failure).toMatchObject({ kind: 'data', message: expect.stringContaining('connection fleet: ') });
    expect(all('SELECT * FROM checked')).toEqual([]);
  });

  test('a table that is gone is the fault of the table, until it is back', async () => {
    await write([merge('a', 1, { battery: '1' })]);
    database.exec('ALTER TABLE scooters RENAME TO elsewhere');
    expect(await failureOf(write([merge('a', 2, { battery: '2' })]))).toMatchObject({
      kind: 'schema',
      message: 'connection fleet: there is no table scooters',
    });
    database.exec('ALTER TABLE elsewhere RENAME TO scooters');
    await write([merge('a', 2, { battery: '2' })]);
    database.exec('ALTER TABLE scooters DROP COLUMN battery');
    expect(await failureOf(write([merge('a', 3, { battery: '3' })]))).toMatchObject({
      kind: 'schema',
      message: 'connection fleet: table scooters has no column battery',
    });
  });

  test('a lock of another writer is a matter of time', async () => {
    database.exec('BEGIN IMMEDIATE');
    const late = failureOf(sink.write(scooters, [merge('a', 1, { battery: '1' })], inTime(200)));
    expect(await late).toMatchObject({ kind: 'transient', ambiguous: true });
    const next = write([merge('b', 1, { battery: '1' })]);
    const never = failureOf(sink.write(scooters, [merge('c', 1, {})], inTime(50)));
    expect(await never).toMatchObject({ kind: 'transient', ambiguous: false });
    database.exec('COMMIT');
    await next;
    expect(all('SELECT id FROM scooters')).toEqual([['a'], ['b']]);
  });

  test('a lock that is held for long fails the write as transient', async () => {
    database.exec('BEGIN IMMEDIATE');
    const failure = await failureOf(write([merge('a', 1, { battery: '1' })]));
    expect(failure).toMatchObject({ kind: 'transient', ambiguous: false, message: expect.stringContaining('code 5') });
    database.exec('COMMIT');
  });

  test('a file that is made anew while it is open is opened anew', async () => {
    await write([merge('a', 1, { battery: '1' })]);
    database.close();
    await rm(file);
    expect(await failureOf(write([merge('a', 2, {})]))).toMatchObject({ kind: 'schema' });
    database = new DatabaseSync(file);
    database.exec('CREATE TABLE scooters (id TEXT PRIMARY KEY, battery INTEGER, ver INTEGER)');
    await write([merge('a', 2, { battery: '2' })]);
    expect(all('SELECT id, battery FROM scooters')).toEqual([['a', 2]]);
  });

  test('a new file gets a write-ahead log; the journal mode of others stays', async () => {
    expect(all('PRAGMA journal_mode')).toEqual([['delete']]);
    await write([merge('a', 1, {})]);
    expect(all('PRAGMA journal_mode')).toEqual([['delete']]);
    const other = openSqliteSink({ name: 'new', file: join(folder.path, 'new.db') });
    const [problem] = await other.check(scooters, inTime());
    expect(problem?.problem).toBe('there is no table scooters');
    await other.close();
    const made = new DatabaseSync(join(folder.path, 'new.db'));
    expect(made.prepare('PRAGMA journal_mode').get()).toMatchObject({ journal_mode: 'wal' });
    made.close();
  });

  test('what is no database, or in no folder, is the fault of the file', async () => {
    const text = join(folder.path, 'text');
    await writeFile(text, 'x'.repeat(5000));
    for (const path of [text, join(folder.path, 'none', 'x.db'), join(text, 'x.db'), folder.path]) {
      const other = openSqliteSink({ name: 'other', file: path });
      expect(await failureOf(other.check(scooters, inTime()))).toMatchObject({ kind: 'schema' });
      await other.close();
    }
  });

  test('check lists all that is wrong; its statements make it right', async () => {
    database.exec('CREATE TABLE bare (other TEXT NOT NULL DEFAULT 0)');
    const bare = { ...scooters, table: 'bare' };
    const problems = await sink.check(bare, inTime());
    expect(problems.map(({ problem }) => problem)).toEqual([
      'table bare has no column id',
      'table bare has no column lat',
      'table bare has no column battery',
      'table bare has no column note',
      'table bare has no column ver',
      'table bare has no unique index on exactly its key columns (id)',
    ]);
    for (const { statement } of problems) database.exec(statement ?? 'no statement');
    expect(await sink.check(bare, inTime())).toEqual([]);
    await write([merge('a', 1, { lat: 'anything' })], bare);

    for (const mapping of [{ ...scooters, table: 'nothing' }, hostile]) {
      const missing = await sink.check(mapping, inTime());
      expect(missing).toHaveLength(1);
      database.exec(missing[0]?.statement ?? 'no statement');
      expect(await sink.check(mapping, inTime())).toEqual([]);
    }
  });

  test('check tells what no statement mends', async () => {
    database.exec(
      `CREATE TABLE odd (id TEXT, ver TEXT, lat REAL GENERATED ALWAYS AS (1), must INT NOT NULL, note TEXT, battery INT);
       CREATE UNIQUE INDEX some ON odd (id) WHERE note IS NULL; CREATE UNIQUE INDEX more ON odd (id, note);
       CREATE VIEW seen AS SELECT * FROM odd`,
    );
    expect(await sink.check({ ...scooters, table: 'odd' }, inTime())).toEqual([
      { problem: 'column lat of table odd is generated' },
      { problem: 'column ver of table odd is TEXT, but has to be INTEGER' },
      {
        problem: 'table odd has no unique index on exactly its key columns (id)',
        statement: 'CREATE UNIQUE INDEX "main"."odd_id_key" ON "odd" ("id")',
      },
      { problem: 'column must of table odd is NOT NULL without a default, and nothing is mapped to it' },
    ]);
    const problemOf = async (mapping: TableMapping) => (await sink.check(mapping, inTime())).map((one) => one.problem);
    expect(await problemOf({ ...scooters, table: 'seen' })).toEqual(['seen is no table but a view or a virtual table']);
    expect(await problemOf({ ...scooters, version: 'lat' })).toContain(
      'column lat of table scooters is named twice in the mapping',
    );
    expect(await problemOf({ ...scooters, table: 'far.away' })).toEqual([
      'there is no table far.away: a SQLite file has no schema far',
    ]);
    expect(await problemOf(scooters)).toEqual([]);
  });

  test('names and values may hold anything', async () => {
    const [missing] = await sink.check(hostile, inTime());
    database.exec(missing?.statement ?? 'no statement');
    const key = [injection, `"; delete from scooters; --`];
    await write([row('merge', key, 1, { [`f'); --`]: injection, größe: '12' })], hostile);
    await write([row('merge', key, 2, { größe: '13' }), row('whole', ['x', 'y'], 2, {})], hostile);
    const quoted = `"we""ird'; drop table scooters; --"`;
    expect(all(`SELECT * FROM ${quoted} ORDER BY "select"`)).toEqual([
      [...key, injection, '13', 2],
      ['x', 'y', null, null, 2],
    ]);
    await write([row('remove', key, 3)], hostile);
    expect(all(`SELECT "select" FROM ${quoted}`)).toEqual([['x']]);
    expect(all()).toEqual([]);
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
    expect(all('SELECT count(*), sum(battery = -1), sum(note IS NOT NULL), sum(lat IS NULL) FROM scooters')).toEqual([
      [4000, 2000, 2000, 2000],
    ]);
  });

  test('after close nothing is written; what was under way is', async () => {
    const before = write([merge('a', 1, {})]);
    await sink.close();
    await before;
    expect(await failureOf(write([merge('b', 1, {})]))).toMatchObject({ kind: 'transient', ambiguous: false });
    expect(all('SELECT id FROM scooters')).toEqual([['a']]);
  });
});
