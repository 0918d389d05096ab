import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { EmbeddedChannel } from '../../src/store/embedded/channel.ts';
import { eventually } from '../support/eventually.ts';
import { startNode } from '../support/node.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { startRespFace } from '../support/resp-face.ts';

const invalidated = (key: string): string => `>2\r\n$10\r\ninvalidate\r\n*1\r\n$${key.length}\r\n${key}\r\n`;

async function tracking(port: number, ...options: string[]): Promise<RawResp> {
  const client = await connectRaw({ port });
  await client.command('HELLO', '3');
  await client.command('CLIENT', 'TRACKING', 'ON', ...options);
  return client;
}

describe('without any other RESP command', () => {
  it('a tracked key that is written, counted and deleted over HTTP is told each time', async () => {
    await using node = await startNode({ http: '127.0.0.1:0', resp: '127.0.0.1:0' });
    await using client = await tracking(Number(node.resp.split(':').at(-1)));
    const url = `http://${node.http}/k`;
    for (const init of [{ method: 'PUT', body: '1' }, { method: 'POST', query: '?incr=1' }, { method: 'DELETE' }]) {
      await client.command('GET', 'k');
      const { query = '', ...request } = init as RequestInit & { query?: string };
      expect((await fetch(url + query, request)).ok).toBe(true);
      expect(await client.nextPush()).toBe(invalidated('k'));
    }
  });

  it('a key written over HTTP is told to who tracks its prefix', async () => {
    await using node = await startNode({ http: '127.0.0.1:0', resp: '127.0.0.1:0' });
    await using client = await tracking(Number(node.resp.split(':').at(-1)), 'BCAST', 'PREFIX', 'user:');
    await fetch(`http://${node.http}/other`, { method: 'PUT', body: 'x' });
    await fetch(`http://${node.http}/user:1`, { method: 'PUT', body: 'x' });
    expect(await client.nextPush()).toBe(invalidated('user:1'));
  });

  it('a tracked key that expires is told when it is swept', async () => {
    await using node = await startNode({ resp: '127.0.0.1:0' });
    await using client = await tracking(Number(node.resp.split(':').at(-1)));
    await client.command('SET', 'k', 'v', 'PX', '150');
    await client.command('GET', 'k');
    const before = performance.now();
    expect(await client.nextPush()).toBe(invalidated('k'));
    expect(performance.now() - before).toBeGreaterThan(50);
  });

  it('a write over HTTP breaks WATCH', async () => {
    await using node = await startNode({ http: '127.0.0.1:0', resp: '127.0.0.1:0' });
    await using client = await connectRaw({ port: Number(node.resp.split(':').at(-1)) });
    await client.command('WATCH', 'k');
    await fetch(`http://${node.http}/k`, { method: 'PUT', body: 'x' });
    expect(await client.pipeline([['MULTI'], ['SET', 'k', 'mine'], ['EXEC']])).toEqual([
      '+OK\r\n',
      '+QUEUED\r\n',
      '*-1\r\n',
    ]);
    expect(await client.command('GET', 'k')).toBe('$1\r\nx\r\n');
  });

  it('an element pushed by the program that embeds the engine is handed to who waits', async () => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    client.send('BLPOP', 'list', '0');
    await eventually(() => expect(node.server.blocked.size).toBe(1));
    node.engine.begin();
    node.engine.user.lists.pushRight('list', 'a');
    node.engine.user.lists.pushRight('list', 'b');
    expect(await client.next()).toBe('*2\r\n$4\r\nlist\r\n$1\r\na\r\n');
    node.engine.begin();
    expect(node.engine.user.lists.read('list')?.length).toBe(1);
  });

  it('a list that gets its name by RENAME is handed to who waits for that name', async () => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    client.send('BLPOP', 'wanted', '0');
    await eventually(() => expect(node.server.blocked.size).toBe(1));
    await using other = await connectRaw({ port: node.port });
    await other.command('RPUSH', 'list', 'a');
    expect(await other.command('RENAME', 'list', 'wanted')).toBe('+OK\r\n');
    expect(await client.next()).toBe('*2\r\n$6\r\nwanted\r\n$1\r\na\r\n');
  });

  it('a message published by the program reaches subscribers', async () => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    await client.command('SUBSCRIBE', 'news');
    expect(await new EmbeddedChannel(node.server.pubSub).publish('news', 'hello')).toBe(1);
    expect(await client.next()).toBe('*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n');
  });
});

it.each([['SKIP'], ['OFF']])(
  'a command that waited is silent when it is served under CLIENT REPLY %s',
  async (mode) => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    await using pusher = await connectRaw({ port: node.port });
    client.send('CLIENT', 'REPLY', mode);
    client.send('BLPOP', 'list', '0');
    await eventually(() => expect(node.server.blocked.size).toBe(1));
    await pusher.command('RPUSH', 'list', 'x');
    if (mode === 'OFF') expect(await client.command('CLIENT', 'REPLY', 'ON')).toBe('+OK\r\n');
    expect(await client.command('LLEN', 'list')).toBe(':0\r\n');
  },
);

describe('pushes', () => {
  it('come between replies, never inside one', async () => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port, pushes: 'in line' });
    await using publisher = await connectRaw({ port: node.port });
    await client.command('HELLO', '3');
    await client.command('SUBSCRIBE', 'news');
    const elements = Array.from({ length: 5000 }, (_, i) => `element ${i}`);
    await client.command('RPUSH', 'list', ...elements);
    const list = `*5000\r\n${elements.map((text) => `$${text.length}\r\n${text}\r\n`).join('')}`;
    const message = '>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n';
    let pushes = 0;
    for (let round = 0; round < 40; round++) {
      // Its own message comes within its own transaction, which may tell it only after the reply.
      for (const command of [['MULTI'], ['PUBLISH', 'news', 'x'], ['LRANGE', 'list', '0', '-1'], ['EXEC']])
        client.send(...command);
      publisher.send('PUBLISH', 'news', 'x');
    }
    let replies = 0;
    while (replies < 160 || pushes < 80) {
      const frame = await client.next();
      if (frame === message) pushes++;
      else {
        expect(['+OK\r\n', '+QUEUED\r\n', `*2\r\n:1\r\n${list}`]).toContain(frame);
        replies++;
      }
    }
    expect({ replies, pushes }).toEqual({ replies: 160, pushes: 80 });
  });
});

describe('a drain', () => {
  it('answers what was received, ends waiting clients, and leaves their elements where they are', async () => {
    const node = await startRespFace();
    await using busy = await connectRaw({ port: node.port });
    await using waiter = await connectRaw({ port: node.port });
    await using subscriber = await connectRaw({ port: node.port });
    await using idle = await connectRaw({ port: node.port });
    await idle.command('PING');
    await subscriber.command('SUBSCRIBE', 'news');
    waiter.send('BLPOP', 'list', '0');
    waiter.send('ECHO', 'never');
    await eventually(() => expect(node.server.blocked.size).toBe(1));
    await busy.command('RPUSH', 'big', ...Array.from({ length: 20_000 }, (_, i) => String(i)));
    // More than one turn's worth.
    const commands = 200;
    busy.write('*4\r\n$4\r\nLREM\r\n$3\r\nbig\r\n$1\r\n0\r\n$1\r\nx\r\n'.repeat(commands));
    await eventually(() => expect(node.server.counters.commands).toBeGreaterThan(10));
    const drained = node.face.drain(AbortSignal.timeout(20_000));
    node.engine.begin();
    node.engine.user.lists.pushRight('list', 'kept');
    for (let i = 0; i < commands; i++) expect(await busy.next()).toBe(':0\r\n');
    for (const client of [busy, waiter, subscriber, idle]) expect(await client.ended).toBe('');
    await drained;
    expect(node.engine.user.lists.read('list')?.length).toBe(1);
    await expect(connectRaw({ port: node.port })).rejects.toThrow('ECONNREFUSED');
  });

  it('waits for a client that reads slowly, and closes one that does not read when its time is over', async () => {
    const node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    await client.command('SET', 'k', 'x'.repeat(1_000_000));
    client.socket.pause();
    for (let i = 0; i < 20; i++) client.send('GET', 'k');
    await eventually(() => expect(node.server.counters.commands).toBeGreaterThan(1));
    const deadline = new AbortController();
    let isOver = false;
    const drained = node.face.drain(deadline.signal).then(() => {
      isOver = true;
    });
    await sleep(200);
    expect(isOver).toBe(false);
    deadline.abort();
    await drained;
  });
});
