import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startProxyFace } from '../support/proxy-face.ts';
import { connectRaw, encodeCommand } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';

/** What one client gets for these commands in one write, directly and through the proxy. */
async function both(commands: readonly (readonly string[])[], replies: number): Promise<[string[], string[]]> {
  const answers: string[][] = [];
  await using redis = await startRedis();
  await using proxy = await startProxyFace({ port: redis.port, cache: {} });
  for (const port of [redis.port, proxy.port]) {
    await using client = await connectRaw({ port, pushes: 'in line' });
    await client.command('FLUSHALL');
    client.write(commands.map(encodeCommand).join(''));
    const got: string[] = [];
    for (let i = 0; i < replies; i++) got.push(await client.next());
    answers.push(got);
  }
  return answers as [string[], string[]];
}

describe('what one client leaves to the next', () => {
  it.each(['EXEC', 'DISCARD'])('is no WATCH, when %s was refused', async (end) => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port });
    await using a = await connectRaw({ port: proxy.port });
    await using b = await connectRaw({ port: proxy.port });
    await a.command('WATCH', 'k');
    expect(await a.command(end)).toMatch(/^-ERR/);
    await b.command('SET', 'k', 'v');
    expect(await b.pipeline([['MULTI'], ['SET', 'x', '1'], ['EXEC']])).toEqual([
      '+OK\r\n',
      '+QUEUED\r\n',
      '*1\r\n+OK\r\n',
    ]);
    // And the one who watched has not lost its lock.
    expect(await a.pipeline([['MULTI'], ['SET', 'x', '2'], ['EXEC']])).toEqual(['+OK\r\n', '+QUEUED\r\n', '*-1\r\n']);
  });

  it('is nothing of what came before RESET', async () => {
    const [want, have] = await both(
      [
        ['MULTI'],
        ['SET', 'r', '1'],
        ['EXEC'],
        ['RESET'],
        ['GET', 'r'],
        ['BLPOP', 'l', '0.05'],
        ['BLPOP', 'm', '0.05'],
        ['PING'],
      ],
      8,
    );
    expect(have).toEqual(want);
  });
});

describe('replies in RESP2', () => {
  it.each([
    ['after a subscription', [['SUBSCRIBE', 'c'], ['UNSUBSCRIBE', 'c'], ['EVAL', 'return 77', '0'], ['PING']], 4],
    ['in a transaction', [['MULTI'], ['SUBSCRIBE', 'c'], ['EVAL', 'return 1', '0'], ['DISCARD'], ['GET', 'k']], 5],
    [
      'while subscribed',
      [['SUBSCRIBE', 'c'], ['PING'], ['PING', 'hi'], ['GET', 'k'], ['UNSUBSCRIBE'], ['GET', 'k']],
      6,
    ],
  ] as const)('keep their order %s', async (_, commands, replies) => {
    const [want, have] = await both(commands, replies);
    expect(have).toEqual(want);
  });
});

it('sees what SWAPDB put in place of what it had', async () => {
  await using redis = await startRedis();
  await using proxy = await startProxyFace({ port: redis.port, cache: {} });
  await using client = await connectRaw({ port: proxy.port });
  await using other = await connectRaw({ port: redis.port });
  await other.pipeline([
    ['SELECT', '1'],
    ['SET', 'k', 'one'],
  ]);
  await client.command('SET', 'k', 'zero');
  expect(await client.command('GET', 'k')).toBe('$4\r\nzero\r\n');
  expect(await client.command('SWAPDB', '0', '1')).toBe('+OK\r\n');
  expect(await client.command('GET', 'k')).toBe('$3\r\none\r\n');
  await client.pipeline([['MULTI'], ['SWAPDB', '0', '1'], ['EXEC']]);
  expect(await client.command('GET', 'k')).toBe('$4\r\nzero\r\n');
});

it('does not let a command nobody described hold up the others', async () => {
  await using redis = await startRedis({ args: ['--rename-command', 'COMMAND', ''] });
  await using proxy = await startProxyFace({ port: redis.port, settings: { timeout: 300 } });
  await using a = await connectRaw({ port: proxy.port });
  await using b = await connectRaw({ port: proxy.port });
  a.send('XREAD', 'BLOCK', '0', 'STREAMS', 's', '$');
  await sleep(50);
  expect(await b.command('SET', 'x', '1')).toBe('+OK\r\n');
  await sleep(400);
  await b.command('XADD', 's', '1-1', 'f', 'v');
  expect(await a.next()).toContain('1-1');
});

it('makes EXEC abort when it had to refuse a command of the transaction', async () => {
  await using redis = await startRedis();
  await using proxy = await startProxyFace({ port: redis.port });
  await using client = await connectRaw({ port: proxy.port });
  const replies = await client.pipeline([
    ['MULTI'],
    ['SET', 'b', '1'],
    ['CLIENT', 'REPLY', 'SKIP'],
    ['EXEC'],
    ['GET', 'b'],
  ]);
  expect(replies).toEqual([
    '+OK\r\n',
    '+QUEUED\r\n',
    '-ERR CLIENT is not allowed in a transaction\r\n',
    '-EXECABORT Transaction discarded because of previous errors.\r\n',
    '$-1\r\n',
  ]);
});

it('makes EXEC abort when it had to refuse a HELLO that would change the protocol', async () => {
  await using redis = await startRedis();
  await using proxy = await startProxyFace({ port: redis.port });
  await using client = await connectRaw({ port: proxy.port });
  expect(await client.pipeline([['MULTI'], ['SET', 'b', '1'], ['HELLO', '3'], ['EXEC'], ['GET', 'b']])).toEqual([
    '+OK\r\n',
    '+QUEUED\r\n',
    '-ERR HELLO is not allowed in a transaction\r\n',
    '-EXECABORT Transaction discarded because of previous errors.\r\n',
    '$-1\r\n',
  ]);
});

it('tells no client to log in when it is Sluice whose password is missing', async () => {
  await using redis = await startRedis();
  await using admin = await connectRaw({ port: redis.port });
  expect(await admin.command('CONFIG', 'SET', 'requirepass', 'secret')).toBe('+OK\r\n');
  await using proxy = await startProxyFace({ port: redis.port, settings: { retryFor: 50 } });
  for (const hello of ['2', '3']) {
    await using client = await connectRaw({ port: proxy.port });
    client.send('HELLO', hello);
    await client.next();
    expect(await client.command('GET', 'k')).toMatch(/^-LOADING/);
    expect(await client.command('SET', 'k', 'v')).toMatch(/^-LOADING/);
  }
});

it('survives an answer longer than a string may be', { timeout: 60_000 }, async () => {
  await using redis = await startRedis();
  await using proxy = await startProxyFace({ port: redis.port, cache: {} });
  await using client = await connectRaw({ port: proxy.port });
  await using other = await connectRaw({ port: proxy.port });
  await client.command('SETRANGE', 'a', String(20 * 2 ** 20), 'x');
  client.send('MGET', ...Array.from({ length: 30 }, () => 'a'));
  expect(await client.next(30_000)).toMatch(/^-ERR the reply is longer/);
  expect(await other.command('SET', 'k', 'v')).toBe('+OK\r\n');
});

it('does not hammer a server that closes every connection', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const steps = chunk.toString('latin1').match(/HELLO|SETNAME|TRACKING/g) ?? [];
      socket.write(steps.map((step) => (step === 'HELLO' ? '%0\r\n' : '+OK\r\n')).join(''));
      setTimeout(() => socket.destroy(), 1);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await using proxy = await startProxyFace({ port: (server.address() as { port: number }).port, cache: {} });
  await sleep(1000);
  expect(proxy.upstream.nodes).toHaveLength(1);
  expect(connections).toBeLessThan(40);
  server.close();
});

it('keeps a field no longer than cache.ttl, whatever else of its hash is read', async () => {
  await using redis = await startRedis();
  await using proxy = await startProxyFace({ port: redis.port, cache: { ttl: 200 } });
  await using client = await connectRaw({ port: proxy.port });
  await using direct = await connectRaw({ port: redis.port });
  await client.command('HSET', 'h', 'f', '1', 'g', '2', 'i', '3', 'j', '4', 'k', '5');
  const calls = async (): Promise<number> =>
    Number(/cmdstat_hmget:calls=(\d+)/.exec(await direct.command('INFO', 'commandstats'))?.[1] ?? 0);
  await client.command('HGET', 'h', 'f');
  for (const field of ['g', 'i', 'j', 'k']) {
    await sleep(70);
    await client.command('HGET', 'h', field);
  }
  const before = await calls();
  await client.command('HGET', 'h', 'f');
  expect(await calls()).toBe(before + 1);
});
