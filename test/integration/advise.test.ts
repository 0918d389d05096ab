import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { runCli } from '../support/run-cli.ts';

let api: ApiServer;
let node: TestNode;

beforeAll(async () => {
  api = await startApi((request, response) => {
    if (request.url === '/broken') response.writeHead(500).end();
    else setTimeout(() => response.end('x'.repeat(100)), 5);
  });
  node = await startNode({
    http: '127.0.0.1:0',
    resp: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    keyspaces: [
      { match: 'few:*', mode: 'observe', origin: { http: `${api.url}/{1}`, retries: 0 }, ttl: '1m' },
      { match: 'many:*', mode: 'observe', origin: { http: `${api.url}/{1}` }, ttl: '1m' },
      { match: 'kept:*', origin: { http: `${api.url}/{1}` }, ttl: '1m' },
      { match: 'idle:*', origin: { http: `${api.url}/{1}` }, ttl: '1m' },
    ],
  });
});
afterAll(async () => {
  await node?.close();
  await api?.[Symbol.asyncDispose]();
});

const get = async (key: string): Promise<Response> => {
  const response = await fetch(`http://${node.http}/${key}`);
  await response.arrayBuffer();
  return response;
};

describe('mode: observe', () => {
  it('asks the origin for every read, and keeps nothing', async () => {
    const before = api.asked.length;
    for (let i = 0; i < 3; i++) expect((await get('few:a')).headers.get('cache-status')).toBe('sluice; fwd=bypass');
    expect(api.asked.length - before).toBe(3);
    expect((await get('few:broken')).status).toBe(502);
    expect((await get('few:broken')).status).toBe(502);
    expect(api.asked.length - before).toBe(5);
  });
});

describe('sluice advise', () => {
  it('says what is worth it and what is not', async () => {
    await Promise.all(Array.from({ length: 195 }, (_, i) => get(`few:${i % 10}`)));
    await Promise.all(Array.from({ length: 200 }, (_, i) => get(`many:${i}`)));
    for (let i = 0; i < 150; i++) await get(`kept:${i % 3}`);
    const { advice } = (await (await fetch(`http://${node.admin}/api/advise`)).json()) as {
      advice: Record<string, unknown>[];
    };
    const byName = new Map(advice.map((one) => [one['keyspace'], one]));
    expect(byName.get('few:*')).toMatchObject({ mode: 'observe', verdict: 'worth it', reads: 200 });
    // 12 keys were new of 200 reads.
    expect(byName.get('few:*')?.['hitRatio']).toBeCloseTo(188 / 200, 5);
    expect(byName.get('few:*')?.['bytes']).toBe(Math.round(12 * 350));
    expect(byName.get('many:*')).toMatchObject({ verdict: 'not needed', hitRatio: 0 });
    expect(byName.get('kept:*')).toMatchObject({ mode: 'read', verdict: 'worth it', reads: 150 });
    expect(byName.get('kept:*')?.['hitRatio']).toBeCloseTo(147 / 150, 5);
    expect(byName.get('idle:*')).toMatchObject({ verdict: 'not enough seen yet' });

    const { status, stdout } = await runCli(['advise', '--admin', node.admin]);
    expect(status).toBe(0);
    expect(stdout.toString()).toMatch(/^few:\*: worth it: 94 % of the reads need no call/m);
    expect(stdout.toString()).toMatch(/^many:\*: you do not need this: only 0 % /m);
    const json = await runCli(['advise', '--json', '--admin', node.admin]);
    expect(JSON.parse(json.stdout.toString())).toHaveProperty('advice');
  });
});
