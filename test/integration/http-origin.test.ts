import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { addressGuard } from '../../src/client/http/address-guard.ts';
import { Apis } from '../../src/client/http/apis.ts';
import { OutgoingHttp, type OutgoingOptions } from '../../src/client/http/outgoing.ts';
import { isSluiceError, type SluiceError } from '../../src/errors.ts';
import { parseTemplate, type Template } from '../../src/kernel/key-pattern.ts';
import { createHttpOrigin, type HttpOriginOptions } from '../../src/origin/http/http-origin.ts';
import type { Origin, OriginAnswer, Validators } from '../../src/origin/origin.ts';

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const names = ['1', '2'];
const text = (template: string): Template => parseTemplate(template, names) as Template;

/** A server, and what it was asked. */
async function serve(listener: RequestListener): Promise<{ url: string; server: Server; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, seen };
}

/** A server that writes bytes of its own for each request, and how many connections it got. */
async function serveRaw(
  answer: (socket: Socket, request: number) => void,
): Promise<{ url: string; counts: { connections: number; requests: number } }> {
  const counts = { connections: 0, requests: 0 };
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    counts.connections++;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      if (chunk.includes('\r\n\r\n')) answer(socket, counts.requests++);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, counts };
}

interface Setting {
  readonly origin: Origin;
  readonly apis: Apis;
  readonly outgoing: OutgoingHttp;
  fetch(capture?: string, more?: { validators?: Validators; signal?: AbortSignal }): Promise<OriginAnswer>;
}

function open(
  url: string,
  options: Partial<HttpOriginOptions> = {},
  outgoingOptions: Partial<OutgoingOptions> = {},
): Setting {
  const clock = systemClock;
  // The longest wait each time.
  const apis = new Apis({ clock, random: () => 0.5 });
  const outgoing = new OutgoingHttp({ clock, ...outgoingOptions });
  const limits = { concurrency: 8, queue: 100 };
  const origin = createHttpOrigin({
    ...{ clock, apis, outgoing, url: text(`${url}/users/{1}`), limits, maxValueBytes: 1_000_000, timeout: 3_000 },
    ...options,
  });
  closers.push(async () => {
    await outgoing.close();
    await origin.close();
  });
  return {
    ...{ origin, apis, outgoing },
    fetch: (capture = '7', { validators, signal = AbortSignal.timeout(3_000) } = {}) =>
      origin.fetch({ key: `user:${capture}`, captures: new Map([['1', capture]]), validators, signal }),
  };
}

async function failure(answer: Promise<unknown>): Promise<SluiceError> {
  try {
    await answer;
  } catch (error) {
    if (isSluiceError(error)) return error;
    throw error;
  }
  throw new Error('did not fail');
}
const contentOf = (answer: OriginAnswer): string => (answer.kind === 'value' ? answer.value : answer.kind);
const ok =
  (body: string | Buffer, headers: Record<string, string> = {}): RequestListener =>
  (_, response: ServerResponse) =>
    void response.writeHead(200, headers).end(body);

describe('what is sent', () => {
  it('is the target as the template has it, with headers of the template and nothing else of note', async () => {
    const { url, seen } = await serve(ok('x'));
    const { fetch } = open(url, {
      url: text(`${url}/a%7Eb/{1}?q={1}&r=%41`),
      headers: { Authorization: 'Bearer secret', 'X-Id': text('id {1}') },
    });
    expect(contentOf(await fetch('a b?'))).toBe('x');
    const [request] = seen;
    expect(request?.url).toBe('/a%7Eb/a%20b%3F?q=a%20b%3F&r=%41');
    expect(request?.rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())).toEqual([
      'host',
      'connection',
      'accept-encoding',
      'user-agent',
      'authorization',
      'x-id',
    ]);
    expect(request?.headers).toMatchObject({ 'x-id': 'id a b?', authorization: 'Bearer secret' });
  });

  it('is a body in which captures are escaped', async () => {
    const bodies: string[] = [];
    const { url } = await serve((request, response) => {
      request.setEncoding('utf8').on('data', (chunk: string) => bodies.push(chunk));
      request.on('end', () => response.end('x'));
    });
    const { fetch } = open(url, { method: 'POST', url: text(`${url}/q`), body: text('{{"id":"{1}"}}') });
    await fetch('a"\\\n\xc3\xa9');
    expect(JSON.parse(bodies[0] as string)).toEqual({ id: 'a"\\\né' });
    expect((await failure(fetch('\xff'))).code).toBe('INVALID_ARGUMENT');
  });

  it('never has a key in it that would change a header or the path', async () => {
    const { url, seen } = await serve(ok('x'));
    const { fetch } = open(url, { headers: { 'x-id': text('{1}') } });
    for (const key of ['a\r\nb: c', '..', '', 'a/b']) expect((await failure(fetch(key))).code).toBe('INVALID_ARGUMENT');
    expect(seen).toEqual([]);
    for (const headers of [{ 'a b': 'c' }, { a: 'b\r\nc: d' }, { 'Content-Length': '1' }, { a: '\u20ac' }]) {
      expect(() => open(url, { headers })).toThrowError('header');
    }
  });
});

describe('what comes back', () => {
  it('gives bytes, type and validators', async () => {
    const bytes = Buffer.from([0, 255, 10, 13, 200]);
    const { url } = await serve(
      ok(bytes, { 'content-type': 'image/x', etag: 'W/"a"', 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' }),
    );
    expect(await open(url).fetch()).toEqual({
      kind: 'value',
      value: bytes.toString('latin1'),
      contentType: 'image/x',
      validators: { etag: 'W/"a"', lastModified: 'Sun, 06 Nov 1994 08:49:37 GMT' },
      freshFor: undefined,
    });
  });

  it('asks by validators, and takes 304 for unchanged only then', async () => {
    const { url, seen } = await serve((_, response) => void response.writeHead(304).end());
    const { fetch } = open(url);
    const validators = { etag: '"a"', lastModified: '' };
    expect(await fetch('7', { validators })).toEqual({ kind: 'unchanged', freshFor: undefined });
    expect(seen[0]?.headers).toMatchObject({ 'if-none-match': '"a"' });
    expect(seen[0]?.headers).not.toHaveProperty('if-modified-since');
    expect(await failure(fetch())).toMatchObject({ code: 'ORIGIN_FAILED', details: { status: 304 } });
    expect((await failure(fetch('7', { validators: { etag: '', lastModified: '' } }))).code).toBe('ORIGIN_FAILED');
  });

  it('tells absence from failure, and follows no redirect', async () => {
    const { url, seen } = await serve((request, response) => {
      const status = Number(request.url?.split('/').at(-1));
      response.writeHead(status, status === 302 ? { location: '/users/200' } : {}).end('x');
    });
    const { fetch } = open(url, { absent: [404, 410, 204], accept: [200, 203] });
    for (const status of ['404', '410', '204'])
      expect(await fetch(status)).toEqual({ kind: 'absent', freshFor: undefined });
    expect(contentOf(await fetch('203'))).toBe('x');
    for (const status of [201, 302, 400, 401, 500]) {
      expect(await failure(fetch(String(status)))).toMatchObject({ code: 'ORIGIN_FAILED', details: { status } });
    }
    expect((await failure(fetch('302'))).message).toMatch(/redirect/);
    expect(seen).toHaveLength(10);
  });

  it('takes a part of JSON: a text as its text, anything else as JSON', async () => {
    const { url } = await serve((request, response) => {
      response.end(
        request.url?.endsWith('bad') ? '{"data":' : '{"data":{"id":12345678901234567890,"name":"J\\u00fcrg"}}',
      );
    });
    const part = (pointer: string): Setting => open(url, { pointer });
    expect(await part('/data/name').fetch()).toMatchObject({
      value: 'J\xc3\xbcrg',
      contentType: 'text/plain; charset=utf-8',
    });
    expect(await part('/data/id').fetch()).toMatchObject({
      value: '12345678901234567890',
      contentType: 'application/json',
    });
    expect((await failure(part('/data/none').fetch())).message).toMatch(/no \/data\/none/);
    expect((await failure(part('/data').fetch('bad'))).message).toMatch(/not JSON/);
    expect(() => part('data')).toThrowError('JSON Pointer');
  });

  it('undoes content codings within the bound, and refuses those it does not know', async () => {
    const plain = 'x'.repeat(100_000);
    const bodies: Record<string, Buffer> = {
      gzip: gzipSync(plain),
      br: brotliCompressSync(plain),
      deflate: deflateSync(plain),
      zstd: Buffer.from('x'),
      'gzip, br': Buffer.from('x'),
    };
    const { url } = await serve((request, response) => {
      const coding = decodeURIComponent(request.url?.split('/').at(-1) as string);
      response.writeHead(200, { 'content-encoding': coding }).end(bodies[coding]);
    });
    const { fetch } = open(url);
    for (const coding of ['gzip', 'br', 'deflate']) expect(contentOf(await fetch(coding))).toBe(plain);
    for (const coding of ['zstd', 'gzip, br']) expect((await failure(fetch(coding))).message).toMatch(/coding/);
    const small = open(url, { maxValueBytes: 99_999 });
    for (const coding of ['gzip', 'br', 'deflate'])
      expect((await failure(small.fetch(coding))).code).toBe('VALUE_TOO_LARGE');
  });

  it('honours Cache-Control when it is told to', async () => {
    const fields: Record<string, string> = { 'cache-control': 'Max-Age=60', age: '20' };
    const { url } = await serve((_, response) => void response.writeHead(200, fields).end('x'));
    expect(await open(url).fetch()).toMatchObject({ freshFor: undefined });
    const { fetch } = open(url, { cacheControl: true });
    const { freshFor } = await fetch();
    expect(freshFor).toBeGreaterThan(35_000);
    expect(freshFor).toBeLessThanOrEqual(40_000);
    fields['cache-control'] = 'no-store';
    expect(await fetch()).toMatchObject({ freshFor: 0 });
  });
});

describe('bounds', () => {
  it('refuse a body by its length before it comes, and one without a length when it gets too long', async () => {
    let sent = 0;
    const { url } = await serve((request, response) => {
      if (request.url?.endsWith('long')) response.writeHead(200, { 'content-length': '1000000000' }).flushHeaders();
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent++;
      };
      response.on('drain', more);
      if (!request.url?.endsWith('long')) more();
    });
    const { fetch, outgoing } = open(url, { maxValueBytes: 1_000 });
    expect((await failure(fetch('long'))).code).toBe('VALUE_TOO_LARGE');
    expect((await failure(fetch('endless'))).code).toBe('VALUE_TOO_LARGE');
    expect(sent).toBeLessThan(1_000);
    await expect.poll(() => outgoing.connections).toBe(0);
  });

  it('does not read a long body that nobody wants', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(500);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    });
    expect(await failure(open(url).fetch())).toMatchObject({ details: { status: 500 } });
  });

  it('end with the signal, wherever the request is, and leave nothing behind', async () => {
    const { url } = await serve((request, response) => {
      if (request.url?.endsWith('body')) response.writeHead(200).write('x');
    });
    const { fetch, outgoing, apis } = open(url);
    for (const key of ['header', 'body']) {
      expect((await failure(fetch(key, { signal: AbortSignal.timeout(50) }))).code).toBe('ORIGIN_TIMEOUT');
    }
    const [api] = apis;
    await expect.poll(() => outgoing.connections).toBe(0);
    expect(api?.gate.active).toBe(0);
    // An address that swallows packets.
    const away = open('http://192.0.2.1:81', {}, { connectTimeout: 60_000 });
    expect((await failure(away.fetch('7', { signal: AbortSignal.timeout(50) }))).code).toMatch(
      /ORIGIN_(TIMEOUT|FAILED)/,
    );
    await expect.poll(() => away.outgoing.connections).toBe(0);
  });

  it('hold for all connections together: an idle one of another API makes room', async () => {
    const [one, two] = [await serve(ok('1')), await serve(ok('2'))];
    const clock = systemClock;
    const outgoing = new OutgoingHttp({ clock, maxConnections: 1 });
    const first = open(one.url, { outgoing });
    const second = open(two.url, { outgoing });
    for (let i = 0; i < 3; i++)
      expect([contentOf(await first.fetch()), contentOf(await second.fetch())]).toEqual(['1', '2']);
    expect(outgoing.connections).toBe(1);
    await outgoing.close();
  });

  it('hold at most so many requests at a time, over kept connections', async () => {
    let now = 0;
    let most = 0;
    const sockets = new Set<Socket>();
    const { url } = await serve((request, response) => {
      sockets.add(request.socket);
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        response.end('x');
      }, 5);
    });
    const { fetch } = open(url, { limits: { concurrency: 3, queue: 100 } });
    await Promise.all(Array.from({ length: 40 }, (_, i) => fetch(String(i))));
    expect(most).toBe(3);
    expect(sockets.size).toBe(3);
    const full = open(url, { limits: { concurrency: 1, queue: 1 } });
    const [, , third] = await Promise.allSettled([full.fetch(), full.fetch(), full.fetch()]);
    expect(third).toMatchObject({ reason: { code: 'ORIGIN_OVERLOADED', details: { retryAfter: 1_000 } } });
  });

  it('hold the rate by the log of the API', async () => {
    const log: number[] = [];
    const { url } = await serve((_, response) => {
      log.push(performance.now());
      setTimeout(() => response.end('x'), Math.random() * 30);
    });
    const { fetch } = open(url, { limits: { concurrency: 32, queue: 100, rate: { count: 5, per: 200 } } });
    await Promise.all(Array.from({ length: 23 }, (_, i) => fetch(String(i))));
    for (let i = 5; i < log.length; i++)
      expect((log[i] as number) - (log[i - 5] as number)).toBeGreaterThanOrEqual(200);
  });
});

describe('a peer that misbehaves', () => {
  it.each([
    ['cut in the middle of a body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'],
    ['cut in the middle of chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'],
    ['cut in the header', 'HTTP/1.1 200 OK\r\nContent-'],
    ['silent', ''],
    ['not HTTP', 'hello\r\n\r\n'],
    ['with two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc'],
    [
      'with a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    ],
    ['with a folded field', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 3\r\n\r\nabc'],
    ['with a bare carriage return', 'HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 3\r\n\r\nabc'],
    ['with a header without end', `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(20_000)}\r\n\r\n`],
    ['switching protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ])('is a failure: %s', async (_, bytes) => {
    const { url, counts } = await serveRaw((socket) => void socket.end(bytes, 'latin1'));
    const error = await failure(open(url, { retries: 0 }).fetch());
    expect(error).toMatchObject({ code: 'ORIGIN_FAILED' });
    expect(error.message).toContain(url);
    expect(error.message).not.toContain('/users');
    expect(counts.requests).toBe(1);
  });

  it('is a failure when it resets in the middle of a body', async () => {
    const { url } = await serveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', () => socket.resetAndDestroy());
    });
    expect(await failure(open(url, { retries: 0 }).fetch())).toMatchObject({ code: 'ORIGIN_FAILED' });
  });

  it('gives nothing of one answer to the next request', async () => {
    const { url, counts } = await serveRaw((socket, request) => {
      const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${request}${request === 0 ? poison : ''}`);
    });
    const { fetch } = open(url);
    expect(contentOf(await fetch())).toBe('0');
    expect(contentOf(await fetch())).toBe('1');
    expect(counts.connections).toBe(2);
  });

  it('may send interim answers, and end a body by closing', async () => {
    const { url } = await serveRaw((socket) => {
      socket.end('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc');
    });
    expect(contentOf(await open(url).fetch())).toBe('abc');
  });

  it('may close a connection just when it is used again: the request is repeated, even without retries', async () => {
    // Every connection serves one request, and is reset when it gets another.
    const served = new WeakSet<Socket>();
    const { url, counts } = await serveRaw((socket) => {
      if (served.has(socket)) return void socket.resetAndDestroy();
      served.add(socket);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
    });
    const { fetch } = open(url, { retries: 0 });
    for (let i = 0; i < 4; i++) expect(contentOf(await fetch())).toBe('x');
    expect(counts).toEqual({ connections: 4, requests: 7 });
    const post = open(url, { method: 'POST', retries: 3 });
    await post.fetch();
    expect((await failure(post.fetch())).code).toBe('ORIGIN_FAILED');
  });

  it('may close idle connections', async () => {
    const { url, server } = await serve(ok('x'));
    const { fetch, outgoing } = open(url, { retries: 0 });
    for (let i = 0; i < 3; i++) {
      expect(contentOf(await fetch())).toBe('x');
      server.closeIdleConnections();
      await expect.poll(() => outgoing.connections).toBe(0);
    }
  });
});

describe('retries', () => {
  it('repeat a GET that failed in passing, and nothing else', async () => {
    const statuses = [502, 504, 200];
    const { url, seen } = await serve(
      (_, response) => void response.writeHead(statuses[seen.length - 1] ?? 200).end('x'),
    );
    const { fetch, apis } = open(url, { retries: 2 });
    expect(contentOf(await fetch())).toBe('x');
    const [api] = apis;
    expect(api?.stats).toEqual({ requests: 3, retries: 2, failures: 2, broken: 0 });

    for (const [status, method, calls] of [
      [500, 'GET', 1],
      [503, 'POST', 1],
      [503, 'GET', 2],
    ] as const) {
      const other = await serve((_, response) => void response.writeHead(status).end());
      expect(await failure(open(other.url, { method, retries: 1 }).fetch())).toMatchObject({ details: { status } });
      expect(other.seen).toHaveLength(calls);
    }
  });

  it('wait as long as a Retry-After says when there is time for it', async () => {
    const times: number[] = [];
    const { url } = await serve((_, response) => {
      times.push(performance.now());
      response.writeHead(times.length === 1 ? 429 : 200, { 'retry-after': '1' }).end('x');
    });
    expect(contentOf(await open(url).fetch())).toBe('x');
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThan(990);
  });

  it('leave the API alone as long as a Retry-After says when there is not', async () => {
    const { url, seen } = await serve((_, response) => void response.writeHead(503, { 'retry-after': '60' }).end());
    const { fetch } = open(url);
    expect(await failure(fetch())).toMatchObject({ code: 'ORIGIN_OVERLOADED', details: { retryAfter: 60_000 } });
    const second = await failure(fetch());
    expect(second.code).toBe('ORIGIN_OVERLOADED');
    expect(second.details?.['retryAfter']).toBeGreaterThan(58_000);
    expect(seen).toHaveLength(1);
  });

  it('have a budget', async () => {
    const { url, seen } = await serve(
      (_, response) => void response.writeHead(seen.length % 4 === 0 ? 200 : 502).end(),
    );
    const { fetch } = open(url, { retries: 5, timeout: 60_000, limits: { concurrency: 1, queue: 100 } });
    for (let i = 0; i < 40; i++) await fetch(String(i), { signal: AbortSignal.timeout(60_000) }).catch(() => undefined);
    expect(seen.length).toBeLessThanOrEqual(40 + 10 + 4);
  });

  it('stop while the API fails all the time', async () => {
    const { url, seen } = await serve((_, response) => void response.writeHead(500).end());
    const { fetch } = open(url);
    for (let i = 0; i < 5; i++) await failure(fetch());
    const error = await failure(fetch());
    expect(error).toMatchObject({ code: 'ORIGIN_FAILED' });
    expect(error.details?.['retryAfter']).toBeGreaterThan(0);
    expect(seen).toHaveLength(5);
  });

  it('are of no use where nobody listens', async () => {
    const { url, server } = await serve(ok('x'));
    await new Promise((resolve) => server.close(resolve));
    const error = await failure(open(url).fetch());
    expect(error).toMatchObject({ code: 'ORIGIN_FAILED', details: { phase: 'connect' } });
    expect(error.message).toMatch(/cannot be reached: connect ECONNREFUSED/);
  });
});

describe('addresses', () => {
  const lookup: OutgoingOptions['lookup'] = (_, options, callback) => {
    if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
    else callback(null, '127.0.0.1', 4);
  };

  it('are checked before they are connected to, written or looked up', async () => {
    const { url, seen } = await serve(ok('x'));
    const guard = addressGuard();
    const { port } = new URL(url);
    for (const host of ['127.0.0.1', '[::ffff:127.0.0.1]', 'localhost', 'public.example']) {
      const { fetch, outgoing } = open(`http://${host}:${port}`, { retries: 3 }, { guard, lookup });
      expect((await failure(fetch())).code).toBe('FORBIDDEN');
      await expect.poll(() => outgoing.connections).toBe(0);
    }
    expect(seen).toEqual([]);
  });

  it('are those that were checked: a name is looked up once, and addresses that are refused are left out', async () => {
    const { url } = await serve(ok('x'));
    const asked: string[] = [];
    const { fetch } = open(
      `http://public.example:${new URL(url).port}`,
      {},
      {
        guard: addressGuard(['127.0.0.1/32']),
        lookup: (name, options, callback) => {
          asked.push(name);
          callback(null, [
            { address: '10.0.0.1', family: 4 },
            { address: '127.0.0.1', family: 4 },
          ]);
        },
      },
    );
    expect(contentOf(await fetch())).toBe('x');
    expect(contentOf(await fetch())).toBe('x');
    expect(asked).toEqual(['public.example']);
  });
});

describe('an API with several keyspaces', () => {
  it('has one gate, with the smaller of their limits and one rate', async () => {
    const { url } = await serve(ok('x'));
    const { apis, outgoing } = open(url, { limits: { concurrency: 8, queue: 9 } });
    const rate = { count: 2, per: 100 };
    open(url, { apis, outgoing, limits: { concurrency: 4, queue: 9, rate } });
    expect([...apis]).toHaveLength(1);
    expect([...apis][0]?.gate.rate).toEqual(rate);
    expect(() =>
      open(url, { apis, outgoing, limits: { concurrency: 4, queue: 9, rate: { count: 3, per: 100 } } }),
    ).toThrowError('two rates');
  });
});
