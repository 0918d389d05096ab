import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { etagOf, type HttpOverRedis, startHttpOverRedis } from '../support/http-over-redis.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startSentinel } from '../support/redis-sentinel.ts';

const TOKEN = 'sluice-sync-token';

async function untilHit(node: HttpOverRedis, path: string): Promise<void> {
  await eventually(async () => expect((await node.get(path)).cacheStatus).toContain('hit'));
}

describe('keys over HTTP in a cluster', () => {
  it('are served wherever their slot is, and follow it', { timeout: 60_000 }, async () => {
    await using cluster = await startCluster({ replicas: 0 });
    const store = `redis+cluster://${cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
    await using one = await startHttpOverRedis(0, { store });
    await using two = await startHttpOverRedis(0, { store });
    const keys = [...Array.from({ length: 30 }, (_, i) => `k${i}`), '{tag}a', 'a{tag}', '%7D'];
    for (const key of keys) {
      const { status, token } = await one.put(key, key, { 'content-type': 'text/x' });
      expect(status).toBe(201);
      const read = await two.get(key, { [TOKEN]: token as string });
      expect(read).toMatchObject({ status: 200, body: key, etag: etagOf(key) });
      expect(read.type).toBe(key === '%7D' ? 'application/octet-stream' : 'text/x');
      await untilHit(two, key);
    }
    for (const key of keys) {
      const { token } = await one.send('DELETE', key);
      expect((await two.get(key, { [TOKEN]: token as string })).status).toBe(404);
    }
    await one.put('%7Bmoved%7D', 'x', { 'content-type': 'text/x' });
    await untilHit(two, '%7Bmoved%7D');
    const asked = await cluster.nodes[0]?.ask('CLUSTER', 'KEYSLOT', '{moved}');
    const slot = Number(/\d+/.exec(asked ?? '')?.[0]);
    await cluster.moveSlot(slot, ((await cluster.ownerOf(slot)) + 1) % 3);
    const { token } = await one.put('%7Bmoved%7D', 'y', { 'content-type': 'text/y' });
    expect(await two.get('%7Bmoved%7D', { [TOKEN]: token as string })).toMatchObject({ body: 'y', type: 'text/y' });
    expect(await one.get('%7Bmoved%7D')).toMatchObject({ body: 'y', type: 'text/y' });
  });
});

describe('keys over HTTP behind Sentinels', () => {
  it('go on at the new primary', { timeout: 60_000 }, async () => {
    await using setup = await startSentinel();
    const sentinels = setup.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    await using node = await startHttpOverRedis(0, { store: `redis+sentinel://${sentinels}/${setup.name}` });
    await node.put('k', 'x', { 'content-type': 'text/x' });
    await untilHit(node, 'k');
    await setup.failOver();
    await eventually(async () => expect((await node.put('k', 'y', { 'content-type': 'text/y' })).status).toBe(204), {
      timeoutMs: 10_000,
    });
    expect(await node.get('k')).toMatchObject({ status: 200, body: 'y', type: 'text/y' });
    await untilHit(node, 'k');
  });
});
