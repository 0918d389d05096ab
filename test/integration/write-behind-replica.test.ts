import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { RedisDirtySet } from '../../src/store/redis/dirty-set.ts';
import { RedisRecordLog } from '../../src/store/redis/record-log.ts';
import { ReplicaBarrier } from '../../src/store/redis/replica-barrier.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { openRedisPorts } from '../support/redis-ports.ts';
import { startSentinel } from '../support/redis-sentinel.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { startRelay } from '../support/tcp-relay.ts';
import { tempDir } from '../support/temp-dir.ts';

type WriteBehind = NonNullable<NonNullable<SluiceConfigInput['keyspaces']>[number]['writeBehind']>;

interface Fleet extends AsyncDisposable {
  readonly config: SluiceConfigInput;
  readonly database: InstanceType<typeof DatabaseSync>;
}

/** Scooters, visits and trips wait for a replica; cars do not. */
async function fleet(store: string, settings: Partial<WriteBehind> = {}): Promise<Fleet> {
  const folder = await tempDir();
  const file = join(folder.path, 'fleet.db');
  const database = new DatabaseSync(file);
  database.exec(`pragma journal_mode = wal;
    create table scooters (id text primary key, battery integer, sluice_version integer);
    create table cars (id text primary key, battery integer, sluice_version integer);
    create table visits (page text primary key, n integer, sluice_version integer);
    create table trips (sluice_id text primary key, scooter text, at integer)`);
  const common = { sink: 'fleet', minDelay: '20ms', maxDelay: '50ms', timeout: '5s' } as const;
  const waits = { ...common, ack: 'replica', ...settings } as const;
  return {
    database,
    config: {
      ...{ http: '127.0.0.1:0', resp: '127.0.0.1:0', admin: '127.0.0.1:0', store },
      connections: { fleet: { url: `sqlite:${file}` } },
      keyspaces: [
        { match: 'scooter:*', writeBehind: { ...waits, table: 'scooters', key: 'id', columns: ['battery'] } },
        { match: 'car:*', writeBehind: { ...common, table: 'cars', key: 'id', columns: ['battery'] } },
        {
          match: 'visits:*',
          writeBehind: { ...waits, shape: 'counter', table: 'visits', key: 'page', columns: ['n'] },
        },
        {
          match: 'trip:*',
          writeBehind: { ...waits, shape: 'record', table: 'trips', key: 'scooter', columns: ['at'] },
        },
      ],
    },
    async [Symbol.asyncDispose]() {
      database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const connect = ({ resp }: Pick<TestNode, 'resp'>): Promise<RawResp> =>
  connectRaw({ port: Number(resp.slice(resp.lastIndexOf(':') + 1)) });
const urlOf = ({ host, port }: { host: string; port: number }): string => `redis://${host}:${port}`;
const unknown = /^-ERR SLUICE_UPSTREAM_UNKNOWN .* accepted it .* is not known to be on a replica/;

const startPrimary = (): Promise<RedisServer> => startRedis({ args: ['--repl-diskless-sync-delay', '0'] });

async function startReplica(primary: RedisServer): Promise<RedisServer> {
  const replica = await startRedis({ args: ['--replicaof', primary.host, `${primary.port}`] });
  await inStep(replica, primary);
  return replica;
}

/** Waits until the primary knows that the replica has all it has. */
async function inStep(replica: RedisServer, primary: RedisServer): Promise<void> {
  await using client = await connectRaw({ port: primary.port });
  const ask = async (): Promise<void> => {
    const facts = await client.command('INFO', 'replication');
    expect(facts).toContain(`port=${replica.port},state=online`);
    // One that has just been sent everything may not follow yet.
    await client.command('SET', 'x', '1');
    const all = facts.match(/^slave\d/gm)?.length ?? 0;
    expect(await client.command('WAIT', `${all}`, '500')).toBe(`:${all}\r\n`);
  };
  await eventually(ask, { timeoutMs: 20_000, intervalMs: 50 });
}

const keysOf = (reply: string): string[] => reply.split('\r\n').filter((line) => line.startsWith('sluice:'));

/** The rows in a server: what they are called, without the keyspace. */
async function rowsIn({ port }: { port: number }): Promise<Set<string>> {
  await using client = await connectRaw({ port });
  const keys = keysOf(await client.command('KEYS', '*:row:scooter:*'));
  return new Set(keys.map((key) => key.slice(key.indexOf(':row:scooter:') + 13)));
}

/** Writes scooters, each once, by several clients, and notes which were accepted. */
class Load {
  readonly accepted: string[] = [];
  refused = 0;
  #over = false;
  readonly #done: Promise<unknown>;

  constructor(node: TestNode) {
    this.#done = Promise.all(Array.from({ length: 8 }, (_, name) => this.#write(node, name)));
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#done;
  }

  async #write(node: TestNode, name: number): Promise<void> {
    await using client = await connect(node);
    for (let i = 0; !this.#over; ) {
      const ids = Array.from({ length: 10 }, () => `${name}-${i++}`);
      const replies = await client.pipeline(ids.map((id) => ['HSET', `scooter:${id}`, 'battery', '1']));
      for (const [at, reply] of replies.entries()) {
        if (reply.startsWith(':')) this.accepted.push(ids[at] as string);
        else this.refused++;
      }
    }
  }
}

describe.skipIf(findProgram('redis-server') === undefined)('writes that wait for a replica', () => {
  it('are on one when they are answered: rows, counters and records, over RESP and HTTP', async () => {
    await using redis = await startPrimary();
    await using replica = await startReplica(redis);
    await using scooters = await fleet(urlOf(redis));
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    for (let i = 0; i < 200; i++) {
      expect(await client.command('HSET', `scooter:${i}`, 'battery', `${i}`)).toBe(':1\r\n');
      expect(await rowsIn(replica)).toContain(`${i}`);
    }
    const put = await fetch(`http://${node.http}/scooter:http`, { method: 'PUT', body: '{"battery":1}' });
    expect(put.status).toBe(201);
    expect(await rowsIn(replica)).toContain('http');
    expect(await client.command('HINCRBY', 'visits:start', 'n', '2')).toBe(':2\r\n');
    expect(await client.command('RPUSH', 'trip:1', '{"at":5}')).toMatch(/^:/);
    // Many at a time wait together.
    const many = Array.from({ length: 2000 }, (_, i) => ['HSET', `scooter:many-${i % 500}`, 'battery', `${i}`]);
    expect((await client.pipeline(many)).filter((reply) => !reply.startsWith(':'))).toEqual([]);
    await eventually(() => {
      const { n } = scooters.database.prepare('select count(*) n from scooters').get() as { n: number };
      expect(Number(n)).toBe(701);
      expect(scooters.database.prepare('select n from visits').all()).toEqual([{ n: 2 }]);
      expect(scooters.database.prepare('select at from trips').all()).toEqual([{ at: 5 }]);
    });
  }, 30_000);

  it('are of unknown fate while the replica hangs, and hold up nobody else; it comes back and all is well', async () => {
    await using redis = await startPrimary();
    await using replica = await startReplica(redis);
    await using scooters = await fleet(urlOf(redis), { timeout: '700ms', onFull: 'block' });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await using other = await connect(node);
    await using reader = await connect(node);
    expect(await client.command('HSET', 'scooter:1', 'battery', '1')).toBe(':1\r\n');
    replica.freeze();
    const began = performance.now();
    // Changes of one row do not wait for each other's answers.
    for (const value of ['2', '3', '4']) client.send('HSET', 'scooter:1', 'battery', value);
    client.send('HINCRBY', 'visits:start', 'n', '1');
    client.send('RPUSH', 'trip:1', '{"at":5}');
    const put = fetch(`http://${node.http}/scooter:2`, { method: 'PUT', body: '{"battery":1}' });
    let slowest = 0;
    for (let i = 0; i < 50; i++) {
      const before = performance.now();
      expect(await other.command('HSET', `car:${i}`, 'battery', '1')).toBe(':1\r\n');
      slowest = Math.max(slowest, performance.now() - before);
    }
    expect(await reader.command('HGET', 'scooter:1', 'battery')).toBe('$1\r\n4\r\n');
    expect(slowest).toBeLessThan(400);
    for (let i = 0; i < 5; i++) expect(await client.next()).toMatch(unknown);
    expect((await put).status).toBe(504);
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(650);
    expect(took).toBeLessThan(2500);
    // They stay, and are written once.
    await eventually(() => {
      expect(scooters.database.prepare('select id, battery from scooters order by id').all()).toEqual([
        { id: '1', battery: 4 },
        { id: '2', battery: 1 },
      ]);
      expect(scooters.database.prepare('select n from visits').all()).toEqual([{ n: 1 }]);
    });
    const late = client.command('HSET', 'scooter:1', 'battery', '5');
    replica.thaw();
    expect(await late).toBe(':0\r\n');
    expect(await client.command('HSET', 'scooter:1', 'battery', '6')).toBe(':0\r\n');
  }, 30_000);

  it('are of unknown fate where there are too few replicas', async () => {
    await using redis = await startPrimary();
    await using replica = await startReplica(redis);
    await using scooters = await fleet(urlOf(redis), { timeout: '300ms', ackReplicas: 2 });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    const few = 'it is not known to be on 2 replicas (one has it)';
    expect(await client.command('HSET', 'scooter:1', 'battery', '1')).toContain(few);
    await using _ = await startReplica(redis);
    expect(await client.command('HSET', 'scooter:1', 'battery', '2')).toBe(':0\r\n');
    await replica.kill();
    expect(await client.command('HSET', 'scooter:1', 'battery', '3')).toContain(few);
  }, 30_000);

  it('are of unknown fate at once where the primary is started anew before a replica has them', async () => {
    await using redis = await startPrimary();
    await using replica = await startReplica(redis);
    await using scooters = await fleet(urlOf(redis), { timeout: '30s' });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    expect(await client.command('HSET', 'scooter:1', 'battery', '1')).toBe(':1\r\n');
    replica.freeze();
    client.send('HSET', 'scooter:2', 'battery', '1');
    await eventually(async () => expect(await rowsIn(redis)).toContain('2'));
    const began = performance.now();
    await redis.restart();
    replica.thaw();
    expect(await client.next(20_000)).toMatch(unknown);
    expect(performance.now() - began).toBeLessThan(10_000);
    await inStep(replica, redis);
    await eventually(async () => expect(await client.command('HSET', 'scooter:3', 'battery', '1')).toBe(':1\r\n'));
    expect(await rowsIn(replica)).toContain('3');
  }, 60_000);

  it('are of unknown fate where another primary is found at the address, whatever its replicas say', async () => {
    await using one = await startPrimary();
    await using other = await startPrimary();
    await using _ = await startReplica(one);
    await using __ = await startReplica(other);
    await using relay = await startRelay({ target: one });
    await using scooters = await fleet(urlOf(relay), { timeout: '10s' });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    // What the node says over shared connections still goes to the first.
    expect(await client.command('HSET', 'car:1', 'battery', '1')).toBe(':1\r\n');
    relay.target = other;
    expect(await client.command('HSET', 'scooter:1', 'battery', '1')).toMatch(unknown);
    expect(await rowsIn(one)).toContain('1');
    expect(await rowsIn(other)).not.toContain('1');
    relay.cut();
    await eventually(async () => expect(await client.command('HSET', 'scooter:2', 'battery', '1')).toBe(':1\r\n'));
    expect(await rowsIn(other)).toContain('2');
  }, 30_000);

  it('are all on the new primary when the one that took them is killed', async () => {
    await using setup = await startSentinel();
    const places = setup.sentinels.map(({ host, port }) => `${host}:${port}`).join(',');
    // Nothing is written meanwhile: what is lost in the store is lost.
    const store = `redis+sentinel://${places}/${setup.name}/0`;
    await using scooters = await fleet(store, { minDelay: '1h', maxDelay: '1h', timeout: '3s' });
    await using node = await startNode(scooters.config);
    const load = new Load(node);
    const { accepted } = load;
    await eventually(() => expect(accepted.length).toBeGreaterThan(500), { timeoutMs: 20_000 });
    const before = await setup.primary();
    const replica = setup.nodes.find((one) => one !== before) as RedisServer;
    replica.freeze();
    await using direct = await connectRaw({ port: before.port });
    // More than the buffers in between hold: what is accepted now, only the primary has.
    for (let i = 0; i < 3; i++) await direct.command('SET', 'large', 'x'.repeat(16 * 1024 * 1024));
    await sleep(200);
    const atKill = accepted.length;
    await before.kill();
    replica.thaw();
    const now = await setup.failOver();
    await load.stop();
    expect(now.port).toBe(replica.port);
    expect(atKill).toBeGreaterThan(500);
    expect(load.refused).toBeGreaterThan(0);
    const rows = await rowsIn(now);
    expect(accepted.slice(0, atKill).filter((id) => !rows.has(id))).toEqual([]);
  }, 90_000);

  it('are all on the new primary when it changes places with the one that took them', async () => {
    await using setup = await startSentinel();
    const places = setup.sentinels.map(({ host, port }) => `${host}:${port}`).join(',');
    const store = `redis+sentinel://${places}/${setup.name}/0`;
    await using scooters = await fleet(store, { minDelay: '1h', maxDelay: '1h', timeout: '3s' });
    await using node = await startNode(scooters.config);
    const load = new Load(node);
    await eventually(() => expect(load.accepted.length).toBeGreaterThan(500), { timeoutMs: 20_000 });
    const before = await setup.primary();
    const now = await setup.switchOver();
    await setup.replicating(before);
    const changed = load.accepted.length;
    // The other way round it works, too.
    await eventually(() => expect(load.accepted.length).toBeGreaterThan(changed + 200), { timeoutMs: 20_000 });
    await load.stop();
    const rows = await rowsIn(now);
    expect(load.accepted.filter((id) => !rows.has(id))).toEqual([]);
  }, 90_000);

  it('wait for the replica of their node in a cluster', async () => {
    await using setup = await startCluster();
    const places = setup.nodes.slice(0, 3).map(({ host, port }) => `${host}:${port}`);
    await using scooters = await fleet(`redis+cluster://${places.join(',')}`, { timeout: '400ms', minDelay: '0' });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    const writes = Array.from({ length: 300 }, (_, i) => ['HSET', `scooter:${i}`, 'battery', '1']);
    await eventually(async () =>
      expect((await client.pipeline(writes)).filter((reply) => !reply.startsWith(':'))).toEqual([]),
    );
    setup.nodes[3]?.freeze();
    const replies = await client.pipeline(writes);
    setup.nodes[3]?.thaw();
    const fine = replies.filter((reply) => reply.startsWith(':')).length;
    expect(fine).toBeGreaterThan(50);
    expect(replies.filter((reply) => unknown.test(reply)).length).toBe(300 - fine);
    expect(fine).toBeLessThan(300);
    await eventually(async () =>
      expect((await client.pipeline(writes)).filter((reply) => !reply.startsWith(':'))).toEqual([]),
    );
  }, 60_000);

  it('are refused, not made, when too many wait', async () => {
    await using redis = await startPrimary();
    await using replica = await startReplica(redis);
    await using ports = openRedisPorts({ kind: 'standalone', endpoints: [redis], database: 0 });
    const barrier = new ReplicaBarrier(systemClock);
    const rows = new RedisDirtySet(ports.calls, barrier);
    const log = new RedisRecordLog(ports.calls, barrier);
    const wait = { replicas: 1, timeout: 20_000 };
    const put = (key: string): Promise<unknown> =>
      rows.put(
        'set',
        key,
        { kind: 'merge', fields: [{ do: 'set', field: 'a', value: '1' }] },
        { ack: 'replica', limit: 1e9, replica: wait },
      );
    replica.freeze();
    for (let i = 0; i < 16_384; i += 1024) {
      const some = await Promise.all(Array.from({ length: 1024 }, (_, at) => put(`${i + at}`)));
      expect(some).not.toContain(undefined);
    }
    expect(barrier.size).toBe(16_384);
    await expect(put('more')).rejects.toMatchObject({ code: 'OVERLOADED' });
    await expect(log.append('log', ['1'], { replica: wait })).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(await rows.read('set', 'more')).toBeUndefined();
    replica.thaw();
    await eventually(() => expect(barrier.size).toBe(0));
    expect(await log.append('log', ['1'], { replica: wait })).toBe(1);
    replica.freeze();
    const changed = (await put('last')) as { kept: Promise<void> };
    barrier.close();
    await expect(changed.kept).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
    replica.thaw();
  }, 60_000);
});
