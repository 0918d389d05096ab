import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type HttpOverRedis, startHttpOverRedis } from '../support/http-over-redis.ts';
import { startNode } from '../support/node.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type Relay, startRelay } from '../support/tcp-relay.ts';

const TOKEN = 'sluice-sync-token';

describe('reading at another node what was written at one', () => {
  let redis: RedisServer;
  let relay: Relay;
  let here: HttpOverRedis;
  /** Hears from the server by way of the relay. */
  let there: HttpOverRedis;
  beforeAll(async () => {
    redis = await startRedis();
    relay = await startRelay({ target: redis });
    here = await startHttpOverRedis(redis.port);
    there = await startHttpOverRedis(relay.port, {
      upstream: { heartbeat: '2s', timeout: '800ms', retryFor: '300ms' },
    });
  });
  afterAll(async () => {
    await here[Symbol.asyncDispose]();
    await there[Symbol.asyncDispose]();
    await relay[Symbol.asyncDispose]();
    await redis.stop();
  });

  async function untilHitThere(path: string): Promise<void> {
    await eventually(async () => expect((await there.get(path)).cacheStatus).toContain('hit'));
  }

  it('sees the write with its token, and perhaps not without', async () => {
    await here.put('k', '0');
    await untilHitThere('k');
    relay.set({ kind: 'delay', ms: 300 }, 'down');
    for (let i = 1; i <= 3; i++) {
      const { token } = await here.put('k', String(i));
      // What tells of the change is still under way.
      expect(await there.get('k')).toMatchObject({ body: String(i - 1), cacheStatus: 'sluice; hit' });
      const after = await there.get('k', { [TOKEN]: token as string });
      expect(after).toMatchObject({ status: 200, body: String(i) });
      await untilHitThere('k');
    }
    relay.set('pass', 'down');
  });

  it('gives a token with every write that was done, and with nothing else', async () => {
    const tokens = [
      await here.put('w', '1'),
      await here.put('w', '2', { 'if-match': '*' }),
      await here.send('POST', 'w?incr=1'),
      await here.send('DELETE', 'w'),
    ].map(({ token }) => token);
    expect(new Set(tokens).size).toBe(4);
    for (const token of tokens) expect(token).toMatch(/^[\w-]+\.[0-9a-z]+$/);
    for (const other of [
      await here.get('w'),
      await here.send('DELETE', 'w'),
      await here.put('w', '1', { 'if-match': '*' }),
      await here.send('POST', 'w?incr=x'),
    ])
      expect(other.token).toBeNull();
    expect(await there.get('w', { [TOKEN]: tokens[3] as string })).toMatchObject({ status: 404 });
  });

  it('serves its own tokens and those it has seen from the cache', async () => {
    const { token } = await here.put('seen', 'x');
    await untilHitThere('seen');
    const headers = { [TOKEN]: token as string };
    expect((await there.get('seen', headers)).body).toBe('x');
    expect((await there.get('seen', headers)).cacheStatus).toBe('sluice; hit');
    await eventually(async () => expect((await here.get('seen', headers)).cacheStatus).toBe('sluice; hit'));
  });

  it('takes a token on conditional writes, which are decided in the server', async () => {
    const first = await here.put('cond', '1');
    await untilHitThere('cond');
    const { etag } = await there.get('cond');
    const second = await here.put('cond', '2');
    const headers = { [TOKEN]: second.token as string, 'if-match': etag as string };
    expect((await there.put('cond', '3', headers)).status).toBe(412);
    expect((await there.put('cond', '3', { [TOKEN]: first.token as string })).status).toBe(204);
  });

  it.each(['', 'x', 'a b.1', 'a.1, b.2', 'a.', '.1', `${'n'.repeat(65)}.1`])('refuses the token %j', async (token) => {
    for (const [method, path] of [
      ['GET', 'k'],
      ['HEAD', 'k'],
      ['PUT', 'k'],
      ['DELETE', 'k'],
      ['POST', 'k?incr=1'],
    ] as const)
      expect((await here.send(method, path, { [TOKEN]: token })).status).toBe(400);
  });

  it('answers with nothing that may be older than the token', async () => {
    await here.put('cut', 'old');
    await untilHitThere('cut');
    const seen = await here.put('other', 'x');
    await there.get('other', { [TOKEN]: seen.token as string });
    await relay.admit('refuse');
    relay.cut();
    const { token } = await here.put('cut', 'new');
    await eventually(async () => expect((await there.get('cut')).cacheStatus).toContain('fwd=stale'));
    for (const one of [token, seen.token])
      expect(await there.get('cut', { [TOKEN]: one as string })).toMatchObject({ status: 503, retryAfter: '1' });
    await relay.admit('pass');
    await eventually(async () =>
      expect(await there.get('cut', { [TOKEN]: token as string })).toMatchObject({ status: 200, body: 'new' }),
    );
  });

  it('has the same promise when the link is there and silent', async () => {
    await here.put('silent', 'old');
    await untilHitThere('silent');
    relay.set('swallow', 'down');
    const { token } = await here.put('silent', 'new');
    const answer = await there.get('silent', { [TOKEN]: token as string });
    expect(answer).toMatchObject({ status: 503, retryAfter: '1' });
    relay.set('pass');
    relay.cut();
    await eventually(async () =>
      expect(await there.get('silent', { [TOKEN]: token as string })).toMatchObject({ status: 200, body: 'new' }),
    );
  });
});

describe('keys over HTTP with a store of its own', () => {
  it('has no cache to tell of, and no tokens', async () => {
    await using node = await startNode({ http: '127.0.0.1:0' });
    const ask = (method: string, body?: string): Promise<Response> =>
      fetch(`http://${node.http}/k`, { method, headers: { [TOKEN]: 'any thing' }, ...(body ? { body } : {}) });
    for (const answer of [
      await ask('PUT', 'x'),
      await ask('GET'),
      await ask('HEAD'),
      await ask('DELETE'),
      await ask('GET'),
    ])
      for (const name of ['cache-status', 'age', TOKEN]) expect(answer.headers.get(name)).toBeNull();
  });
});
