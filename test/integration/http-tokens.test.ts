import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';

const hashed = (token: string): string => `sha256:${createHash('sha256').update(token).digest('hex')}`;

const config: SluiceConfigInput = {
  http: '127.0.0.1:0',
  resp: '127.0.0.1:0',
  admin: '127.0.0.1:0',
  users: [
    { name: 'root', secret: 'r' },
    { name: 'app', secret: 'a', acl: '~app:* %R~shared +get +set +incrby' },
    { name: 'ops', secret: 'o', acl: '-@all', admin: true },
  ],
  tokens: [
    { name: 'of-app', secret: hashed('token-of-app'), user: 'app' },
    { name: 'reader', secret: hashed('token-of-reader'), keys: ['user:*', 'exact'], readOnly: true },
    { name: 'writer', secret: hashed('token-of-writer'), keys: ['user:*'], verbs: ['write', 'delete', 'count'] },
    { name: 'metrics', secret: hashed('token-of-metrics'), verbs: [], admin: true },
  ],
};

interface Asked {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

async function ask(address: string, method: string, path: string, authorization?: string): Promise<Asked> {
  const answer = await fetch(`http://${address}${path}`, {
    method,
    ...(method === 'PUT' ? { body: 'v' } : {}),
    headers: authorization === undefined ? {} : { authorization },
  });
  return { status: answer.status, body: await answer.text(), headers: answer.headers };
}

const basic = (name: string, secret: string): string => `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;

describe.each(['engine', 'redis'] as const)('tokens, with the keys in the %s', (side) => {
  async function onNode(body: (node: TestNode) => Promise<void>): Promise<void> {
    if (side === 'engine') {
      await using node = await startNode(config);
      await body(node);
      return;
    }
    await using redis = await startRedis();
    await using node = await startNode({ ...config, store: `redis://127.0.0.1:${redis.port}` });
    await body(node);
  }

  it('may do what their verbs and keys say, and no refusal tells whether a key exists', async () => {
    await onNode(async ({ http }) => {
      const root = basic('root', 'r');
      for (const path of ['/user:1', '/exact', '/other', '/app:1', '/shared'])
        expect((await ask(http, 'PUT', path, root)).status).toBe(201);
      const cases: readonly (readonly [token: string, method: string, path: string, status: number])[] = [
        ['reader', 'GET', '/user:1', 200],
        ['reader', 'HEAD', '/user:1', 200],
        ['reader', 'GET', '/user%3A1', 200],
        ['reader', 'GET', '/exact', 200],
        ['reader', 'GET', '/user:none', 404],
        ['reader', 'GET', '/other', 403],
        ['reader', 'GET', '/none', 403],
        ['reader', 'PUT', '/user:1', 403],
        ['reader', 'DELETE', '/user:1', 403],
        ['reader', 'POST', '/user:1?incr=1', 403],
        ['writer', 'PUT', '/user:2', 201],
        ['writer', 'GET', '/user:2', 403],
        ['writer', 'POST', '/user:3?incr=1', 200],
        ['writer', 'DELETE', '/user:2', 204],
        ['writer', 'DELETE', '/other', 403],
        ['of-app', 'GET', '/app:1', 200],
        ['of-app', 'GET', '/shared', 200],
        ['of-app', 'PUT', '/shared', 403],
        ['of-app', 'PUT', '/app:1', 204],
        ['of-app', 'POST', '/app:n?incr=2', 200],
        ['of-app', 'DELETE', '/app:1', 403],
        ['metrics', 'GET', '/user:1', 403],
      ];
      for (const [token, method, path, status] of cases) {
        const found = await ask(http, method, path, `Bearer token-of-${token === 'of-app' ? 'app' : token}`);
        expect(found.status, `${token} ${method} ${path}`).toBe(status);
        if (status !== 403 || method === 'HEAD') continue;
        expect(found.headers.get('content-type')).toBe('application/problem+json');
      }
      const refusals = await Promise.all(
        ['/other', '/none'].map(async (path) =>
          JSON.parse((await ask(http, 'GET', path, 'Bearer token-of-reader')).body),
        ),
      );
      expect(refusals[0]).toEqual({ ...refusals[1], requestId: refusals[0].requestId });
      expect(refusals[0].detail).toBe("the keys of the token 'reader' do not include this one");
      expect((await ask(http, 'GET', '/app:1', basic('app', 'a'))).status).toBe(200);
      expect((await ask(http, 'GET', '/app:1', 'Bearer a')).status).toBe(200);
    });
  });
});

describe('credentials', () => {
  it('that are wrong are refused in the same way, without the text', async () => {
    await using node = await startNode(config);
    const tries = [undefined, 'Bearer token-of-nobody', 'Bearer', basic('app', 'x'), basic('nobody', 'a'), 'Digest a'];
    for (const given of tries) {
      const { status, body, headers } = await ask(node.http, 'GET', '/x', given);
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toBe('Basic realm="sluice", charset="UTF-8", Bearer realm="sluice"');
      expect(body).not.toContain('nobody');
    }
  });

  it('open administration to users without rules, and to those named for it', async () => {
    await using node = await startNode(config);
    const of = async (given: string): Promise<number> => (await ask(node.admin, 'GET', '/api/status', given)).status;
    expect(await of(basic('root', 'r'))).toBe(200);
    expect(await of(basic('ops', 'o'))).toBe(200);
    expect(await of('Bearer token-of-metrics')).toBe(200);
    expect(await of(basic('app', 'a'))).toBe(403);
    expect(await of('Bearer token-of-app')).toBe(403);
    expect(await of('Bearer token-of-reader')).toBe(403);
    expect((await ask(node.admin, 'GET', '/live')).status).toBe(200);
  });

  it('are looked at anew on an open connection once they have changed', async () => {
    await using node = await startNode(config);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const status = (): Promise<number> =>
      new Promise((resolve, reject) => {
        const [host = '', port = ''] = node.http.split(':');
        const headers = { authorization: 'Bearer token-of-app' };
        request({ host, port, path: '/app:x', agent, headers }, (answer) => {
          answer.resume();
          answer.on('end', () => resolve(answer.statusCode ?? 0));
        })
          .on('error', reject)
          .end();
      });
    await using root = await connectRaw({ port: Number(node.resp.split(':').at(-1)) });
    await root.command('AUTH', 'root', 'r');
    expect(await status()).toBe(404);
    await root.command('ACL', 'SETUSER', 'app', '-get');
    expect(await status()).toBe(403);
    await root.command('ACL', 'SETUSER', 'app', '+get', 'off');
    expect(await status()).toBe(401);
    await root.command('ACL', 'SETUSER', 'app', 'on');
    expect(await status()).toBe(404);
    await root.command('ACL', 'DELUSER', 'app');
    expect(await status()).toBe(401);
    agent.destroy();
  });

  it('of nobody have the rights of the default user', async () => {
    await using node = await startNode({ http: '127.0.0.1:0', resp: '127.0.0.1:0', admin: '127.0.0.1:0' });
    await using client = await connectRaw({ port: Number(node.resp.split(':').at(-1)) });
    expect((await ask(node.http, 'PUT', '/a')).status).toBe(201);
    await client.command('ACL', 'SETUSER', 'default', 'resetkeys', '%R~a', '-set');
    expect((await ask(node.http, 'GET', '/a')).status).toBe(200);
    expect((await ask(node.http, 'GET', '/b')).status).toBe(403);
    expect((await ask(node.http, 'PUT', '/a')).status).toBe(403);
    expect((await ask(node.admin, 'GET', '/api/status')).status).toBe(403);
  });
});
