import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startProxyFace } from '../support/proxy-face.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';
import { startRelay } from '../support/tcp-relay.ts';

/** How often the server was asked with these commands. */
async function calls(redis: RawResp, ...names: readonly string[]): Promise<number> {
  const info = await redis.command('INFO', 'commandstats');
  return names.reduce((sum, name) => sum + Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(info)?.[1] ?? 0), 0);
}

describe('reads through the cache', () => {
  it('answers a read again without asking the server, and new at once when it was changed there', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, cache: {} });
    await using client = await connectRaw({ port: proxy.port });
    await using direct = await connectRaw({ port: redis.port });
    await direct.command('SET', 'k', 'one');
    for (let i = 0; i < 3; i++) expect(await client.command('GET', 'k')).toBe('$3\r\none\r\n');
    expect(await calls(direct, 'get')).toBe(1);
    await direct.command('SET', 'k', 'two');
    await eventually(async () => expect(await client.command('GET', 'k')).toBe('$3\r\ntwo\r\n'));
    await direct.command('DEL', 'k');
    await eventually(async () => expect(await client.command('GET', 'k')).toBe('$-1\r\n'));
    await client.command('HELLO', '3');
    expect(await client.command('GET', 'k')).toBe('_\r\n');
    expect(await calls(direct, 'get')).toBe(3);
  });

  it('shows a client its own writes at once', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, cache: {} });
    await using client = await connectRaw({ port: proxy.port });
    for (let i = 0; i < 200; i++) {
      expect(
        await client.pipeline([
          ['SET', 'k', `${i}`],
          ['GET', 'k'],
          ['INCR', 'k'],
          ['GET', 'k'],
        ]),
      ).toEqual(['+OK\r\n', `$${`${i}`.length}\r\n${i}\r\n`, `:${i + 1}\r\n`, `$${`${i + 1}`.length}\r\n${i + 1}\r\n`]);
      expect(await client.command('GET', 'k')).toBe(`$${`${i + 1}`.length}\r\n${i + 1}\r\n`);
      await client.command('EVAL', "redis.call('set', 'k', 'script')", '0');
      expect(await client.command('GET', 'k')).toBe('$6\r\nscript\r\n');
      await client.pipeline([['MULTI'], ['SET', 'k', 'multi'], ['EXEC']]);
      expect(await client.command('GET', 'k')).toBe('$5\r\nmulti\r\n');
    }
  });

  it('knows hashes, several keys, lengths and lives', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, cache: {} });
    await using direct = await connectRaw({ port: redis.port });
    for (const proto of ['2', '3']) {
      await using client = await connectRaw({ port: proxy.port });
      await client.command('HELLO', proto);
      await direct.command('HELLO', proto);
      await direct.pipeline([
        ['FLUSHALL'],
        ['HSET', 'h', 'a', '1', 'b', ''],
        ['SET', 's', 'text', 'EX', '100'],
        ['SET', 't', 'x'],
        ['RPUSH', 'l', '1'],
      ]);
      const commands = [
        ['HGET', 'h', 'a'],
        ['HGET', 'h', 'none'],
        ['HMGET', 'h', 'a', 'none', 'b'],
        ['HGETALL', 'h'],
        ['HGETALL', 'none'],
        ['HGET', 'none', 'f'],
        ['MGET', 's', 'none', 't', 'h', 's'],
        ['GET', 'h'],
        ['GET', 'l'],
        ['HGET', 's', 'f'],
        ['EXISTS', 's', 's', 'none', 'h'],
        ['TTL', 's'],
        ['TTL', 't'],
        ['TTL', 'none'],
        ['STRLEN', 's'],
        ['STRLEN', 'h'],
        ['GET'],
        ['MGET'],
        ['HGET', 'h'],
      ];
      for (let round = 0; round < 3; round++)
        for (const command of commands)
          expect(await client.command(...command), command.join(' ')).toBe(await direct.command(...command));
    }
  });

  it('forgets what has expired, and everything when all keys went', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, cache: {} });
    await using client = await connectRaw({ port: proxy.port });
    await using direct = await connectRaw({ port: redis.port });
    await direct.pipeline([
      ['SET', 'k', 'v', 'PX', '200'],
      ['SET', 'j', 'v'],
    ]);
    expect(await client.command('GET', 'k')).toBe('$1\r\nv\r\n');
    expect(await client.command('GET', 'j')).toBe('$1\r\nv\r\n');
    await sleep(220);
    expect(await client.command('GET', 'k')).toBe('$-1\r\n');
    await direct.command('FLUSHALL');
    await eventually(async () => expect(await client.command('GET', 'j')).toBe('$-1\r\n'));
  });

  it('goes on with what it has while the server is away, where that is allowed, and says no otherwise', async () => {
    const redis = await startRedis();
    await using generous = await startProxyFace({ port: redis.port, cache: { grace: 60_000, silentGrace: 60_000 } });
    await using strict = await startProxyFace({ port: redis.port, cache: { grace: 60_000 } });
    await using a = await connectRaw({ port: generous.port });
    await using b = await connectRaw({ port: strict.port });
    await a.command('SET', 'k', 'v');
    expect(await a.command('GET', 'k')).toBe('$1\r\nv\r\n');
    expect(await b.command('GET', 'k')).toBe('$1\r\nv\r\n');
    await redis.stop();
    await eventually(async () => expect(await a.command('SET', 'k', 'w')).toMatch(/^-LOADING /));
    expect(await a.command('GET', 'k')).toBe('$1\r\nv\r\n');
    expect(await a.command('GET', 'unknown')).toMatch(/^-LOADING /);
    expect(await b.command('GET', 'k')).toMatch(/^-LOADING /);
    await using again = await startRedis({ port: redis.port });
    await eventually(async () => expect(await b.command('GET', 'k')).toBe('$-1\r\n'));
    expect(again.port).toBe(redis.port);
    await eventually(async () => expect(await a.command('GET', 'k')).toBe('$-1\r\n'));
  });

  it('reads a key once for all who ask at the same time', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, cache: {} });
    await using direct = await connectRaw({ port: redis.port });
    await direct.command('SET', 'k', 'v');
    const clients = await Promise.all(Array.from({ length: 50 }, () => connectRaw({ port: proxy.port })));
    expect(new Set(await Promise.all(clients.map((client) => client.command('GET', 'k'))))).toEqual(
      new Set(['$1\r\nv\r\n']),
    );
    expect(await calls(direct, 'get')).toBeLessThan(10);
    await Promise.all(clients.map((client) => client.close()));
  });
});

describe('tokens', () => {
  it('let a client read at one node what it wrote at another', async () => {
    await using redis = await startRedis();
    await using relay = await startRelay({ target: { port: redis.port } });
    await using here = await startProxyFace({ port: redis.port, cache: {} });
    await using there = await startProxyFace({ port: relay.port, cache: {} });
    await using a = await connectRaw({ port: here.port });
    await using b = await connectRaw({ port: there.port });
    // What the server tells the other node is late.
    relay.set({ kind: 'delay', ms: 60 }, 'down');
    for (let i = 0; i < 5; i++) {
      await b.command('GET', 'k');
      await a.command('SET', 'k', `${i}`);
      const token = (await a.command('SLUICE', 'TOKEN')).split('\r\n')[1] as string;
      expect(
        await b.pipeline([
          ['SLUICE', 'SYNC', token],
          ['GET', 'k'],
        ]),
      ).toEqual(['+OK\r\n', `$1\r\n${i}\r\n`]);
      expect(await b.command('GET', 'k')).toBe(`$1\r\n${i}\r\n`);
    }
    expect(await b.command('SLUICE', 'SYNC', 'x')).toMatch(/^-ERR /);
    expect(await b.command('SLUICE')).toMatch(/^-ERR /);
  });
});
