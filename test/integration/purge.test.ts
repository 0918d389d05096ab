import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { findProgram } from '../support/programs.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { runCli } from '../support/run-cli.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis?.stop();
});

const body = async ({ http }: TestNode, key: string): Promise<string> => (await fetch(`http://${http}/${key}`)).text();

async function purge({ admin }: TestNode, what: unknown, type = 'application/json'): Promise<Response> {
  const text = typeof what === 'string' ? what : JSON.stringify(what);
  return fetch(`http://${admin}/api/purge`, { method: 'POST', body: text, headers: { 'Content-Type': type } });
}

const stores = ['memory', 'redis'].filter((kind) => kind === 'memory' || findProgram('redis-server') !== undefined);

describe.each(stores)('purging read-through keys, store %s', (kind) => {
  const config = ({ url }: ApiServer): SluiceConfigInput => ({
    http: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    store: kind === 'memory' ? 'memory' : `redis://127.0.0.1:${redis.port}`,
    keyspaces: [{ match: `${kind}:*`, origin: { http: `${url}/{1}` }, ttl: '1h', negativeTtl: '1h' }],
  });

  async function started(api: ApiServer): Promise<TestNode> {
    const node = await startNode(config(api));
    await eventually(async () => expect((await fetch(`http://${node.http}/not-managed`)).status).toBe(404));
    return node;
  }

  it('drops one, or all that match, marks of absence too', async () => {
    await using api = await startApi((request, response, number) => {
      if (request.url === '/none' && number < 3) response.writeHead(404).end();
      else response.end(`${request.url} ${number}`);
    });
    await using node = await started(api);
    expect(await body(node, `${kind}:a`)).toBe('/a 1');
    expect((await fetch(`http://${node.http}/${kind}:none`)).status).toBe(404);
    const one = await purge(node, { key: `${kind}:a` });
    expect([one.status, await one.json()]).toEqual([200, { purged: 1 }]);
    expect(await body(node, `${kind}:a`)).toBe('/a 3');
    expect((await fetch(`http://${node.http}/${kind}:none`)).status).toBe(404);
    expect(await (await purge(node, { match: `${kind}:[^a]*` })).json()).toEqual({ purged: 0 });
    expect(await body(node, `${kind}:none`)).toBe('/none 4');
    expect(await (await purge(node, { match: '*' })).json()).toEqual({ purged: 2 });
    expect(await body(node, `${kind}:a`)).toBe('/a 5');
  });

  it('is not undone by what was being fetched', async () => {
    let release: (() => void) | undefined;
    await using api = await startApi((request, response, number) => {
      if (number > 1) response.end('new');
      else release = () => response.end('old');
    });
    await using node = await started(api);
    const old = body(node, `${kind}:slow`);
    await eventually(async () => expect(release).toBeDefined());
    expect((await purge(node, { match: `${kind}:slow` })).status).toBe(200);
    release?.();
    expect(await old).toBe('old');
    expect(await body(node, `${kind}:slow`)).toBe('new');
  });

  it('refuses what it does not understand', async () => {
    await using api = await startApi();
    await using node = await started(api);
    for (const wrong of [
      '',
      '{',
      '[]',
      {},
      { key: 1 },
      { key: '' },
      { key: 'a', match: 'b' },
      { keys: 'a' },
      { key: 'plain' },
    ])
      expect((await purge(node, wrong)).status, JSON.stringify(wrong)).toBe(400);
    expect((await purge(node, { key: `${kind}:a` }, 'text/plain')).status).toBe(415);
    expect((await purge(node, { key: 'x'.repeat(70_000) })).status).toBe(413);
    const read = await fetch(`http://${node.admin}/api/purge`);
    expect([read.status, read.headers.get('allow')]).toEqual([405, 'POST']);
    const elsewhere = await fetch(`http://${node.admin}/api/status`, { method: 'POST', body: '{}' });
    expect([elsewhere.status, elsewhere.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('is a command', async () => {
    await using api = await startApi();
    await using node = await started(api);
    await body(node, `${kind}:c`);
    const run = async (...args: string[]) => {
      const { status, stdout, stderr } = await runCli(['purge', '--admin', node.admin, ...args]);
      return { status, stdout: stdout.toString(), stderr };
    };
    expect(await run(`${kind}:c`)).toMatchObject({ status: 0, stdout: '1 value purged\n' });
    expect(await run('--match', `${kind}:c*`)).toMatchObject({ status: 0, stdout: '0 values purged\n' });
    for (const wrong of [[], ['a', '--match', 'b'], ['plain']])
      expect(await run(...wrong)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(/^sluice: /) });
  });
});

describe.skipIf(stores.length < 2)('purging on several nodes', () => {
  it('is seen by all of them, also by one that is fetching', async () => {
    let release: (() => void) | undefined;
    await using api = await startApi((request, response, number) => {
      if (request.url !== '/slow' || number > 2) response.end(`${request.url} ${number}`);
      else release = () => response.end('old');
    });
    const config: SluiceConfigInput = {
      http: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      store: `redis://127.0.0.1:${redis.port}`,
      keyspaces: [{ match: 'all:*', origin: { http: `${api.url}/{1}` }, ttl: '1h' }],
    };
    await using one = await startNode(config);
    await using two = await startNode(config);
    for (const node of [one, two]) await eventually(async () => expect(await body(node, 'all:a')).toBe('/a 1'));
    const old = body(one, 'all:slow');
    await eventually(async () => expect(release).toBeDefined());
    expect(await (await purge(two, { match: 'all:*' })).json()).toEqual({ purged: 1 });
    expect((await purge(two, { key: 'all:slow' })).status).toBe(200);
    release?.();
    expect(await old).toBe('old');
    await eventually(async () => expect(await body(one, 'all:a')).toMatch(/^\/a [34]$/));
    expect(await body(one, 'all:slow')).toMatch(/^\/slow [34]$/);
  });
});

describe('a node that reads nothing through', () => {
  it('says so', async () => {
    await using node = await startNode({ admin: '127.0.0.1:0' });
    expect((await purge(node, { key: 'a' })).status).toBe(501);
    expect(await runCli(['purge', '--admin', node.admin, 'a'])).toMatchObject({ status: 2 });
  });
});
