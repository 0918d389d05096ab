import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { sendRaw } from '../support/raw-http.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';

/** A node, where plain Redis clients reach its data, and how time passes there. */
interface Setup {
  readonly node: TestNode;
  readonly respPort: number;
  /** Resolves when `ttl` is over; `isOver` looks whether it is. */
  pass(ttl: number, isOver: () => Promise<void>): Promise<void>;
  end(): Promise<void>;
}

const listeners = { http: '127.0.0.1:0', resp: '127.0.0.1:0' } as const;

async function overEngine(): Promise<Setup> {
  const clock = new FakeClock();
  const node = await startNode(listeners, clock);
  return {
    node,
    respPort: Number(node.resp.split(':')[1]),
    pass: async (ttl, isOver) => {
      clock.advance(ttl - 1);
      await expect(isOver()).rejects.toThrow();
      clock.advance(1);
      await isOver();
    },
    end: () => node.close(),
  };
}

/** @param cache whether reads are answered from the local cache */
async function overRedis(cache: boolean): Promise<Setup> {
  const redis = await startRedis();
  const node = await startNode({
    ...listeners,
    store: `redis://127.0.0.1:${redis.port}`,
    cache: { enabled: cache },
  });
  return {
    node,
    // The server itself: what is there is what other programs see.
    respPort: redis.port,
    pass: (ttl, isOver) => eventually(isOver, { timeoutMs: ttl + 2000 }),
    end: async () => {
      await node.close();
      await redis.stop();
    },
  };
}

const stores = {
  'its own store': overEngine,
  'a redis-server behind, through the cache': () => overRedis(true),
  'a redis-server behind, without a cache': () => overRedis(false),
};

describe.each(Object.entries(stores))('keys over HTTP with %s', (_name, start) => {
  let setup: Setup;
  let base: string;
  beforeAll(async () => {
    setup = await start();
    base = `http://${setup.node.http}`;
  });
  afterAll(() => setup.end());

  const connectResp = (): Promise<RawResp> => connectRaw({ port: setup.respPort });
  const put = (key: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${base}/${key}`, { method: 'PUT', body: body as string, headers });

  it('stores and serves bytes with their type, and the same bytes over RESP', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const created = await put('bin', bytes, { 'content-type': 'image/x-test' });
    expect(created.status).toBe(201);
    expect((await put('bin', bytes, { 'content-type': 'image/x-test' })).status).toBe(204);
    const got = await fetch(`${base}/bin`);
    expect(got.status).toBe(200);
    expect(got.headers.get('content-type')).toBe('image/x-test');
    expect(got.headers.get('etag')).toBe(`"${createHash('sha1').update(bytes).digest('hex')}"`);
    expect(new Uint8Array(await got.arrayBuffer())).toEqual(bytes);
    await using resp = await connectResp();
    expect(await resp.command('GET', 'bin')).toBe(`$256\r\n${Buffer.from(bytes).toString('latin1')}\r\n`);
  });

  it('gives bytes without a stored type as octets that may not be sniffed', async () => {
    await using resp = await connectResp();
    await resp.command('SET', 'plain', '<html>');
    const got = await fetch(`${base}/plain`);
    expect(got.headers.get('content-type')).toBe('application/octet-stream');
    expect(got.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('answers 404 with a problem document for an absent key', async () => {
    const got = await fetch(`${base}/absent`);
    expect(got.status).toBe(404);
    expect(got.headers.get('content-type')).toBe('application/problem+json');
    expect(await got.json()).toMatchObject({ status: 404, title: expect.any(String), requestId: expect.any(String) });
  });

  it('decodes every byte of a key', async () => {
    await using resp = await connectResp();
    for (const key of ['a b', 'a/b', 'a?b', '\0\xff%', '..']) {
      const path = [...Buffer.from(key, 'latin1')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
      const answer = await sendRaw(
        setup.node.http,
        `PUT /${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nv`,
      );
      expect(answer.statuses).toEqual([201]);
      expect(await resp.command('GET', key)).toBe('$1\r\nv\r\n');
    }
    expect((await fetch(`${base}/%zz`)).status).toBe(400);
    expect((await fetch(`${base}/%a`)).status).toBe(400);
  });

  it('serves HEAD without a body and 304 for a tag the client has', async () => {
    await put('etag', 'value');
    const got = await fetch(`${base}/etag`);
    const tag = got.headers.get('etag') as string;
    expect(tag).toBe(`"${createHash('sha1').update('value').digest('hex')}"`);
    const head = await fetch(`${base}/etag`, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe('5');
    expect(head.headers.get('etag')).toBe(tag);
    for (const condition of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const response = await fetch(`${base}/etag`, { headers: { 'if-none-match': condition } });
      expect(response.status).toBe(304);
      expect(await response.text()).toBe('');
    }
    expect((await fetch(`${base}/etag`, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    expect((await fetch(`${base}/etag`, { headers: { 'if-none-match': 'unquoted' } })).status).toBe(400);
  });

  it('writes only under the condition asked for', async () => {
    expect((await put('cond', '1', { 'if-match': '*' })).status).toBe(412);
    expect((await put('cond', '1', { 'if-none-match': '*' })).status).toBe(201);
    expect((await put('cond', '2', { 'if-none-match': '*' })).status).toBe(412);
    const tag = (await fetch(`${base}/cond`)).headers.get('etag') as string;
    expect((await put('cond', '2', { 'if-match': `W/${tag}` })).status).toBe(412);
    expect((await put('cond', '2', { 'if-match': `"x", ${tag}` })).status).toBe(204);
    expect((await put('cond', '3', { 'if-match': tag })).status).toBe(412);
    expect((await fetch(`${base}/cond`, { method: 'DELETE', headers: { 'if-match': tag } })).status).toBe(412);
    expect(await (await fetch(`${base}/cond`)).text()).toBe('2');
  });

  it('loses no update among concurrent conditional writers', async () => {
    await put('race', '0');
    let done = 0;
    const writer = async (): Promise<void> => {
      for (let won = 0; won < 5; ) {
        const got = await fetch(`${base}/race`);
        const next = String(Number(await got.text()) + 1);
        const answer = await put('race', next, { 'if-match': got.headers.get('etag') as string });
        if (answer.status === 204) {
          won++;
          done++;
        } else expect(answer.status).toBe(412);
      }
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    expect(await (await fetch(`${base}/race`)).text()).toBe(String(done));
    expect(done).toBe(40);
  });

  it('deletes, and says when there was nothing', async () => {
    await put('gone', 'x');
    expect((await fetch(`${base}/gone`, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(`${base}/gone`, { method: 'DELETE' })).status).toBe(404);
  });

  it('expires a key with its ttl and refuses one without a unit', async () => {
    expect((await fetch(`${base}/brief?ttl=500ms`, { method: 'PUT', body: 'x' })).status).toBe(201);
    expect((await fetch(`${base}/brief`)).status).toBe(200);
    await setup.pass(500, async () => expect((await fetch(`${base}/brief`)).status).toBe(404));
    for (const query of ['ttl=60', 'ttl=-1s', 'ttl=', 'tll=60s', 'ttl=1s&ttl=2s']) {
      expect((await fetch(`${base}/brief?${query}`, { method: 'PUT', body: 'x' })).status).toBe(400);
    }
  });

  it('counts over 64 bits and keeps the expiry', async () => {
    const post = (query: string): Promise<Response> => fetch(`${base}/count${query}`, { method: 'POST' });
    expect(await (await post('?incr=1')).text()).toBe('1');
    expect(await (await post('?incr=-3')).text()).toBe('-2');
    expect(await (await post('?incr=9223372036854775807')).text()).toBe('9223372036854775805');
    expect((await post('?incr=9223372036854775807')).status).toBe(409);
    expect((await post('')).status).toBe(400);
    expect((await post('?incr=1.5')).status).toBe(400);
    await put('words', 'many');
    expect((await fetch(`${base}/words?incr=1`, { method: 'POST' })).status).toBe(409);
  });

  it('names the type of a key that is no string, and leaves it alone', async () => {
    await using resp = await connectResp();
    await resp.command('HSET', 'hash', 'f', 'v');
    for (const [method, query] of [
      ['GET', ''],
      ['HEAD', ''],
      ['PUT', ''],
      ['POST', '?incr=1'],
    ] as const) {
      const answer = await fetch(`${base}/hash${query}`, { method, ...(method === 'PUT' ? { body: 'x' } : {}) });
      expect(answer.status).toBe(409);
      if (method !== 'HEAD') expect(await answer.json()).toMatchObject({ keyType: 'hash' });
    }
    expect(await resp.command('HGET', 'hash', 'f')).toBe('$1\r\nv\r\n');
    expect((await fetch(`${base}/hash`, { method: 'DELETE' })).status).toBe(204);
  });

  it('answers other methods with 405 and the ones it knows', async () => {
    const answer = await fetch(`${base}/k`, { method: 'PATCH' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toContain('PUT');
  });

  it('refuses coded and partial writes', async () => {
    expect((await put('coded', 'x', { 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await put('coded', 'x', { 'content-range': 'bytes 0-0/2' })).status).toBe(400);
  });

  it('says 100 Continue before it reads a body', async () => {
    const answer = await sendRaw(setup.node.http, [
      'PUT /expected HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n',
      'ok',
    ]);
    expect(answer.statuses).toEqual([100, 201]);
  });

  it('survives a client that leaves in the middle of a body', async () => {
    await new Promise<void>((resolve) => {
      const outgoing = httpRequest({
        host: '127.0.0.1',
        port: setup.node.http.split(':')[1],
        method: 'PUT',
        path: '/half',
        headers: { 'content-length': 100 },
      });
      outgoing.on('error', () => resolve());
      outgoing.write('half');
      setTimeout(() => outgoing.destroy(), 50);
    });
    expect((await fetch(`${base}/half`)).status).toBe(404);
  });
});
