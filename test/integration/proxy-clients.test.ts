import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { createClient, RESP_TYPES } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { findProgram } from '../support/programs.ts';
import { type ProxyFace, startProxyFace } from '../support/proxy-face.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

// What the suites of clients-*.test.ts, which run over a server as well, do not use: it needs a server behind.

const python = findProgram('python3-redis');
const BIG = 16 * 2 ** 20;
const SCRIPT = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";

let redis: RedisServer;
let proxy: ProxyFace;

beforeAll(async () => {
  redis = await startRedis();
  proxy = await startProxyFace({ port: redis.port, cache: {} });
});

afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

async function nodeRedis(protocol: 2 | 3, options: object = {}) {
  const client = createClient({ socket: { host: '127.0.0.1', port: proxy.port }, RESP: protocol, ...options });
  client.on('error', () => undefined);
  await client.connect();
  return Object.assign(client, {
    [Symbol.asyncDispose]: async () => {
      if (client.isOpen) client.destroy();
    },
  });
}

function ioredis(protocol: 2 | 3): Redis & AsyncDisposable {
  const client = new Redis({ host: '127.0.0.1', port: proxy.port, protocol });
  client.on('error', () => undefined);
  return Object.assign(client, { [Symbol.asyncDispose]: async () => client.disconnect() });
}

describe.each([2, 3] as const)('node-redis over RESP%d', (protocol) => {
  const key = (name: string): string => `proxy:node-redis:${protocol}:${name}`;

  test('runs scripts by text and by digest', async () => {
    await using client = await nodeRedis(protocol);
    const sha = await client.scriptLoad(SCRIPT);
    const options = { keys: [key('n')], arguments: ['x'] };
    expect(await client.eval(SCRIPT, options)).toEqual([key('n'), 'x', 1]);
    expect(await client.get(key('n'))).toBe('1');
    expect(await client.evalSha(sha, options)).toEqual([key('n'), 'x', 2]);
    expect(await client.get(key('n'))).toBe('2');
    await expect(client.evalSha('0'.repeat(40), options)).rejects.toThrow('NOSCRIPT');
  });

  test('reads a stream as a group, waiting for what is not there yet', async () => {
    await using client = await nodeRedis(protocol);
    await using producer = await nodeRedis(protocol);
    await client.xGroupCreate(key('s'), 'g', '0', { MKSTREAM: true });
    const read = () => client.xReadGroup('g', 'me', { key: key('s'), id: '>' }, { BLOCK: 5000, COUNT: 10 });
    for (let i = 1; i <= 5; i++) {
      const waiting = read();
      await producer.xAdd(key('s'), `${i}-1`, { n: `${i}` });
      expect(JSON.stringify(await waiting)).toContain(`"${i}-1"`);
      expect(await client.xAck(key('s'), 'g', `${i}-1`)).toBe(1);
    }
    expect(await client.xReadGroup('g', 'me', { key: key('s'), id: '>' }, { BLOCK: 20 })).toBeNull();
    expect((await client.xPending(key('s'), 'g')).pending).toBe(0);
  });

  test('uses another database', async () => {
    await using client = await nodeRedis(protocol, { database: 5 });
    await using home = await nodeRedis(protocol);
    await home.set(key('db'), 'zero');
    await client.set(key('db'), 'five');
    expect(await home.get(key('db'))).toBe('zero');
    expect(await client.get(key('db'))).toBe('five');
    await client.select(0);
    expect(await client.get(key('db'))).toBe('zero');
    expect(await client.multi().get(key('db')).select(5).get(key('db')).exec()).toEqual(['zero', 'OK', 'five']);
  });

  test('carries values of 16 MiB, also many at a time', async () => {
    await using client = await nodeRedis(protocol);
    const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    const big = Buffer.alloc(BIG, '\r\n$5\0\xff', 'latin1');
    await client.set(key('big'), big);
    expect(big.equals((await binary.get(key('big'))) as Buffer)).toBe(true);
    const many = await Promise.all(Array.from({ length: 6 }, () => binary.get(key('big'))));
    for (const one of many) expect(big.equals(one as Buffer)).toBe(true);
    await client.del(key('big'));
  });

  test('watches, blocks and pipelines side by side', async () => {
    await using client = await nodeRedis(protocol);
    await using other = await nodeRedis(protocol);
    const rounds = Array.from({ length: 100 }, async (_, i) => {
      const [set, value] = await Promise.all([client.set(key(`p${i}`), `${i}`), client.get(key(`p${i}`))]);
      expect([set, value]).toEqual(['OK', `${i}`]);
      expect(
        await client
          .multi()
          .incr(key('m'))
          .get(key(`p${i}`))
          .exec(),
      ).toEqual([expect.any(Number), `${i}`]);
    });
    const popped = other.blPop(key('l'), 10);
    await Promise.all(rounds);
    await client.rPush(key('l'), 'x');
    expect(await popped).toEqual({ key: key('l'), element: 'x' });
    expect(await client.get(key('m'))).toBe('100');
  });

  test('sees every command as it is run', async () => {
    await using client = await nodeRedis(protocol);
    await using watcher = await nodeRedis(protocol);
    const lines: string[] = [];
    await watcher.monitor((line) => void lines.push(String(line)));
    await client.set(key('monitored'), 'yes');
    await eventually(() => expect(lines.some((line) => line.includes(key('monitored')))).toBe(true));
  });
});

test('node-redis keeps a cache of its own that the server tells of changes', async () => {
  await using client = await nodeRedis(3, { clientSideCache: { ttl: 0, maxEntries: 100, evictPolicy: 'LRU' } });
  await using direct = await connectRaw({ port: redis.port });
  await using other = await nodeRedis(3);
  await other.set('proxy:csc', 'one');
  expect(await client.get('proxy:csc')).toBe('one');
  const calls = async (): Promise<string> =>
    /cmdstat_get:calls=\d+/.exec(await direct.command('INFO', 'commandstats'))?.[0] ?? '';
  const before = await calls();
  for (let i = 0; i < 20; i++) expect(await client.get('proxy:csc')).toBe('one');
  expect(await calls()).toBe(before);
  await direct.command('SET', 'proxy:csc', 'two');
  await eventually(async () => expect(await client.get('proxy:csc')).toBe('two'));
  await other.set('proxy:csc', 'three');
  await eventually(async () => expect(await client.get('proxy:csc')).toBe('three'));
});

describe.each([2, 3] as const)('ioredis over RESP%d', (protocol) => {
  const key = (name: string): string => `proxy:ioredis:${protocol}:${name}`;

  test('runs scripts it defines', async () => {
    await using client = ioredis(protocol);
    client.defineCommand('bump', { numberOfKeys: 1, lua: `${SCRIPT} -- ${protocol}` });
    const bump = (client as unknown as { bump(...words: string[]): Promise<unknown> }).bump.bind(client);
    expect(await bump(key('n'), 'x')).toEqual([key('n'), 'x', 1]);
    expect(await bump(key('n'), 'y')).toEqual([key('n'), 'y', 2]);
    const replies = await client.pipeline().get(key('n')).evalsha('0'.repeat(40), 0).get(key('n')).exec();
    expect(replies?.map(([error, value]) => error?.message.slice(0, 8) ?? value)).toEqual(['2', 'NOSCRIPT', '2']);
  });

  test('reads streams and blocks on them', async () => {
    await using client = ioredis(protocol);
    await using producer = ioredis(protocol);
    const read = client.xread('BLOCK', 5000, 'STREAMS', key('s'), '$');
    // It has to wait by then.
    await eventually(async () => expect(await producer.info('clients')).toMatch(/blocked_clients:[1-9]/));
    await producer.xadd(key('s'), '7-1', 'f', 'v');
    expect(JSON.stringify(await read)).toContain('7-1');
  });

  test('carries 16 MiB and monitors', async () => {
    await using client = ioredis(protocol);
    const big = Buffer.alloc(BIG, 7);
    await client.set(key('big'), big);
    expect(big.equals((await client.getBuffer(key('big'))) as Buffer)).toBe(true);
    await client.del(key('big'));
    const monitor = await client.monitor();
    const line = once(monitor, 'monitor');
    await client.set(key('seen'), 'yes');
    expect((await line)[1]).toEqual(['set', key('seen'), 'yes']);
    monitor.disconnect();
  });
});

test('a hundred subscribers get every message, in order', async () => {
  await using wide = await startProxyFace({ port: redis.port, settings: { dedicated: 128 } });
  const subscribers = await Promise.all(Array.from({ length: 100 }, () => connectRaw({ port: wide.port })));
  await using publisher = await connectRaw({ port: wide.port });
  try {
    for (const [i, subscriber] of subscribers.entries()) {
      if (i % 2 === 1) await subscriber.command('HELLO', '3');
      subscriber.send('SUBSCRIBE', 'all');
      expect(await (i % 2 === 1 ? subscriber.nextPush() : subscriber.next())).toContain('subscribe');
    }
    const count = 200;
    const reached = await publisher.pipeline(Array.from({ length: count }, (_, n) => ['PUBLISH', 'all', `${n}`]));
    expect(new Set(reached)).toEqual(new Set([':100\r\n']));
    for (const [i, subscriber] of subscribers.entries()) {
      for (let n = 0; n < count; n++) {
        const message = await (i % 2 === 1 ? subscriber.nextPush() : subscriber.next());
        expect(message.split('\r\n').at(-2)).toBe(`${n}`);
      }
    }
    expect(wide.upstream.nodes[0]?.dedicated).toBe(100);
  } finally {
    await Promise.all(subscribers.map((subscriber) => subscriber.close()));
  }
  await eventually(() => expect(wide.upstream.nodes[0]?.dedicated).toBe(0));
});

test.skipIf(python === undefined)('redis-py, sync and asyncio: scripts, streams, databases, big values', async () => {
  const source = `
import asyncio, sys, threading
import redis, redis.asyncio
port = int(sys.argv[1])
r = redis.Redis(port=port)
script = r.register_script("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
assert script(keys=['proxy:py:n'], args=['x']) == [b'proxy:py:n', b'x', 1]
assert script(keys=['proxy:py:n'], args=['x']) == [b'proxy:py:n', b'x', 2]
assert r.get('proxy:py:n') == b'2'
r.xgroup_create('proxy:py:s', 'g', '0', mkstream=True)
threading.Timer(0.1, lambda: r.xadd('proxy:py:s', {'a': 'b'}, id='5-1')).start()
read = r.xreadgroup('g', 'me', {'proxy:py:s': '>'}, block=5000)
assert read[0][1][0] == (b'5-1', {b'a': b'b'}), read
assert r.xack('proxy:py:s', 'g', '5-1') == 1
five = redis.Redis(port=port, db=5)
five.set('proxy:py:db', 'five')
assert r.get('proxy:py:db') is None and five.get('proxy:py:db') == b'five'
big = b'\\r\\n$5\\x00\\xff' * (${BIG} // 6)
r.set('proxy:py:big', big)
assert r.get('proxy:py:big') == big
r.delete('proxy:py:big')
with r.monitor() as m:
    r.set('proxy:py:seen', 'yes')
    assert any('proxy:py:seen' in line['command'] for line, _ in zip(m.listen(), range(20)))

async def main():
    a = redis.asyncio.Redis(port=port)
    async def one(i):
        async with a.pipeline(transaction=True) as pipe:
            assert await pipe.set(f'proxy:py:{i}', i).get(f'proxy:py:{i}').execute() == [True, str(i).encode()]
        assert await a.get(f'proxy:py:{i}') == str(i).encode()
        await a.rpush('proxy:py:l', i)
        return await a.blpop('proxy:py:l', timeout=5)
    popped = await asyncio.gather(*(one(i) for i in range(40)))
    assert sorted(int(v) for _, v in popped) == list(range(40))
    pubsub = a.pubsub()
    await pubsub.subscribe('proxy:py:c')
    assert (await pubsub.get_message(timeout=5))['type'] == 'subscribe'
    await a.publish('proxy:py:c', 'hello')
    assert (await pubsub.get_message(timeout=5))['data'] == b'hello'
    await pubsub.unsubscribe()
    await a.aclose() if hasattr(a, 'aclose') else await a.close()
asyncio.run(main())
print('done')
`;
  const { stdout } = await promisify(execFile)(python ?? '', ['-c', source, `${proxy.port}`], { timeout: 30_000 });
  expect(stdout.trim()).toBe('done');
});
