import { createClient } from '@redis/client';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { startProxyFace } from '../support/proxy-face.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';

describe('the RESP face over Redis', () => {
  it('passes commands on and gives their replies in order, in RESP2 and RESP3', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port });
    await using client = await connectRaw({ port: proxy.port });
    expect(
      await client.pipeline([
        ['SET', 'a', '1'],
        ['PING'],
        ['HSET', 'h', 'f', 'v'],
        ['HGETALL', 'h'],
        ['GET', 'none'],
        ['nonsense'],
      ]),
    ).toEqual([
      '+OK\r\n',
      '+PONG\r\n',
      ':1\r\n',
      '*2\r\n$1\r\nf\r\n$1\r\nv\r\n',
      '$-1\r\n',
      "-ERR unknown command 'nonsense', with args beginning with: \r\n",
    ]);
    await client.command('HELLO', '3');
    expect(
      await client.pipeline([
        ['HGETALL', 'h'],
        ['GET', 'none'],
        ['XADD', 's', '1-1', 'a', 'b'],
        ['XLEN', 's'],
      ]),
    ).toEqual(['%1\r\n$1\r\nf\r\n$1\r\nv\r\n', '_\r\n', '$3\r\n1-1\r\n', ':1\r\n']);
  });

  it('gives transactions, WATCH, blocking commands and subscriptions a connection of their own', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port });
    await using client = await connectRaw({ port: proxy.port });
    await using other = await connectRaw({ port: proxy.port });
    expect(
      await client.pipeline([['WATCH', 'k'], ['MULTI'], ['SET', 'k', '1'], ['GET', 'k'], ['EXEC'], ['GET', 'k']]),
    ).toEqual(['+OK\r\n', '+OK\r\n', '+QUEUED\r\n', '+QUEUED\r\n', '*2\r\n+OK\r\n$1\r\n1\r\n', '$1\r\n1\r\n']);
    await client.command('WATCH', 'k');
    await other.command('SET', 'k', '2');
    expect(await client.pipeline([['MULTI'], ['SET', 'k', '3'], ['EXEC']])).toEqual([
      '+OK\r\n',
      '+QUEUED\r\n',
      '*-1\r\n',
    ]);
    client.send('BLPOP', 'list', '0');
    client.send('GET', 'k');
    await other.command('RPUSH', 'list', 'x');
    expect(await client.next()).toBe('*2\r\n$4\r\nlist\r\n$1\r\nx\r\n');
    expect(await client.next()).toBe('$1\r\n2\r\n');
    expect(proxy.upstream.nodes[0]?.dedicated).toBe(1);
    client.send('SUBSCRIBE', 'c');
    expect(await client.next()).toBe('*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n');
    expect(await other.command('PUBLISH', 'c', 'hello')).toBe(':1\r\n');
    expect(await client.next()).toBe('*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhello\r\n');
  });

  it('serves @redis/client and ioredis', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port });
    for (const RESP of [2, 3] as const) {
      const client = createClient({ socket: { host: '127.0.0.1', port: proxy.port }, RESP });
      await client.connect();
      await client.set('k', `v${RESP}`);
      expect(await client.get('k')).toBe(`v${RESP}`);
      expect(await client.multi().incr('n').get('k').exec()).toEqual([RESP - 1, `v${RESP}`]);
      await client.close();
    }
    const io = new Redis({ port: proxy.port, lazyConnect: true });
    await io.connect();
    expect(await io.get('k')).toBe('v3');
    await io.quit();
  });
});
