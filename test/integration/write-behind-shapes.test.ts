import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, it } from 'vitest';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { tempDir } from '../support/temp-dir.ts';

type Keyspace = NonNullable<SluiceConfigInput['keyspaces']>[number];
type WriteBehind = NonNullable<Keyspace['writeBehind']>;

interface Rig extends AsyncDisposable {
  readonly database: InstanceType<typeof DatabaseSync>;
  readonly config: SluiceConfigInput;
  all(sql: string): unknown[];
}

async function rig(
  schema: string,
  match: string,
  writeBehind: Omit<WriteBehind, 'sink'>,
  more: Partial<Keyspace> = {},
): Promise<Rig> {
  const folder = await tempDir();
  const file = join(folder.path, 'fleet.db');
  const database = new DatabaseSync(file);
  database.exec(`pragma journal_mode = wal; ${schema}`);
  return {
    database,
    config: {
      http: '127.0.0.1:0',
      resp: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      store: 'embedded',
      data: join(folder.path, 'data'),
      connections: { fleet: { url: `sqlite:${file}` } },
      keyspaces: [
        { match, writeBehind: { sink: 'fleet', minDelay: '20ms', maxDelay: '50ms', ...writeBehind }, ...more },
      ],
    },
    all: (sql) => database.prepare(sql).all(),
    async [Symbol.asyncDispose]() {
      database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const connect = ({ resp }: TestNode): Promise<RawResp> =>
  connectRaw({ port: Number(resp.slice(resp.lastIndexOf(':') + 1)) });

const TRIPS =
  "create table trips (sluice_id text primary key, scooter text, at integer, km real, note text check (note <> 'bad'))";
const trips: Omit<WriteBehind, 'sink'> = {
  shape: 'record',
  table: 'trips',
  key: 'scooter',
  columns: ['at', 'km', 'note'],
};

describe('records', () => {
  it('are each a row of their own, in the order they came', async () => {
    await using set = await rig(TRIPS, 'trip:*', trips);
    await using node = await startNode(set.config);
    await using client = await connect(node);
    expect(await client.command('RPUSH', 'trip:1', '{"at":1,"km":2.5}', '{"at":2,"km":9007199254740993}')).toBe(
      ':2\r\n',
    );
    const posted = await fetch(`http://${node.http}/trip:2`, { method: 'POST', body: '{"at":3,"note":"é"}' });
    expect([posted.status, ((await posted.json()) as { waiting: number }).waiting]).toEqual([202, expect.any(Number)]);
    await eventually(() =>
      expect(set.all('select scooter, at, km, note from trips order by rowid')).toEqual([
        { scooter: '1', at: 1, km: 2.5, note: null },
        { scooter: '1', at: 2, km: 9007199254740992, note: null },
        { scooter: '2', at: 3, km: null, note: 'é' },
      ]),
    );
    expect(set.all("select 1 from trips where sluice_id glob '????????-????-7???-*'")).toHaveLength(3);
  });

  it('are refused where they are none, and for what lists are for', async () => {
    await using set = await rig(TRIPS, 'trip:*', trips);
    await using node = await startNode(set.config);
    await using client = await connect(node);
    expect(await client.command('RPUSH', 'trip:1', '{"at":1}', '[1]')).toBe(
      '-ERR a record is a JSON object of plain values\r\n',
    );
    expect(await client.command('RPUSH', 'trip:1', '{"speed":1}')).toContain(
      'the field "speed" has no column in trips',
    );
    expect(await client.command('RPUSH', 'trip:1', '{"\\u00001":"x"}')).toContain('has no column in trips');
    for (const words of [
      ['LRANGE', 'trip:1', '0', '-1'],
      ['HGETALL', 'trip:1'],
      ['GET', 'trip:1'],
      ['DEL', 'trip:1'],
      ['HSET', 'trip:1', 'at', '1'],
    ])
      expect(await client.command(...words), words[0]).toMatch(/^-ERR /);
    expect((await fetch(`http://${node.http}/trip:1`, { method: 'POST', body: 'x' })).status).toBe(400);
    expect(set.all('select * from trips')).toEqual([]);
  });

  it('that the table can never take are set aside, the rest written', async () => {
    await using set = await rig(TRIPS, 'trip:*', trips);
    await using node = await startNode(set.config);
    await using client = await connect(node);
    const records = Array.from({ length: 40 }, (_, at) => JSON.stringify({ at, note: at === 17 ? 'bad' : 'x' }));
    await client.command('RPUSH', 'trip:1', ...records);
    await eventually(() => expect(set.all('select at from trips')).toHaveLength(39));
  });

  it('that wait for room keep their order, and go on when there is some', async () => {
    await using set = await rig(TRIPS, 'trip:*', {
      ...trips,
      minDelay: '50ms',
      maxDelay: '200ms',
      maxPending: 4,
      onFull: 'block',
    });
    await using node = await startNode(set.config);
    await using client = await connect(node);
    const records = [[1, 2, 3], [4, 5, 6], [7], [8]].map((some) => some.map((at) => JSON.stringify({ at })));
    const replies = await client.pipeline(records.map((some) => ['RPUSH', 'trip:1', ...some]));
    expect(replies.every((reply) => reply.startsWith(':'))).toBe(true);
    const order = (): unknown[] => set.all('select at from trips order by rowid');
    await eventually(() => expect(order()).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((at) => ({ at }))));
  });

  it('that are too many are refused, or the oldest given up', async () => {
    const waiting = { minDelay: '1m', maxDelay: '1m', maxPending: 3 };
    await using shed = await rig(TRIPS, 'trip:*', { ...trips, ...waiting });
    await using one = await startNode(shed.config);
    await using first = await connect(one);
    expect(await first.command('RPUSH', 'trip:1', '{"at":1}', '{"at":2}')).toBe(':2\r\n');
    expect(await first.command('RPUSH', 'trip:1', '{"at":3}', '{"at":4}')).toMatch(/^-ERR .*wait to be written/);
    expect(await first.command('RPUSH', 'trip:1', '{"at":3}')).toBe(':3\r\n');

    await using drop = await rig(TRIPS, 'trip:*', { ...trips, ...waiting, onFull: 'drop-oldest' });
    const other = await startNode(drop.config);
    await using second = await connect(other);
    for (let at = 1; at <= 5; at++) await second.command('RPUSH', 'trip:1', JSON.stringify({ at }));
    await other.close();
    expect(drop.all('select at from trips order by at')).toEqual([{ at: 3 }, { at: 4 }, { at: 5 }]);
  });
});

const COUNTS = 'create table visits (page text primary key, n integer, bytes integer, sluice_version integer)';

describe('counters', () => {
  it('are added to what is there', async () => {
    await using set = await rig(`${COUNTS}; insert into visits values ('a', 100, 5, null)`, 'visits:*', {
      shape: 'counter',
      table: 'visits',
      key: 'page',
      columns: ['n', 'bytes'],
    });
    await using node = await startNode(set.config);
    await using client = await connect(node);
    expect(await client.command('HINCRBY', 'visits:a', 'n', '2')).toBe(':2\r\n');
    expect(await client.command('HINCRBY', 'visits:a', 'n', '3')).toBe(':5\r\n');
    await client.command('HINCRBY', 'visits:b', 'bytes', '-7');
    await eventually(() =>
      expect(set.all('select page, n, bytes from visits order by page')).toEqual([
        { page: 'a', n: 105, bytes: 5 },
        { page: 'b', n: null, bytes: -7 },
      ]),
    );
    await client.command('HINCRBY', 'visits:a', 'n', '1');
    await eventually(() => expect(set.all("select n from visits where page = 'a'")).toEqual([{ n: 106 }]));
    for (const words of [
      ['HSET', 'visits:a', 'n', '1'],
      ['DEL', 'visits:a'],
      ['HDEL', 'visits:a', 'n'],
      ['INCR', 'visits:a'],
    ])
      expect(await client.command(...words), words[0]).toMatch(/^-ERR /);
  });

  it('of one column are counted as numbers', async () => {
    await using set = await rig(COUNTS, 'visits:*', { shape: 'counter', table: 'visits', key: 'page', columns: ['n'] });
    await using node = await startNode(set.config);
    await using client = await connect(node);
    expect(
      await client.pipeline([
        ['INCR', 'visits:a'],
        ['INCRBY', 'visits:a', '10'],
        ['DECRBY', 'visits:a', '3'],
        ['DECR', 'visits:a'],
        ['GET', 'visits:a'],
      ]),
    ).toEqual([':1\r\n', ':11\r\n', ':8\r\n', ':7\r\n', '$1\r\n7\r\n']);
    const posted = await fetch(`http://${node.http}/visits:a?incr=5`, { method: 'POST' });
    expect(await posted.text()).toBe('12');
    expect(await (await fetch(`http://${node.http}/visits:a`)).text()).toBe('12');
    await eventually(() => expect(set.all('select n from visits')).toEqual([{ n: 12 }]));
  });
});

const SCOOTERS =
  'create table scooters (id text primary key, lat real, lon real, battery integer, note text, sluice_version integer)';
const scooters: Omit<WriteBehind, 'sink'> = {
  table: 'scooters',
  key: 'id',
  columns: ['lat', 'lon', 'battery', 'note'],
};
const fromTable = {
  origin: { sql: 'select lat, lon, battery, note from scooters where id = {1}', connection: 'fleet' },
  ttl: '200ms',
  timeout: '2s',
};

describe('rows that are read where they are written to', () => {
  it('are there with all their fields, those that wait on top', async () => {
    await using set = await rig(
      `${SCOOTERS}; insert into scooters values ('1', 1.5, 2, 80, 'mine', 0)`,
      'scooter:*',
      scooters,
      fromTable,
    );
    await using node = await startNode(set.config);
    await using client = await connect(node);
    expect(await client.command('HGET', 'scooter:1', 'note')).toBe('$4\r\nmine\r\n');
    await client.command('HSET', 'scooter:1', 'note', 'new');
    expect(await client.command('HMGET', 'scooter:1', 'note', 'battery')).toBe('*2\r\n$3\r\nnew\r\n$2\r\n80\r\n');
    await eventually(() => expect(set.all('select lat, note from scooters')).toEqual([{ lat: 1.5, note: 'new' }]));
    expect(await client.command('EXISTS', 'scooter:1', 'scooter:2')).toBe(':1\r\n');
    expect(await (await fetch(`http://${node.http}/scooter:1`)).json()).toEqual({
      lat: '1.5',
      lon: '2',
      battery: '80',
      note: 'new',
    });
    expect((await fetch(`http://${node.http}/scooter:2`)).status).toBe(404);
  });

  it('are counted on from what the table has', async () => {
    await using set = await rig(
      `${SCOOTERS}; insert into scooters values ('1', 1, 2, 80, null, 0)`,
      'scooter:*',
      scooters,
      fromTable,
    );
    await using node = await startNode(set.config);
    await using client = await connect(node);
    expect(await client.command('HINCRBY', 'scooter:1', 'battery', '-5')).toBe(':75\r\n');
    await eventually(() => expect(set.all('select battery from scooters')).toEqual([{ battery: 75 }]));
  });

  it('keep the order of a client that does not wait for what is read', async () => {
    await using set = await rig(
      `${SCOOTERS}; insert into scooters values ('1', 1, 2, 80, null, 0), ('2', 1, 2, 80, null, 0)`,
      'scooter:*',
      scooters,
      fromTable,
    );
    await using node = await startNode(set.config);
    await using client = await connect(node);
    expect(
      await client.pipeline([
        ['HINCRBY', 'scooter:1', 'battery', '5'],
        ['HSET', 'scooter:1', 'battery', '100'],
        ['HGET', 'scooter:1', 'battery'],
        ['HINCRBY', 'scooter:2', 'battery', '5'],
        ['DEL', 'scooter:2'],
        ['HGETALL', 'scooter:2'],
      ]),
    ).toEqual([':85\r\n', ':0\r\n', '$3\r\n100\r\n', ':85\r\n', ':1\r\n', '*0\r\n']);
    await eventually(() => expect(set.all('select id, battery from scooters')).toEqual([{ id: '1', battery: 100 }]));
  });

  it('are gone once they were removed, though the table has them still', async () => {
    await using set = await rig(
      `${SCOOTERS}; insert into scooters values ('1', 1, 2, 80, null, 0)`,
      'scooter:*',
      { ...scooters, minDelay: '300ms', maxDelay: '300ms' },
      fromTable,
    );
    await using node = await startNode(set.config);
    await using client = await connect(node);
    await client.command('DEL', 'scooter:1');
    expect(await client.command('HGETALL', 'scooter:1')).toBe('*0\r\n');
    expect((await fetch(`http://${node.http}/scooter:1`)).status).toBe(404);
    await eventually(() => expect(set.all('select id from scooters')).toEqual([]));
    expect(await client.command('HGETALL', 'scooter:1')).toBe('*0\r\n');
  });

  it('are let go of when they are written, and read anew', async () => {
    await using set = await rig(SCOOTERS, 'scooter:*', scooters, fromTable);
    await using node = await startNode(set.config);
    await using client = await connect(node);
    await client.command('HSET', 'scooter:1', 'lat', '1');
    await eventually(() => expect(set.all('select lat from scooters')).toEqual([{ lat: 1 }]));
    set.database.exec('update scooters set lat = 5');
    await eventually(async () => expect(await client.command('HGET', 'scooter:1', 'lat')).toBe('$1\r\n5\r\n'));
  });
});

describe('at the bound', () => {
  const slow = { ...scooters, minDelay: '1m', maxDelay: '1m', maxPending: 2 } as const;

  it('changes of rows that wait already are taken, of others refused', async () => {
    await using set = await rig(SCOOTERS, 'scooter:*', slow);
    await using node = await startNode(set.config);
    await using client = await connect(node);
    for (const id of ['1', '2', '1']) expect(await client.command('HSET', `scooter:${id}`, 'lat', id)).toMatch(/^:/);
    expect(await client.command('HSET', 'scooter:3', 'lat', '3')).toMatch(/^-ERR SLUICE_OVERLOADED .*2 rows/);
    expect((await fetch(`http://${node.http}/scooter:3`, { method: 'PUT', body: '{"lat":3}' })).status).toBe(503);
    expect(await client.command('HSET', 'scooter:1', 'lat', '9')).toMatch(/^:/);
  });

  it('they wait for room, in their order, and what is read after them sees them', async () => {
    await using set = await rig(SCOOTERS, 'scooter:*', {
      ...slow,
      minDelay: '300ms',
      maxDelay: '300ms',
      onFull: 'block',
    });
    await using node = await startNode(set.config);
    await using client = await connect(node);
    expect(
      await client.pipeline([
        ['HSET', 'scooter:1', 'lat', '1'],
        ['HSET', 'scooter:2', 'lat', '2'],
        ['HSET', 'scooter:3', 'lat', '3'],
        ['HSET', 'scooter:3', 'lat', '4'],
        ['HGET', 'scooter:3', 'lat'],
      ]),
    ).toEqual([':1\r\n', ':1\r\n', ':1\r\n', ':0\r\n', '$1\r\n4\r\n']);
    await eventually(() =>
      expect(set.all('select lat from scooters order by id')).toEqual([{ lat: 1 }, { lat: 2 }, { lat: 4 }]),
    );
  });

  it('they wait no longer than a batch may take', async () => {
    await using set = await rig(SCOOTERS, 'scooter:*', { ...slow, onFull: 'block', timeout: '100ms' });
    await using node = await startNode(set.config);
    await using client = await connect(node);
    for (const id of ['1', '2']) await client.command('HSET', `scooter:${id}`, 'lat', id);
    expect(await client.command('HSET', 'scooter:3', 'lat', '3')).toMatch(/^-ERR SLUICE_OVERLOADED/);
  });

  it('they go to the table at once, and are answered when they are there', async () => {
    await using set = await rig(SCOOTERS, 'scooter:*', { ...slow, onFull: 'through', timeout: '500ms' });
    await using node = await startNode(set.config);
    await using client = await connect(node);
    for (const id of ['1', '2', '3']) expect(await client.command('HSET', `scooter:${id}`, 'lat', id)).toBe(':1\r\n');
    expect(set.all('select id from scooters')).toEqual([{ id: '3' }]);
    set.database.exec('drop table scooters');
    expect(await client.command('HSET', 'scooter:4', 'lat', '1')).toMatch(/^-ERR SLUICE_\w+ the row was accepted/);
    // Nothing can be written: more are not accepted, and those that wait can change on.
    for (let id = 5; id < 9; id++)
      expect(await client.command('HSET', `scooter:${id}`, 'lat', '1')).toMatch(/^-ERR SLUICE_OVERLOADED \d+ rows/);
    expect(await client.command('EXISTS', 'scooter:5')).toBe(':0\r\n');
  }, 30_000);
});

it('rows that are only observed are in the table before they are answered', async () => {
  await using set = await rig(
    SCOOTERS,
    'scooter:*',
    { ...scooters, minDelay: '1m', maxDelay: '1m' },
    { mode: 'observe' },
  );
  await using node = await startNode(set.config);
  await using client = await connect(node);
  for (const lat of [1, 2, 3]) {
    await client.command('HSET', 'scooter:1', 'lat', String(lat));
    expect(set.all('select lat from scooters')).toEqual([{ lat }]);
  }
});

it('rows that were removed stay in the table where that is wanted', async () => {
  await using set = await rig(SCOOTERS, 'scooter:*', { ...scooters, delete: 'ignore' });
  await using node = await startNode(set.config);
  await using client = await connect(node);
  await client.command('HSET', 'scooter:1', 'lat', '1');
  await eventually(() => expect(set.all('select id from scooters')).toHaveLength(1));
  await client.command('DEL', 'scooter:1');
  const page = async (): Promise<string> => (await fetch(`http://${node.admin}/metrics`)).text();
  await eventually(async () =>
    expect(await page()).toMatch(/sluice_write_behind_pending\{keyspace="scooter:\*"\} 0\n/),
  );
  expect(set.all('select id from scooters')).toHaveLength(1);
  expect(await client.command('EXISTS', 'scooter:1')).toBe(':0\r\n');
});

it('JSON objects are set and got over RESP', async () => {
  await using set = await rig(SCOOTERS, 'scooter:*', scooters);
  await using node = await startNode(set.config);
  await using client = await connect(node);
  expect(await client.command('SET', 'scooter:1', '{"lat":1.50,"note":"a"}')).toBe('+OK\r\n');
  expect(await client.command('SET', 'scooter:1', '{"lat":2.50,"battery":null}')).toBe('+OK\r\n');
  expect(await client.command('GET', 'scooter:1')).toBe('$14\r\n{"lat":"2.50"}\r\n');
  expect(await client.command('SET', 'scooter:1', 'text')).toBe('-ERR a row is a JSON object of plain values\r\n');
  expect(await client.command('SET', 'scooter:1', '{}', 'EX', '5')).toMatch(/^-ERR /);
  await eventually(() => expect(set.all('select lat, note from scooters')).toEqual([{ lat: 2.5, note: null }]));
});

it('the table gets no more rows in a time than it may', async () => {
  await using set = await rig(SCOOTERS, 'scooter:*', {
    ...scooters,
    rateLimit: '100/1s',
    minDelay: '0',
    maxDelay: '10ms',
  });
  await using node = await startNode(set.config);
  await using client = await connect(node);
  await client.pipeline(Array.from({ length: 300 }, (_, i) => ['HSET', `scooter:${i}`, 'lat', '1']));
  const begun = performance.now();
  await eventually(() => expect(set.all('select id from scooters').length).toBeGreaterThan(100));
  expect(performance.now() - begun).toBeGreaterThan(900);
}, 20_000);

it('keys that are one row to the table are not taken for several', async () => {
  const tables = 'create table visits (page integer primary key, n integer, sluice_version integer)';
  await using set = await rig(tables, 'visits:*', { shape: 'counter', table: 'visits', key: 'page', columns: ['n'] });
  await using node = await startNode(set.config);
  await using client = await connect(node);
  await client.pipeline([
    ['INCRBY', 'visits:1', '5'],
    ['INCRBY', 'visits:01', '7'],
  ]);
  await eventually(() => expect(set.all('select page, n from visits')).toEqual([{ page: 1, n: 5 }]));
  const letters = async (): Promise<string> => (await fetch(`http://${node.admin}/api/dead-letters`)).text();
  await eventually(async () => expect(await letters()).toContain('key column page'));
});

it('a removal of several keys is refused as a whole when some can never be removed', async () => {
  await using set = await rig(`${SCOOTERS}; ${COUNTS}`, 'scooter:*', scooters);
  const [keyspace] = set.config.keyspaces ?? [];
  const counter = { sink: 'fleet', shape: 'counter', table: 'visits', key: 'page', columns: ['n'] } as const;
  await using node = await startNode({
    ...set.config,
    keyspaces: [keyspace as Keyspace, { match: 'visits:*', writeBehind: counter }],
  });
  await using client = await connect(node);
  await client.command('HSET', 'scooter:1', 'lat', '1');
  expect(await client.command('DEL', 'scooter:1', 'visits:1')).toMatch(/are counters, which are never removed/);
  expect(await client.command('SET', 'visits:1', '5')).toMatch(/are counters, which are never set/);
  expect(await client.command('EXISTS', 'scooter:1')).toBe(':1\r\n');
});

it('values of columns that are mapped no more are set aside, not forgotten', async () => {
  await using set = await rig(SCOOTERS, 'scooter:*', { ...scooters, minDelay: '1m', maxDelay: '1m' });
  const [keyspace] = set.config.keyspaces ?? [];
  set.database.exec('alter table scooters rename to away');
  const first = await startNode({ ...set.config, shutdownTimeout: '300ms' });
  const client = await connect(first);
  await client.command('HSET', 'scooter:1', 'lat', '1', 'battery', '5');
  await first.close();
  set.database.exec('alter table away rename to scooters');
  const writeBehind = { ...(keyspace as Keyspace).writeBehind, columns: ['lat', 'lon'] } as WriteBehind;
  const second = await startNode({ ...set.config, keyspaces: [{ ...(keyspace as Keyspace), writeBehind }] });
  const ask = (node: TestNode, path: string, body: object): Promise<Response> =>
    fetch(`http://${node.admin}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const letters = async (node: TestNode): Promise<string> =>
    (await fetch(`http://${node.admin}/api/dead-letters`)).text();
  await ask(second, '/api/write-behind/flush', {});
  await eventually(async () => expect(await letters(second)).toContain('battery\\" has no column any more'));
  await second.close();
  const third = await startNode(set.config);
  await ask(third, '/api/dead-letters/replay', { all: true });
  await eventually(() => expect(set.all('select lat, battery from scooters')).toEqual([{ lat: 1, battery: 5 }]));
  await third.close();
});

it('two keyspaces with one column of versions are refused', async () => {
  await using set = await rig(SCOOTERS, 'scooter:*', scooters);
  const [keyspace] = set.config.keyspaces ?? [];
  const other = { ...(keyspace as Keyspace), match: 'bike:*' };
  await expect(startNode({ ...set.config, keyspaces: [keyspace as Keyspace, other] })).rejects.toThrow(
    'has its versions in the column sluice_version of scooters, too',
  );
});

it('rows of a keyspace that is configured no more are told of, and written when it is there again', async () => {
  await using set = await rig(SCOOTERS, 'scooter:*', { ...scooters, minDelay: '1m', maxDelay: '1m' });
  const [keyspace] = set.config.keyspaces ?? [];
  set.database.exec('alter table scooters rename to away');
  const first = await startNode({ ...set.config, shutdownTimeout: '300ms' });
  const client = await connect(first);
  await client.command('HSET', 'scooter:1', 'lat', '1');
  await first.close();
  set.database.exec('alter table away rename to scooters');
  const other = await startNode({ ...set.config, keyspaces: [{ ...(keyspace as Keyspace), match: 'scooter:{id}' }] });
  await eventually(async () =>
    expect(await (await fetch(`http://${other.admin}/hello`)).json()).toMatchObject({
      status: 'warn',
      checks: { 'write-behind:scooter:*': { status: 'warn', output: expect.stringMatching(/^1 rows waited/) } },
    }),
  );
  await other.close();
  const third = await startNode(set.config);
  expect(await (await fetch(`http://${third.admin}/hello`)).json()).toMatchObject({ status: 'pass' });
  await third.close();
  expect(set.all('select lat from scooters')).toEqual([{ lat: 1 }]);
});
