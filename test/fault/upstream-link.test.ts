import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startProxyFace } from '../support/proxy-face.ts';
import { connectRaw, encodeCommand } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';
import { startRelay } from '../support/tcp-relay.ts';

const quick = { timeout: 400, retryFor: 300, heartbeat: 200 };

describe('a bad link to the server', () => {
  it('that swallows everything is noticed, said of what was sent, and left', async () => {
    await using redis = await startRedis();
    await using relay = await startRelay({ target: { port: redis.port } });
    await using proxy = await startProxyFace({ port: relay.port, settings: quick, cache: {} });
    await using client = await connectRaw({ port: proxy.port });
    expect(await client.command('SET', 'k', '1')).toBe('+OK\r\n');
    expect(await client.command('GET', 'k')).toBe('$1\r\n1\r\n');
    relay.set('swallow');
    expect(await client.command('SET', 'k', '2')).toMatch(/^-ERR SLUICE_UPSTREAM_UNKNOWN /);
    // What is kept cannot be proven any more.
    await sleep(300);
    expect(await client.command('GET', 'k')).toMatch(/^-(LOADING|ERR SLUICE_UPSTREAM_UNKNOWN) /);
    relay.set('pass');
    relay.cut();
    await eventually(async () => expect(await client.command('SET', 'k', '3')).toBe('+OK\r\n'));
    expect(await client.command('GET', 'k')).toBe('$1\r\n3\r\n');
  });

  it.each(['reset', 'end'] as const)('that is cut (%s) again and again loses nothing that is read', async (how) => {
    await using redis = await startRedis();
    await using relay = await startRelay({ target: { port: redis.port } });
    await using proxy = await startProxyFace({ port: relay.port, settings: { ...quick, retryFor: 2000 } });
    await using client = await connectRaw({ port: proxy.port });
    await client.command('SET', 'k', 'v');
    let running = true;
    const cuts = (async () => {
      for (let i = 0; i < 20; i++) {
        await sleep(15);
        relay.cut(how);
      }
      running = false;
    })();
    while (running)
      expect(
        await client.pipeline([
          ['GET', 'k'],
          ['STRLEN', 'k'],
        ]),
      ).toEqual(['$1\r\nv\r\n', ':1\r\n']);
    await cuts;
    expect(proxy.upstream.nodes[0]?.counters.reconnects).toBeGreaterThan(3);
  });

  it('that delays, trickles and chops changes nothing but the time', async () => {
    await using redis = await startRedis();
    await using relay = await startRelay({ target: { port: redis.port } });
    await using proxy = await startProxyFace({ port: relay.port, cache: {} });
    await using client = await connectRaw({ port: proxy.port });
    for (const mode of [
      { kind: 'delay', ms: 20 },
      { kind: 'chop', maxBytes: 7 },
      { kind: 'trickle', ms: 0 },
    ] as const) {
      relay.set(mode);
      const big = 'x'.repeat(mode.kind === 'trickle' ? 100 : 5000);
      expect(
        await client.pipeline([
          ['SET', 'k', big],
          ['GET', 'k'],
          ['HSET', 'h', 'f', mode.kind],
          ['HGETALL', 'h'],
        ]),
      ).toEqual([
        '+OK\r\n',
        `$${big.length}\r\n${big}\r\n`,
        expect.stringMatching(/^:[01]\r\n$/),
        `*2\r\n$1\r\nf\r\n$${mode.kind.length}\r\n${mode.kind}\r\n`,
      ]);
      expect(await client.command('GET', 'k')).toBe(`$${big.length}\r\n${big}\r\n`);
    }
  });

  it.each(['up', 'down'] as const)('that is half-closed (%s) is made anew', async (direction) => {
    await using redis = await startRedis();
    await using relay = await startRelay({ target: { port: redis.port } });
    await using proxy = await startProxyFace({ port: relay.port, settings: quick });
    await using client = await connectRaw({ port: proxy.port });
    expect(await client.command('SET', 'k', '1')).toBe('+OK\r\n');
    relay.halfClose(direction);
    await eventually(async () => expect(await client.command('SET', 'k', '2')).toBe('+OK\r\n'));
  });

  it('to a server that talks nonsense is closed, with an error for all who wait, and tried again', async () => {
    const sockets = new Set<Socket>();
    let garbage = '';
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      socket.on('data', (chunk) => {
        const text = chunk.toString('latin1');
        // Handshakes are answered as a server would.
        const steps = text.match(/HELLO|SELECT|SETNAME|TRACKING|PING/g) ?? [];
        if (text.includes('GET\r\n')) socket.write(garbage);
        else socket.write(steps.map((step) => (step === 'HELLO' ? '%0\r\n' : '+OK\r\n')).join(''));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await using proxy = await startProxyFace({ port, settings: quick });
    try {
      for (garbage of [
        'HTTP/1.1 200 OK\r\n\r\n',
        '$3\r\nabcd\r\n',
        '$1\r\nx\r\n$1\r\ny\r\n$1\r\nz\r\n',
        '\0\0\0\0',
        '*-2\r\n',
      ]) {
        await using client = await connectRaw({ port: proxy.port });
        const reply = await client.command('GET', 'k');
        // One whole reply may have come before what followed it was seen to be wrong.
        expect(reply).toMatch(/^(-LOADING|-ERR SLUICE_UPSTREAM_UNKNOWN|\$1\r\nx)/);
      }
    } finally {
      server.close();
      for (const socket of sockets) socket.destroy();
    }
  });
});

describe('bounds', () => {
  it('refuses what neither may be under way nor wait, and goes on', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, settings: { opsInFlight: 4, maxQueued: 8 } });
    await using client = await connectRaw({ port: proxy.port });
    await client.command('SET', 'k', 'v');
    const replies = await client.pipeline(Array.from({ length: 40 }, () => ['GET', 'k']));
    const answered = replies.filter((reply) => reply === '$1\r\nv\r\n').length;
    const refused = replies.filter((reply) => reply.startsWith('-ERR SLUICE_OVERLOADED ')).length;
    expect(answered + refused).toBe(40);
    expect(answered).toBeGreaterThanOrEqual(12);
    expect(refused).toBeGreaterThan(0);
    expect(proxy.upstream.nodes[0]?.counters.overloaded).toBe(refused);
    expect(await client.command('GET', 'k')).toBe('$1\r\nv\r\n');
    expect(proxy.upstream.nodes[0]).toMatchObject({ inFlight: 0, queued: 0 });
  });

  it('gives so many clients a connection of their own, and takes them back', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, settings: { dedicated: 3 } });
    const clients = await Promise.all(Array.from({ length: 4 }, () => connectRaw({ port: proxy.port })));
    const [a, b, c, d] = clients as [
      (typeof clients)[0],
      (typeof clients)[0],
      (typeof clients)[0],
      (typeof clients)[0],
    ];
    for (const client of [a, b, c]) expect(await client.command('MULTI')).toBe('+OK\r\n');
    expect(await d.command('MULTI')).toMatch(/^-ERR SLUICE_OVERLOADED /);
    expect(await d.command('SET', 'k', 'v')).toBe('+OK\r\n');
    expect(await a.command('DISCARD')).toBe('+OK\r\n');
    expect(await d.command('MULTI')).toBe('+OK\r\n');
    // One that goes away gives its connection back too.
    await b.close();
    await eventually(async () => expect(await a.command('MULTI')).toBe('+OK\r\n'));
    await Promise.all(clients.map((client) => client.close()));
    await eventually(() => expect(proxy.upstream.nodes[0]?.dedicated).toBe(0));
  });

  it('gives the replies of a client that went away to nobody', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, cache: {} });
    await using other = await connectRaw({ port: proxy.port });
    for (let i = 0; i < 30; i++) {
      const gone = await connectRaw({ port: proxy.port });
      gone.write(Array.from({ length: 50 }, (_, n) => encodeCommand(['SET', `gone${n}`, 'gone'])).join(''));
      gone.write(Array.from({ length: 50 }, (_, n) => encodeCommand(['GET', `gone${n}`])).join(''));
      gone.socket.resetAndDestroy();
      expect(
        await other.pipeline([
          ['SET', 'k', `${i}`],
          ['GET', 'k'],
          ['ECHO', 'e'],
        ]),
      ).toEqual(['+OK\r\n', `$${`${i}`.length}\r\n${i}\r\n`, '$1\r\ne\r\n']);
    }
    await eventually(() => expect(proxy.upstream.nodes[0]).toMatchObject({ inFlight: 0, queued: 0, dedicated: 0 }));
  });

  it('answers all that came before the client ended its side', async () => {
    await using redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, cache: {} });
    const client = await connectRaw({ port: proxy.port });
    const count = 500;
    client.socket.end(
      Buffer.from(Array.from({ length: count }, (_, n) => encodeCommand(['SET', 'k', `${n}`])).join('')),
    );
    for (let n = 0; n < count; n++) expect(await client.next()).toBe('+OK\r\n');
    await client.ended;
  });

  it('closes a client whose subscriptions were lost with the server, and fails what waits', async () => {
    const redis = await startRedis();
    await using proxy = await startProxyFace({ port: redis.port, settings: quick });
    await using subscriber = await connectRaw({ port: proxy.port });
    await using blocked = await connectRaw({ port: proxy.port });
    await using transaction = await connectRaw({ port: proxy.port });
    subscriber.send('SUBSCRIBE', 'c');
    expect(await subscriber.next()).toContain('subscribe');
    blocked.send('BLPOP', 'l', '0');
    await transaction.pipeline([['MULTI'], ['SET', 'k', 'v']]);
    await sleep(50);
    await redis.stop();
    await subscriber.ended;
    expect(await blocked.next()).toMatch(/^-ERR SLUICE_UPSTREAM_UNKNOWN /);
    expect(await transaction.command('SET', 'k', 'w')).toMatch(/^-LOADING /);
    expect(await transaction.command('EXEC')).toMatch(/^-EXECABORT /);
    await using again = await startRedis({ port: redis.port });
    await eventually(async () => expect(await transaction.command('SET', 'k', 'x')).toBe('+OK\r\n'));
    expect(again.port).toBe(redis.port);
  });
});
