import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSluice } from '../../src/app/open-sluice.ts';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { isSluiceError } from '../../src/errors.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { type RawOrigin, rawAnswer, startRawOrigin } from '../support/raw-origin.ts';
import { startRedis } from '../support/redis-server.ts';

type Query = { readonly url: string; readonly key: string; readonly params?: string };

const ask = (node: TestNode, query: Query, init: RequestInit = {}, path = '/_sluice/fetch'): Promise<Response> =>
  fetch(`http://${node.http}${path}?${new URLSearchParams({ ...query })}`, init);

const unique = (() => {
  let last = 0;
  return (): string => `key-${++last}`;
})();

let origin: RawOrigin;
let node: TestNode;
let counter = 0;

const answers: Readonly<Record<string, string | { readonly text: string; readonly close: true }>> = {
  '/typed': rawAnswer(
    '{"a":1}',
    'Content-Type: application/json\r\nETag: "v1"\r\nSet-Cookie: a=b\r\nCache-Status: evil; hit\r\n',
  ),
  '/bytes': rawAnswer('\x00\xff\r\n\x80'),
  '/none': rawAnswer('nothing', '', '404 Not Found'),
  '/broken': rawAnswer('no', '', '500 Internal Server Error'),
  '/hop': rawAnswer('', 'Location: /typed\r\n', '302 Found'),
  '/loop': rawAnswer('', 'Location: /loop\r\n', '302 Found'),
  '/away': rawAnswer('', 'Location: http://127.0.0.2/\r\n', '302 Found'),
  '/metadata': rawAnswer('', 'Location: http://169.254.169.254/latest/meta-data/\r\n', '302 Found'),
  '/mapped': rawAnswer('', 'Location: http://[::ffff:127.0.0.1]/\r\n', '307 Temporary Redirect'),
  '/file': rawAnswer('', 'Location: file:///etc/passwd\r\n', '301 Moved Permanently'),
  '/large': rawAnswer('a'.repeat(3000)),
  '/large-chunked': `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'3e8\r\n'.concat('a'.repeat(1000), '\r\n').repeat(3)}0\r\n\r\n`,
  '/two-lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc',
  '/length-and-chunks':
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  '/folded': 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 3\r\n\r\nabc',
  '/bare-cr': 'HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 3\r\n\r\nabc',
  '/nul': 'HTTP/1.1 200 OK\r\nContent-Type: a\0b\r\nContent-Length: 3\r\n\r\nabc',
  '/short': { text: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', close: true },
  '/short-chunks': { text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab', close: true },
  '/no-http': { text: 'SSH-2.0-OpenSSH\r\n', close: true },
  '/more': `${rawAnswer('ab')}${rawAnswer('poison')}`,
};

function answer(target: string, head: string): string | { readonly text: string; readonly close: true } | undefined {
  const path = target.split('?')[0] ?? '';
  if (path === '/silent') return undefined;
  if (path === '/count') return rawAnswer(String(++counter));
  if (path === '/echo') return rawAnswer(head);
  return answers[path] ?? rawAnswer(`at ${target}`);
}

const configFor = ({ url }: RawOrigin): SluiceConfigInput => ({
  http: '127.0.0.1:0',
  fetch: {
    // Of the last two none is exempt.
    allow: [`${url}/*`, 'http://127.0.0.2/*', 'http://169.254.169.254/*'],
    addresses: ['127.0.0.1/32'],
    timeout: '500ms',
    maxValueBytes: '2KiB',
    ttl: '1h',
    errorTtl: 0,
  },
});

beforeAll(async () => {
  origin = await startRawOrigin(answer);
  node = await startNode(configFor(origin));
});
afterAll(async () => {
  await node.close();
  await origin[Symbol.asyncDispose]();
});

describe('a fetch by URL', () => {
  it('fetches once, and gives the kept value out', async () => {
    const query = { url: `${origin.url}/count`, key: unique() };
    const [first, second] = [await ask(node, query), await ask(node, query)];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(await second.text()).toBe(await first.text());
    expect(first.headers.get('cache-status')).toContain('fwd=miss');
    expect(second.headers.get('cache-status')).toMatch(/; hit/);
  });

  it('shares one fetch among all who ask at a time', async () => {
    const before = origin.requests.length;
    const query = { url: `${origin.url}/count`, key: unique() };
    const texts = await Promise.all(Array.from({ length: 50 }, async () => (await ask(node, query)).text()));
    expect(new Set(texts).size).toBe(1);
    expect(origin.requests.length).toBe(before + 1);
  });

  it('serves older callers at the root', async () => {
    const answer = await ask(node, { url: `${origin.url}/x`, key: unique(), params: '{"b":2,"a":"1 2"}' }, {}, '/');
    expect(await answer.text()).toBe('at /x?a=1+2&b=2');
  });

  it('gives the media type of the origin and nothing else of its header', async () => {
    const answer = await ask(node, { url: `${origin.url}/typed`, key: unique() });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect(answer.headers.get('cache-status')).not.toContain('evil');
    expect(answer.headers.get('content-security-policy')).toBe('sandbox');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('keeps bytes as they are, and answers HEAD and If-None-Match', async () => {
    const query = { url: `${origin.url}/bytes`, key: unique() };
    const answer = await ask(node, query);
    expect(Buffer.from(await answer.arrayBuffer()).toString('latin1')).toBe('\x00\xff\r\n\x80');
    const head = await ask(node, query, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '5']);
    const same = await ask(node, query, { headers: { 'if-none-match': answer.headers.get('etag') ?? '' } });
    expect(same.status).toBe(304);
  });

  it('answers 404 for what the origin does not have, and remembers it', async () => {
    const before = origin.requests.length;
    const query = { url: `${origin.url}/none`, key: unique() };
    expect([(await ask(node, query)).status, (await ask(node, query)).status]).toEqual([404, 404]);
    expect(origin.requests.length).toBe(before + 1);
  });

  it('follows redirects', async () => {
    expect(await (await ask(node, { url: `${origin.url}/hop`, key: unique() })).json()).toEqual({ a: 1 });
  });

  it('fetches another URL under the key of one that fails meanwhile', async () => {
    const key = unique();
    const [broken, good] = await Promise.all([
      ask(node, { url: `${origin.url}/broken`, key }),
      ask(node, { url: `${origin.url}/fine`, key }),
    ]);
    expect([broken.status, good.status, await good.text()]).toEqual([502, 200, 'at /fine']);
  });

  it('answers 409 for another URL or other parameters under a key', async () => {
    const key = unique();
    const url = `${origin.url}/x`;
    expect((await ask(node, { url, key, params: '{"a":1}' })).status).toBe(200);
    for (const other of [{ url }, { url, params: '{"a":2}' }, { url: `${origin.url}/y`, params: '{"a":1}' }]) {
      const answer = await ask(node, { ...other, key });
      expect([answer.status, await answer.json()]).toMatchObject([409, { code: 'KEY_CONFLICT' }]);
    }
    expect((await ask(node, { url: `${url}?a=1`, key })).status).toBe(200);
    const dropped = await fetch(`http://${node.http}/_sluice/fetch?key=${key}`, { method: 'DELETE' });
    expect(dropped.status).toBe(204);
    expect((await ask(node, { url, key })).status).toBe(200);
  });

  it('tells the origin nothing of the caller', async () => {
    const headers = {
      authorization: 'Basic YTpi',
      cookie: 'session=secret',
      'x-forwarded-host': 'evil.example',
      'x-original-url': '/admin',
      'x-http-method-override': 'DELETE',
      'accept-language': 'tlh',
      range: 'bytes=0-1',
    };
    const answer = await ask(node, { url: `${origin.url}/echo`, key: unique() }, { headers });
    const seen = await answer.text();
    expect(seen).toMatch(/^GET \/echo HTTP\/1\.1\r\n/);
    expect(seen).not.toMatch(/authorization|cookie|secret|forwarded|evil|original|override|tlh|range/i);
  });
});

describe('hostile fetches', () => {
  it.each([
    ['the metadata address', 403, 'http://169.254.169.254/'],
    ['loopback', 403, 'http://127.0.0.2/'],
    ['a loopback name', 403, 'http://localhost/'],
    ['another port of an allowed host', 403, 'http://127.0.0.1:1/'],
    ['another scheme of it', 403, 'https://127.0.0.1/'],
    ['a host that is not allowed', 403, 'http://example.com/'],
    ['IPv6 loopback', 403, 'http://[::1]/'],
    ['an IPv4-mapped address', 400, 'http://[::ffff:127.0.0.1]/'],
    ['an IPv4-mapped address in its one form', 403, 'http://[::ffff:7f00:1]/'],
    ['an address in hexadecimal', 400, 'http://0x7f000001/'],
    ['a short address', 400, 'http://127.1/'],
    ['an address as a number', 400, 'http://2130706433/'],
    ['an address in octal', 400, 'http://0177.0.0.1/'],
    ['an address with a dot behind it', 400, 'http://127.0.0.1./'],
    ['an address in wide digits', 400, 'http://１２７.0.0.1/'],
    ['zero', 400, 'http://0/'],
    ['a zone', 400, 'http://[fe80::1%25lo]/'],
    ['a file', 400, 'file:///etc/passwd'],
    ['gopher', 400, 'gopher://127.0.0.1:6379/_FLUSHALL'],
    ['data', 400, 'data:text/html,x'],
    ['no scheme', 400, '//127.0.0.1/'],
    ['no URL', 400, 'nonsense'],
    ['a user name before an allowed host', 400, 'http://x@127.0.0.1/'],
    ['an allowed host as a user name', 400, 'http://127.0.0.1@evil.example/'],
    ['a line end', 400, 'http://127.0.0.1/\r\nX: y'],
    ['a fragment', 400, 'http://127.0.0.1/#x'],
  ])('%s is refused with %i', async (_name, status, url) => {
    const before = origin.requests.length;
    for (const path of ['/_sluice/fetch', '/']) {
      const answer = await ask(node, { url, key: unique() }, {}, path);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
    expect(origin.requests.length).toBe(before);
  });

  it.each(['/loop', '/away', '/metadata', '/mapped', '/file'])(
    'the redirect of %s is refused with 502',
    async (path) => {
      const answer = await ask(node, { url: origin.url + path, key: unique() });
      expect([answer.status, await answer.json()]).toMatchObject([502, { code: 'ORIGIN_FAILED' }]);
    },
  );

  it.each(['/a/../typed', '/a/%2e%2e/typed', '/a%2ftyped', '/a/..;/typed', '/a\\typed', '/é', '/%00'])(
    'the path %s is refused with 400',
    async (path) => {
      expect((await ask(node, { url: origin.url + path, key: unique() })).status).toBe(400);
    },
  );

  it.each([
    ['/broken', 502],
    ['/silent', 504],
    ['/two-lengths', 502],
    ['/length-and-chunks', 502],
    ['/folded', 502],
    ['/bare-cr', 502],
    ['/nul', 502],
    ['/short', 502],
    ['/short-chunks', 502],
    ['/no-http', 502],
    ['/large', 413],
    ['/large-chunked', 413],
  ])('the answer of %s is refused with %i and not kept', async (path, status) => {
    await using hostile = await startRawOrigin(answer);
    await using own = await startNode(configFor(hostile));
    const query = { url: hostile.url + path, key: unique() };
    for (let time = 0; time < 2; time++) {
      const before = hostile.requests.length;
      expect((await ask(own, query)).status).toBe(status);
      expect(hostile.requests.length).toBeGreaterThan(before);
    }
    expect(await (await ask(own, { url: `${hostile.url}/after`, key: unique() })).text()).toBe('at /after');
  });

  it('bytes after an answer are no answer to the next', async () => {
    await using hostile = await startRawOrigin(answer);
    await using own = await startNode(configFor(hostile));
    for (let round = 0; round < 5; round++) {
      const first = await (await ask(own, { url: `${hostile.url}/more`, key: unique() })).text();
      const second = await (await ask(own, { url: `${hostile.url}/after`, key: unique() })).text();
      expect([first, second].join()).not.toContain('poison');
    }
  });

  it('an origin that fails is left alone for a while, however many ask', async () => {
    await using failing = await startRawOrigin(() => rawAnswer('', '', '500 Internal Server Error'));
    const config = configFor(failing);
    await using own = await startNode({ ...config, fetch: { ...config.fetch, errorTtl: '10s' } });
    const statuses: number[] = [];
    for (let i = 0; i < 100; i++) statuses.push((await ask(own, { url: `${failing.url}/`, key: 'dead' })).status);
    expect(new Set(statuses)).toEqual(new Set([502]));
    expect(failing.requests.length).toBeLessThan(4);
  });

  it('an old value is given out while the origin fails, for its grace and no longer', async () => {
    let fails = false;
    await using failing = await startRawOrigin(() =>
      fails
        ? rawAnswer('', '', '500 Internal Server Error')
        : rawAnswer('old', 'Cache-Control: stale-if-error=99999999\r\n'),
    );
    const config = configFor(failing);
    await using own = await startNode({ ...config, fetch: { ...config.fetch, ttl: '50ms', grace: '400ms' } });
    const query = { url: `${failing.url}/`, key: 'aging' };
    expect(await (await ask(own, query)).text()).toBe('old');
    fails = true;
    await eventually(async () => {
      const stale = await ask(own, query);
      expect([stale.status, stale.headers.get('cache-status')]).toEqual([200, expect.stringContaining('fwd=stale')]);
    });
    await eventually(async () => expect((await ask(own, query)).status).toBe(502));
  });

  it("the keys of others are neither read nor written: 'key' names one of the fetches only", async () => {
    const key = unique();
    await fetch(`http://${node.http}/${key}`, { method: 'PUT', body: 'mine' });
    expect(await (await ask(node, { url: `${origin.url}/x`, key })).text()).toBe('at /x');
    expect(await (await fetch(`http://${node.http}/${key}`)).text()).toBe('mine');
    await fetch(`http://${node.http}/_sluice/fetch?key=${key}`, { method: 'DELETE' });
    expect(await (await fetch(`http://${node.http}/${key}`)).text()).toBe('mine');
  });

  it.each([
    ['no URL', 'key=a'],
    ['no key', `url=http://127.0.0.1/`],
    ['an empty key', 'url=http://127.0.0.1/&key='],
    ['two URLs', 'url=http://127.0.0.1/&url=http://evil.example/&key=a'],
    ['two keys', 'url=http://127.0.0.1/&key=a&key=b'],
    ['an unknown parameter', 'url=http://127.0.0.1/?a=1&b=2&key=a'],
    ['a half percent code', 'url=http://127.0.0.1/%2&key=a'],
    ['a URL that is not UTF-8', 'url=http://127.0.0.1/%ff&key=a'],
    ['parameters that are no object', 'url=http://127.0.0.1/&key=a&params=[1]'],
  ])('%s is refused with 400', async (_name, query) => {
    expect((await fetch(`http://${node.http}/_sluice/fetch?${query}`)).status).toBe(400);
  });

  it.each(['POST', 'PUT', 'PATCH', 'PURGE'])('%s is refused with 405', async (method) => {
    expect((await ask(node, { url: `${origin.url}/x`, key: unique() }, { method })).status).toBe(405);
  });
});

describe('a fetch from a program', () => {
  it('gives the value, and refuses what the listeners refuse', async () => {
    const { http: _, ...config } = configFor(origin);
    await using s = await openSluice({ store: 'memory', log: { level: 'silent' }, ...config });
    const url = `${origin.url}/y`;
    const first = await s.fetch({ url, key: 'k', params: { b: true, a: 1 } });
    expect(Buffer.from(first?.value ?? []).toString()).toBe('at /y?a=1&b=true');
    expect([first?.age, first?.stale]).toEqual([undefined, false]);
    expect((await s.fetch({ url, key: Buffer.from('k'), params: { a: 1, b: true } }))?.age).toBe(0);
    expect(await s.fetch({ url: `${origin.url}/none`, key: 'none' })).toBeUndefined();
    expect(await s.get('k')).toBeUndefined();
    const code = (expected: string) => expect.toSatisfy((error) => isSluiceError(error) && error.code === expected);
    await expect(s.fetch({ url, key: 'k' })).rejects.toThrowError(code('KEY_CONFLICT'));
    await expect(s.fetch({ url: 'http://169.254.169.254/', key: 'm' })).rejects.toThrowError(code('FORBIDDEN'));
    await expect(s.fetch({ url: 'http://127.1/', key: 'm' })).rejects.toThrowError(code('INVALID_ARGUMENT'));
    await expect(s.fetch({ url, key: '' })).rejects.toThrowError(code('INVALID_ARGUMENT'));
    await expect(s.fetch({ url, key: 'p', params: { a: null } as never })).rejects.toThrowError(
      code('INVALID_ARGUMENT'),
    );
  });

  it('says so where nothing may be fetched', async () => {
    await using s = await openSluice({ store: 'memory', log: { level: 'silent' } });
    const refused = expect.toSatisfy((error) => isSluiceError(error, 'NOT_SUPPORTED'));
    await expect(s.fetch({ url: `${origin.url}/y`, key: 'k' })).rejects.toThrowError(refused);
  });
});

it('nodes over one Redis share what is fetched, and their clients cannot reach it otherwise', async () => {
  await using redis = await startRedis();
  const { fetch: rules, ...listeners } = configFor(origin);
  // Who waits for a fetch of another node fetches for itself when half of the time is over.
  const config: SluiceConfigInput = {
    ...listeners,
    store: `127.0.0.1:${redis.port}`,
    fetch: { ...rules, timeout: '10s' },
  };
  await using one = await startNode(config);
  await using other = await startNode(config);
  const query = { url: `${origin.url}/count`, key: 'shared' };
  const texts = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => (await ask(i % 2 === 0 ? one : other, query)).text()),
  );
  expect(new Set(texts).size).toBe(1);
  expect((await ask(other, { url: `${origin.url}/x`, key: 'shared' })).status).toBe(409);
  const stricter: SluiceConfigInput = { ...config, fetch: { ...config.fetch, allow: ['http://127.0.0.2/*'] } };
  await using third = await startNode(stricter);
  // What is kept is given out by those only that may fetch it.
  expect((await ask(third, query)).status).toBe(403);
  const stored = 'sluice:{shared}:fetched';
  for (const path of [stored, encodeURIComponent(stored)]) {
    const answer = await fetch(`http://${other.http}/${path}`);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    await fetch(`http://${other.http}/${path}`, { method: 'PUT', body: 'planted' });
  }
  expect(await (await ask(one, query)).text()).toBe(texts[0]);
});

it('without an allow list the path is a key like others', async () => {
  await using closed = await startNode({ http: '127.0.0.1:0' });
  expect((await fetch(`http://${closed.http}/_sluice/fetch`)).status).toBe(404);
  expect((await ask(closed, { url: `${origin.url}/x`, key: 'a' })).status).toBe(400);
});
