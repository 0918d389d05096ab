import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EngineSession } from '../../src/face/resp/engine-session.ts';
import type { ManagedReads } from '../../src/face/resp/managed-answer.ts';
import { EmbeddedTurn } from '../../src/store/embedded/embedded-turn.ts';
import { EmbeddedKeptEntries } from '../../src/store/embedded/kept-entries.ts';
import { EntryClass } from '../../src/store/engine/entry-class.ts';
import { StoreKeys } from '../../src/store/keys.ts';
import { eventually } from '../support/eventually.ts';
import { connectRaw, encodeCommand, type RawResp } from '../support/raw-resp.ts';
import { SteppedDurability, startRespFace, type TestFace } from '../support/resp-face.ts';
import { startSluiceProcess } from '../support/sluice-process.ts';

/** A face whose disk commits when told, and clients of it. */
async function held(): Promise<{ disk: SteppedDurability; node: TestFace; connect: () => Promise<RawResp> }> {
  const disk = new SteppedDurability();
  const node = await startRespFace({ durability: disk });
  return { disk, node, connect: () => connectRaw({ port: node.port, pushes: 'in line' }) };
}

/** Long enough for a reply to arrive that should not. */
const aMoment = (): Promise<void> => sleep(60);

/** The next replies. */
async function arrived(client: RawResp, count: number): Promise<string[]> {
  const all: string[] = [];
  for (let i = 0; i < count; i++) all.push(await client.next());
  return all;
}

/** Resolves to 'nothing' when no reply comes for a moment; the reply is then still to be taken by the returned function. */
async function silence(client: RawResp): Promise<() => Promise<string>> {
  const next = client.next();
  next.catch(() => {});
  const first = await Promise.race([next, aMoment().then(() => undefined)]);
  expect(first).toBeUndefined();
  return () => next;
}

describe('a reply that reveals a write', () => {
  it('waits for the commit; so does a read of that key, and not one of another key', async () => {
    const { disk, node, connect } = await held();
    await using _ = node;
    await using writer = await connect();
    await using reader = await connect();
    await using other = await connect();
    writer.send('SET', 'k', 'v');
    const written = await silence(writer);
    reader.send('GET', 'k');
    const read = await silence(reader);
    expect(await other.command('GET', 'unrelated')).toBe('$-1\r\n');
    disk.commit();
    expect(await written()).toBe('+OK\r\n');
    expect(await read()).toBe('$1\r\nv\r\n');
  });

  it.each([
    [['EXISTS', 'k', 'managed'], ':2\r\n'],
    [['EXISTS', 'managed', 'k'], ':2\r\n'],
    [['MGET', 'k', 'managed'], '*2\r\n$1\r\nv\r\n$1\r\nm\r\n'],
  ])('waits for the commit where it also tells of keys that are read through: %j', async (command, reply) => {
    const disk = new SteppedDurability();
    const keys = new StoreKeys();
    await using node = await startRespFace({
      durability: disk,
      connectRemote: (client, server) => {
        const entries = new EmbeddedKeptEntries(new EmbeddedTurn(server.engine, disk), keys);
        const managed: ManagedReads = {
          find: (key) => (key === 'managed' ? { key, keyspace: { name: 'managed' } } : undefined),
          read: async () => ({ value: (await entries.read('managed'))?.value }),
          purge: () => entries.purge(['managed']),
        };
        return new EngineSession(server, client, { managed });
      },
    });
    node.engine.begin();
    node.engine.user.strings.set('managed', 'm', { entryClass: EntryClass.cached });
    disk.commit(node.engine.changes.seq);
    await using writer = await connectRaw({ port: node.port });
    await using reader = await connectRaw({ port: node.port });
    writer.send('SET', 'k', 'v');
    const written = await silence(writer);
    reader.send(...command);
    const read = await silence(reader);
    disk.commit();
    expect(await written()).toBe('+OK\r\n');
    expect(await read()).toBe(reply);
  });

  it('holds back what was answered after it, so that replies keep their order', async () => {
    const { disk, node, connect } = await held();
    await using _ = node;
    await using client = await connect();
    client.send('SET', 'k', 'v');
    await silence(client);
    client.send('PING');
    client.send('GET', 'nothing');
    await aMoment();
    expect(disk.waiting).toBe(1);
    client.send('SET', 'k2', 'v');
    await eventually(() => expect(disk.waiting).toBe(2));
    client.send('ECHO', 'last');
    await aMoment();
    disk.commit(1);
    // The first was taken by `silence`.
    expect(await arrived(client, 2)).toEqual(['+PONG\r\n', '$-1\r\n']);
    const rest = await silence(client);
    disk.commit();
    expect(await rest()).toBe('+OK\r\n');
    expect(await client.next()).toBe('$4\r\nlast\r\n');
  });

  it('is not overtaken by a push', async () => {
    const { disk, node, connect } = await held();
    await using _ = node;
    await using client = await connect();
    await using publisher = await connect();
    await client.command('HELLO', '3');
    expect(await client.command('SUBSCRIBE', 'news')).toBe('>3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n');
    client.send('SET', 'k', 'v');
    const written = await silence(client);
    // A message of no write waits for nothing but its turn.
    expect(await publisher.command('PUBLISH', 'news', 'now')).toBe(':1\r\n');
    await aMoment();
    disk.commit();
    expect(await written()).toBe('+OK\r\n');
    expect(await client.next()).toBe('>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$3\r\nnow\r\n');
  });

  it('goes before the end of the connection that QUIT or the client asks for', async () => {
    const { disk, node, connect } = await held();
    await using _ = node;
    await using quitter = await connect();
    quitter.write(encodeCommand(['SET', 'a', '1']) + encodeCommand(['QUIT']) + encodeCommand(['SET', 'b', '1']));
    await using leaver = await connect();
    leaver.socket.end(encodeCommand(['SET', 'c', '1']), 'latin1');
    await eventually(() => expect(disk.waiting).toBe(2));
    await aMoment();
    disk.commit();
    expect(await arrived(quitter, 2)).toEqual(['+OK\r\n', '+OK\r\n']);
    expect(await quitter.ended).toBe('');
    expect(await leaver.next()).toBe('+OK\r\n');
    expect(await leaver.ended).toBe('');
    await using reader = await connect();
    expect(await reader.command('EXISTS', 'a', 'b', 'c')).toBe(':2\r\n');
  });
});

describe('a message', () => {
  it('published alone waits for no commit, in one transaction with a write for that of the write', async () => {
    const { disk, node, connect } = await held();
    await using _ = node;
    await using subscriber = await connect();
    await using publisher = await connect();
    await subscriber.command('SUBSCRIBE', 'news');
    publisher.send('SET', 'k', 'v');
    publisher.send('PUBLISH', 'news', 'at once');
    expect(await subscriber.next()).toContain('at once');
    publisher.write(
      [['MULTI'], ['SET', 'k', 'w'], ['PUBLISH', 'news', 'k is written'], ['EXEC']].map(encodeCommand).join(''),
    );
    const message = await silence(subscriber);
    disk.commit();
    expect(await message()).toContain('k is written');
  });

  it('of CLIENT TRACKING comes before the commit', async () => {
    const { disk, node, connect } = await held();
    await using _ = node;
    await using tracker = await connect();
    await using writer = await connect();
    await tracker.command('HELLO', '3');
    await tracker.command('CLIENT', 'TRACKING', 'ON');
    await tracker.command('GET', 'k');
    writer.send('SET', 'k', 'v');
    expect(await tracker.next()).toBe('>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n');
    expect(disk.waiting).toBe(1);
  });
});

describe('when a commit fails', () => {
  const misconf = expect.stringMatching(/^-MISCONF Errors writing to the journal: no space left\r\n$/);

  it('every command that waited for it gets an error, once, and the others their replies', async () => {
    const { disk, node, connect } = await held();
    await using _ = node;
    await using client = await connect();
    client.write(encodeCommand(['SET', 'k', '1']) + encodeCommand(['INCR', 'k']));
    await eventually(() => expect(disk.waiting).toBe(1));
    client.send('PING');
    await aMoment();
    client.send('SET', 'other', 'v');
    await eventually(() => expect(disk.waiting).toBe(2));
    disk.fail('no space left');
    expect(await arrived(client, 4)).toEqual([misconf, misconf, '+PONG\r\n', misconf]);
    expect(await client.command('ECHO', 'goes on')).toBe('$7\r\ngoes on\r\n');
  });

  it('so does the blocking command it served', async () => {
    const { disk, node, connect } = await held();
    await using _ = node;
    await using waiter = await connect();
    await using pusher = await connect();
    waiter.write(encodeCommand(['PING']) + encodeCommand(['BLPOP', 'list', '0']) + encodeCommand(['ECHO', 'after']));
    expect(await waiter.next()).toBe('+PONG\r\n');
    pusher.send('RPUSH', 'list', 'x');
    await eventually(() => expect(disk.waiting).toBe(2));
    disk.fail('no space left');
    expect(await arrived(waiter, 2)).toEqual([misconf, '$5\r\nafter\r\n']);
    expect(await pusher.next()).toEqual(misconf);
  });

  it('a connection whose held output holds more than replies is closed', async () => {
    const { disk, node, connect } = await held();
    await using _ = node;
    await using subscriber = await connect();
    await using tracker = await connect();
    await using writer = await connect();
    subscriber.write(encodeCommand(['HELLO', '3']));
    await subscriber.next();
    subscriber.write(encodeCommand(['SET', 'a', '1']) + encodeCommand(['SUBSCRIBE', 'x', 'y']));
    await tracker.command('HELLO', '3');
    await tracker.command('CLIENT', 'TRACKING', 'ON', 'BCAST');
    tracker.send('SET', 'b', '1');
    writer.send('SET', 'c', '1');
    await eventually(() => expect(disk.waiting).toBeGreaterThanOrEqual(3));
    disk.fail('no space left');
    expect(await subscriber.ended).toBe('');
    expect(await tracker.ended).toBe('');
    expect(await writer.next()).toEqual(misconf);
  });
});

describe('a disk that takes no more', () => {
  const run = promisify(execFile);

  // Linux can take the room to write from a running process.
  it.skipIf(process.platform !== 'linux')(
    'fails the writes with MISCONF, lets reads go on, and writes again when it can',
    async () => {
      await using sluice = await startSluiceProcess();
      const limit = (bytes: string): Promise<unknown> =>
        run('prlimit', ['--pid', `${sluice.pid}`, `--fsize=${bytes}:unlimited`]);
      await using client = await connectRaw({ port: sluice.resp.port });
      expect(await client.command('SET', 'k', 'before')).toBe('+OK\r\n');
      await limit('4096');
      const replies = await client.pipeline([['SET', 'k2', 'x'.repeat(10_000)], ['INCR', 'n'], ['PING']]);
      // The PING too: replies to one chunk of input are told together or not at all.
      expect(replies).toHaveLength(3);
      for (const reply of replies)
        expect(reply).toMatch(/^-MISCONF Errors writing to the journal: .*could not be made durable/);
      expect(await client.command('SET', 'k3', 'v')).toMatch(/^-MISCONF .*writes are refused/);
      expect(await client.command('GET', 'k')).toBe('$6\r\nbefore\r\n');
      await limit('unlimited');
      await eventually(async () => expect(await client.command('SET', 'k4', 'after')).toBe('+OK\r\n'), {
        timeoutMs: 15_000,
        intervalMs: 100,
      });
      expect(await client.command('GET', 'k4')).toBe('$5\r\nafter\r\n');
    },
  );
});
