import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startProxyFace } from '../support/proxy-face.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';

/** The commands of the server are known from then on. */
const learned = (rules: { find(argv: readonly string[]): { command: unknown } }): Promise<void> =>
  eventually(() => expect(rules.find(['XGROUP', 'CREATE'])).toMatchObject({ name: 'xgroup|create' }));

describe('what one client sends never comes between others and their replies', () => {
  it.each([
    ['REPLCONF', 'ACK', '0'],
    ['REPLCONF', 'GETACK', '*'],
    ['REPLCONF', 'listening-port', '1'],
    ['SYNC'],
    ['PSYNC', '?', '-1'],
  ])('%s %s', async (...words) => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, cache: {} });
    await learned(proxy.rules);
    await using a = await connectRaw({ port: proxy.port });
    await using b = await connectRaw({ port: proxy.port });
    expect(await a.command(...words)).toBe(
      `-ERR ${words[0]} is not passed on; replicas connect to the server itself\r\n`,
    );
    expect(await b.command('SET', 'k', 'v')).toBe('+OK\r\n');
    expect(await a.command('APPEND', 'k', 'w')).toBe(':2\r\n');
    expect(await b.command('GET', 'k')).toBe('$2\r\nvw\r\n');
  });

  it('SCRIPT DEBUG', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, cache: {} });
    await learned(proxy.rules);
    await using a = await connectRaw({ port: proxy.port });
    await using b = await connectRaw({ port: proxy.port });
    expect(await a.command('SCRIPT', 'DEBUG', 'YES')).toBe('+OK\r\n');
    expect(await b.command('EVAL', 'return 1', '0')).toBe(':1\r\n');
    expect(
      await b.pipeline([
        ['SET', 'k', 'v'],
        ['GET', 'k'],
      ]),
    ).toEqual(['+OK\r\n', '$1\r\nv\r\n']);
    // Who asked for it has it.
    expect(await a.command('EVAL', 'return 1', '0')).toContain('Stopped at 1');
    await a.close();
    expect(await b.command('EVAL', 'return 2', '0')).toBe(':2\r\n');
  });

  it('words of HTTP', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port });
    await using a = await connectRaw({ port: proxy.port });
    await using b = await connectRaw({ port: proxy.port });
    expect(await a.command('PING')).toBe('+PONG\r\n');
    a.send('POST', '/');
    const replies = await b.pipeline(Array.from({ length: 20 }, () => ['INCR', 'n']));
    expect(replies.at(-1)).toBe(':20\r\n');
  });
});

describe('one client over several connections', () => {
  it('reads what it wrote before it changed the protocol', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port });
    await using client = await connectRaw({ port: proxy.port });
    const filler = 'x'.repeat(30_000);
    for (let i = 0; i < 100; i++) {
      const replies = await client.pipeline([
        ['SET', 'big', filler],
        ['SET', 'k', `${i}`],
        ['HELLO', '3'],
        ['GET', 'k'],
        ['SET', 'k', 'x'],
        ['HELLO', '2'],
        ['GET', 'k'],
      ]);
      expect(replies[3]).toBe(`$${`${i}`.length}\r\n${i}\r\n`);
      expect(replies[6]).toBe('$1\r\nx\r\n');
    }
  });

  it('changes the protocol behind a blocking command', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port });
    await using client = await connectRaw({ port: proxy.port });
    const replies = await client.pipeline([
      ['BLPOP', 'none', '0.05'],
      ['HELLO', '3'],
      ['HGETALL', 'none'],
      ['MULTI'],
      ['HELLO', '2'],
      ['DISCARD'],
    ]);
    expect(replies[0]).toBe('*-1\r\n');
    expect(replies[1]).toMatch(/^%/);
    expect(replies[2]).toBe('%0\r\n');
    expect(replies[4]).toMatch(/^-ERR HELLO/);
    expect(replies[5]).toBe('+OK\r\n');
  });

  it('waits for replicas to have its own writes', async () => {
    await using redis = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
    await using replica = await startRedis({ args: ['--replicaof', '127.0.0.1', `${redis.port}`] });
    await using direct = await connectRaw({ port: redis.port });
    await eventually(async () => expect(await direct.command('INFO', 'replication')).toContain('state=online'), {
      timeoutMs: 15_000,
    });
    await using proxy = await startProxyFace({ port: redis.port, cache: {} });
    await using client = await connectRaw({ port: proxy.port });
    expect(
      await client.pipeline([
        ['SET', 'k', '1'],
        ['WAIT', '1', '5000'],
      ]),
    ).toEqual(['+OK\r\n', ':1\r\n']);
    replica.freeze();
    expect(
      await client.pipeline([
        ['SET', 'k', '2'],
        ['WAIT', '1', '100'],
      ]),
    ).toEqual(['+OK\r\n', ':0\r\n']);
    expect(
      await client.pipeline([
        ['SET', 'k', '3'],
        ['SELECT', '1'],
        ['WAIT', '1', '100'],
      ]),
    ).toEqual(['+OK\r\n', '+OK\r\n', ':0\r\n']);
    replica.thaw();
    expect(
      await client.pipeline([
        ['SET', 'k', '4'],
        ['WAIT', '1', '5000'],
        ['WAIT', '1', '5000'],
      ]),
    ).toEqual(['+OK\r\n', ':1\r\n', ':1\r\n']);
  });

  it('has its transaction aborted when a command of it may not touch a key', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, isReserved: (key) => key.startsWith('own:') });
    await learned(proxy.rules);
    await using client = await connectRaw({ port: proxy.port });
    const replies = await client.pipeline([
      ['SORT', 'l', 'STORE', 'own:k'],
      ['MULTI'],
      ['SET', 'a', '1'],
      ['SET', 'own:k', '1'],
      ['EXEC'],
      ['EXISTS', 'a'],
    ]);
    expect(replies[0]).toMatch(/^-NOPERM/);
    expect(replies[3]).toMatch(/^-NOPERM/);
    expect(replies[4]).toMatch(/^-EXECABORT/);
    expect(replies[5]).toBe(':0\r\n');
  });
});
