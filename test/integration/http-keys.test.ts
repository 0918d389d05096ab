import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { sendRaw } from '../support/raw-http.ts';
import { RawResp } from '../support/raw-resp.ts';

const clock = new FakeClock();
let node: TestNode;
let base: string;
beforeAll(async () => {
  node = await startNode({ http: '127.0.0.1:0', resp: '127.0.0.1:0' }, clock);
  base = `http://${node.http}`;
});
afterAll(() => node.close());

const put = (key: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${base}/${key}`, { method: 'PUT', body: body as string, headers });

describe('keys over HTTP', () => {
  it('stores and serves bytes with their type, and the same bytes over RESP', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const created = await put('bin', bytes, { 'content-type': 'image/x-test' });
    expect(created.status).toBe(201);
    expect((await put('bin', bytes, { 'content-type': 'image/x-test' })).status).toBe(204);
    const got = await fetch(`${base}/bin`);
    expect(got.status).toBe(200);
    expect(got.headers.get('content-type')).toBe('image/x-test');
    expect(new Uint8Array(await got.arrayBuffer())).toEqual(bytes);
    await using resp = await RawResp.connect(node.resp);
    expect(await resp.call('GET', 'bin')).toBe(`$256\r\n${Buffer.from(bytes).toString('latin1')}\r\n`);
  });

  it('gives bytes without a stored type as octets that may not be sniffed', async () => {
    await using resp = await RawResp.connect(node.resp);
    await resp.call('SET', 'plain', '<html>');
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
    await using resp = await RawResp.connect(node.resp);
    for (const key of ['a b', 'a/b', 'a?b', '\0\xff%', '..']) {
      const path = [...Buffer.from(key, 'latin1')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
      const answer = await sendRaw(
        node.http,
        `PUT /${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nv`,
      );
      expect(answer.statuses).toEqual([201]);
      expect(await resp.call('GET', key)).toBe('$1\r\nv\r\n');
    }
    expect((await fetch(`${base}/%zz`)).status).toBe(400);
    expect((await fetch(`${base}/%a`)).status).toBe(400);
  });

  it('serves HEAD without a body and 304 for a tag the client has', async () => {
    await put('etag', 'value');
    const got = await fetch(`${base}/etag`);
    const tag = got.headers.get('etag') as string;
    expect(tag).toMatch(/^"[^"]+"$/);
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
    expect((await fetch(`${base}/brief?ttl=60s`, { method: 'PUT', body: 'x' })).status).toBe(201);
    clock.advance(59_999);
    expect((await fetch(`${base}/brief`)).status).toBe(200);
    clock.advance(1);
    expect((await fetch(`${base}/brief`)).status).toBe(404);
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
    await using resp = await RawResp.connect(node.resp);
    await resp.call('HSET', 'hash', 'f', 'v');
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
    expect(await resp.call('HGET', 'hash', 'f')).toBe('$1\r\nv\r\n');
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
    const answer = await sendRaw(node.http, [
      'PUT /expected HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n',
      'ok',
    ]);
    expect(answer.statuses).toEqual([100, 201]);
  });

  it('survives a client that leaves in the middle of a body', async () => {
    await new Promise<void>((resolve) => {
      const outgoing = httpRequest({
        host: '127.0.0.1',
        port: node.http.split(':')[1],
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

describe('the bounds of the HTTP face', () => {
  it('refuses a body beyond the limit, announced or not', async () => {
    await using small = await startNode({ http: '127.0.0.1:0', limits: { http: { bodyBytes: '1KiB' } } });
    const big = 'x'.repeat(2000);
    const announced = await sendRaw(
      small.http,
      `PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n${big}`,
      1500,
    );
    expect(announced.statuses).toEqual([413]);
    const chunked = await sendRaw(
      small.http,
      `PUT /k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n${big}\r\n0\r\n\r\n`,
      1500,
    );
    expect(chunked.statuses).toEqual([413]);
  });

  it('answers 503 to connections beyond the limit', async () => {
    await using small = await startNode({ http: '127.0.0.1:0', limits: { maxConnections: 1 } });
    const first = sendRaw(small.http, '', 600);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const second = await sendRaw(small.http, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(second.statuses).toEqual([503]);
    expect(second.closed).toBe(true);
    await first;
  });

  it('answers 408 to a request whose headers do not end', async () => {
    await using slow = await startNode({ http: '127.0.0.1:0', limits: { http: { headerTimeout: '200ms' } } });
    const answer = await sendRaw(slow.http, 'GET / HTTP/1.1\r\nHost: local', 3000);
    expect(answer.statuses).toEqual([408]);
    expect(answer.closed).toBe(true);
  });

  it('answers 408 to a body that does not come', async () => {
    await using slow = await startNode({
      http: '127.0.0.1:0',
      limits: { http: { requestTimeout: '300ms', headerTimeout: '200ms' } },
    });
    const answer = await sendRaw(
      slow.http,
      'PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc',
      3000,
    );
    expect(answer.statuses).toEqual([408]);
    expect(answer.closed).toBe(true);
  });

  it('closes a kept connection that stays idle', async () => {
    await using idle = await startNode({ http: '127.0.0.1:0', limits: { http: { idleTimeout: '200ms' } } });
    const answer = await sendRaw(idle.http, 'GET /k HTTP/1.1\r\nHost: localhost\r\n\r\n', 5000);
    expect(answer.closed).toBe(true);
  });

  it('answers 507 when data fills maxBytes, and goes on reading and deleting', async () => {
    await using full = await startNode({ http: '127.0.0.1:0', maxBytes: '1MiB' });
    const url = `http://${full.http}`;
    const value = 'x'.repeat(100_000);
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) statuses.push((await fetch(`${url}/k${i}`, { method: 'PUT', body: value })).status);
    expect(statuses).toContain(201);
    expect(statuses.at(-1)).toBe(507);
    expect((await fetch(`${url}/k0`)).status).toBe(200);
    for (let i = 0; i < 5; i++) expect((await fetch(`${url}/k${i}`, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(`${url}/again`, { method: 'PUT', body: value })).status).toBe(201);
  });
});

describe('who is let in', () => {
  it('without users only this machine, by a loopback name, and no page of another site', async () => {
    const ask = (headers: string): Promise<number | undefined> =>
      sendRaw(node.http, `GET /k HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`).then(({ statuses }) => statuses[0]);
    for (const host of ['localhost', '127.0.0.1:8080', '[::1]:8080', 'a.localhost', '127.9.9.9']) {
      expect(await ask(`Host: ${host}\r\n`)).toBe(404);
    }
    for (const host of ['evil.example', '10.0.0.1', '127.0.0.1.evil.example', 'localhost.evil.example']) {
      expect(await ask(`Host: ${host}\r\n`)).toBe(403);
    }
    expect(await ask('Host: localhost\r\nOrigin: http://evil.example\r\n')).toBe(403);
    expect(await ask('Host: localhost\r\nOrigin: null\r\n')).toBe(403);
    expect(await ask('Host: localhost\r\nSec-Fetch-Site: cross-site\r\n')).toBe(403);
    expect(await ask('Host: localhost\r\nSec-Fetch-Site: same-origin\r\nOrigin: http://localhost\r\n')).toBe(404);
  });

  it('with users only those with their secret', async () => {
    await using guarded = await startNode({
      http: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      users: [{ name: 'app', secret: 'a-long-secret' }],
    });
    const ask = (authorization?: string): Promise<Response> =>
      fetch(`http://${guarded.http}/k`, authorization === undefined ? {} : { headers: { authorization } });
    const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
    const refusal = await ask();
    expect(refusal.status).toBe(401);
    expect(refusal.headers.get('www-authenticate')).toContain('Basic');
    expect((await ask(basic('app:a-long-secret'))).status).toBe(404);
    expect((await ask('Bearer a-long-secret')).status).toBe(404);
    for (const wrong of [basic('app:wrong'), basic('other:a-long-secret'), 'Bearer wrong', 'Basic !!!', 'Digest x']) {
      expect((await ask(wrong)).status).toBe(401);
    }
    expect((await fetch(`http://${guarded.admin}/live`)).status).toBe(200);
    expect((await fetch(`http://${guarded.admin}/ready`)).status).toBe(200);
    expect((await fetch(`http://${guarded.admin}/metrics`)).status).toBe(401);
  });
});
