import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNodeUnderTest } from '../support/node-under-test.ts';
import { type SluiceProcess, startSluiceProcess } from '../support/sluice-process.ts';
import { tempDir } from '../support/temp-dir.ts';

let sluice: SluiceProcess;

beforeAll(async () => {
  sluice = await startNodeUnderTest();
});

afterAll(async () => {
  await sluice?.[Symbol.asyncDispose]();
});

async function connected(protocol: 2 | 3, port = sluice.resp.port): Promise<Redis & AsyncDisposable> {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    protocol,
    lazyConnect: true,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
  });
  // Told of every lost connection; what matters is what the commands answer.
  redis.on('error', () => {});
  await redis.connect();
  return Object.assign(redis, {
    [Symbol.asyncDispose]: async () => {
      redis.disconnect();
    },
  });
}

describe.each([2, 3] as const)('ioredis over RESP%d', (protocol) => {
  const key = (name: string): string => `ioredis:${protocol}:${name}`;

  test('reads back what it has set, any bytes', async () => {
    await using redis = await connected(protocol);
    expect(await redis.set(key('text'), 'h\u00e9llo', 'EX', 100)).toBe('OK');
    expect(await redis.get(key('text'))).toBe('h\u00e9llo');
    expect(await redis.get(key('nosuch'))).toBeNull();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await redis.set(Buffer.concat([Buffer.from(key('')), bytes]), bytes);
    expect(await redis.getBuffer(Buffer.concat([Buffer.from(key('')), bytes]))).toEqual(bytes);
  });

  test('works with every type', async () => {
    await using redis = await connected(protocol);
    await redis.hset(key('hash'), { f: 1, g: 2 });
    expect(await redis.hgetall(key('hash'))).toEqual({ f: '1', g: '2' });
    await redis.rpush(key('list'), 'a', 'b', 'c');
    expect(await redis.lrange(key('list'), 0, -1)).toEqual(['a', 'b', 'c']);
    await redis.sadd(key('set'), 'x', 'y', 'x');
    expect((await redis.smembers(key('set'))).sort()).toEqual(['x', 'y']);
    await redis.zadd(key('zset'), '1.5', 'm', '+inf', 'n');
    expect(await redis.zscore(key('zset'), 'm')).toBe('1.5');
    expect(await redis.zrange(key('zset'), '0', '-1', 'WITHSCORES')).toEqual(['m', '1.5', 'n', 'inf']);
    await expect(redis.incr(key('list'))).rejects.toThrow('WRONGTYPE');
  });

  test('runs transactions, and none whose watched key has changed', async () => {
    await using redis = await connected(protocol);
    await using other = await connected(protocol);
    expect(await redis.multi().set(key('n'), 1).incr(key('n')).lpush(key('n'), 'x').exec()).toMatchObject([
      [null, 'OK'],
      [null, 2],
      [{ message: expect.stringContaining('WRONGTYPE') }],
    ]);
    await redis.watch(key('n'));
    await other.set(key('n'), 10);
    expect(await redis.multi().incr(key('n')).exec()).toBeNull();
    await redis.watch(key('n'));
    expect(await redis.multi().incr(key('n')).exec()).toEqual([[null, 11]]);
  });

  test('publishes to subscribers of channels and patterns', async () => {
    await using publisher = await connected(protocol);
    await using subscriber = await connected(protocol);
    await subscriber.subscribe(key('news'));
    await subscriber.psubscribe(`${key('n')}*`);
    const message = once(subscriber, 'message');
    const patternMessage = once(subscriber, 'pmessage');
    expect(await publisher.publish(key('news'), 'hello')).toBe(2);
    expect(await message).toEqual([key('news'), 'hello']);
    expect(await patternMessage).toEqual([`${key('n')}*`, key('news'), 'hello']);
    await subscriber.unsubscribe(key('news'));
    await subscriber.punsubscribe(`${key('n')}*`);
    expect(await subscriber.get(key('nosuch'))).toBeNull();
  });

  test('waits for an element', async () => {
    await using waiting = await connected(protocol);
    await using pushing = await connected(protocol);
    expect(await waiting.blpop(key('queue'), 0.01)).toBeNull();
    const popped = waiting.blpop(key('queue'), 10);
    await pushing.rpush(key('queue'), 'job');
    expect(await popped).toEqual([key('queue'), 'job']);
  });

  test('iterates over keys', async () => {
    await using redis = await connected(protocol);
    const names = Array.from({ length: 500 }, (_, i) => key(`scan:${i}`));
    await redis.mset(names.flatMap((name) => [name, 'x']));
    const found = new Set<string>();
    for await (const page of redis.scanStream({ match: key('scan:*'), count: 50 })) {
      for (const name of page as string[]) found.add(name);
    }
    expect([...found].sort()).toEqual([...names].sort());
  });

  test('sends a pipeline and takes its replies in order', async () => {
    await using redis = await connected(protocol);
    const pipeline = redis.pipeline();
    for (let i = 0; i < 1_000; i++) pipeline.incr(key('count'));
    pipeline.call('nosuch', 'a');
    pipeline.get(key('count'));
    const replies = (await pipeline.exec()) ?? [];
    expect(replies.slice(0, 1_000).map(([, sum]) => sum)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
    expect(replies[1_000]?.[0]?.message).toContain("ERR unknown command 'nosuch'");
    expect(replies[1_001]).toEqual([null, '1000']);
  });

  test('finds its way back after the server was killed and started again, and its data too', async () => {
    await using folder = await tempDir();
    await using first = await startSluiceProcess({ dataDir: folder.path });
    await using redis = await connected(protocol, first.resp.port);
    await redis.set('survives', 'yes');
    const reconnecting = once(redis, 'reconnecting');
    await first.kill('SIGKILL');
    await reconnecting;
    // Sent while there is no server: it waits in the client.
    const pending = redis.get('survives');
    await using second = await startSluiceProcess({ dataDir: folder.path, ports: { resp: first.resp.port } });
    expect(await pending).toBe('yes');
    expect(second.resp.port).toBe(first.resp.port);
  });
});
