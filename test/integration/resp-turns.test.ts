import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { connectRaw, encodeCommand } from '../support/raw-resp.ts';
import { startRespFace } from '../support/resp-face.ts';

const MIB = 2 ** 20;

describe('a long pipeline', () => {
  it('of a million commands in one write is answered in full while others are served in between', async () => {
    await using node = await startRespFace();
    await using long = await connectRaw({ port: node.port });
    await using other = await connectRaw({ port: node.port });
    const commands = 1_000_000;
    let received = 0;
    long.socket.removeAllListeners('data');
    long.socket.on('data', (chunk) => (received += chunk.length));
    long.socket.write('*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n'.repeat(commands), 'latin1');
    let served = 0;
    let longest = 0;
    let expected = 0;
    for (let digits = 1, n = 1; n <= commands; digits++) {
      const next = Math.min(n * 10, commands + 1);
      expected += (next - n) * (digits + 3);
      n = next;
    }
    while (received < expected) {
      const before = performance.now();
      await other.command('PING');
      longest = Math.max(longest, performance.now() - before);
      served++;
    }
    expect(received).toBe(expected);
    expect(await other.command('GET', 'n')).toBe('$7\r\n1000000\r\n');
    expect(served).toBeGreaterThan(50);
    expect(longest).toBeLessThan(1000);
  }, 60_000);

  it('of slow commands in one chunk gives way to others after each millisecond', async () => {
    await using node = await startRespFace();
    await using slow = await connectRaw({ port: node.port });
    await using other = await connectRaw({ port: node.port });
    await slow.command('RPUSH', 'list', ...Array.from({ length: 20_000 }, (_, i) => String(i)));
    const commands = 1000;
    const begun = performance.now();
    let isDone = false;
    const done = slow.pipeline(Array.from({ length: commands }, () => ['LREM', 'list', '0', 'nothing'])).finally(() => {
      isDone = true;
    });
    let longest = 0;
    while (!isDone) {
      const before = performance.now();
      await other.command('PING');
      longest = Math.max(longest, performance.now() - before);
    }
    expect(await done).toEqual(Array(commands).fill(':0\r\n'));
    // Run in one turn, the other client would have waited for all of them.
    expect(longest).toBeLessThan((performance.now() - begun) / 3);
  }, 60_000);

  it('keeps nobody from being served while one client blocks and unblocks another', async () => {
    await using node = await startRespFace();
    await using popper = await connectRaw({ port: node.port });
    await using pusher = await connectRaw({ port: node.port });
    const count = 2000;
    popper.write(encodeCommand(['BLPOP', 'list', '0']).repeat(count));
    pusher.write(Array.from({ length: count }, (_, i) => encodeCommand(['RPUSH', 'list', String(i)])).join(''));
    for (let i = 0; i < count; i++)
      expect(await popper.next()).toBe(`*2\r\n$4\r\nlist\r\n$${String(i).length}\r\n${i}\r\n`);
  });

  it('that dribbles in byte by byte gets the same replies', async () => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    client.socket.setNoDelay(true);
    const commands = Array.from({ length: 10_000 }, (_, i) => encodeCommand(['ECHO', `value ${i}`])).join('');
    const done = (async () => {
      for (let i = 0; i < 10_000; i++)
        expect(await client.next(30_000)).toBe(`$${`value ${i}`.length}\r\nvalue ${i}\r\n`);
    })();
    for (let at = 0; at < commands.length; at++) {
      client.socket.write(commands[at] as string, 'latin1');
      // Now and then what was written leaves by itself, so that bytes arrive alone.
      if (at % 16 === 0) await new Promise(setImmediate);
    }
    await done;
  }, 60_000);
});

describe('many clients', () => {
  it('each see their own replies only', async () => {
    await using node = await startRespFace();
    const clients = await Promise.all(Array.from({ length: 200 }, () => connectRaw({ port: node.port })));
    const textOf = (client: number, i: number): string =>
      `${client}:${i}:${createHash('sha256')
        .update(`${client} ${i}`)
        .digest('hex')
        .repeat(1 + ((client + i) % 20))}`;
    try {
      await Promise.all(
        clients.map(async (client, n) => {
          for (let round = 0; round < 5; round++) {
            const commands: string[][] = [];
            const replies: string[] = [];
            for (let i = 0; i < 10; i++) {
              const value = textOf(n, round * 10 + i);
              const bulk = `$${value.length}\r\n${value}\r\n`;
              commands.push(['SET', `key ${n} ${i}`, value], ['GET', `key ${n} ${i}`], ['ECHO', value]);
              replies.push('+OK\r\n', bulk, bulk);
            }
            expect(await client.pipeline(commands)).toEqual(replies);
          }
        }),
      );
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  }, 60_000);
});

describe('a client that does not read', () => {
  it('is no longer read either, and is answered in full once it reads', async () => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    await client.command('PING');
    const value = 'x'.repeat(1000);
    const commands = 40_000;
    client.socket.pause();
    client.socket.write(encodeCommand(['ECHO', value]).repeat(commands), 'latin1');
    const [connection] = [...node.server.clients.values()].map((one) => one.connection);
    const held = (): number => (connection?.outputBytes ?? 0) + (connection?.queryBytes ?? 0);
    let most = 0;
    for (let i = 0; i < 20; i++) {
      await sleep(20);
      most = Math.max(most, held());
    }
    // 40 MB were sent and are asked for; a turn's worth may be there beyond the mark of 1 MiB.
    expect(most).toBeGreaterThan(MIB / 2);
    expect(most).toBeLessThan(4 * MIB);
    expect(node.server.counters.commands).toBeLessThan(commands);
    let received = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk) => (received += chunk.length));
    client.socket.resume();
    await eventually(() => expect(received).toBe(commands * 1009), { timeoutMs: 30_000 });
  }, 60_000);

  it('while it is blocked is no longer read beyond a little', async () => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    const commands = 200_000;
    client.socket.removeAllListeners('data');
    let received = 0;
    client.socket.on('data', (chunk) => (received += chunk.length));
    client.socket.write(encodeCommand(['BLPOP', 'list', '0']) + 'PING\r\n'.repeat(commands), 'latin1');
    await eventually(() => expect(node.server.blocked.size).toBe(1));
    await sleep(100);
    const [blocked] = [...node.server.clients.values()];
    expect(blocked?.connection.queryBytes).toBeLessThan(MIB / 2);
    await using pusher = await connectRaw({ port: node.port });
    await pusher.command('RPUSH', 'list', 'x');
    const all = '*2\r\n$4\r\nlist\r\n$1\r\nx\r\n'.length + commands * '+PONG\r\n'.length;
    await eventually(() => expect(received).toBe(all), { timeoutMs: 30_000 });
  }, 60_000);
});
