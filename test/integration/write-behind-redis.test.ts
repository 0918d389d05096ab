import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, it } from 'vitest';
import { openSluice } from '../../src/app/open-sluice.ts';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startSentinel } from '../support/redis-sentinel.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { startSluiceProcess } from '../support/sluice-process.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Fleet extends AsyncDisposable {
  readonly folder: string;
  readonly config: SluiceConfigInput;
  row(id: string): Record<string, unknown> | undefined;
  /** Batteries by scooter. */
  all(): Map<string, number>;
}

type WriteBehind = NonNullable<NonNullable<SluiceConfigInput['keyspaces']>[number]['writeBehind']>;

/** A table of scooters, and a node that writes it from a store. */
async function fleet(store: string, settings: Partial<WriteBehind> = {}): Promise<Fleet> {
  const folder = await tempDir();
  const file = join(folder.path, 'fleet.db');
  const database = new DatabaseSync(file);
  database.exec(
    'pragma journal_mode = wal; create table scooters (id text primary key, lat real, lon real, battery integer, note text, sluice_version integer)',
  );
  return {
    folder: folder.path,
    config: {
      http: '127.0.0.1:0',
      resp: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      store,
      connections: { fleet: { url: `sqlite:${file}` } },
      keyspaces: [
        {
          match: 'scooter:*',
          writeBehind: {
            sink: 'fleet',
            table: 'scooters',
            key: 'id',
            columns: ['lat', 'lon', 'battery', 'note'],
            minDelay: '20ms',
            maxDelay: '50ms',
            timeout: '2s',
            ...settings,
          },
        },
      ],
    },
    row: (id) =>
      database.prepare('select lat, lon, battery, note from scooters where id = ?').get(id) as
        | Record<string, unknown>
        | undefined,
    all: () =>
      new Map(
        (database.prepare('select id, battery from scooters').all() as { id: string; battery: number }[]).map(
          ({ id, battery }) => [id, Number(battery)],
        ),
      ),
    async [Symbol.asyncDispose]() {
      database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));
const connect = ({ resp }: Pick<TestNode, 'resp'>): Promise<RawResp> => connectRaw({ port: portOf(resp) });
const urlOf = ({ host, port }: RedisServer): string => `redis://${host}:${port}`;

/** Writes scooters, most of them once, and notes what was accepted and what may have been. */
class Load {
  readonly accepted = new Map<string, number>();
  readonly unknown = new Map<string, Set<number>>();
  #next = 0;
  #over = false;
  #done: Promise<void> = Promise.resolve();

  start(connectTo: () => Promise<RawResp>): void {
    this.#over = false;
    this.#done = this.#run(connectTo);
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#done;
  }

  async #run(connectTo: () => Promise<RawResp>): Promise<void> {
    let client: RawResp | undefined;
    while (!this.#over) {
      const writes = Array.from({ length: 20 }, () => {
        const value = ++this.#next;
        return { id: value % 5 === 0 ? `hot-${value % 3}` : `once-${value}`, value };
      });
      const replies: string[] = [];
      try {
        client ??= await connectTo();
        for (const { id, value } of writes) client.send('HSET', `scooter:${id}`, 'battery', String(value));
        for (const _ of writes) replies.push(await client.next(20_000));
      } catch {
        await client?.close();
        client = undefined;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      for (const [i, { id, value }] of writes.entries()) {
        const reply = replies[i];
        if (reply?.startsWith(':') === true) this.#accept(id, value);
        else if (reply === undefined || reply.includes('UNKNOWN')) this.#doubt(id, value);
      }
    }
    await client?.close();
  }

  #accept(id: string, value: number): void {
    this.accepted.set(id, value);
    this.unknown.delete(id);
  }

  #doubt(id: string, value: number): void {
    this.unknown.set(id, (this.unknown.get(id) ?? new Set()).add(value));
  }

  /** Every scooter has what was accepted last, or what may have been after it. */
  check(rows: ReadonlyMap<string, number>): void {
    const wrong = [...this.accepted].filter(([id, value]) => {
      const found = rows.get(id);
      return found !== value && (found === undefined || this.unknown.get(id)?.has(found) !== true);
    });
    expect(wrong.slice(0, 10)).toEqual([]);
  }
}

const hasRedis = findProgram('redis-server') !== undefined;

describe.skipIf(!hasRedis)('rows that are written behind over Redis', () => {
  for (const proto of ['2', '3']) {
    it(`are read at once as they were written, and come to be in the table (RESP${proto})`, async () => {
      await using redis = await startRedis();
      await using scooters = await fleet(urlOf(redis));
      await using node = await startNode(scooters.config);
      await using client = await connect(node);
      expect(await client.command('HELLO', proto)).not.toMatch(/^-/);
      const pairs = '$7\r\nbattery\r\n$2\r\n80\r\n$3\r\nlat\r\n$4\r\n59.3\r\n';
      expect(
        await client.pipeline([
          ['HSET', 'scooter:1', 'lat', '59.3', 'battery', '80'],
          ['SET', 'plain', '1'],
          ['HGETALL', 'scooter:1'],
          ['HINCRBY', 'scooter:1', 'battery', '-5'],
          ['GET', 'plain'],
          ['HGET', 'scooter:1', 'battery'],
          ['HMGET', 'scooter:1', 'lat', 'note'],
          ['EXISTS', 'scooter:1', 'scooter:2'],
          ['INCR', 'plain'],
          ['TYPE', 'scooter:1'],
          ['HDEL', 'scooter:1', 'lat', 'lon'],
          ['HLEN', 'scooter:1'],
          ['DEL', 'scooter:1', 'scooter:2'],
          ['HGET', 'scooter:1', 'battery'],
          ['HSET', 'scooter:1', 'lon', '18.1'],
        ]),
      ).toEqual([
        ':2\r\n',
        '+OK\r\n',
        proto === '3' ? `%2\r\n${pairs}` : `*4\r\n${pairs}`,
        ':75\r\n',
        '$1\r\n1\r\n',
        '$2\r\n75\r\n',
        proto === '3' ? '*2\r\n$4\r\n59.3\r\n_\r\n' : '*2\r\n$4\r\n59.3\r\n$-1\r\n',
        ':1\r\n',
        ':2\r\n',
        '+hash\r\n',
        ':1\r\n',
        ':1\r\n',
        ':1\r\n',
        proto === '3' ? '_\r\n' : '$-1\r\n',
        ':1\r\n',
      ]);
      await eventually(() => expect(scooters.row('1')).toEqual({ lat: null, lon: 18.1, battery: null, note: null }));
      // What is written is known on.
      expect(await client.command('HGET', 'scooter:1', 'lon')).toBe('$4\r\n18.1\r\n');
    });
  }

  it('are JSON over HTTP and in a program', async () => {
    await using redis = await startRedis();
    await using scooters = await fleet(urlOf(redis));
    await using node = await startNode(scooters.config);
    const url = `http://${node.http}/scooter:1`;
    const put = (body: string): Promise<Response> => fetch(url, { method: 'PUT', body });
    expect((await put('{"lat":59.3,"battery":80,"note":null}')).status).toBe(201);
    const read = await fetch(url);
    expect(read.headers.get('content-type')).toBe('application/json');
    expect(await read.json()).toEqual({ lat: '59.3', battery: '80' });
    await eventually(() => expect(scooters.row('1')).toEqual({ lat: 59.3, lon: null, battery: 80, note: null }));
    expect((await put('{"lon":1}')).status).toBe(204);
    for (const wrong of ['[1]', '{"color":1}']) expect((await put(wrong)).status).toBe(400);
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(url)).status).toBe(404);
    await eventually(() => expect(scooters.row('1')).toBeUndefined());
    const sluice = await openSluice({
      ...scooters.config,
      http: 'off',
      resp: 'off',
      admin: 'off',
      log: { level: 'silent' },
    });
    await sluice.set('scooter:2', '{"lat":4}');
    expect(Buffer.from((await sluice.get('scooter:2')) ?? '').toString()).toBe('{"lat":"4"}');
    expect(await (await fetch(`http://${node.http}/scooter:2`)).json()).toEqual({ lat: '4' });
    await sluice.close();
    await eventually(() => expect(scooters.row('2')).toMatchObject({ lat: 4 }));
  });

  it('are read by every node as soon as they are accepted, also after a token of the other', async () => {
    await using redis = await startRedis();
    await using scooters = await fleet(urlOf(redis), { minDelay: '1h', maxDelay: '1h' });
    await using one = await startNode(scooters.config);
    await using other = await startNode(scooters.config);
    await using writer = await connect(one);
    await using reader = await connect(other);
    for (let i = 0; i < 200; i++) {
      const value = String(i);
      await writer.command('HSET', 'scooter:1', 'battery', value);
      expect(await reader.command('HGET', 'scooter:1', 'battery')).toBe(`$${value.length}\r\n${value}\r\n`);
      if (i % 20 !== 0) continue;
      expect(await (await fetch(`http://${other.http}/scooter:1`)).json()).toEqual({ battery: value });
    }
    const put = await fetch(`http://${one.http}/scooter:1`, { method: 'PUT', body: '{"battery":7}' });
    const headers = { 'sluice-sync-token': put.headers.get('sluice-sync-token') ?? '' };
    const read = await fetch(`http://${other.http}/scooter:1`, { headers });
    expect(await read.json()).toEqual({ battery: '7' });
  });

  it('come before what the client does afterwards, over every connection', async () => {
    await using redis = await startRedis();
    await using scooters = await fleet(urlOf(redis), { minDelay: '1h', maxDelay: '1h' });
    await using node = await startNode(scooters.config);
    for (const proto of ['2', '3']) {
      await using client = await connect(node);
      await using listener = await connectRaw({ port: portOf(node.resp) });
      await using reader = await connect(node);
      await client.command('HELLO', proto);
      await listener.command('HELLO', '3');
      listener.send('SUBSCRIBE', 'moved');
      await listener.nextPush();
      for (let i = 0; i < 100; i++) {
        const value = `${proto}${i}`;
        client.send('HSET', 'scooter:1', 'battery', value);
        client.send('PUBLISH', 'moved', value);
        expect(await listener.nextPush()).toContain(value);
        expect(await reader.command('HGET', 'scooter:1', 'battery')).toContain(`\r\n${value}\r\n`);
        await client.next();
        await client.next();
      }
    }
  });

  it('refuse what is not for them', async () => {
    await using redis = await startRedis();
    await using scooters = await fleet(urlOf(redis));
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    for (const command of [
      ['APPEND', 'scooter:1', 'x'],
      ['EXPIRE', 'scooter:1', '1'],
      ['RENAME', 'scooter:1', 'other'],
      ['DEL', 'scooter:1', 'other'],
      ['EVAL', 'return 1', '1', 'scooter:1'],
      ['WATCH', 'scooter:1'],
      ['BLPOP', 'scooter:1', '1'],
      ['FLUSHALL'],
      ['FLUSHDB', 'ASYNC'],
    ])
      expect(await client.command(...command)).toMatch(/^-ERR SLUICE_MANAGED /);
    expect(await client.command('HSET', 'scooter:1', 'color', 'red')).toMatch(/^-ERR .*has no column in scooters/);
    expect(await client.command('HSET', 'scooter:1', 'lat')).toMatch(/^-ERR wrong number of arguments/);
    const [, refused, aborted] = await client.pipeline([['MULTI'], ['HSET', 'scooter:1', 'lat', '1'], ['EXEC']]);
    expect(refused).toMatch(/^-ERR SLUICE_MANAGED a transaction cannot have/);
    expect(aborted).toMatch(/^-EXECABORT/);
    // Nobody reaches them by their names in the store.
    expect(await client.command('HGETALL', 'sluice:{dirty:scooter:*:1}:row:scooter:1')).toMatch(/^-NOPERM/);
  });

  it('are not accepted by a node over a server that may evict them', async () => {
    await using redis = await startRedis({ args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] });
    await using scooters = await fleet(urlOf(redis));
    await expect(startNode(scooters.config)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('its maxmemory-policy is allkeys-lru'),
    });
    await using server = await connectRaw({ port: redis.port });
    // It says nothing, so nothing is refused.
    await server.command('ACL', 'SETUSER', 'default', '-config', '-info');
    {
      await using node = await startNode(scooters.config);
      await using client = await connect(node);
      expect(await client.command('HSET', 'scooter:1', 'lat', '1')).toBe(':1\r\n');
      await eventually(() => expect(scooters.row('1')).toMatchObject({ lat: 1 }));
    }
  });

  it('are counted once and inserted once, in order, by whichever of two nodes they came', async () => {
    await using redis = await startRedis();
    await using scooters = await fleet(urlOf(redis));
    using database = new DatabaseSync(join(scooters.folder, 'fleet.db'));
    database.exec('create table visits (page text primary key, n integer, sluice_version integer)');
    database.exec('create table trips (sluice_id text primary key, scooter text, at integer)');
    const common = { sink: 'fleet', minDelay: '20ms', maxDelay: '50ms', timeout: '2s' } as const;
    const config: SluiceConfigInput = {
      ...scooters.config,
      keyspaces: [
        {
          match: 'visits:*',
          writeBehind: { ...common, shape: 'counter', table: 'visits', key: 'page', columns: ['n'] },
        },
        {
          match: 'trip:*',
          writeBehind: { ...common, shape: 'record', table: 'trips', key: 'scooter', columns: ['at'] },
        },
      ],
    };
    {
      await using one = await startNode(config);
      await using other = await startNode(config);
      await using first = await connect(one);
      await using second = await connect(other);
      for (let i = 0; i < 20; i++) {
        const counts = Array.from({ length: 10 }, (_, page) => ['HINCRBY', `visits:${page}`, 'n', '1']);
        const replies = [
          ...(await first.pipeline([...counts, ['RPUSH', 'trip:1', `{"at":${2 * i}}`]])),
          ...(await second.pipeline([...counts, ['RPUSH', 'trip:1', `{"at":${2 * i + 1}}`]])),
        ];
        expect(replies.filter((reply) => !reply.startsWith(':'))).toEqual([]);
      }
    }
    // Both have written the rest at their end.
    expect(database.prepare('select page, n from visits order by page').all()).toEqual(
      Array.from({ length: 10 }, (_, page) => ({ page: String(page), n: 40 })),
    );
    expect(database.prepare('select at from trips order by rowid').all()).toEqual(
      Array.from({ length: 40 }, (_, at) => ({ at })),
    );
  });

  it('of a node that is killed are written by another', async () => {
    await using redis = await startRedis({ keeps: 'writes' });
    await using scooters = await fleet(urlOf(redis));
    const file = join(scooters.folder, 'node.yaml');
    await writeFile(file, JSON.stringify(scooters.config));
    const one = await startSluiceProcess({ commandLine: ['start', '--config', file] });
    await using other = await startNode(scooters.config);
    const load = new Load();
    load.start(() => connectRaw({ port: one.resp.port }));
    await eventually(() => expect(scooters.all().size).toBeGreaterThan(200), { timeoutMs: 20_000 });
    await one.kill('SIGKILL');
    await load.stop();
    expect(load.accepted.size).toBeGreaterThan(200);
    // What it had in hand comes back when its claim ends.
    await eventually(() => load.check(scooters.all()), { timeoutMs: 18_000, intervalMs: 100 });
    await using client = await connect(other);
    expect(await client.command('HGET', 'scooter:hot-0', 'battery')).toMatch(/^\$/);
  }, 60_000);

  it('outlive Redis, where it keeps what it acknowledges', async () => {
    await using redis = await startRedis({ keeps: 'writes' });
    await using scooters = await fleet(urlOf(redis));
    await using node = await startNode(scooters.config);
    const load = new Load();
    load.start(() => connect(node));
    for (let kills = 0; kills < 3; kills++) {
      const before = load.accepted.size;
      await eventually(() => expect(load.accepted.size).toBeGreaterThan(before + 200), { timeoutMs: 20_000 });
      await redis.restart();
    }
    await eventually(() => expect(load.accepted.size).toBeGreaterThan(800), { timeoutMs: 20_000 });
    await load.stop();
    await eventually(() => load.check(scooters.all()), { timeoutMs: 18_000, intervalMs: 100 });
  }, 90_000);

  it('are on the primary that Sentinels name, also after it has changed', async () => {
    await using setup = await startSentinel();
    const places = setup.sentinels.map(({ host, port }) => `${host}:${port}`).join(',');
    await using scooters = await fleet(`redis+sentinel://${places}/${setup.name}/0`);
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await eventually(async () => expect(await client.command('HSET', 'scooter:1', 'lat', '1')).toMatch(/^:/));
    await eventually(() => expect(scooters.row('1')).toMatchObject({ lat: 1 }));
    await setup.switchOver();
    // What the server before accepts until it hears that it is none any more is lost, as it says of failovers.
    await eventually(
      async () => {
        // The server that is the primary now does not have the scripts.
        expect(await client.command('HSET', 'scooter:2', 'lat', '2')).toMatch(/^:/);
        expect(await client.command('HGET', 'scooter:2', 'lat')).toBe('$1\r\n2\r\n');
        expect(scooters.row('2')).toMatchObject({ lat: 2 });
      },
      { timeoutMs: 20_000, intervalMs: 200 },
    );
  }, 60_000);

  it('are on all nodes of a cluster, also when these change places', async () => {
    await using setup = await startCluster();
    const places = setup.nodes.slice(0, 3).map(({ host, port }) => `${host}:${port}`);
    await using scooters = await fleet(`redis+cluster://${places.join(',')}`);
    await using node = await startNode(scooters.config);
    const load = new Load();
    load.start(() => connect(node));
    await eventually(() => expect(scooters.all().size).toBeGreaterThan(300), { timeoutMs: 20_000 });
    await setup.switchOver(3);
    const before = load.accepted.size;
    await eventually(() => expect(load.accepted.size).toBeGreaterThan(before + 300), { timeoutMs: 20_000 });
    await load.stop();
    await eventually(() => load.check(scooters.all()), { timeoutMs: 18_000, intervalMs: 100 });
  }, 90_000);
});
