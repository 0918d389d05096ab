import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { connectHttp, sendRaw } from '../support/raw-http.ts';
import { connectRaw, encodeCommand, type RawResp } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';
import { startRespFace } from '../support/resp-face.ts';

const users = [
  { name: 'app', secret: 'secret-of-app' },
  { name: 'ops', secret: 'secret-of-ops' },
];
const loopback = { http: '127.0.0.1:0', resp: '127.0.0.1:0', admin: '127.0.0.1:0' } as const;

const portOf = (address: string): number => Number(address.split(':').at(-1));
const bearer = (secret: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${secret}` },
});
const metrics = async (node: TestNode, init: RequestInit = {}): Promise<string> =>
  (await fetch(`http://${node.admin}/metrics`, init)).text();

async function login(node: TestNode, name: string): Promise<RawResp> {
  const client = await connectRaw({ port: portOf(node.resp) });
  expect(await client.command('AUTH', name, `secret-of-${name}`)).toBe('+OK\r\n');
  return client;
}

describe('limits.rate.perAddress', () => {
  it('answers 429 over HTTP with what there is to know, and goes on when tokens are back', async () => {
    const clock = new FakeClock();
    await using node = await startNode({ ...loopback, limits: { rate: { perAddress: '3/10s' } } }, clock);
    const url = `http://${node.http}/k`;
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await fetch(url)).status);
    expect(statuses).toEqual([404, 404, 404, 429]);
    const refusal = await fetch(url);
    expect(refusal.status).toBe(429);
    expect(refusal.headers.get('content-type')).toBe('application/problem+json');
    expect(refusal.headers.get('retry-after')).toBe('4');
    expect(refusal.headers.get('ratelimit-policy')).toBe('"address";q=3;w=10');
    expect(refusal.headers.get('ratelimit')).toBe('"address";r=0;t=4');
    expect(await refusal.json()).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    clock.advance(3200);
    expect((await fetch(url)).status).toBe(429);
    clock.advance(134);
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(url)).status).toBe(429);
    clock.advance(60_000);
    const page = await metrics(node);
    expect(page).toContain('sluice_limit_hits_total{face="http",limit="rate.perAddress"} 4');
    // The scrape itself was one.
    expect(page).toContain('sluice_limit_rate_buckets{of="address"} 1');
    expect(page).toContain('sluice_limit_rate_buckets_taken_over_total{of="address"} 0');
  });

  it('keeps the connection: a refused request is answered like any other', async () => {
    const clock = new FakeClock();
    await using node = await startNode({ ...loopback, limits: { rate: { perAddress: '2/1s' } } }, clock);
    using client = await connectHttp(node.http);
    client.socket.write('GET /k HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(4));
    const text = await client.until(/( 404 .*){2}( 429 .*){2}/s);
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['404', '404', '429', '429']);
    clock.advance(500);
    client.socket.write('GET /again HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.until(/ 404 .* 404 .* 404 /s);
  });

  it('counts every command of a pipeline over RESP, and leaves the connection open', async () => {
    const clock = new FakeClock();
    await using node = await startNode({ ...loopback, limits: { rate: { perAddress: '4/1s' } } }, clock);
    await using client = await connectRaw({ port: portOf(node.resp) });
    const replies = await client.pipeline([
      ['SET', 'k', '1'],
      ['MGET', 'k', 'k', 'k', 'k', 'k'],
      ['NO-SUCH-COMMAND'],
      ['GET', 'k'],
      ['SET', 'k', '2'],
      ['GET', 'k'],
    ]);
    expect(replies[1]).toMatch(/^\*5/);
    expect(replies[3]).toBe('$1\r\n1\r\n');
    for (const refused of replies.slice(4))
      expect(refused).toBe('-ERR SLUICE_RATE_LIMITED too many commands; try again in 250 ms\r\n');
    clock.advance(500);
    expect(await client.command('GET', 'k')).toBe('$1\r\n1\r\n');
    await using other = await connectRaw({ port: portOf(node.resp) });
    expect(await other.command('GET', 'k')).toBe('$1\r\n1\r\n');
    expect(await other.command('GET', 'k')).toMatch(/^-ERR SLUICE_RATE_LIMITED /);
    clock.advance(60_000);
    const page = await metrics(node);
    expect(page).toContain('sluice_limit_hits_total{face="resp",limit="rate.perAddress"} 3');
  });

  it('aborts a transaction of which a command was refused, and does not leave it open', async () => {
    const clock = new FakeClock();
    await using node = await startNode({ ...loopback, limits: { rate: { perAddress: '2/1s' } } }, clock);
    await using client = await connectRaw({ port: portOf(node.resp) });
    const replies = await client.pipeline([['MULTI'], ['SET', 'k', '1'], ['SET', 'k', '2']]);
    expect(replies.at(-1)).toMatch(/^-ERR SLUICE_RATE_LIMITED /);
    clock.advance(1000);
    expect(await client.command('EXEC')).toMatch(/^-EXECABORT /);
    expect(await client.command('GET', 'k')).toBe('$-1\r\n');
    clock.advance(1000);
    await client.pipeline([['MULTI'], ['SET', 'k', '1']]);
    expect(await client.command('EXEC')).toMatch(/^-EXECABORT .*SLUICE_RATE_LIMITED/);
    clock.advance(1000);
    expect(await client.command('EXEC')).toBe('-ERR EXEC without MULTI\r\n');
    expect(await client.command('GET', 'k')).toBe('$-1\r\n');
  });

  it('is one for HTTP, RESP and administration together', async () => {
    await using node = await startNode({ ...loopback, limits: { rate: { perAddress: '3/1s' } } }, new FakeClock());
    await using client = await connectRaw({ port: portOf(node.resp) });
    expect((await fetch(`http://${node.http}/k`)).status).toBe(404);
    expect((await fetch(`http://${node.admin}/hello`)).status).toBe(200);
    expect(await client.command('PING')).toBe('+PONG\r\n');
    expect(await client.command('PING')).toMatch(/^-ERR SLUICE_RATE_LIMITED /);
    expect((await fetch(`http://${node.http}/k`)).status).toBe(429);
    expect((await fetch(`http://${node.admin}/status`)).status).toBe(429);
  });

  it('never answers 429 to a probe', async () => {
    await using node = await startNode({ ...loopback, limits: { rate: { perAddress: '1/1h' } } }, new FakeClock());
    for (let i = 0; i < 3; i++) {
      expect((await fetch(`http://${node.admin}/live`)).status).toBe(200);
      expect((await fetch(`http://${node.admin}/ready`)).status).toBe(200);
    }
    expect((await fetch(`http://${node.admin}/hello`)).status).toBe(200);
    expect((await fetch(`http://${node.admin}/hello`)).status).toBe(429);
    expect((await fetch(`http://${node.admin}/live`)).status).toBe(200);
  });

  it('slows down who tries secrets, over HTTP and RESP', async () => {
    await using node = await startNode(
      { ...loopback, users, limits: { rate: { perAddress: '3/1h' } } },
      new FakeClock(),
    );
    const tries: number[] = [];
    for (let i = 0; i < 3; i++) tries.push((await fetch(`http://${node.http}/k`, bearer(`guess-${i}`))).status);
    tries.push((await fetch(`http://${node.http}/k`, bearer('guess-3'))).status);
    expect(tries).toEqual([401, 401, 401, 429]);
    await using stranger = await connectRaw({ port: portOf(node.resp) });
    expect(await stranger.command('AUTH', 'app', 'secret-of-app')).toMatch(/^-ERR SLUICE_RATE_LIMITED /);
    // Who has the secret is not held up by who has not, where every request carries it.
    expect((await fetch(`http://${node.http}/k`, bearer('secret-of-app'))).status).toBe(404);
  });
});

describe('limits.rate.perUser', () => {
  it('is the same bucket for all connections and faces of a user, and another for another user', async () => {
    const clock = new FakeClock();
    await using node = await startNode({ ...loopback, users, limits: { rate: { perUser: '4/1s', burst: 4 } } }, clock);
    await using one = await login(node, 'app');
    await using two = await login(node, 'app');
    await using ops = await login(node, 'ops');
    expect(await one.command('GET', 'k')).toBe('$-1\r\n');
    expect(await two.command('GET', 'k')).toBe('$-1\r\n');
    expect((await fetch(`http://${node.http}/k`, bearer('secret-of-app'))).status).toBe(404);
    expect((await fetch(`http://${node.http}/k`, bearer('secret-of-app'))).status).toBe(404);
    const refusal = await fetch(`http://${node.http}/k`, bearer('secret-of-app'));
    expect(refusal.status).toBe(429);
    expect(refusal.headers.get('ratelimit')).toBe('"user";r=0;t=1');
    expect(await one.command('GET', 'k')).toMatch(/^-ERR SLUICE_RATE_LIMITED /);
    expect(await two.command('GET', 'k')).toMatch(/^-ERR SLUICE_RATE_LIMITED /);
    expect(await ops.command('GET', 'k')).toBe('$-1\r\n');
    expect((await fetch(`http://${node.http}/k`, bearer('secret-of-ops'))).status).toBe(404);
    clock.advance(250);
    expect(await two.command('GET', 'k')).toBe('$-1\r\n');
    expect(await one.command('GET', 'k')).toMatch(/^-ERR SLUICE_RATE_LIMITED /);
    const page = await metrics(node, bearer('secret-of-ops'));
    expect(page).toContain('sluice_limit_hits_total{face="http",limit="rate.perUser"} 1');
    expect(page).toContain('sluice_limit_hits_total{face="resp",limit="rate.perUser"} 3');
  });

  it('of another user is not used by who changes to that user', async () => {
    await using node = await startNode({ ...loopback, users, limits: { rate: { perUser: '2/1h' } } }, new FakeClock());
    await using client = await login(node, 'app');
    expect(await client.command('PING')).toBe('+PONG\r\n');
    // Paid by who asks for it.
    expect(await client.command('AUTH', 'ops', 'secret-of-ops')).toBe('+OK\r\n');
    expect(await client.command('PING')).toBe('+PONG\r\n');
    expect(await client.command('PING')).toBe('+PONG\r\n');
    expect(await client.command('PING')).toMatch(/^-ERR SLUICE_RATE_LIMITED /);
  });
});

describe('in front of a store', () => {
  it('a refused command is not passed on, its error comes in its place, and a transaction around it does not take place', async () => {
    await using redis = await startRedis();
    const clock = new FakeClock();
    await using node = await startNode({
      resp: '127.0.0.1:0',
      http: 'off',
      admin: 'off',
      store: `redis://127.0.0.1:${redis.port}`,
    });
    await using limited = await startNode(
      {
        resp: '127.0.0.1:0',
        http: 'off',
        admin: 'off',
        store: `redis://127.0.0.1:${redis.port}`,
        limits: { rate: { perAddress: '4/1h' } },
      },
      { ...systemClock, monotonic: () => clock.monotonic() },
    );
    await using witness = await connectRaw({ port: portOf(node.resp) });
    await using client = await connectRaw({ port: portOf(limited.resp) });
    const replies = await client.pipeline([
      ['SET', 'k', '1'],
      ['GET', 'k'],
      ['MULTI'],
      ['INCR', 'k'],
      ['INCR', 'k'],
      ['EXEC'],
      ['DEL', 'k'],
    ]);
    const refused = expect.stringMatching(/^-ERR SLUICE_RATE_LIMITED /);
    expect(replies).toEqual([
      '+OK\r\n',
      '$1\r\n1\r\n',
      '+OK\r\n',
      '+QUEUED\r\n',
      refused,
      expect.stringMatching(/^-EXECABORT /),
      refused,
    ]);
    expect(await witness.command('GET', 'k')).toBe('$1\r\n1\r\n');
    clock.advance(3_600_000);
    expect(await client.command('INCR', 'k')).toBe(':2\r\n');
  });
});

describe('without limits.rate', () => {
  it('nothing is counted', async () => {
    await using node = await startNode(loopback);
    const answer = await sendRaw(node.http, 'GET /k HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(50));
    expect(answer.statuses).toEqual(Array.from({ length: 50 }, () => 404));
    expect(await metrics(node)).not.toContain('sluice_limit_rate_buckets{');
  });
});

describe('limits.resp.loginTimeout', () => {
  it('closes who has not authenticated by then, however busy, and nobody else', async () => {
    const clock = new FakeClock();
    await using node = await startRespFace({
      clock,
      limits: { loginTimeout: 30_000 },
      users: { app: { secret: 'secret-of-app' } },
    });
    await using stranger = await connectRaw({ port: node.port });
    await using user = await connectRaw({ port: node.port });
    expect(await user.command('AUTH', 'app', 'secret-of-app')).toBe('+OK\r\n');
    expect(await stranger.command('PING')).toMatch(/^-NOAUTH /);
    clock.advance(29_999);
    expect(await stranger.command('PING')).toMatch(/^-NOAUTH /);
    stranger.write(encodeCommand(['PING']).slice(0, 5));
    clock.advance(1);
    expect(await stranger.ended).toBe('');
    expect(node.face.closed.login).toBe(1);
    expect(await user.command('PING')).toBe('+PONG\r\n');
  });
});
