import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, it } from 'vitest';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';
import { tempDir } from '../support/temp-dir.ts';

type WriteBehind = NonNullable<NonNullable<SluiceConfigInput['keyspaces']>[number]['writeBehind']>;

/** A table that takes numbers only, and what writes to it. */
interface Fleet extends AsyncDisposable {
  readonly database: InstanceType<typeof DatabaseSync>;
  readonly config: SluiceConfigInput;
  battery(id: string): unknown;
}

const TABLE = `create table scooters (id text primary key, battery integer check (typeof(battery) in ('integer', 'null')),
  plate text unique, sluice_version integer)`;

async function fleet(
  settings: Partial<WriteBehind> = {},
  table = TABLE,
  store: 'embedded' | 'redis' = 'embedded',
): Promise<Fleet> {
  const redis = store === 'redis' ? await startRedis() : undefined;
  const folder = await tempDir();
  const file = join(folder.path, 'fleet.db');
  const database = new DatabaseSync(file);
  database.exec(`pragma journal_mode = wal; ${table}`);
  return {
    database,
    config: {
      resp: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      ...(redis === undefined
        ? { store: 'embedded', data: join(folder.path, 'data') }
        : { store: `redis://127.0.0.1:${redis.port}` }),
      connections: { fleet: { url: `sqlite:${file}` } },
      keyspaces: [
        {
          match: 'scooter:*',
          writeBehind: {
            sink: 'fleet',
            table: 'scooters',
            key: 'id',
            columns: ['battery', 'plate'],
            minDelay: '10ms',
            maxDelay: '20ms',
            ...settings,
          },
        },
      ],
    },
    battery: (id) =>
      (database.prepare('select battery from scooters where id = ?').get(id) as { battery: unknown } | undefined)
        ?.battery,
    async [Symbol.asyncDispose]() {
      database.close();
      await redis?.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const connect = ({ resp }: TestNode): Promise<RawResp> =>
  connectRaw({ port: Number(resp.slice(resp.lastIndexOf(':') + 1)) });

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function get({ admin }: TestNode, path: string): Promise<Answer> {
  const response = await fetch(`http://${admin}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function post({ admin }: TestNode, path: string, body: unknown): Promise<Answer> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(`http://${admin}${path}`, { method: 'POST', body: JSON.stringify(body), headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

interface Letter {
  readonly id: string;
  readonly key: string;
  readonly version: number;
  readonly fields: Record<string, string | null>;
  readonly reason: string;
}

const lettersOf = async (node: TestNode, query = ''): Promise<Letter[]> =>
  (await get(node, `/api/dead-letters${query}`)).body['letters'] as Letter[];

async function statusOf(node: TestNode): Promise<Record<string, unknown>> {
  const { body } = await get(node, '/api/write-behind');
  return (body['keyspaces'] as Record<string, unknown>[])[0] as Record<string, unknown>;
}

/** Three rows that cannot be written, each for another reason, and one that can. */
async function threeBad(node: TestNode, client: RawResp, { database }: Fleet): Promise<void> {
  database.exec("insert into scooters values ('other', 1, 'taken', 0)");
  await client.pipeline([
    ['HSET', 'scooter:text', 'battery', 'full'],
    ['HSET', 'scooter:twice', 'plate', 'taken'],
    ['HSET', 'scooter:newer', 'battery', Buffer.from('ünknown').latin1Slice()],
    ['HSET', 'scooter:good', 'battery', '7'],
  ]);
  await eventually(async () => expect(await lettersOf(node)).toHaveLength(3));
}

describe('dead letters', () => {
  it('are listed with what was to be written and why it was not, page by page, and each by its id', async () => {
    await using scooters = await fleet();
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await threeBad(node, client, scooters);
    await eventually(() => expect(scooters.battery('good')).toBe(7));
    const letters = await lettersOf(node);
    expect(letters.map(({ key }) => key).sort()).toEqual(['scooter:newer', 'scooter:text', 'scooter:twice']);
    const text = letters.find(({ key }) => key === 'scooter:newer') as Letter;
    expect(text).toMatchObject({ keyspace: 'scooter:*', change: 'merge', fields: { battery: 'ünknown' } });
    expect(text.reason).not.toBe('');
    expect(await lettersOf(node, '?limit=2')).toEqual(letters.slice(0, 2));
    expect(await lettersOf(node, `?limit=2&after=${letters[1]?.id}`)).toEqual(letters.slice(2));
    expect(await lettersOf(node, `?after=${letters[2]?.id}`)).toEqual([]);
    expect((await get(node, `/api/dead-letters/${text.id}`)).body).toEqual(text);
    for (const id of ['000000-1', `${text.id}0`, 'x'])
      expect((await get(node, `/api/dead-letters/${id}`)).status).toBe(404);
    expect((await get(node, '/api/dead-letters?keyspace=none')).status).toBe(400);
    expect((await get(node, '/api/dead-letters?limit=0')).status).toBe(400);
  });

  it('never overwrite a newer row of the table that this node knows nothing of', async () => {
    await using scooters = await fleet();
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await client.command('HSET', 'scooter:2', 'battery', 'x');
    await eventually(async () => expect(await lettersOf(node)).toHaveLength(1));
    scooters.database.exec("insert into scooters values ('2', 5, 'newest', 9007199254740991)");
    scooters.database.exec('create table freed as select * from scooters; drop table scooters');
    scooters.database.exec('create table scooters (id text primary key, battery, plate text, sluice_version integer)');
    scooters.database.exec('insert into scooters select * from freed');
    await post(node, '/api/dead-letters/replay', { all: true });
    expect(scooters.battery('2')).toBe(5);
  });

  it('are told of in /hello, the metrics and the status until they are gone', async () => {
    await using scooters = await fleet();
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    const check = async (): Promise<unknown> =>
      ((await get(node, '/hello')).body['checks'] as Record<string, unknown>)['write-behind:scooter:*'];
    expect(await check()).toEqual({ status: 'pass' });
    await client.command('HSET', 'scooter:1', 'battery', 'x');
    await eventually(async () => expect(await lettersOf(node)).toHaveLength(1));
    expect(await check()).toMatchObject({ status: 'warn', output: expect.stringContaining('1 dead letter;') });
    expect((await get(node, '/hello')).status).toBe(200);
    const page = await (await fetch(`http://${node.admin}/metrics`)).text();
    expect(page).toContain('sluice_write_behind_dead_letters{keyspace="scooter:*"} 1');
    expect(page).toContain('sluice_write_behind_alarm{keyspace="scooter:*",alarm="dead_letters"} 1');
    expect(await statusOf(node)).toMatchObject({ deadLetters: 1, alarms: [{ alarm: 'dead_letters' }] });
    await post(node, '/api/dead-letters/drop', { all: true });
    expect(await check()).toEqual({ status: 'pass' });
  });

  it('have a bound: beyond it bad rows wait, good ones are written, and nothing is lost', async () => {
    await using scooters = await fleet({ maxDeadLetters: 2, maxBatch: 3 });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    const bad = [1, 2, 3, 4].map((i) => ['HSET', `scooter:bad${i}`, 'battery', 'x']);
    await client.pipeline(bad);
    await eventually(async () => expect(await statusOf(node)).toMatchObject({ deadLetters: 2, pending: 2 }));
    await client.pipeline([1, 2, 3].map((i) => ['HSET', `scooter:good${i}`, 'battery', String(i)]));
    await eventually(() => expect([1, 2, 3].map((i) => scooters.battery(`good${i}`))).toEqual([1, 2, 3]));
    const status = await statusOf(node);
    expect(status).toMatchObject({ deadLetters: 2, pending: 2 });
    expect(status['trouble']).toMatch(/2 dead letters/);
    expect((await get(node, '/hello')).status).toBe(503);
    // Room is made: the others follow, and nothing is missing.
    const [first, second] = await lettersOf(node);
    await post(node, '/api/dead-letters/drop', { ids: [first?.id, second?.id] });
    await eventually(async () => expect(await statusOf(node)).toMatchObject({ deadLetters: 2, pending: 0 }));
    const later = await lettersOf(node);
    expect([first, second, ...later].map((letter) => letter?.key).sort()).toEqual(bad.map(([, key]) => key));
  });
});

const stores = (['embedded', 'redis'] as const).filter(
  (store) => store === 'embedded' || findProgram('redis-server') !== undefined,
);

describe.each(stores)('over the store %s, dead letters', (store) => {
  it('are written again after the fix, unless the row has changed since: then skipped and counted', async () => {
    await using scooters = await fleet({}, TABLE, store);
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await threeBad(node, client, scooters);
    // Nothing is mended yet.
    expect((await post(node, '/api/dead-letters/replay', { all: true })).body).toMatchObject({
      written: 0,
      skipped: 0,
      failed: 3,
    });
    expect(await lettersOf(node)).toHaveLength(3);
    await client.command('HSET', 'scooter:newer', 'battery', '9');
    await eventually(() => expect(scooters.battery('newer')).toBe(9));
    scooters.database.exec("update scooters set plate = 'moved' where id = 'other'");
    expect((await post(node, '/api/dead-letters/replay', { all: true })).body).toEqual({
      written: 1,
      skipped: 1,
      failed: 1,
      unknown: 0,
      reason: expect.stringContaining('battery'),
    });
    expect(scooters.battery('newer')).toBe(9);
    const [left, ...others] = await lettersOf(node);
    expect([left?.key, others]).toEqual(['scooter:text', []]);
    const row = scooters.database
      .prepare("select plate, sluice_version as version from scooters where id = 'twice'")
      .get();
    expect(row).toMatchObject({ plate: 'taken' });
    const again = await post(node, '/api/dead-letters/replay', { ids: [left?.id, left?.id, '000000-9'] });
    expect(again.body).toMatchObject({ written: 0, failed: 1, unknown: 1 });
    expect((await post(node, '/api/dead-letters/drop', { ids: [left?.id] })).body).toEqual({ dropped: 1 });
    expect((await post(node, '/api/dead-letters/drop', { ids: [left?.id] })).body).toEqual({ dropped: 0 });
    expect(await lettersOf(node)).toEqual([]);
  });

  it('of counters are added once, and those of records inserted once', async () => {
    const tables = `create table hits (id text primary key, n integer check (n < 100), sluice_version integer);
      create table logs (id text, n integer check (n < 100), sluice_id text unique)`;
    await using scooters = await fleet({}, tables, store);
    const [own] = scooters.config.keyspaces ?? [];
    const writeBehind = { ...(own?.writeBehind as WriteBehind), columns: ['n'] };
    await using node = await startNode({
      ...scooters.config,
      keyspaces: [
        { match: 'hits:*', writeBehind: { ...writeBehind, shape: 'counter', table: 'hits' } },
        { match: 'log:*', writeBehind: { ...writeBehind, shape: 'record', table: 'logs' } },
      ],
    });
    await using client = await connect(node);
    const sum = (): unknown =>
      scooters.database.prepare('select (select sum(n) from hits) as hits, sum(n) as logs from logs').get();
    await client.pipeline([
      ['HINCRBY', 'hits:1', 'n', '150'],
      ['RPUSH', 'log:a', '{"n":200}', '{"n":3}'],
    ]);
    await eventually(async () => expect(await lettersOf(node)).toHaveLength(2));
    await client.command('HINCRBY', 'hits:1', 'n', '7');
    await eventually(() => expect(sum()).toMatchObject({ hits: 7, logs: 3 }));
    scooters.database.exec(`alter table hits rename to old_hits; alter table logs rename to old_logs;
      create table hits (id text primary key, n integer, sluice_version integer);
      create table logs (id text, n integer, sluice_id text unique);
      insert into hits select * from old_hits; insert into logs select * from old_logs`);
    expect((await post(node, '/api/dead-letters/replay', { all: true })).body).toMatchObject({
      written: 2,
      skipped: 0,
      failed: 0,
    });
    await post(node, '/api/write-behind/flush', { wait: true });
    expect(sum()).toMatchObject({ hits: 157, logs: 203 });
    expect(await client.command('HGET', 'hits:1', 'n')).toBe('$3\r\n157\r\n');
    expect(await lettersOf(node)).toEqual([]);
  });

  it('wait for their flush as long as they are told to', async () => {
    await using scooters = await fleet({ minDelay: '1h', maxDelay: '1h' }, TABLE, store);
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await client.pipeline(Array.from({ length: 50 }, (_, i) => ['HSET', `scooter:${i}`, 'battery', String(i)]));
    const { body } = await get(node, '/api/write-behind/next?keyspace=scooter:*');
    expect(body).toMatchObject({ keyspaces: [{ statements: expect.any(Array) }] });
    const flushed = await post(node, '/api/write-behind/flush', { wait: true, timeout: 20_000 });
    expect(flushed.body).toMatchObject({ keyspaces: [{ isWritten: true, pending: 0 }] });
    expect(scooters.database.prepare('select count(*) as n from scooters').get()).toEqual({ n: 50 });
  });
});

describe('a flush', () => {
  it('writes what waits now, whatever its age, and says when it is written', async () => {
    await using scooters = await fleet({ minDelay: '1h', maxDelay: '1h' });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await client.pipeline(Array.from({ length: 50 }, (_, i) => ['HSET', `scooter:${i}`, 'battery', String(i)]));
    const flushed = await post(node, '/api/write-behind/flush', { wait: true, timeout: 10_000 });
    expect(flushed).toMatchObject({ status: 200, body: { keyspaces: [{ keyspace: 'scooter:*', isWritten: true }] } });
    for (const id of ['0', '49']) expect(scooters.battery(id)).toBe(Number(id));
    await client.command('HSET', 'scooter:0', 'battery', '100');
    const asked = await post(node, '/api/write-behind/flush', { keyspace: 'scooter:*' });
    expect(asked.status).toBe(202);
    await eventually(() => expect(scooters.battery('0')).toBe(100));
    expect((await post(node, '/api/write-behind/flush', { keyspace: 'none' })).status).toBe(400);
  });

  it('gives up at its deadline, and says what is in the way', async () => {
    await using scooters = await fleet({}, 'create table other (id text)');
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await client.command('HSET', 'scooter:1', 'battery', '1');
    const flushed = await post(node, '/api/write-behind/flush', { wait: true, timeout: 2000 });
    expect(flushed).toMatchObject({ status: 200, body: { keyspaces: [{ isWritten: false, pending: 1 }] } });
    expect(JSON.stringify(flushed.body)).toContain('scooters');
    expect(await statusOf(node)).toMatchObject({ alarms: [{ alarm: 'trouble' }] });
  });

  it('that is dry tells the statements, changes nothing and claims nothing', async () => {
    await using scooters = await fleet({ minDelay: '1h', maxDelay: '1h' });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await client.pipeline([
      ['HSET', 'scooter:1', 'battery', '1'],
      ['HSET', 'scooter:2', 'battery', '2', 'plate', 'b'],
    ]);
    const { body } = await get(node, '/api/write-behind/next');
    const [told] = body['keyspaces'] as { pending: number; statements: string[] }[];
    expect(told?.pending).toBe(2);
    expect(told?.statements.join('\n')).toMatch(/insert into .*scooters/is);
    expect(scooters.database.prepare('select count(*) as n from scooters').get()).toEqual({ n: 0 });
    expect(await statusOf(node)).toMatchObject({ pending: 2, written: 0, batches: 0 });
    await post(node, '/api/write-behind/flush', { wait: true });
    expect(scooters.database.prepare('select count(*) as n from scooters').get()).toEqual({ n: 2 });
  });
});

describe('the status', () => {
  it('tells what waiting saves: as predicted from rates, and achieved', async () => {
    await using scooters = await fleet({ minDelay: '200ms', maxDelay: '200ms' });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    const until = Date.now() + 1500;
    for (let n = 0; Date.now() < until; n++) {
      await client.pipeline(Array.from({ length: 20 }, (_, i) => ['HSET', `scooter:${i}`, 'battery', String(n % 100)]));
      await new Promise((done) => setTimeout(done, 10));
    }
    const { reduction, written, accepted } = (await statusOf(node)) as {
      reduction: { rows: number; predicted: number; achieved: number };
      written: number;
      accepted: number;
    };
    expect(accepted).toBeGreaterThan(5 * written);
    expect(reduction.rows).toBe(20);
    expect(Math.abs(reduction.predicted / reduction.achieved - 1)).toBeLessThan(0.5);
    const page = await (await fetch(`http://${node.admin}/metrics`)).text();
    expect(page).toMatch(/sluice_write_behind_batch_rows_bucket\{keyspace="scooter:\*",le="32"\} [1-9]/);
    expect(page).toMatch(/sluice_write_behind_flush_duration_seconds_count\{keyspace="scooter:\*"\} [1-9]/);
    expect(page).toMatch(/sluice_write_behind_reduction\{keyspace="scooter:\*",kind="predicted"\} \d/);
  });

  it('warns of what is over its alarm, and fails when no more is taken', async () => {
    await using scooters = await fleet({
      minDelay: '1h',
      maxDelay: '1h',
      maxPending: 4,
      onFull: 'shed',
      alarm: { pending: 50, lag: '1ms' },
    });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    const check = async (): Promise<{ http: number; status: string; output: string }> => {
      const { status: http, body } = await get(node, '/hello');
      const found = (body['checks'] as Record<string, { status: string; output: string }>)['write-behind:scooter:*'];
      return { http, status: found?.status ?? '', output: found?.output ?? '' };
    };
    await client.pipeline([1, 2].map((i) => ['HSET', `scooter:${i}`, 'battery', '1']));
    await eventually(async () => expect((await check()).output).toMatch(/waited.*50 % of maxPending/));
    expect(await check()).toMatchObject({ http: 200, status: 'warn' });
    await client.pipeline([3, 4].map((i) => ['HSET', `scooter:${i}`, 'battery', '1']));
    await eventually(async () => expect(await check()).toMatchObject({ http: 503, status: 'fail' }));
  });

  it('is not there where nothing is written behind', async () => {
    await using node = await startNode({ admin: '127.0.0.1:0' });
    expect((await get(node, '/api/write-behind')).status).toBe(501);
    expect((await post(node, '/api/write-behind/flush', {})).status).toBe(501);
  });
});
