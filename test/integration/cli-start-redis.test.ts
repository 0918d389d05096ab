import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { runCli } from '../support/run-cli.ts';
import { type SluiceProcess, startSluiceProcess } from '../support/sluice-process.ts';

const freePorts = { SLUICE_RESP: '127.0.0.1:0', SLUICE_ADMIN: '127.0.0.1:0' };

/** A command line as a whole, on free ports where it names none. */
function run(commandLine: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<SluiceProcess> {
  return startSluiceProcess({ commandLine, env: { ...freePorts, ...env } });
}

function read({ http }: SluiceProcess, path: string): Promise<Response> {
  return fetch(`http://${http.host}:${http.port}${path}`);
}

/** The value of the sample without labels. */
async function metric({ admin }: SluiceProcess, name: string): Promise<number> {
  const text = await (await fetch(`http://${admin.host}:${admin.port}/metrics`)).text();
  const sample = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
  if (sample === undefined) throw new Error(`no ${name} in ${text.slice(0, 500)}`);
  return Number(sample);
}

async function set({ port }: RedisServer, key: string, value: string): Promise<void> {
  await using client = await connectRaw({ port });
  expect(await client.command('SET', key, value)).toBe('+OK\r\n');
}

/** GETs the server has answered. */
async function gets({ port }: RedisServer): Promise<number> {
  await using client = await connectRaw({ port });
  return Number(/cmdstat_get:calls=(\d+)/.exec(await client.command('INFO', 'commandstats'))?.[1] ?? 0);
}

describe('the command lines of a caching proxy', () => {
  const long = (redis: RedisServer): string[] => [
    'start',
    '--redis',
    `localhost:${redis.port}`,
    '--http',
    'localhost:0',
  ];
  const short = (redis: RedisServer): string[] => ['-redis', `localhost:${redis.port}`, '-http', 'localhost:0'];

  it.each([
    ['--', long],
    ['-', short],
  ] as const)('%sredis … reads over HTTP and RESP what was written to the server', async (dash, base) => {
    await using redis = await startRedis();
    await set(redis, 'greeting', 'hello');
    const limits = [`${dash}expire`, '2m', `${dash}capacity`, '1000', `${dash}redis-ops-limit`, '64'];
    await using sluice = await run([...base(redis), ...limits]);
    const first = await read(sluice, '/greeting');
    expect([first.status, await first.text()]).toEqual([200, 'hello']);
    const second = await read(sluice, '/greeting');
    expect(await second.text()).toBe('hello');
    expect(second.headers.get('Cache-Status')).toMatch(/^sluice; hit/);
    await set(redis, 'greeting', 'new');
    await eventually(async () => expect(await (await read(sluice, '/greeting')).text()).toBe('new'));
    await using client = await connectRaw({ port: sluice.resp.port });
    expect(await client.command('GET', 'greeting')).toBe('$3\r\nnew\r\n');
    expect((await read(sluice, '/missing')).status).toBe(404);
    expect(sluice.output()).not.toMatch(/warning/);
    expect(await sluice.kill()).toBe(0);
  });

  it('takes = between flag and value, and an address with a name, a password and a database', async () => {
    await using redis = await startRedis({ args: ['--requirepass', 'p@ss'] });
    await using client = await connectRaw({ port: redis.port });
    await client.pipeline([
      ['AUTH', 'p@ss'],
      ['SELECT', '3'],
      ['SET', 'k', 'v'],
    ]);
    await using sluice = await run([`-redis=redis://:p%40ss@localhost:${redis.port}/3`, '-http=localhost:0']);
    expect(await (await read(sluice, '/k')).text()).toBe('v');
    expect(sluice.output()).not.toMatch(/p@ss|p%40ss/);
  });

  it('--expire drops what nobody has read for so long, and keeps what is read', async () => {
    await using redis = await startRedis();
    await set(redis, 'idle', 'a');
    await set(redis, 'busy', 'b');
    await using sluice = await run([...long(redis), '--expire', '500ms']);
    for (const key of ['idle', 'busy']) await read(sluice, `/${key}`);
    const before = await gets(redis);
    const end = Date.now() + 1500;
    while (Date.now() < end) {
      await read(sluice, '/busy');
      await sleep(50);
    }
    expect(await gets(redis)).toBe(before);
    await read(sluice, '/idle');
    expect(await gets(redis)).toBeGreaterThan(before);
  });

  it('--capacity bounds the keys kept', async () => {
    await using redis = await startRedis();
    await using client = await connectRaw({ port: redis.port });
    const keys = Array.from({ length: 500 }, (_, i) => `k${i}`);
    await client.pipeline(keys.map((key) => ['SET', key, 'v']));
    await using sluice = await run([...long(redis), '--capacity', '100']);
    await using reader = await connectRaw({ port: sluice.resp.port });
    const replies = await reader.pipeline(keys.map((key) => ['GET', key]));
    expect(new Set(replies)).toEqual(new Set(['$1\r\nv\r\n']));
    const kept = await metric(sluice, 'sluice_cache_entries');
    expect(kept).toBeGreaterThan(50);
    expect(kept).toBeLessThanOrEqual(100);
  });

  it('--redis-ops-limit bounds the commands under way, and loses none', async () => {
    await using redis = await startRedis();
    await using sluice = await run([...long(redis), '--redis-ops-limit', '2']);
    await using client = await connectRaw({ port: sluice.resp.port });
    const replies = await client.pipeline(Array.from({ length: 300 }, () => ['INCR', 'n']));
    expect(replies.at(-1)).toBe(':300\r\n');
  });

  it('-h prints the flags of the program', async () => {
    const { status, stdout, stderr } = await runCli(['-h']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.toString()).toContain('sluice start --redis redis.example.com:6379');
    const start = await runCli(['start', '-h']);
    for (const flag of [
      '--redis <server>',
      '--http <address>',
      '--expire <duration>',
      '--capacity <keys>',
      '--redis-ops-limit <commands>',
    ])
      expect(start.stdout.toString()).toContain(flag);
  });

  it('warns of what does nothing', async () => {
    await using redis = await startRedis();
    await using sluice = await run([...long(redis), '--durability', 'fsync']);
    expect(sluice.output()).toContain('warning: --durability: has no effect: keys are kept by redis://localhost:');
  });

  it('goes on starting while the server is away, and serves when it comes', { timeout: 30_000 }, async () => {
    await using redis = await startRedis({ keeps: 'writes' });
    await set(redis, 'k', 'v');
    await redis.kill();
    await using sluice = await run([...long(redis)]);
    expect((await read(sluice, '/k')).status).toBe(503);
    await redis.restart();
    await eventually(async () => expect((await read(sluice, '/k')).status).toBe(200), { timeoutMs: 10_000 });
  });

  it('sets up the server only when asked to', async () => {
    await using redis = await startRedis();
    const memory = async (): Promise<string> => {
      await using client = await connectRaw({ port: redis.port });
      return (
        await client.pipeline([
          ['CONFIG', 'GET', 'maxmemory'],
          ['CONFIG', 'GET', 'maxmemory-policy'],
        ])
      ).join('');
    };
    const untouched = await memory();
    await using plain = await run([...long(redis)], { SLUICE_CACHE_MAX_BYTES: '1MiB', SLUICE_CACHE_POLICY: 'lru' });
    expect((await read(plain, '/k')).status).toBe(404);
    expect(await memory()).toBe(untouched);
    await using asking = await run([...long(redis)], {
      SLUICE_CACHE_SERVER_MAX_MEMORY: '32MiB',
      SLUICE_CACHE_SERVER_MAX_MEMORY_POLICY: 'allkeys-lfu',
    });
    expect((await read(asking, '/k')).status).toBe(404);
    await eventually(async () => expect(await memory()).toMatch(/33554432[\s\S]*allkeys-lfu/));
  });

  it('reads on when the server has no memory for writes', async () => {
    await using redis = await startRedis();
    await set(redis, 'k', 'v');
    await using client = await connectRaw({ port: redis.port });
    await client.command('CONFIG', 'SET', 'maxmemory', '1');
    await using sluice = await run([...long(redis)]);
    for (const hit of [false, true]) {
      const answer = await read(sluice, '/k');
      expect([answer.status, await answer.text()]).toEqual([200, 'v']);
      expect(answer.headers.get('Cache-Status')).toMatch(hit ? /hit/ : /fwd=miss/);
    }
    await using writer = await connectRaw({ port: sluice.resp.port });
    expect(await writer.command('SET', 'k', 'w')).toMatch(/^-OOM /);
    expect(await writer.command('GET', 'k')).toBe('$1\r\nv\r\n');
  });
});
