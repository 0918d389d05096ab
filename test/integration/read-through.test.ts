import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSluice } from '../../src/app/open-sluice.ts';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { startApi } from '../support/api-server.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly cacheStatus: string | null;
  readonly age: string | null;
  readonly type: string | null;
  readonly headers: Headers;
}

async function get({ http }: TestNode, key: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`http://${http}/${key}`, init);
  const { headers, status } = response;
  return {
    status,
    body: await response.text(),
    cacheStatus: headers.get('cache-status'),
    age: headers.get('age'),
    type: headers.get('content-type'),
    headers,
  };
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1));

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis?.stop();
});

type Space = NonNullable<SluiceConfigInput['keyspaces']>[number];

describe.skipIf(findProgram('redis-server') === undefined).each(['memory', 'redis'])(
  'read-through keys, store %s',
  (kind) => {
    let names = 0;
    /** Each test has keys of its own. */
    const fresh = (): string => `${kind}${++names}`;

    async function node(space: Omit<Space, 'match' | 'ttl'> & { ttl?: string }, prefix: string): Promise<TestNode> {
      const started = await startNode({
        http: '127.0.0.1:0',
        resp: '127.0.0.1:0',
        admin: '127.0.0.1:0',
        store: kind === 'memory' ? 'memory' : `redis://127.0.0.1:${redis.port}`,
        keyspaces: [{ match: `${prefix}:*`, ttl: '1m', ...space }],
      });
      if (kind === 'redis') {
        await eventually(async () => expect((await get(started, 'ready-yet')).status).toBe(404));
      }
      return started;
    }

    it('are fetched once, kept, and given out with how they came', async () => {
      await using api = await startApi();
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/users/{1}` }, ttl: '1m' }, prefix);
      const first = await get(sluice, `${prefix}:a%20b`);
      expect(first).toMatchObject({
        status: 200,
        body: '/users/a%20b 1',
        cacheStatus: 'sluice; fwd=miss; stored',
        age: null,
      });
      await eventually(async () =>
        expect(await get(sluice, `${prefix}:a%20b`)).toMatchObject({
          status: 200,
          body: '/users/a%20b 1',
          cacheStatus: expect.stringMatching(/^sluice; hit; ttl=(59|60)$/),
          age: '0',
        }),
      );
      expect(api.asked).toEqual(['/users/a%20b']);
      const resp = await connectRaw({ port: portOf(sluice.resp) });
      expect(await resp.command('GET', `${prefix}:a b`)).toBe('$14\r\n/users/a%20b 1\r\n');
      await resp.close();
    });

    it('are read over RESP: GET, MGET with others among them, EXISTS, STRLEN, in pipelines', async () => {
      await using api = await startApi((request, response, number) => {
        if (request.url === '/none') response.writeHead(404).end('no');
        else setTimeout(() => response.end(`${request.url} ${number}`), request.url === '/slow' ? 50 : 0);
      });
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/{1}` } }, prefix);
      await using client = await connectRaw({ port: portOf(sluice.resp) });
      const replies = await client.pipeline([
        ['GET', `${prefix}:slow`],
        ['SET', `plain${prefix}`, 'p'],
        ['GET', `${prefix}:none`],
        ['MGET', `plain${prefix}`, `${prefix}:slow`, `${prefix}:none`, `nothing${prefix}`],
        ['EXISTS', `${prefix}:slow`, `${prefix}:none`, `plain${prefix}`],
        ['STRLEN', `${prefix}:slow`],
        ['ECHO', 'end'],
      ]);
      expect(replies).toEqual([
        '$7\r\n/slow 1\r\n',
        '+OK\r\n',
        '$-1\r\n',
        '*4\r\n$1\r\np\r\n$7\r\n/slow 1\r\n$-1\r\n$-1\r\n',
        ':2\r\n',
        ':7\r\n',
        '$3\r\nend\r\n',
      ]);
      expect(api.asked.toSorted()).toEqual(['/none', '/slow']);
    });

    it('refuse commands that are not for them, and say why; transactions abort', async () => {
      await using api = await startApi();
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/{1}` } }, prefix);
      await using client = await connectRaw({ port: portOf(sluice.resp) });
      for (const command of [
        ['APPEND', `${prefix}:a`, 'x'],
        ['SET', `${prefix}:a`, 'x'],
        ['RENAME', 'other', `${prefix}:a`],
        ['EXPIRE', `${prefix}:a`, '1'],
        ['WATCH', `${prefix}:a`],
        ['MSET', 'other', '1', `${prefix}:a`, '2'],
      ])
        expect(await client.command(...command)).toMatch(/^-ERR SLUICE_MANAGED '\w+' is not for keys of /);
      const [, refused, aborted] = await client.pipeline([['MULTI'], ['GET', `${prefix}:a`], ['EXEC']]);
      expect(refused).toMatch(/^-ERR SLUICE_MANAGED a transaction cannot have/);
      expect(aborted).toMatch(/^-EXECABORT/);
      expect(api.asked).toEqual([]);
      const put = await get(sluice, `${prefix}:a`, { method: 'PUT', body: 'x' });
      expect(put.status).toBe(405);
      expect(put.headers.get('allow')).toBe('GET, HEAD, DELETE');
    });

    it('are dropped by DEL, by DELETE, and asked for again then', async () => {
      await using api = await startApi();
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/{1}` }, ttl: '1h' }, prefix);
      await using client = await connectRaw({ port: portOf(sluice.resp) });
      expect(await client.command('GET', `${prefix}:a`)).toContain('/a 1');
      expect(await client.command('TTL', `${prefix}:a`)).toBe(':3600\r\n');
      expect(await client.command('DEL', `${prefix}:a`, `${prefix}:b`)).toBe(':1\r\n');
      expect(await client.command('GET', `${prefix}:a`)).toContain('/a 2');
      expect((await get(sluice, `${prefix}:a`, { method: 'DELETE' })).status).toBe(204);
      expect((await get(sluice, `${prefix}:a`)).body).toBe('/a 3');
    });

    it('keep what is fetched after a purge, and not what was being fetched before', async () => {
      const asked: ServerResponse[] = [];
      await using api = await startApi((_, response) => void asked.push(response));
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/{1}` } }, prefix);
      const before = get(sluice, `${prefix}:a`);
      await eventually(() => expect(asked.length).toBe(1));
      await get(sluice, `${prefix}:a`, { method: 'DELETE' });
      const after = get(sluice, `${prefix}:a`);
      await eventually(() => expect(asked.length).toBe(2));
      asked[0]?.end('old');
      expect(await before).toMatchObject({ body: 'old', cacheStatus: 'sluice; fwd=miss' });
      // It shares the fetch that began after the purge.
      const third = get(sluice, `${prefix}:a`);
      await eventually(async () => expect((await get(sluice, 'other')).status).toBe(404));
      asked[1]?.end('new');
      expect(await after).toMatchObject({ body: 'new', cacheStatus: 'sluice; fwd=miss; stored' });
      expect((await third).body).toBe('new');
      await eventually(async () =>
        expect(await get(sluice, `${prefix}:a`)).toMatchObject({
          body: 'new',
          cacheStatus: expect.stringContaining('hit'),
        }),
      );
      expect(asked.length).toBe(2);
    });

    it('answer an error for one of several keys, and go on', async () => {
      await using api = await startApi();
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/{1}` } }, prefix);
      await using client = await connectRaw({ port: portOf(sluice.resp) });
      // Over Redis nothing can lie beside this key.
      const reply = await client.command('DEL', `${prefix}:}`, `plain${prefix}`);
      expect(reply).toMatch(kind === 'redis' ? /^-ERR .*cannot be read through/ : /^:0/);
      expect(await client.command('GET', `${prefix}:a`)).toContain('/a 1');
    });

    it('remember for negativeTtl that there is none', async () => {
      await using api = await startApi((_, response) => response.writeHead(404).end());
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/{1}` }, negativeTtl: '300ms' }, prefix);
      expect(await get(sluice, `${prefix}:a`)).toMatchObject({ status: 404, cacheStatus: 'sluice; fwd=miss; stored' });
      await eventually(async () => expect((await get(sluice, `${prefix}:a`)).cacheStatus).toMatch(/^sluice; hit/));
      expect(api.asked.length).toBe(1);
      await sleep(320);
      expect((await get(sluice, `${prefix}:a`)).cacheStatus).toMatch(/fwd=miss/);
      expect(api.asked.length).toBe(2);
    });

    it('are given out past their time while they are fetched anew', async () => {
      await using api = await startApi();
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/{1}` }, ttl: '100ms', grace: '1m' }, prefix);
      await get(sluice, `${prefix}:a`);
      await sleep(130);
      expect(await get(sluice, `${prefix}:a`)).toMatchObject({
        body: '/a 1',
        cacheStatus: expect.stringMatching(/^sluice; fwd=stale; ttl=-\d+$/),
      });
      await eventually(async () => expect((await get(sluice, `${prefix}:a`)).body).not.toBe('/a 1'));
    });

    it('are given out past their time while the origin fails, and then are an error', async () => {
      await using api = await startApi();
      const prefix = fresh();
      await using sluice = await node(
        { origin: { http: `${api.url}/{1}`, retries: 0 }, ttl: '100ms', grace: '400ms', errorTtl: '50ms' },
        prefix,
      );
      await get(sluice, `${prefix}:a`);
      await api.stop();
      await sleep(130);
      expect(await get(sluice, `${prefix}:a`)).toMatchObject({ status: 200, body: '/a 1' });
      await eventually(async () =>
        expect((await get(sluice, `${prefix}:a`)).cacheStatus).toMatch(
          /^sluice; fwd=stale; ttl=-?\d+; detail=ORIGIN_FAILED$/,
        ),
      );
      await eventually(async () => expect((await get(sluice, `${prefix}:a`)).status).toBe(502));
      await using client = await connectRaw({ port: portOf(sluice.resp) });
      expect(await client.command('GET', `${prefix}:a`)).toMatch(/^-ERR SLUICE_ORIGIN /);
      await api.start();
      await eventually(async () => expect((await get(sluice, `${prefix}:a`)).status).toBe(200));
    });

    it('are asked for with what the origin said of them', async () => {
      const conditions: (string | undefined)[] = [];
      await using api = await startApi((request, response) => {
        conditions.push(request.headers['if-none-match']);
        if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end();
        else response.writeHead(200, { ETag: '"v1"', 'Content-Type': 'text/plain' }).end('value');
      });
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/{1}` }, ttl: '100ms', grace: '1m' }, prefix);
      await get(sluice, `${prefix}:a`);
      await sleep(130);
      await get(sluice, `${prefix}:a`);
      await eventually(async () =>
        expect(await get(sluice, `${prefix}:a`)).toMatchObject({
          body: 'value',
          type: 'text/plain',
          cacheStatus: expect.stringMatching(/hit/),
        }),
      );
      expect(conditions.slice(0, 2)).toEqual([undefined, '"v1"']);
    });

    it('are fetched once for many who ask at a time', async () => {
      await using api = await startApi((request, response) => setTimeout(() => response.end(request.url), 100));
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/{1}` } }, prefix);
      const answers = await Promise.all(Array.from({ length: 100 }, () => get(sluice, `${prefix}:a`)));
      expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['/a']));
      expect(api.asked).toEqual(['/a']);
    });

    it('time out with a problem of its own', async () => {
      await using api = await startApi(() => undefined);
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/{1}` }, timeout: '100ms' }, prefix);
      const answer = await get(sluice, `${prefix}:a`);
      expect(answer.status).toBe(504);
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'ORIGIN_TIMEOUT' });
    });

    it('are counted, with what their API has to bear', async () => {
      await using api = await startApi();
      const prefix = fresh();
      await using sluice = await node({ origin: { http: `${api.url}/{1}` } }, prefix);
      await get(sluice, `${prefix}:a`);
      await eventually(async () => expect((await get(sluice, `${prefix}:a`)).cacheStatus).toMatch(/hit/));
      const page = await (await fetch(`http://${sluice.admin}/metrics`)).text();
      for (const line of [
        `sluice_keyspace_reads_total{keyspace="${prefix}:*",answer="hit"} 1`,
        `sluice_keyspace_reads_total{keyspace="${prefix}:*",answer="miss"} 1`,
        `sluice_keyspace_fetches_total{keyspace="${prefix}:*",outcome="value"} 1`,
        `sluice_keyspace_fetch_duration_seconds_count{keyspace="${prefix}:*"} 1`,
        `sluice_api_requests_total{api="${api.url}"} 1`,
        `sluice_api_waiting{api="${api.url}"} 0`,
      ])
        expect(page).toContain(line);
    });

    it('are read by a program, which may give up waiting', async () => {
      await using api = await startApi((request, response) => {
        if (request.url !== '/never') response.writeHead(200, { 'Content-Type': 'text/plain' }).end(request.url);
      });
      const prefix = fresh();
      await using sluice = await openSluice({
        store: kind === 'memory' ? 'memory' : `redis://127.0.0.1:${redis.port}`,
        log: { level: 'silent' },
        keyspaces: [{ match: `${prefix}:*`, ttl: '1m', origin: { http: `${api.url}/{1}` } }],
      });
      const first = await eventually(async () => sluice.read(`${prefix}:a`));
      expect(first).toMatchObject({ contentType: 'text/plain', stale: false });
      expect(Buffer.from((await sluice.get(`${prefix}:a`)) ?? []).toString()).toBe('/a');
      await expect(sluice.set(`${prefix}:a`, 'x')).rejects.toMatchObject({ code: 'MANAGED_KEY' });
      await expect(sluice.read(`${prefix}:never`, { signal: AbortSignal.timeout(50) })).rejects.toThrow('aborted');
      expect(await sluice.delete(`${prefix}:a`)).toBe(true);
      await sluice.set(`plain${prefix}`, 'p');
      expect(await sluice.read(`plain${prefix}`)).toMatchObject({ contentType: '', age: undefined, stale: false });
    });

    it('of several patterns the narrowest counts', async () => {
      await using api = await startApi();
      const prefix = fresh();
      await using sluice = await startNode({
        http: '127.0.0.1:0',
        store: kind === 'memory' ? 'memory' : `redis://127.0.0.1:${redis.port}`,
        keyspaces: [
          { match: `${prefix}:*`, ttl: '1m', origin: { http: `${api.url}/wide/{1}` } },
          { match: `${prefix}:{x}:{y}`, ttl: '1m', origin: { http: `${api.url}/narrow/{y}/{x}` } },
        ],
      });
      await eventually(async () => expect((await get(sluice, `${prefix}:1:2`)).body).toMatch(/^\/narrow\/2\/1/));
      expect((await get(sluice, `${prefix}:1`)).body).toMatch(/^\/wide\/1/);
    });
  },
);

describe.skipIf(findProgram('redis-server') === undefined)('read-through keys of several nodes', () => {
  it('are fetched once for 1,000 clients on 3 nodes', async () => {
    await using api = await startApi((request, response) => setTimeout(() => response.end(request.url), 300));
    const nodes = await Promise.all(
      [1, 2, 3].map(() =>
        startNode({
          http: '127.0.0.1:0',
          resp: '127.0.0.1:0',
          store: `redis://127.0.0.1:${redis.port}`,
          keyspaces: [{ match: 'many:*', ttl: '1m', origin: { http: `${api.url}/{1}` } }],
        }),
      ),
    );
    try {
      for (const one of nodes) await eventually(async () => expect((await get(one, 'up')).status).toBe(404));
      const clients = await Promise.all(
        Array.from({ length: 1000 }, async (_, i) => connectRaw({ port: portOf((nodes[i % 3] as TestNode).resp) })),
      );
      const replies = await Promise.all(clients.map((client) => client.command('GET', 'many:one')));
      expect(new Set(replies)).toEqual(new Set(['$4\r\n/one\r\n']));
      expect(api.asked).toEqual(['/one']);
      await Promise.all(clients.map((client) => client.close()));
    } finally {
      await Promise.all(nodes.map((one) => one.close()));
    }
  });

  it('can be read by any client of the server, and are gone for all nodes when one purges them', async () => {
    await using api = await startApi();
    const config: SluiceConfigInput = {
      http: '127.0.0.1:0',
      store: `redis://127.0.0.1:${redis.port}`,
      keyspaces: [{ match: 'shared:*', origin: { http: `${api.url}/{1}` }, ttl: '1m', grace: '1m' }],
    };
    await using one = await startNode(config);
    await using two = await startNode(config);
    await eventually(async () => expect((await get(one, 'shared:a')).body).toBe('/a 1'));
    await eventually(async () => expect((await get(two, 'shared:a')).body).toBe('/a 1'));
    const plain = createClient({ url: `redis://127.0.0.1:${redis.port}` });
    await plain.connect();
    expect(await plain.get('shared:a')).toBe('/a 1');
    expect(await plain.pTTL('shared:a')).toBeGreaterThan(100_000);
    plain.destroy();
    expect((await get(one, 'shared:a', { method: 'DELETE' })).status).toBe(204);
    await eventually(async () => expect((await get(two, 'shared:a')).body).toBe('/a 2'));
    expect(api.asked.length).toBe(2);
  });
});
