import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { BufferedDirtySet } from '../../src/store/buffered/buffered-dirty-set.ts';
import { EmbeddedDirtySet } from '../../src/store/embedded/dirty-set.ts';
import { EmbeddedTurn } from '../../src/store/embedded/embedded-turn.ts';
import { nothingToCommit } from '../../src/store/engine/durability.ts';
import { openMemoryEngine } from '../../src/store/engine/durable-engine.ts';
import { RedisDirtySet } from '../../src/store/redis/dirty-set.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { openRedisPorts } from '../support/redis-ports.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { startSluiceProcess } from '../support/sluice-process.ts';
import { tempDir } from '../support/temp-dir.ts';

type WriteBehind = NonNullable<NonNullable<SluiceConfigInput['keyspaces']>[number]['writeBehind']>;

interface Fleet extends AsyncDisposable {
  readonly folder: string;
  readonly config: SluiceConfigInput;
  row(id: string): Record<string, unknown> | undefined;
  /** Batteries by scooter. */
  all(): Map<string, number>;
  rides(city: string): number | undefined;
}

/** Scooters and rides, accepted over Redis or beside it, written to SQLite. */
async function fleet(redis: RedisServer, settings: Partial<WriteBehind> = {}): Promise<Fleet> {
  const folder = await tempDir();
  const file = join(folder.path, 'fleet.db');
  const database = new DatabaseSync(file);
  database.exec(
    `pragma journal_mode = wal;
     create table scooters (id text primary key, battery integer, note text, sluice_version integer);
     create table cities (city text primary key, rides integer, sluice_version integer);`,
  );
  const common = { sink: 'fleet', buffer: 'local', minDelay: '20ms', maxDelay: '50ms', timeout: '2s' } as const;
  return {
    folder: folder.path,
    config: {
      http: '127.0.0.1:0',
      resp: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      store: `redis://${redis.host}:${redis.port}`,
      data: join(folder.path, 'data'),
      upstream: { retryFor: '200ms', timeout: '2s' },
      connections: { fleet: { url: `sqlite:${file}` } },
      keyspaces: [
        {
          match: 'scooter:*',
          writeBehind: { ...common, table: 'scooters', key: 'id', columns: ['battery', 'note'], ...settings },
        },
        {
          match: 'rides:*',
          writeBehind: { ...common, shape: 'counter', table: 'cities', key: 'city', columns: ['rides'] },
        },
      ],
    },
    row: (id) =>
      database.prepare('select battery, note from scooters where id = ?').get(id) as
        | Record<string, unknown>
        | undefined,
    all: () =>
      new Map(
        (database.prepare('select id, battery from scooters').all() as { id: string; battery: number }[]).map(
          ({ id, battery }) => [id, Number(battery)],
        ),
      ),
    rides: (city) => {
      const row = database.prepare('select rides from cities where city = ?').get(city);
      return row === undefined ? undefined : Number((row as { rides: number }).rides);
    },
    async [Symbol.asyncDispose]() {
      database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));
const connect = ({ resp }: Pick<TestNode, 'resp'>): Promise<RawResp> => connectRaw({ port: portOf(resp) });

/** What the node tells of a keyspace. */
async function statusOf({ admin }: TestNode, keyspace: string): Promise<Record<string, unknown>> {
  const response = await fetch(`http://${admin}/api/write-behind`);
  const { keyspaces } = (await response.json()) as { keyspaces: Record<string, unknown>[] };
  return keyspaces.find((one) => one['keyspace'] === keyspace) ?? {};
}

/** Each writer has keys of its own: most are written once, so that no later change hides a loss, some all the time. */
class Writers {
  /** The last of each key that was accepted. */
  readonly accepted = new Map<string, number>();
  /** Those that may have been, since. */
  readonly doubtful = new Map<string, Set<number>>();
  readonly added = { accepted: 0, doubtful: 0 };
  /** Answers that were no acceptance, each once. */
  readonly errors = new Set<string>();
  #next = 0;
  #over = false;
  readonly #all: Promise<void>[];

  constructor(count: number, connectTo: () => Promise<RawResp>) {
    this.#all = Array.from({ length: count }, (_, writer) => this.#run(writer, connectTo));
  }

  get size(): number {
    return this.accepted.size;
  }

  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#all);
  }

  check(rows: ReadonlyMap<string, number>, rides: number | undefined): void {
    const wrong = [...this.accepted].filter(([id, value]) => {
      const row = rows.get(id);
      return row !== value && (row === undefined || this.doubtful.get(id)?.has(row) !== true);
    });
    expect(wrong).toEqual([]);
    expect(rides).toBeGreaterThanOrEqual(this.added.accepted);
    expect(rides).toBeLessThanOrEqual(this.added.accepted + this.added.doubtful);
  }

  async #run(writer: number, connectTo: () => Promise<RawResp>): Promise<void> {
    let client: RawResp | undefined;
    while (!this.#over) {
      const writes = Array.from({ length: 10 }, (_, i) => ({
        id: i < 8 ? `once-${this.#next}-${writer}-${i}` : `hot-${writer}-${i}`,
        value: ++this.#next,
      }));
      const replies: string[] = [];
      try {
        client ??= await connectTo();
        for (const { id, value } of writes) client.send('HSET', `scooter:${id}`, 'battery', String(value));
        client.send('INCRBY', 'rides:oslo', '1');
        for (let i = 0; i <= writes.length; i++) replies.push(await client.next(20_000));
      } catch {
        await client?.close();
        client = undefined;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      for (const [i, { id, value }] of writes.entries()) this.#note(id, value, replies[i]);
      this.#count(replies[writes.length]);
    }
    await client?.close();
  }

  #note(id: string, value: number, reply: string | undefined): void {
    if (reply?.startsWith(':') === true) {
      this.accepted.set(id, value);
      this.doubtful.delete(id);
    } else if (isUnknown(reply)) {
      const before = this.doubtful.get(id) ?? new Set();
      this.doubtful.set(id, before.add(value));
    } else {
      this.errors.add(reply ?? '');
    }
  }

  #count(reply: string | undefined): void {
    if (reply?.startsWith(':') === true) this.added.accepted++;
    else if (isUnknown(reply)) this.added.doubtful++;
    else this.errors.add(reply ?? '');
  }
}

function isUnknown(reply: string | undefined): boolean {
  return reply === undefined || reply.includes('UNKNOWN');
}

describe.skipIf(findProgram('redis-server') === undefined)('rows of a node whose Redis is away', () => {
  it('are accepted, read, and passed on when it is back', async () => {
    await using redis = await startRedis({ keeps: 'writes' });
    await using scooters = await fleet(redis);
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await client.command('HSET', 'scooter:1', 'battery', '90', 'note', 'old');
    await client.command('HSET', 'scooter:2', 'battery', '80', 'note', 'old');
    await client.command('HSET', 'scooter:3', 'battery', '70');
    await client.command('INCRBY', 'rides:oslo', '5');
    await eventually(() => expect([scooters.rides('oslo'), scooters.all().size]).toEqual([5, 3]));
    await eventually(async () => expect(await statusOf(node, 'scooter:*')).toMatchObject({ pending: 0 }));
    await redis.kill();
    expect(await client.command('HSET', 'scooter:1', 'battery', '89')).toBe(':1\r\n');
    expect(await client.command('HSET', 'scooter:1', 'battery', '88')).toBe(':0\r\n');
    expect(await client.command('HINCRBY', 'scooter:1', 'battery', '-1')).toBe(':87\r\n');
    expect(await client.command('HGET', 'scooter:1', 'battery')).toBe('$2\r\n87\r\n');
    expect(await client.command('HINCRBY', 'scooter:4', 'battery', '1'), 'nobody knows what it is').toMatch(/^-/);
    expect(await client.command('HGET', 'scooter:4', 'battery')).toMatch(/^-/);
    expect(await client.command('SET', 'scooter:2', '{"battery":1}')).toBe('+OK\r\n');
    expect(await client.command('HDEL', 'scooter:2', 'battery')).toBe(':1\r\n');
    expect(await client.command('HSET', 'scooter:2', 'note', 'new')).toBe(':1\r\n');
    expect(await client.command('HGETALL', 'scooter:2')).toBe('*2\r\n$4\r\nnote\r\n$3\r\nnew\r\n');
    expect(await client.command('DEL', 'scooter:3')).toMatch(/^:/);
    expect(await client.command('HGET', 'scooter:3', 'battery')).toBe('$-1\r\n');
    for (let i = 0; i < 10; i++) expect(await client.command('INCRBY', 'rides:oslo', '1')).toMatch(/^:/);
    const status = await statusOf(node, 'scooter:*');
    expect(status).toMatchObject({ buffered: 3, pending: 3 });
    expect(status['alarms']).toContainEqual({
      alarm: 'buffered',
      text: '3 rows are on this node alone, until the store has them',
    });
    const metrics = await (await fetch(`http://${node.admin}/metrics`)).text();
    expect(metrics).toContain('sluice_write_behind_buffered{keyspace="scooter:*"} 3');
    await redis.restart();
    await eventually(
      () => {
        expect(scooters.row('1')).toEqual({ battery: 87, note: 'old' });
        expect(scooters.row('2')).toEqual({ battery: null, note: 'new' });
        expect(scooters.row('3')).toBeUndefined();
        expect(scooters.rides('oslo')).toBe(15);
      },
      { timeoutMs: 10_000 },
    );
    expect(await client.command('GET', 'rides:oslo')).toBe('$2\r\n15\r\n');
    expect(await client.command('HINCRBY', 'scooter:1', 'battery', '1')).toBe(':88\r\n');
    await eventually(() => expect(scooters.row('1')?.['battery']).toBe(88));
    expect(await statusOf(node, 'scooter:*')).toMatchObject({ buffered: 0, alarms: [] });
  }, 60_000);

  it('are bounded together with those in Redis', async () => {
    await using redis = await startRedis({ keeps: 'writes' });
    await using scooters = await fleet(redis, { maxPending: 32 });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await redis.kill();
    const replies: string[] = [];
    for (let i = 0; i < 40; i++) replies.push(await client.command('HSET', `scooter:${i}`, 'battery', '1'));
    expect(replies.filter((reply) => reply.startsWith(':'))).toHaveLength(32);
    expect(replies.at(-1)).toContain('SLUICE_OVERLOADED');
    expect(await client.command('HSET', 'scooter:0', 'battery', '2'), 'those that wait can change on').toBe(':0\r\n');
    await redis.restart();
    await eventually(() => expect(scooters.all().size).toBe(32), { timeoutMs: 10_000 });
    await eventually(async () => expect(await client.command('HSET', 'scooter:39', 'battery', '1')).toBe(':1\r\n'));
  }, 60_000);

  it('are accepted while Redis takes no writes', async () => {
    await using redis = await startRedis({ keeps: 'writes' });
    await using scooters = await fleet(redis);
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await using operator = await connectRaw({ port: redis.port });
    await operator.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
    expect(await client.command('HSET', 'scooter:1', 'battery', '5')).toBe(':1\r\n');
    expect(await client.command('INCRBY', 'rides:oslo', '2')).toBe(':2\r\n');
    expect(await statusOf(node, 'scooter:*')).toMatchObject({ buffered: 1 });
    await operator.command('CONFIG', 'SET', 'min-replicas-to-write', '0');
    await eventually(() => expect([scooters.row('1')?.['battery'], scooters.rides('oslo')]).toEqual([5, 2]), {
      timeoutMs: 20_000,
    });
  }, 60_000);

  it('outlive kill -9 of Redis, and of the node while Redis is away', async () => {
    await using redis = await startRedis({ keeps: 'writes' });
    await using scooters = await fleet(redis);
    const file = join(scooters.folder, 'sluice.json');
    await writeFile(file, JSON.stringify(scooters.config));
    const commandLine = ['start', '--config', file];
    let node = await startSluiceProcess({ commandLine });
    const writers = new Writers(8, () => connectRaw({ port: node.resp.port }));
    const more = async (keys: number): Promise<void> => {
      const before = writers.size;
      await eventually(() => expect(writers.size).toBeGreaterThan(before + keys), { timeoutMs: 20_000 });
    };
    try {
      for (let round = 0; round < 2; round++) {
        await more(300);
        await redis.kill();
        await more(300);
        await node.kill('SIGKILL');
        node = await startSluiceProcess({ commandLine });
        await more(300);
        await redis.restart();
        await more(300);
      }
      await writers.stop();
      expect([...writers.errors].filter((error) => !error.startsWith('-LOADING'))).toEqual([]);
      await eventually(() => writers.check(scooters.all(), scooters.rides('oslo')), {
        timeoutMs: 30_000,
        intervalMs: 200,
      });
    } finally {
      await writers.stop();
      await node.kill('SIGKILL');
    }
  }, 120_000);

  it('are left in the data folder at the end, and the exit status says so', async () => {
    await using redis = await startRedis({ keeps: 'writes' });
    await using scooters = await fleet(redis);
    const file = join(scooters.folder, 'sluice.json');
    await writeFile(file, JSON.stringify(scooters.config));
    const commandLine = ['start', '--config', file];
    const node = await startSluiceProcess({ commandLine });
    await redis.kill();
    const client = await connectRaw({ port: node.resp.port });
    expect(await client.command('HSET', 'scooter:1', 'battery', '5')).toBe(':1\r\n');
    await client.close();
    expect(await node.kill('SIGTERM'), node.output()).toBe(3);
    await redis.restart();
    await using next = await startSluiceProcess({ commandLine });
    await eventually(() => expect(scooters.row('1')?.['battery']).toBe(5), { timeoutMs: 10_000 });
    expect(await next.kill('SIGTERM'), next.output()).toBe(0);
  }, 60_000);

  it('are passed on when there is no memory for more', async () => {
    await using redis = await startRedis();
    await using ports = openRedisPorts({
      kind: 'standalone',
      endpoints: [{ host: redis.host, port: redis.port }],
      database: 0,
    });
    const { engine } = openMemoryEngine({ clock: systemClock, random: Math.random, maxBytes: 2 ** 20 });
    const buffer = new EmbeddedDirtySet(new EmbeddedTurn(engine, nothingToCommit));
    const rows = new BufferedDirtySet({
      remote: new RedisDirtySet(ports.calls),
      buffer,
      sets: new Map([
        ['rows', { counts: false }],
        ['sums', { counts: true }],
      ]),
      clock: systemClock,
      random: Math.random,
      onRefused: () => undefined,
    });
    const fill = async (set: string, what: 'set' | 'count'): Promise<void> => {
      for (let i = 0; i < 100_000; i++) {
        const change = what === 'set' ? { do: what, field: 'n', value: '1' } : { do: what, field: 'n', by: 1 };
        await buffer.put(set, `k${i}`, { kind: 'merge', fields: [change] }, { ack: 'store', limit: 1e6 });
      }
    };
    await expect(fill('sums', 'count')).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
    await expect(fill('rows', 'set')).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
    rows.start('node');
    await eventually(() => expect(rows.held('sums').rows).toBe(0), { timeoutMs: 10_000 });
    await rows.close(AbortSignal.timeout(1000));
  }, 60_000);

  it('are added once, though nobody heard that they were', async () => {
    await using redis = await startRedis();
    await using ports = openRedisPorts({
      kind: 'standalone',
      endpoints: [{ host: redis.host, port: redis.port }],
      database: 0,
    });
    const remote = new RedisDirtySet(ports.calls);
    const { engine } = openMemoryEngine({ clock: systemClock, random: Math.random, maxBytes: 2 ** 24 });
    const buffer = new EmbeddedDirtySet(new EmbeddedTurn(engine, nothingToCommit));
    const refused: unknown[] = [];
    const rows = new BufferedDirtySet({
      remote,
      buffer,
      sets: new Map([['s', { counts: true }]]),
      clock: systemClock,
      random: Math.random,
      onRefused: (...all) => refused.push(all),
    });
    const sumOf = async (key: string): Promise<string | undefined> => (await remote.read('s', key))?.fields.get('n');
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    const add = { kind: 'merge', fields: [{ do: 'count', field: 'n', by: 1 }] } as const;
    // The server has the script.
    await remote.pass('s', 'other', add, { mark: 'm', number: 1 });
    for (const key of keys) await buffer.put('s', key, add, { ack: 'store', limit: 1000 });
    expect((await rows.read('s', 'k0'))?.fields.get('n')).toBe('1');
    // What is sent now waits in the connection, which is given up before the server reads it.
    redis.freeze();
    rows.start('node');
    await eventually(() => expect(ports.upstream.nodes[0]?.state).not.toBe('up'), { timeoutMs: 10_000 });
    redis.thaw();
    await eventually(() => expect(rows.held('s').rows).toBe(0), { timeoutMs: 10_000 });
    await rows.close(AbortSignal.timeout(1000));
    for (const key of keys) expect(await sumOf(key), key).toBe('1');
    expect(refused).toEqual([]);
  }, 60_000);
});

describe('buffer: local', () => {
  const problems = (config: SluiceConfigInput): string => {
    try {
      parseConfig(config, { cwd: process.cwd(), memoryBytes: 8 * 1024 ** 3, env: {} });
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const config = (settings: Record<string, unknown>, others: SluiceConfigInput = {}): SluiceConfigInput => ({
    store: 'redis://127.0.0.1:1',
    connections: { fleet: { url: 'sqlite:./fleet.db' } },
    keyspaces: [
      {
        match: 'a:*',
        writeBehind: { sink: 'fleet', table: 't', key: 'id', columns: ['n'], buffer: 'local', ...settings },
      },
    ],
    ...others,
  });

  it.each([
    ['records', config({ shape: 'record' }), 'local is not for records'],
    ['writes through', config({ onFull: 'through' }), 'local is not for onFull: through'],
    ['replicas', config({ ack: 'replica' }), 'local is not for ack: replica'],
    ['the embedded store', config({}, { store: 'embedded' }), 'local is for Redis stores'],
    ['what is not durable', config({}, { durability: 'memory' }), 'local needs durability: commit or fsync'],
  ])('is refused for %s', (_, refused, message) => {
    expect(problems(refused)).toContain(message);
    expect(problems(config({}))).toBe('');
  });
});
