import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { etagOf, type HttpOverRedis, startHttpOverRedis } from '../support/http-over-redis.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { startRelay } from '../support/tcp-relay.ts';

const MISS = 'sluice; fwd=miss; stored';
const HIT = 'sluice; hit';

let redis: RedisServer;
/** A client of the server that knows nothing of Sluice. */
let plain: RawResp;
let node: HttpOverRedis;
beforeAll(async () => {
  redis = await startRedis();
  plain = await connectRaw({ port: redis.port });
  node = await startHttpOverRedis(redis.port);
});
beforeEach(async () => {
  await plain.command('FLUSHALL');
  await plain.command('CONFIG', 'RESETSTAT');
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await plain.close();
  await redis.stop();
});

/** How often the server was asked for a value since the test began. */
async function getsOfServer(): Promise<number> {
  const info = await plain.command('INFO', 'commandstats');
  return Number(/cmdstat_get:calls=(\d+)/.exec(info)?.[1] ?? 0);
}

/** Retries until the answer is from the cache. What was told of a key before a read began may come after it. */
async function untilHit(path: string, from = node): Promise<void> {
  await eventually(async () => expect((await from.get(path)).cacheStatus).toContain('hit'));
}

describe('keys over HTTP from the cache', () => {
  it('says where the value came from and how old it is', async () => {
    await node.put('k', 'value');
    await eventually(async () => {
      await node.put('k', 'value');
      expect(await node.get('k')).toMatchObject({ status: 200, body: 'value', cacheStatus: MISS, age: null });
    });
    expect(await node.get('k')).toMatchObject({ status: 200, body: 'value', cacheStatus: HIT, age: '0' });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await node.get('k')).toMatchObject({ cacheStatus: HIT, age: '1' });
  });

  it('answers hits, HEAD and 304 without asking the server', async () => {
    await plain.command('SET', 'k', 'value');
    await untilHit('k');
    const before = await getsOfServer();
    const head = await node.head('k');
    expect(head).toMatchObject({ status: 200, body: '', cacheStatus: HIT, age: '0', etag: etagOf('value') });
    expect(head.headers.get('content-length')).toBe('5');
    const unchanged = await node.get('k', { 'if-none-match': etagOf('value') });
    expect(unchanged).toMatchObject({ status: 304, body: '', cacheStatus: HIT, age: '0', etag: etagOf('value') });
    expect((await node.get('k', { 'if-match': '"other"' })).status).toBe(412);
    for (let i = 0; i < 20; i++) expect((await node.get('k')).body).toBe('value');
    expect(await getsOfServer()).toBe(before);
  });

  it('knows that a key is not there, until it is', async () => {
    await eventually(async () =>
      expect(await node.get('none')).toMatchObject({ status: 404, cacheStatus: HIT, age: '0' }),
    );
    const before = await getsOfServer();
    await node.get('none');
    expect(await getsOfServer()).toBe(before);
    await plain.command('SET', 'none', 'now');
    await eventually(async () => expect(await node.get('none')).toMatchObject({ status: 200, body: 'now' }), {
      timeoutMs: 1000,
    });
  });

  it('gives what is left of a life as ttl, and ends with it', async () => {
    await node.put('long?ttl=100s', 'x');
    await untilHit('long');
    expect((await node.get('long')).cacheStatus).toMatch(/^sluice; hit; ttl=9[89]$/);
    await plain.command('SET', 'short', 'x', 'PX', '900');
    await untilHit('short');
    expect((await node.get('short')).cacheStatus).toBe('sluice; hit; ttl=0');
    await eventually(async () => expect((await node.get('short')).status).toBe(404), { timeoutMs: 2000 });
    expect(await plain.command('EXISTS', 'short')).toBe(':0\r\n');
  });

  it('sees what others change in the server', async () => {
    for (let i = 0; i < 30; i++) {
      await plain.command('SET', 'k', `v${i}`);
      await eventually(async () => expect((await node.get('k')).body).toBe(`v${i}`), {
        timeoutMs: 1000,
        intervalMs: 1,
      });
    }
    await plain.command('APPEND', 'k', '!');
    await eventually(async () => expect((await node.get('k')).body).toBe('v29!'), { timeoutMs: 1000 });
    await plain.command('DEL', 'k');
    await eventually(async () => expect((await node.get('k')).status).toBe(404), { timeoutMs: 1000 });
    await node.put('k', 'again');
    await untilHit('k');
    await plain.command('FLUSHALL');
    await eventually(async () => expect((await node.get('k')).status).toBe(404), { timeoutMs: 1000 });
  });

  it('shows a client its own writes at once', async () => {
    for (let i = 0; i < 50; i++) {
      await node.get('own');
      await node.put('own', String(i));
      expect((await node.get('own')).body).toBe(String(i));
      await node.send('POST', 'own?incr=1');
      expect((await node.get('own')).body).toBe(String(i + 1));
    }
    await node.send('DELETE', 'own');
    expect((await node.get('own')).status).toBe(404);
  });

  it('reads once for many who ask at the same time', async () => {
    await using relay = await startRelay({ target: redis });
    await using far = await startHttpOverRedis(relay.port);
    await plain.command('SET', 'popular', 'x');
    const before = await getsOfServer();
    relay.set({ kind: 'delay', ms: 100 }, 'down');
    const answers = await Promise.all(Array.from({ length: 20 }, () => far.get('popular')));
    expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 20 }, () => 'x'));
    expect(new Set(answers.map(({ cacheStatus }) => cacheStatus))).toEqual(new Set([MISS, `${MISS}; collapsed`]));
    // The value, and its media type.
    expect(await getsOfServer()).toBe(before + 2);
  });

  it('shares entries with the Redis protocol, whose clients ask for no media type', async () => {
    await node.put('shared', 'x', { 'content-type': 'text/x' });
    await using resp = await connectRaw({ port: node.respPort });
    const value = '$1\r\nx\r\n';
    expect(await resp.command('GET', 'shared')).toBe(value);
    expect(await node.get('shared')).toMatchObject({ type: 'text/x' });
    await untilHit('shared');
    const before = await getsOfServer();
    expect(await resp.command('GET', 'shared')).toBe(value);
    expect(await getsOfServer()).toBe(before);
  });
});

describe('media types over a server behind', () => {
  it('belong to the value they came with', async () => {
    await node.put('k', 'one', { 'content-type': 'text/x' });
    await untilHit('k');
    expect((await node.get('k')).type).toBe('text/x');
    await plain.command('SET', 'k', 'two');
    const octets = { body: 'two', type: 'application/octet-stream', etag: etagOf('two') };
    await eventually(async () => expect(await node.get('k')).toMatchObject(octets), { timeoutMs: 1000 });
    await untilHit('k');
    expect(await node.get('k')).toMatchObject(octets);
    await node.put('k', 'three');
    expect((await node.get('k')).body).toBe('three');
    await node.put('k', 'four', { 'content-type': 'text/y' });
    expect(await node.get('k')).toMatchObject({ body: 'four', type: 'text/y' });
    await untilHit('k');
    expect(await node.get('k')).toMatchObject({ body: 'four', type: 'text/y', etag: etagOf('four') });
  });

  it('stay with a number that is counted, and go with the key', async () => {
    await node.put('n', '1', { 'content-type': 'text/plain' });
    await node.send('POST', 'n?incr=41');
    expect(await node.get('n')).toMatchObject({ body: '42', type: 'text/plain', etag: etagOf('42') });
    await node.send('DELETE', 'n');
    expect(await plain.command('DBSIZE')).toBe(':0\r\n');
    await plain.command('SET', 'n', '42');
    await eventually(async () => expect(await node.get('n')).toMatchObject({ type: 'application/octet-stream' }));
  });

  it('live as long as the value', async () => {
    await node.put('k?ttl=100s', 'x', { 'content-type': 'text/x' });
    const [, keys] = /\*(\d+)/.exec(await plain.command('KEYS', '*')) ?? [];
    expect(keys).toBe('2');
    await node.put('k?ttl=300ms', 'x', { 'content-type': 'text/x' });
    await eventually(async () => expect(await plain.command('DBSIZE')).toBe(':0\r\n'), { timeoutMs: 5000 });
  });

  it('are never those of another value, though it is replaced while it is read', async () => {
    await using relay = await startRelay({ target: redis });
    await using slow = await startHttpOverRedis(relay.port, { upstream: { heartbeat: '10s' } });
    await node.put('torn', 'one', { 'content-type': 'text/one' });
    await using monitor = await connectRaw({ port: redis.port });
    await monitor.command('MONITOR');
    // Byte by byte, so that the server gets the commands of the read one after the other.
    relay.set({ kind: 'trickle', ms: 4 }, 'up');
    const reading = slow.get('torn');
    while (!(await monitor.next()).includes('"GET" "torn"')) {
      // Others pass by.
    }
    await node.put('torn', 'two', { 'content-type': 'text/two' });
    relay.set('pass', 'up');
    const { body, type, etag } = await reading;
    expect({ type, etag }).toEqual({ type: `text/${body}`, etag: etagOf(body) });
    expect(await slow.get('torn')).toMatchObject({ body: 'two', type: 'text/two' });
  });
});

describe('keys over HTTP that are not cached', () => {
  it('passes by those that cache.match leaves out, and says so', async () => {
    await using some = await startHttpOverRedis(redis.port, { cache: { match: ['yes:*'] } });
    await some.put('no:k', 'x', { 'content-type': 'text/x' });
    for (let i = 0; i < 2; i++)
      expect(await some.get('no:k')).toMatchObject({
        status: 200,
        body: 'x',
        type: 'text/x',
        cacheStatus: 'sluice; fwd=bypass',
        age: null,
      });
    await some.put('yes:k', 'x');
    await untilHit('yes:k', some);
  });

  it('passes by where there is no cache', async () => {
    await using none = await startHttpOverRedis(redis.port, { cache: { enabled: false } });
    await none.put('k', 'x', { 'content-type': 'text/x' });
    for (let i = 0; i < 2; i++)
      expect(await none.get('k')).toMatchObject({
        body: 'x',
        type: 'text/x',
        cacheStatus: 'sluice; fwd=bypass',
        age: null,
      });
    expect(await none.get('absent')).toMatchObject({ status: 404, cacheStatus: 'sluice; fwd=bypass' });
    const { token } = await none.put('k', 'y');
    expect(await none.get('k', { 'sluice-sync-token': token ?? '' })).toMatchObject({ body: 'y' });
  });

  it('keeps a value of 1 MiB and passes on one that is longer', async () => {
    const mebibyte = 'm'.repeat(2 ** 20);
    await node.put('large', mebibyte, { 'content-type': 'text/x' });
    await untilHit('large');
    expect(await node.get('large')).toMatchObject({ body: mebibyte, type: 'text/x', etag: etagOf(mebibyte) });
    await node.put('larger', `${mebibyte}!`, { 'content-type': 'text/x' });
    for (let i = 0; i < 2; i++)
      expect(await node.get('larger')).toMatchObject({
        body: `${mebibyte}!`,
        type: 'text/x',
        cacheStatus: 'sluice; fwd=miss',
      });
  });
});

describe('names of keys over a server behind', () => {
  it.each(['\0\xff\r\n%', 'a{b}c', '{', '}', '{}', 'meta:{x}', 'x'.repeat(2000), ''])('serves %j', async (key) => {
    const path = [...key].map((char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
    await node.put(path, '\0\xff', { 'content-type': 'text/x' });
    expect(await plain.command('GET', key)).toBe('$2\r\n\0\xff\r\n');
    // Nothing can lie beside these in the same hash slot.
    const type = ['', '}', '{}'].includes(key) ? 'application/octet-stream' : 'text/x';
    expect(await node.get(path)).toMatchObject({ body: '\0\xff', type });
    await untilHit(path);
    await plain.command('SET', key, 'new');
    await eventually(async () => expect((await node.get(path)).body).toBe('new'), { timeoutMs: 1000 });
  });

  it("refuses Sluice's own", async () => {
    await node.put('k', 'x', { 'content-type': 'text/x' });
    for (const method of ['GET', 'HEAD', 'DELETE', 'POST'])
      expect((await node.send(method, `sluice:{k}:meta${method === 'POST' ? '?incr=1' : ''}`)).status).toBe(403);
    expect((await node.put('sluice:mine', 'x')).status).toBe(403);
    expect((await node.get('sluice:mine', { 'sluice-sync-token': 'other.1' })).status).toBe(403);
  });
});
