import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startNode } from '../support/node.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { type ClusterSetup, startCluster } from '../support/redis-cluster.ts';
import { startSentinel } from '../support/redis-sentinel.ts';

const portOf = (address: string): number => Number(address.split(':').at(-1));
const listOf = (servers: readonly { readonly port: number }[]): string =>
  servers.map(({ port }) => `127.0.0.1:${port}`).join(',');

async function startOver(store: string): Promise<AsyncDisposable & { readonly port: number; readonly admin: string }> {
  const node = await startNode({
    store,
    cache: { enabled: true },
    upstream: { retryFor: '500ms', connectTimeout: '1s', timeout: '2s', heartbeat: '500ms' },
    resp: { address: '127.0.0.1:0' },
    admin: { address: '127.0.0.1:0' },
  });
  return { port: portOf(node.resp), admin: node.admin, [Symbol.asyncDispose]: () => node.close() };
}

/** Asks through the proxy until the reply is this one. */
function until(client: RawResp, argv: readonly string[], reply: string, timeoutMs = 8000): Promise<void> {
  return eventually(async () => expect(await client.command(...argv)).toBe(reply), { timeoutMs });
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

describe('the RESP face over a primary behind Sentinels', { timeout: 60_000 }, () => {
  it('serves through a failover, from the cache and not from the cache', async () => {
    await using setup = await startSentinel();
    await using proxy = await startOver(`redis+sentinel://${listOf(setup.sentinels)}/${setup.name}`);
    await using client = await connectRaw({ port: proxy.port });
    await until(client, ['SET', 'k', '1'], '+OK\r\n');
    for (let i = 0; i < 3; i++) expect(await client.command('GET', 'k')).toBe(bulk('1'));
    await using direct = await connectRaw({ port: (await setup.primary()).port });
    expect(await direct.command('SET', 'k', '2')).toBe('+OK\r\n');
    await until(client, ['GET', 'k'], bulk('2'), 1000);
    const now = await setup.failOver();
    await until(client, ['SET', 'other', 'x'], '+OK\r\n');
    await using directly = await connectRaw({ port: now.port });
    expect(await directly.command('SET', 'k', '3')).toBe('+OK\r\n');
    await until(client, ['GET', 'k'], bulk('3'), 1000);
    expect(await client.command('MULTI')).toBe('+OK\r\n');
    expect(await client.command('INCR', 'n')).toBe('+QUEUED\r\n');
    expect(await client.command('EXEC')).toBe('*1\r\n:1\r\n');
  });
});

describe('the RESP face over a cluster', { timeout: 60_000 }, () => {
  it('serves clients that know nothing of a cluster', async () => {
    await using cluster = await startCluster();
    await using proxy = await startOver(`redis+cluster://${listOf(cluster.nodes.slice(0, 2))}`);
    const io = new Redis({ port: proxy.port });
    await eventually(async () => expect(await io.set('a', '1')).toBe('OK'));
    await io.mset('b', '2', 'c', '3', 'd', '4');
    expect(await io.mget('a', 'b', 'none', 'c', 'd')).toEqual(['1', '2', null, '3', '4']);
    expect(await io.mget('a', 'b', 'none', 'c', 'd')).toEqual(['1', '2', null, '3', '4']);
    expect(await io.exists('a', 'b', 'none')).toBe(2);
    expect(await io.dbsize()).toBe(4);
    const keys = new Set<string>();
    for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
      const [next, some] = await io.scan(cursor, 'COUNT', 10);
      for (const key of some) keys.add(key);
      cursor = next;
    }
    expect(keys).toEqual(new Set(['a', 'b', 'c', 'd']));
    expect(await io.multi().incr('{x}n').get('{x}n').exec()).toEqual([
      [null, 1],
      [null, '1'],
    ]);
    await expect(io.multi().incr('a').incr('b').exec()).rejects.toThrow(/EXECABORT/);
    expect(await io.watch('a')).toBe('OK');
    expect(await io.multi().set('a', '5').exec()).toEqual([[null, 'OK']]);
    io.defineCommand('both', { numberOfKeys: 2, lua: "return redis.call('GET', KEYS[1]) .. KEYS[2]" });
    const { both } = io as unknown as { both: (a: string, b: string) => Promise<string> };
    expect(await both.call(io, 'a', '{a}b')).toBe('5{a}b');
    const listener = new Redis({ port: proxy.port });
    const heard: string[] = [];
    listener.on('message', (_, message: string) => heard.push(message));
    await listener.subscribe('news');
    await io.publish('news', 'through');
    await cluster.nodes[2]?.ask('PUBLISH', 'news', 'directly');
    await eventually(() => expect(new Set(heard)).toEqual(new Set(['through', 'directly'])));
    const worker = io.duplicate();
    const popped = worker.blpop('queue', 0);
    await io.rpush('queue', 'job');
    expect(await popped).toEqual(['queue', 'job']);
    for (const used of [io, listener, worker]) used.disconnect();
  });

  it('keeps what it has read coherent on every node, through resharding and failover', async () => {
    await using cluster = await startCluster();
    await using proxy = await startOver(`redis+cluster://${listOf(cluster.nodes)}`);
    await using client = await connectRaw({ port: proxy.port });
    // One for each node.
    const keys = ['foo', 'bar', 'test'];
    const owners = await Promise.all(keys.map((key) => ownerOf(cluster, key)));
    expect(new Set(owners).size).toBe(3);
    for (const key of keys) await until(client, ['SET', key, '1'], '+OK\r\n');
    for (const key of [...keys, ...keys]) expect(await client.command('GET', key)).toBe(bulk('1'));
    for (const [i, key] of keys.entries()) await cluster.nodes[owners[i] as number]?.ask('SET', key, '2');
    for (const key of keys) await until(client, ['GET', key], bulk('2'), 500);
    // A key that is not there is remembered as such, too; the node that will have it tells nobody who has not read it there.
    expect(await client.command('GET', '{foo}none')).toBe('$-1\r\n');
    const slot = await cluster.slotOf('foo');
    const to = ((owners[0] as number) + 1) % 3;
    await cluster.moveSlot(slot, to);
    await until(client, ['GET', 'foo'], bulk('2'), 500);
    await cluster.nodes[to]?.ask('SET', 'foo', '3');
    await cluster.nodes[to]?.ask('SET', '{foo}none', 'made');
    await until(client, ['GET', 'foo'], bulk('3'), 500);
    await until(client, ['GET', '{foo}none'], bulk('made'), 500);
    const heir = await cluster.failOver(to);
    await until(client, ['SET', '{foo}none', 'after'], '+OK\r\n');
    await cluster.nodes[heir]?.ask('SET', 'foo', '4');
    await until(client, ['GET', 'foo'], bulk('4'), 500);
  });
});

async function ownerOf(cluster: ClusterSetup, key: string): Promise<number> {
  return cluster.ownerOf(await cluster.slotOf(key));
}
