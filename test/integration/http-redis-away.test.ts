import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type HttpOverRedis, type KeyAnswer, startHttpOverRedis } from '../support/http-over-redis.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';

const listeners = { heartbeat: '300ms', timeout: '500ms', retryFor: '300ms' };

/** Answers of a key that is cached from here on. */
async function untilHit(node: HttpOverRedis, path: string): Promise<void> {
  await eventually(async () => expect((await node.get(path)).cacheStatus).toContain('hit'));
}

function problemOf({ body }: KeyAnswer): { code: string; detail: string } {
  return JSON.parse(body) as { code: string; detail: string };
}

describe('keys over HTTP while the server behind is away', () => {
  it('goes on with what it has, says so, and comes back by itself', async () => {
    await using redis = await startRedis({ keeps: 'writes' });
    await using node = await startHttpOverRedis(redis.port, { upstream: listeners });
    await node.put('known', 'value', { 'content-type': 'text/x' });
    await untilHit(node, 'known');
    await eventually(async () => expect((await node.get('absent')).cacheStatus).toContain('hit'));
    await redis.kill();

    const stale = await node.get('known');
    expect(stale).toMatchObject({
      status: 200,
      body: 'value',
      type: 'text/x',
      cacheStatus: 'sluice; fwd=stale; detail=STORE_UNAVAILABLE',
      age: expect.stringMatching(/^\d+$/),
    });
    expect(await node.head('known')).toMatchObject({ status: 200, cacheStatus: stale.cacheStatus });
    expect(await node.get('known', { 'if-none-match': stale.etag as string })).toMatchObject({
      status: 304,
      cacheStatus: stale.cacheStatus,
    });
    expect(await node.get('absent')).toMatchObject({ status: 404, cacheStatus: stale.cacheStatus });

    const unknown = await node.get('unknown');
    expect(unknown).toMatchObject({
      status: 503,
      retryAfter: '1',
      type: 'application/problem+json',
      cacheStatus: null,
    });
    expect(problemOf(unknown)).toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503 });

    for (const write of [
      await node.put('known', 'new'),
      await node.send('DELETE', 'known'),
      await node.send('POST', 'n?incr=1'),
    ]) {
      expect(write).toMatchObject({ status: 503, retryAfter: '1', token: null });
      expect(problemOf(write)).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        detail: expect.stringContaining('not sent'),
      });
    }
    // Writes that were never sent cost nobody what is kept.
    expect(await node.get('known')).toMatchObject({ status: 200, body: 'value' });

    await redis.restart();
    await eventually(async () => expect((await node.get('unknown')).status).toBe(404));
    await untilHit(node, 'known');
    expect(await node.get('known')).toMatchObject({ body: 'value', type: 'text/x' });
    expect((await node.put('known', 'new')).status).toBe(204);
    expect((await node.get('known')).body).toBe('new');
  });

  it('gives nothing out that was unproven for longer than cache.grace', async () => {
    await using redis = await startRedis();
    await using node = await startHttpOverRedis(redis.port, { upstream: listeners, cache: { grace: '600ms' } });
    await node.put('k', 'x');
    await untilHit(node, 'k');
    await redis.kill();
    expect((await node.get('k')).cacheStatus).toContain('fwd=stale');
    await eventually(async () => expect((await node.get('k')).status).toBe(503), { timeoutMs: 3000 });
    expect((await node.get('k')).status).toBe(503);
  });

  it('gives nothing unproven out where cache.grace is 0', async () => {
    await using redis = await startRedis();
    await using node = await startHttpOverRedis(redis.port, { upstream: listeners, cache: { grace: 0 } });
    await node.put('k', 'x');
    await untilHit(node, 'k');
    await redis.kill();
    expect(await node.get('k')).toMatchObject({ status: 503, retryAfter: '1' });
  });

  it('says how long ago cache.ttl was over', async () => {
    await using redis = await startRedis();
    await using node = await startHttpOverRedis(redis.port, { upstream: listeners, cache: { ttl: '200ms' } });
    await node.put('k', 'x');
    await untilHit(node, 'k');
    await redis.kill();
    await eventually(async () =>
      expect((await node.get('k')).cacheStatus).toBe('sluice; fwd=stale; ttl=-1; detail=STORE_UNAVAILABLE'),
    );
  });

  it('tells a write that may have happened from one that did not', async () => {
    await using redis = await startRedis();
    await using node = await startHttpOverRedis(redis.port, { upstream: listeners });
    await node.put('k', 'old');
    await untilHit(node, 'k');
    redis.freeze();
    // Nothing is heard any more, and nobody waits for it.
    await eventually(async () => expect((await node.get('k')).cacheStatus).toContain('fwd=stale'));
    const write = await node.put('k', 'new');
    expect(write).toMatchObject({ status: 504, token: null });
    expect(problemOf(write)).toMatchObject({
      code: 'STORE_TIMEOUT',
      detail: expect.stringContaining('may have run'),
    });
    // What was kept may be older than that write.
    expect(await node.get('k')).toMatchObject({ status: 503, retryAfter: '1' });
    redis.thaw();
    await eventually(async () => expect((await node.get('k')).status).toBe(200));
    expect((await node.get('k')).body).toBe('new');
  });

  it('refuses what is too much, and recovers', async () => {
    await using redis = await startRedis();
    await using node = await startHttpOverRedis(redis.port, {
      upstream: { ...listeners, opsInFlight: 1, maxQueued: 1 },
    });
    redis.freeze();
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => node.get(`k${i}`)));
    for (const answer of answers) expect(answer).toMatchObject({ status: 503, retryAfter: '1' });
    expect(answers.map((answer) => problemOf(answer).code)).toContain('OVERLOADED');
    redis.thaw();
    await eventually(async () => expect((await node.get('k1')).status).toBe(404));
  });

  it('takes a server that is loading, or stuck, for one that is away', async () => {
    await using redis = await startRedis();
    await using node = await startHttpOverRedis(redis.port, { upstream: { ...listeners, timeout: '10s' } });
    await using plain = await connectRaw({ port: redis.port });
    await plain.command('CONFIG', 'SET', 'busy-reply-threshold', '50');
    await node.put('k', 'x');
    await untilHit(node, 'k');
    plain.send('EVAL', 'while true do end', '0');
    await eventually(async () => expect(await node.get('other')).toMatchObject({ status: 503, retryAfter: '1' }), {
      timeoutMs: 3000,
    });
    expect(await node.get('k')).toMatchObject({ status: 200, body: 'x' });
    await using other = await connectRaw({ port: redis.port });
    await other.command('SCRIPT', 'KILL');
    await eventually(async () => expect((await node.get('other')).status).toBe(404));
  });
});
