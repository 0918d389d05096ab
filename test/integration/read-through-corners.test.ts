import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { startApi } from '../support/api-server.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw, encodeCommand, type RawResp } from '../support/raw-resp.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { tempDir } from '../support/temp-dir.ts';

type Space = Omit<NonNullable<SluiceConfigInput['keyspaces']>[number], 'match'>;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await redis?.stop();
});

const connect = (address: string): Promise<RawResp> =>
  connectRaw({ port: Number(address.slice(address.lastIndexOf(':') + 1)) });

async function get(node: TestNode, key: string): Promise<{ status: number; body: string; how: string }> {
  const response = await fetch(`http://${node.http}/${key}`);
  return { status: response.status, body: await response.text(), how: response.headers.get('cache-status') ?? '' };
}

const purgeAll = (node: TestNode, match: string): Promise<Response> =>
  fetch(`http://${node.admin}/api/purge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ match }),
  });

describe.skipIf(findProgram('redis-server') === undefined).each(['memory', 'redis'])(
  'read-through keys at the edges, store %s',
  (kind) => {
    let names = 0;
    const fresh = (): string => `edge-${kind}${++names}`;

    async function startWith(prefix: string, space: Space, config: SluiceConfigInput = {}): Promise<TestNode> {
      const node = await startNode({
        http: '127.0.0.1:0',
        resp: '127.0.0.1:0',
        admin: '127.0.0.1:0',
        store: kind === 'memory' ? 'memory' : `redis://127.0.0.1:${redis.port}`,
        keyspaces: [{ match: `${prefix}:*`, ...space }],
        ...config,
      });
      await eventually(async () => expect((await get(node, 'ready-yet')).status).toBe(404));
      return node;
    }

    it.each([
      ['there is none any more', 404, {}],
      ['it must not be kept', 200, { 'cache-control': 'no-store' }],
    ] as const)('are given out no longer once the origin said that %s', async (_, status, headers) => {
      let isNew = false;
      await using api = await startApi((_request, response) => {
        if (isNew) response.writeHead(status, headers).end('new');
        else response.end('old');
      });
      const prefix = fresh();
      const space = { ttl: '30ms', grace: '1h', negativeTtl: '0', origin: { http: api.url, cacheControl: true } };
      await using node = await startWith(prefix, space);
      expect((await get(node, `${prefix}:a`)).body).toBe('old');
      isNew = true;
      await eventually(async () => expect((await get(node, `${prefix}:a`)).how).toMatch(/fwd=stale/));
      const now = await eventually(async () => {
        const answer = await get(node, `${prefix}:a`);
        expect(answer.how).not.toMatch(/stale/);
        return answer;
      });
      expect(now).toMatchObject(status === 404 ? { status } : { status, body: 'new' });
    });

    it('tell whole numbers of their life', async () => {
      await using api = await startApi((_, response) =>
        response.writeHead(200, { 'cache-control': 'max-age=100', age: '3' }).end('v'),
      );
      const prefix = fresh();
      await using node = await startWith(prefix, { ttl: '1h', origin: { http: api.url, cacheControl: true } });
      await using client = await connect(node.resp);
      expect(await client.command('GET', `${prefix}:a`)).toBe('$1\r\nv\r\n');
      expect(await client.command('PTTL', `${prefix}:a`)).toMatch(/^:9\d{4}\r\n$/);
    });

    it('are not refused after there was no room to ask for them', async () => {
      const waiting: ServerResponse[] = [];
      await using api = await startApi((_, response) => void waiting.push(response));
      const prefix = fresh();
      await using node = await startWith(prefix, {
        errorTtl: '1h',
        origin: { http: api.url, concurrency: 1, queue: 0 },
      });
      const first = get(node, `${prefix}:a`);
      await eventually(() => expect(waiting.length).toBe(1));
      expect((await get(node, `${prefix}:b`)).status).toBe(503);
      waiting[0]?.end('a');
      expect((await first).body).toBe('a');
      const second = get(node, `${prefix}:b`);
      await eventually(() => expect(waiting.length).toBe(2));
      waiting[1]?.end('b');
      expect((await second).body).toBe('b');
    });

    it('are forgotten by FLUSHALL with what is known not to be there, and what is being fetched is not kept', async () => {
      const waiting: ServerResponse[] = [];
      let isHeld = false;
      await using api = await startApi((_, response) => {
        if (isHeld) waiting.push(response);
        else response.writeHead(404).end();
      });
      const prefix = fresh();
      await using node = await startWith(prefix, { negativeTtl: '1h', origin: { http: `${api.url}/{1}` } });
      await using client = await connect(node.resp);
      expect(await client.command('GET', `${prefix}:none`)).toBe('$-1\r\n');
      isHeld = true;
      const reading = get(node, `${prefix}:a`);
      await eventually(() => expect(waiting.length).toBe(1));
      expect(await client.command('FLUSHALL')).toBe('+OK\r\n');
      waiting[0]?.end('old');
      expect(await reading).toMatchObject({ body: 'old', how: 'sluice; fwd=miss' });
      expect(await client.command('TTL', `${prefix}:a`)).toBe(':-2\r\n');
      isHeld = false;
      expect(await client.command('GET', `${prefix}:none`)).toBe('$-1\r\n');
      expect(api.asked).toEqual(['/none', '/a', '/none']);
    });

    it('are asked for again after a purge of all that match, although their origin failed', async () => {
      let fails = true;
      await using api = await startApi((_, response) => response.writeHead(fails ? 500 : 200).end('v'));
      const prefix = fresh();
      await using node = await startWith(prefix, { errorTtl: '1h', origin: { http: api.url, retries: 0 } });
      expect((await get(node, `${prefix}:a`)).status).toBe(502);
      fails = false;
      expect((await get(node, `${prefix}:a`)).status).toBe(502);
      expect((await purgeAll(node, `${prefix}:*`)).status).toBe(200);
      expect((await get(node, `${prefix}:a`)).body).toBe('v');
    });

    it('are answered before the error about what comes after them', async () => {
      await using api = await startApi((_, response) => setTimeout(() => response.end('v'), 30));
      const prefix = fresh();
      await using node = await startWith(prefix, { origin: { http: api.url } });
      await using client = await connect(node.resp);
      client.write(`${encodeCommand(['GET', `${prefix}:a`])}*1\r\n$zz\r\n`);
      expect(await client.next()).toBe('$1\r\nv\r\n');
      expect(await client.next()).toMatch(/^-ERR Protocol error/);
    });

    it('are answered before what a subscription says that came after them', async () => {
      await using api = await startApi((_, response) => setTimeout(() => response.end('v'), 30));
      const prefix = fresh();
      await using node = await startWith(prefix, { origin: { http: api.url } });
      await using client = await connect(node.resp);
      client.write(encodeCommand(['GET', `${prefix}:a`]) + encodeCommand(['SUBSCRIBE', 'channel']));
      expect(await client.next()).toBe('$1\r\nv\r\n');
      expect(await client.next()).toMatch(/subscribe/);
      client.write(encodeCommand(['GET', `${prefix}:a`]) + encodeCommand(['PING']));
      expect(await client.next()).toMatch(/^-ERR Can't execute 'get'/);
      expect(await client.next()).toMatch(/pong/);
    });

    it('are told of to those who track them, or refused to them', async () => {
      let version = 1;
      await using api = await startApi((_, response) => response.end(`v${version}`));
      const prefix = fresh();
      await using node = await startWith(prefix, { ttl: '1h', origin: { http: api.url } });
      await using client = await connect(node.resp);
      await using other = await connect(node.resp);
      await client.command('HELLO', '3');
      await client.command('CLIENT', 'TRACKING', 'ON');
      const reply = await client.command('GET', `${prefix}:a`);
      if (kind === 'redis') {
        expect(reply).toMatch(/^-ERR SLUICE_MANAGED .*BCAST/);
        return;
      }
      expect(reply).toBe('$2\r\nv1\r\n');
      // The fetch was a change, and what came of it is remembered.
      const invalidation = `>2\r\n$10\r\ninvalidate\r\n*1\r\n$${prefix.length + 2}\r\n${prefix}:a\r\n`;
      expect(await client.nextPush()).toBe(invalidation);
      version = 2;
      expect(await other.command('DEL', `${prefix}:a`)).toBe(':1\r\n');
      expect(await client.nextPush()).toBe(invalidation);
    });

    it('among others: what a client has deleted it does not read again', async () => {
      await using api = await startApi();
      const prefix = fresh();
      await using node = await startWith(prefix, { origin: { http: api.url } });
      await using client = await connect(node.resp);
      for (let i = 0; i < 20; i++) {
        await client.command('SET', `plain${prefix}`, 'old');
        await client.command('GET', `plain${prefix}`);
        await client.command('GET', `${prefix}:a`);
        const [removed, read] = await client.pipeline([
          ['DEL', `plain${prefix}`, `${prefix}:a`],
          ['GET', `plain${prefix}`],
        ]);
        expect([removed, read]).toEqual([':2\r\n', '$-1\r\n']);
      }
    });
  },
);

describe.skipIf(findProgram('redis-server') === undefined)('read-through keys at the edges', () => {
  it('a purge of all that match reaches what another node is fetching', async () => {
    const waiting: ServerResponse[] = [];
    await using api = await startApi((_, response) => void waiting.push(response));
    const config: SluiceConfigInput = {
      http: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      store: `redis://127.0.0.1:${redis.port}`,
      keyspaces: [{ match: 'far:*', origin: { http: api.url } }],
    };
    await using one = await startNode(config);
    await using two = await startNode(config);
    for (const node of [one, two]) await eventually(async () => expect((await get(node, 'up')).status).toBe(404));
    const reading = get(one, 'far:a');
    await eventually(() => expect(waiting.length).toBe(1));
    expect((await purgeAll(two, 'far:*')).status).toBe(200);
    waiting[0]?.end('old');
    expect(await reading).toMatchObject({ body: 'old', how: 'sluice; fwd=miss' });
    await using direct = await connectRaw({ port: redis.port });
    expect(await direct.command('EXISTS', 'far:a')).toBe(':0\r\n');
  });

  it('are those of the database of the node', async () => {
    await using api = await startApi();
    await using node = await startNode({
      http: '127.0.0.1:0',
      resp: '127.0.0.1:0',
      store: `redis://127.0.0.1:${redis.port}`,
      keyspaces: [{ match: 'main:*', origin: { http: api.url } }],
    });
    await eventually(async () => expect((await get(node, 'up')).status).toBe(404));
    await using client = await connect(node.resp);
    const [, written, read] = await client.pipeline([
      ['SELECT', '1'],
      ['SET', 'main:a', 'mine'],
      ['GET', 'main:a'],
    ]);
    expect([written, read]).toEqual(['+OK\r\n', '$4\r\nmine\r\n']);
    expect(api.asked).toEqual([]);
  });
});

describe('what an API answers', () => {
  it('is no value when its connection broke before the end', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        // Ends with the connection, which is reset instead.
        socket.write('HTTP/1.1 200 OK\r\n\r\nthe first half');
        setTimeout(() => socket.resetAndDestroy(), 20);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await using node = await startNode({
      http: '127.0.0.1:0',
      keyspaces: [{ match: 'half:*', origin: { http: `http://127.0.0.1:${port}/`, retries: 0 } }],
    });
    expect((await get(node, 'half:a')).status).toBe(502);
    server.close();
  });
});

describe('the rate of an API', () => {
  it('holds over a restart of a node that keeps its data', async () => {
    await using api = await startApi();
    await using folder = await tempDir();
    const config: SluiceConfigInput = {
      http: '127.0.0.1:0',
      store: 'embedded',
      data: folder.path,
      keyspaces: [{ match: 'user:*', origin: { http: `${api.url}/{1}`, rate: '3/1m' }, timeout: '1s' }],
    };
    for (const round of [1, 2]) {
      await using node = await startNode(config);
      const answers = await Promise.all(Array.from({ length: 5 }, (_, i) => get(node, `user:${round}${i}`)));
      expect(answers.map(({ status }) => status).toSorted()).toEqual(
        round === 1 ? [200, 200, 200, 503, 503] : [503, 503, 503, 503, 503],
      );
    }
    expect(api.asked.length).toBe(3);
  });

  it('is one for keyspaces and fetches by URL', async () => {
    await using api = await startApi();
    await using node = await startNode({
      http: '127.0.0.1:0',
      keyspaces: [{ match: 'user:*', origin: { http: `${api.url}/{1}` }, timeout: '1s' }],
      fetch: { allow: [`${api.url}/*`], addresses: ['127.0.0.1/32'], rate: '3/1m', timeout: '1s' },
    });
    for (let i = 0; i < 3; i++) expect((await get(node, `user:${i}`)).status).toBe(200);
    const url = encodeURIComponent(`${api.url}/x`);
    expect((await get(node, `_sluice/fetch?key=k&url=${url}`)).status).toBe(503);
    expect(api.asked.length).toBe(3);
  });
});
