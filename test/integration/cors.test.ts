import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { startNode, type TestNode } from '../support/node.ts';

const app = 'https://app.example.com';
const evil = 'https://evil.example.com';
const users = [{ name: 'app', secret: 'correct horse' }];
const authorization = `Basic ${Buffer.from('app:correct horse').toString('base64')}`;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

function ask(address: string, method: string, path: string, headers: OutgoingHttpHeaders, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(`http://${address}${path}`, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const preflight = (node: TestNode, origin: string, method = 'PUT'): Promise<Answer> =>
  ask(node.http, 'OPTIONS', '/k', { Origin: origin, 'Access-Control-Request-Method': method });

const allowed = (headers: IncomingHttpHeaders): string[] =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'));

describe('with users', () => {
  let node: TestNode;
  beforeAll(async () => {
    node = await startNode({
      users,
      http: { address: '127.0.0.1:0', cors: { origins: [app], maxAge: '5m' } },
      admin: '127.0.0.1:0',
    });
  });
  afterAll(() => node.close());

  it('answers a preflight of a named origin without credentials', async () => {
    const { status, headers, text } = await preflight(node, app);
    expect(status).toBe(204);
    expect(text).toBe('');
    expect(headers).toMatchObject({
      'access-control-allow-origin': app,
      'access-control-allow-methods': 'GET, HEAD, PUT, DELETE, POST',
      'access-control-allow-headers': 'Authorization, Content-Type, If-Match, If-None-Match, Sluice-Sync-Token',
      'access-control-max-age': '300',
      vary: 'Origin',
    });
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  });

  it('lets a page of it write and read, and see the fields it needs', async () => {
    const from = { Origin: app, Authorization: authorization, 'Sec-Fetch-Site': 'cross-site' };
    expect((await ask(node.http, 'PUT', '/k', from, 'value')).status).toBe(201);
    const { status, headers, text } = await ask(node.http, 'GET', '/k', from);
    expect([status, text, headers['access-control-allow-origin'], headers.vary]).toEqual([200, 'value', app, 'Origin']);
    const exposed = String(headers['access-control-expose-headers']).split(', ');
    for (const name of ['ETag', 'Age', 'Cache-Status', 'Retry-After', 'RateLimit', 'Sluice-Sync-Token'])
      expect(exposed).toContain(name);
    expect(headers.etag).toMatch(/^"/);
  });

  it('lets it read refusals too', async () => {
    const { status, headers } = await ask(node.http, 'GET', '/k', { Origin: app });
    expect([status, headers['access-control-allow-origin']]).toEqual([401, app]);
    const missing = await ask(node.http, 'GET', '/missing', { Origin: app, Authorization: authorization });
    expect([missing.status, missing.headers['access-control-allow-origin']]).toEqual([404, app]);
  });

  it.each([evil, 'null', 'https://app.example.com.evil.example', 'http://app.example.com', `${app}:8443`])(
    'gives nothing to %s',
    async (origin) => {
      const asked = await preflight(node, origin);
      expect([asked.status, allowed(asked.headers)]).toEqual([403, []]);
      const got = await ask(node.http, 'GET', '/k', { Origin: origin, Authorization: authorization });
      expect([allowed(got.headers), got.headers.vary]).toEqual([[], 'Origin']);
    },
  );

  it('varies for requests without an origin, which are answered as ever', async () => {
    const { headers } = await ask(node.http, 'GET', '/missing', { Authorization: authorization });
    expect([allowed(headers), headers.vary]).toEqual([[], 'Origin']);
    const { status } = await ask(node.http, 'OPTIONS', '/k', { Origin: app, Authorization: authorization });
    expect(status).toBe(405);
  });

  it('is not for the admin listener', async () => {
    const asked = await ask(node.admin, 'OPTIONS', '/api/status', {
      Origin: app,
      'Access-Control-Request-Method': 'GET',
    });
    expect([asked.status, allowed(asked.headers)]).toEqual([401, []]);
  });

  it('refuses a preflight with a body, and what follows it', async () => {
    const { status } = await ask(
      node.http,
      'OPTIONS',
      '/k',
      { Origin: app, 'Access-Control-Request-Method': 'GET', 'Content-Length': 23 },
      'GET /other HTTP/1.1\r\n\r\n',
    );
    expect(status).toBe(400);
  });
});

describe('without users, on loopback', () => {
  it('only pages of named origins pass', async () => {
    await using node = await startNode({ http: { address: '127.0.0.1:0', cors: { origins: [app] } } });
    const get = async (headers: OutgoingHttpHeaders): Promise<number> =>
      (await ask(node.http, 'GET', '/k', headers)).status;
    const site = { 'Sec-Fetch-Site': 'cross-site' };
    expect(await get({ ...site, Origin: app })).toBe(404);
    expect(await get({ ...site, Origin: evil })).toBe(403);
    expect(await get(site)).toBe(403);
    expect(await get({ ...site, Origin: app, Host: 'rebound.example.com' })).toBe(403);
    expect(await get({})).toBe(404);
  });

  it('a page of any origin does not pass by *', async () => {
    await using node = await startNode({ http: { address: '127.0.0.1:0', cors: { origins: ['*'] } } });
    const { status } = await ask(node.http, 'GET', '/k', { Origin: evil, 'Sec-Fetch-Site': 'cross-site' });
    expect(status).toBe(403);
  });

  it('off, a preflight is refused like any other request of a page elsewhere', async () => {
    await using node = await startNode({ http: '127.0.0.1:0' });
    const asked = await preflight(node, app);
    expect([asked.status, asked.headers.vary, allowed(asked.headers)]).toEqual([403, undefined, []]);
  });
});

describe('settings', () => {
  it('* is told as *, without credentials', async () => {
    await using node = await startNode({ users, http: { address: '127.0.0.1:0', cors: { origins: ['*'] } } });
    const { headers } = await preflight(node, evil);
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
    expect(headers.vary).toBeUndefined();
  });

  it('credentials go with a named origin', async () => {
    const cors = { origins: [app], credentials: true, methods: ['GET'], headers: ['X-One'] } as const;
    await using node = await startNode({ users, http: { address: '127.0.0.1:0', cors } });
    const { headers } = await preflight(node, app);
    expect(headers).toMatchObject({
      'access-control-allow-credentials': 'true',
      'access-control-allow-origin': app,
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'X-One',
    });
    expect(allowed((await preflight(node, evil)).headers)).toEqual([]);
  });

  it.each([
    [{ origins: ['*'], credentials: true }, 'http.cors.credentials'],
    [{ origins: ['app.example.com'] }, 'http.cors.origins[0]'],
    [{ origins: [`${app}/`] }, 'http.cors.origins[0]'],
    [{ origins: [`${app}:443`] }, 'http.cors.origins[0]'],
    [{ origins: ['null'] }, 'http.cors.origins[0]'],
    [{ origins: [app], headers: ['*'] }, 'http.cors.headers[0]'],
    [{ origins: [app], headers: ['a\r\nb'] }, 'http.cors.headers[0]'],
    [{ origins: [app], methods: ['CONNECT'] }, 'http.cors.methods[0]'],
  ])('%j is refused at %s', (cors, path) => {
    const input = { http: { address: '127.0.0.1:0', cors } } as SluiceConfigInput;
    const context = { cwd: '/', memoryBytes: 2 ** 30 };
    expect(() => parseConfig(input, context)).toThrow(path);
  });
});
