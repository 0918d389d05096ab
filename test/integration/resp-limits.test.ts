import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { eventually } from '../support/eventually.ts';
import { startNode } from '../support/node.ts';
import { connectRaw, encodeCommand } from '../support/raw-resp.ts';
import { startRespFace } from '../support/resp-face.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('the limit of', () => {
  it.each([
    ['one argument', { bulkBytes: KIB }, `*2\r\n$3\r\nGET\r\n$${KIB + 1}\r\n`, 'invalid bulk length'],
    ['arguments', { arguments: 16 }, '*17\r\n', 'invalid multibulk length'],
    ['a line', {}, 'x'.repeat(64 * KIB + 2), 'too big inline request'],
    [
      'one command',
      { queryBytes: 64 * KIB, bulkBytes: 40 * KIB },
      `*3\r\n$3\r\nSET\r\n${`$${40 * KIB}\r\n${'x'.repeat(40 * KIB)}\r\n`.repeat(2)}`,
      'too big query buffer',
    ],
  ])(
    '%s closes the connection with its error, after the replies of what came before',
    async (_, limits, input, error) => {
      await using node = await startRespFace({ limits });
      await using client = await connectRaw({ port: node.port });
      client.write(`${encodeCommand(['PING'])}${input}`);
      expect(await client.next()).toBe('+PONG\r\n');
      expect(await client.next()).toBe(`-ERR Protocol error: ${error}\r\n`);
      expect(await client.ended).toBe('');
      expect(node.face.closed.protocol).toBe(1);
      expect(node.server.errors.get('ERR')).toBe(1);
    },
  );

  it('one argument is exact', async () => {
    await using node = await startRespFace({ limits: { bulkBytes: KIB } });
    await using client = await connectRaw({ port: node.port });
    expect(await client.command('SET', 'k', 'x'.repeat(KIB))).toBe('+OK\r\n');
    expect(await client.command('STRLEN', 'k')).toBe(`:${KIB}\r\n`);
  });

  it('output closes a subscriber that does not read, and no other', async () => {
    await using node = await startNode({
      limits: { resp: { outputBytes: { pubsub: '256KiB' } } },
      resp: '127.0.0.1:0',
      admin: '127.0.0.1:0',
    });
    const port = Number(node.resp.split(':').at(-1));
    await using slow = await connectRaw({ port });
    await using attentive = await connectRaw({ port, pushes: 'in line' });
    await using publisher = await connectRaw({ port });
    await slow.command('SUBSCRIBE', 'news');
    await attentive.command('SUBSCRIBE', 'news');
    slow.socket.pause();
    const payload = 'x'.repeat(16 * KIB);
    let receivers = 2;
    for (let i = 0; i < 1000 && receivers === 2; i++) {
      receivers = Number((await publisher.command('PUBLISH', 'news', payload)).slice(1));
      expect(await attentive.next()).toContain(payload);
    }
    expect(receivers).toBe(1);
    slow.socket.resume();
    await slow.ended;
    const page = await (await fetch(`http://${node.admin}/metrics`)).text();
    expect(page).toContain('sluice_connections_closed_total{face="resp",reason="output"} 1');
    expect(page).toMatch(/sluice_requests_total\{face="resp",operation="publish",outcome="ok"\} \d+/);
    expect(page).toContain('sluice_requests_total{face="resp",operation="subscribe",outcome="ok"} 2');
    expect(page).toMatch(/sluice_request_duration_seconds_count\{face="resp",operation="publish"\} \d+/);
  });

  it('output holds for what one transaction publishes, before it is made', async () => {
    await using node = await startRespFace({ limits: { pubsubOutputBytes: MIB } });
    await using subscriber = await connectRaw({ port: node.port });
    await using publisher = await connectRaw({ port: node.port });
    await subscriber.command('SUBSCRIBE', 'news');
    const commands = Array.from({ length: 32 }, () => ['PUBLISH', 'news', 'x'.repeat(MIB / 8)]);
    const replies = await publisher.pipeline([['MULTI'], ...commands, ['EXEC']]);
    const receivers = replies.at(-1)?.split('\r\n').slice(1, -1);
    expect(receivers?.indexOf(':0')).toBeGreaterThan(4);
    expect(receivers?.indexOf(':0')).toBeLessThan(10);
    await subscriber.ended;
    expect(node.face.closed.output).toBe(1);
  });

  it('output closes a client that asks for more in one command, while it is being built', async () => {
    await using node = await startRespFace({ limits: { outputBytes: MIB } });
    await using greedy = await connectRaw({ port: node.port });
    await using other = await connectRaw({ port: node.port });
    await other.command('SET', 'k', 'x'.repeat(MIB / 2));
    // 50 GiB, more than a string or this machine can hold.
    greedy.send('MGET', ...Array.from({ length: 100_000 }, () => 'k'));
    await greedy.ended;
    expect(node.face.closed.output).toBe(1);
    expect(await other.command('PING')).toBe('+PONG\r\n');
  });

  it('connections is told in the words of Redis', async () => {
    await using node = await startRespFace({ maxConnections: 2 });
    await using first = await connectRaw({ port: node.port });
    const second = await connectRaw({ port: node.port });
    await first.command('PING');
    await second.command('PING');
    await using third = await connectRaw({ port: node.port });
    expect(await third.next()).toBe('-ERR max number of clients reached\r\n');
    expect(await third.ended).toBe('');
    expect(node.server.counters.rejectedConnections).toBe(1);
    await second.close();
    await eventually(() => expect(node.face.connections).toBe(1));
    await using fourth = await connectRaw({ port: node.port });
    expect(await fourth.command('PING')).toBe('+PONG\r\n');
  });

  it('silence closes a client, and none that waits for a list or for messages', async () => {
    await using node = await startRespFace({ limits: { idleTimeout: 150 } });
    await using silent = await connectRaw({ port: node.port });
    await using blocked = await connectRaw({ port: node.port });
    await using subscribed = await connectRaw({ port: node.port });
    await silent.command('PING');
    blocked.send('BLPOP', 'list', '0');
    await subscribed.command('SUBSCRIBE', 'news');
    expect(await silent.ended).toBe('');
    await sleep(200);
    await using pusher = await connectRaw({ port: node.port });
    await pusher.command('RPUSH', 'list', 'x');
    await pusher.command('PUBLISH', 'news', 'hello');
    expect(await blocked.next()).toContain('$1\r\nx');
    expect(await subscribed.next()).toContain('hello');
    expect(node.face.closed.idle).toBe(1);
  });
});

describe('a connection that ends', () => {
  it.each([
    ['a protocol error', '*1\r\n!\r\n', "-ERR Protocol error: expected '$', got '!'\r\n"],
    ['QUIT', encodeCommand(['QUIT']), '+OK\r\n'],
  ])('by %s gets all that came before, however late it reads and whatever else it sends', async (_, last, reply) => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    await client.command('SET', 'k', 'x'.repeat(100 * KIB));
    client.socket.pause();
    client.write(encodeCommand(['GET', 'k']).repeat(15) + last);
    // What is on its way to a closed socket resets the connection, and what was not read is lost.
    for (let i = 0; i < 30; i++) {
      client.write('x'.repeat(KIB));
      await sleep(10);
    }
    client.socket.resume();
    for (let i = 0; i < 15; i++) expect((await client.next()).length).toBe(100 * KIB + 11);
    expect(await client.next()).toBe(reply);
    expect(await client.ended).toBe('');
  });

  it('and whose client never closes its side is not kept', async () => {
    await using node = await startRespFace();
    const socket = connect({ port: node.port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    socket.resume().write('QUIT\r\n');
    await once(socket, 'end');
    await eventually(() => expect(node.face.connections).toBe(0));
    socket.destroy();
  });

  it('by the other side stops waiting for lists and messages', async () => {
    await using node = await startRespFace();
    await using popper = await connectRaw({ port: node.port });
    await using pusher = await connectRaw({ port: node.port });
    popper.send('BLPOP', 'list', '0');
    await eventually(() => expect(node.server.blocked.size).toBe(1));
    popper.socket.end();
    await popper.ended;
    expect(await pusher.command('RPUSH', 'list', 'x')).toBe(':1\r\n');
    expect(await pusher.command('LLEN', 'list')).toBe(':1\r\n');
  });
});

describe('at the bound of memory', () => {
  it('writes that need memory get the error of Redis, deletes and reads go on', async () => {
    await using node = await startNode({ maxBytes: '4MiB', resp: '127.0.0.1:0' });
    await using client = await connectRaw({ port: Number(node.resp.split(':').at(-1)) });
    let reply = '';
    for (let i = 0; i < 200 && !reply.startsWith('-'); i++)
      reply = await client.command('SET', `k${i}`, 'x'.repeat(100 * KIB));
    expect(reply).toBe("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    expect(await client.command('STRLEN', 'k0')).toBe(`:${100 * KIB}\r\n`);
    expect(await client.command('DEL', 'k0', 'k1', 'k2')).toBe(':3\r\n');
    expect(await client.command('SET', 'k0', 'fits again')).toBe('+OK\r\n');
  });
});

describe('while the data is loading', () => {
  it('commands on keys get LOADING, those about the connection are answered', async () => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    node.engine.setState('loading');
    for (const command of [['GET', 'k'], ['SET', 'k', 'v'], ['DBSIZE'], ['PING']])
      expect(await client.command(...command), command.join(' ')).toMatch(/^-LOADING /);
    expect(await client.command('CLIENT', 'ID')).toMatch(/^:\d+/);
    expect(await client.command('INFO', 'persistence')).toContain('loading:1');
    node.engine.setState('ready');
    expect(await client.command('SET', 'k', 'v')).toBe('+OK\r\n');
  });
});

describe('a timeout of 30 days', () => {
  it('is not over after 25', async () => {
    const clock = new FakeClock();
    await using node = await startRespFace({ clock });
    await using client = await connectRaw({ port: node.port });
    const day = 86_400_000;
    client.send('BLPOP', 'list', String(30 * 86_400));
    await eventually(() => expect(node.server.blocked.size).toBe(1));
    clock.advance(25 * day);
    expect(node.server.blocked.size).toBe(1);
    clock.advance(5 * day);
    expect(await client.next()).toBe('*-1\r\n');
  });
});
