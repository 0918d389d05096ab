import { createClient, RESP_TYPES } from 'redis';
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

function client(protocol: 2 | 3, port = sluice.resp.port) {
  return createClient({
    socket: { host: '127.0.0.1', port, reconnectStrategy: 20 },
    RESP: protocol,
  }).on('error', () => {
    // Told of every lost connection; what matters is what the commands answer.
  });
}

async function connected(protocol: 2 | 3, port = sluice.resp.port) {
  const connection = client(protocol, port);
  await connection.connect();
  return Object.assign(connection, {
    [Symbol.asyncDispose]: async () => {
      if (connection.isOpen) await connection.close();
    },
  });
}

describe.each([2, 3] as const)('node-redis over RESP%d', (protocol) => {
  const key = (name: string): string => `node-redis:${protocol}:${name}`;

  test('reads back what it has set, any bytes', async () => {
    await using redis = await connected(protocol);
    expect(await redis.set(key('text'), 'h\u00e9llo')).toBe('OK');
    expect(await redis.get(key('text'))).toBe('h\u00e9llo');
    expect(await redis.get(key('nosuch'))).toBeNull();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const binary = redis.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    await binary.set(Buffer.concat([Buffer.from(key('')), bytes]), bytes);
    expect(await binary.get(Buffer.concat([Buffer.from(key('')), bytes]))).toEqual(bytes);
    expect(await redis.set(key('text'), 'x', { expiration: { type: 'EX', value: 100 }, GET: true })).toBe('h\u00e9llo');
    expect(await redis.ttl(key('text'))).toBeGreaterThan(98);
  });

  test('works with every type', async () => {
    await using redis = await connected(protocol);
    expect(await redis.hSet(key('hash'), { f: '1', g: '2' })).toBe(2);
    expect(await redis.hGetAll(key('hash'))).toEqual(Object.assign(Object.create(null), { f: '1', g: '2' }));
    expect(await redis.rPush(key('list'), ['a', 'b', 'c'])).toBe(3);
    expect(await redis.lRange(key('list'), 0, -1)).toEqual(['a', 'b', 'c']);
    expect(await redis.lMove(key('list'), key('list'), 'LEFT', 'RIGHT')).toBe('a');
    expect(await redis.sAdd(key('set'), ['x', 'y', 'x'])).toBe(2);
    expect([...(await redis.sMembers(key('set')))].sort()).toEqual(['x', 'y']);
    expect(
      await redis.zAdd(key('zset'), [
        { score: 1.5, value: 'm' },
        { score: Number.POSITIVE_INFINITY, value: 'n' },
      ]),
    ).toBe(2);
    expect(await redis.zScore(key('zset'), 'm')).toBe(1.5);
    expect(await redis.zRangeWithScores(key('zset'), 0, -1)).toEqual([
      { value: 'm', score: 1.5 },
      { value: 'n', score: Number.POSITIVE_INFINITY },
    ]);
    expect(await redis.zPopMin(key('zset'))).toEqual({ value: 'm', score: 1.5 });
    expect(await redis.type(key('list'))).toBe('list');
    await expect(redis.incr(key('list'))).rejects.toThrow('WRONGTYPE');
  });

  test('runs transactions, and none whose watched key has changed', async () => {
    await using redis = await connected(protocol);
    await using other = await connected(protocol);
    await redis.set(key('n'), '1');
    expect(await redis.multi().incr(key('n')).get(key('n')).hGetAll(key('nosuch')).exec()).toEqual([
      2,
      '2',
      Object.create(null),
    ]);
    await redis.watch(key('n'));
    await other.set(key('n'), '10');
    await expect(redis.multi().incr(key('n')).exec()).rejects.toThrow(/watch/i);
    expect(await redis.get(key('n'))).toBe('10');
    await redis.watch(key('n'));
    expect(await redis.multi().incr(key('n')).exec()).toEqual([11]);
  });

  test('publishes to subscribers of channels and patterns', async () => {
    await using publisher = await connected(protocol);
    await using subscriber = await connected(protocol);
    const heard: string[] = [];
    let finish = (): void => {};
    const both = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const hear = (message: string, channel: string): void => {
      if (heard.push(`${channel}: ${message}`) === 2) finish();
    };
    await subscriber.subscribe(key('news'), hear);
    await subscriber.pSubscribe(`${key('n')}*`, hear);
    expect(await publisher.publish(key('news'), 'hello')).toBe(2);
    await both;
    expect(heard).toEqual([`${key('news')}: hello`, `${key('news')}: hello`]);
    await subscriber.unsubscribe();
    await subscriber.pUnsubscribe();
    expect(await publisher.publish(key('news'), 'nobody')).toBe(0);
    expect(await subscriber.get(key('nosuch'))).toBeNull();
  });

  test('waits for an element', async () => {
    await using waiting = await connected(protocol);
    await using pushing = await connected(protocol);
    expect(await waiting.blPop(key('queue'), 0.01)).toBeNull();
    const popped = waiting.blPop(key('queue'), 10);
    await pushing.rPush(key('queue'), 'job');
    expect(await popped).toEqual({ key: key('queue'), element: 'job' });
  });

  test('iterates over keys, fields, members', async () => {
    await using redis = await connected(protocol);
    const names = Array.from({ length: 500 }, (_, i) => key(`scan:${i}`));
    await redis.mSet(names.flatMap((name) => [name, 'x'] as const));
    const found = new Set<string>();
    for await (const page of redis.scanIterator({ MATCH: key('scan:*'), COUNT: 50 })) {
      for (const name of page) found.add(name);
    }
    expect([...found].sort()).toEqual([...names].sort());
    await redis.sAdd(key('members'), names);
    let members = 0;
    for await (const page of redis.sScanIterator(key('members'))) members += page.length;
    expect(members).toBe(500);
    await redis.hSet(key('fields'), Object.fromEntries(names.map((name) => [name, '1'])));
    let fields = 0;
    for await (const page of redis.hScanIterator(key('fields'))) fields += page.length;
    expect(fields).toBe(500);
  });

  test('pipelines what is asked for at once, in order', async () => {
    await using redis = await connected(protocol);
    const sums = await Promise.all(Array.from({ length: 1_000 }, () => redis.incr(key('count'))));
    expect(sums).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1));
    const replies = await Promise.allSettled([
      redis.set(key('p'), 'x'),
      redis.incr(key('p')),
      redis.sendCommand(['NOSUCH', 'a']),
      redis.get(key('p')),
    ]);
    expect(replies.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
  });
});

test('keeps its own cache coherent by client tracking', async () => {
  const caching = createClient({
    socket: { host: '127.0.0.1', port: sluice.resp.port },
    RESP: 3,
    clientSideCache: { ttl: 0, maxEntries: 100, evictPolicy: 'LRU' },
  });
  caching.on('error', () => {});
  await caching.connect();
  try {
    await using other = await connected(3);
    await other.set('cached', '1');
    expect(await caching.get('cached')).toBe('1');
    expect(await caching.get('cached')).toBe('1');
    await other.set('cached', '2');
    await expect.poll(() => caching.get('cached')).toBe('2');
  } finally {
    caching.destroy();
  }
});

describe.each([2, 3] as const)('a node-redis client over RESP%d', (protocol) => {
  test('finds its way back after the server was killed and started again, and its data too', async () => {
    await using folder = await tempDir();
    await using first = await startSluiceProcess({ dataDir: folder.path });
    await using redis = await connected(protocol, first.resp.port);
    await redis.set('survives', 'yes');
    const reconnecting = new Promise((resolve) => redis.once('reconnecting', resolve));
    await first.kill('SIGKILL');
    await reconnecting;
    // Sent while there is no server: it waits in the client.
    const pending = redis.get('survives');
    await using second = await startSluiceProcess({ dataDir: folder.path, ports: { resp: first.resp.port } });
    expect(await pending).toBe('yes');
    expect(second.resp.port).toBe(first.resp.port);
  });
});
