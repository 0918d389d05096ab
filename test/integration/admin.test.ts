import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { restoreDataFolder } from '../../src/app/offline.ts';
import { metricDefinitions } from '../../src/telemetry/definitions.ts';
import { eventually } from '../support/eventually.ts';
import { startLoading, startNode, type TestNode } from '../support/node.ts';
import { connectHttp } from '../support/raw-http.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';
import { tempDir } from '../support/temp-dir.ts';

const LOOPBACK = { http: '127.0.0.1:0', resp: '127.0.0.1:0', admin: '127.0.0.1:0' } as const;

let node: TestNode;
const ask = (path: string, init: RequestInit = {}, at: TestNode = node): Promise<Response> =>
  fetch(`http://${at.admin}${path}`, init);
const put = (key: string, body: string, at: TestNode = node): Promise<Response> =>
  fetch(`http://${at.http}/${key}`, { method: 'PUT', body });

beforeAll(async () => {
  node = await startNode(LOOPBACK);
});
afterAll(() => node.close());

describe('probes', () => {
  it('say that the node lives and serves', async () => {
    for (const [path, text] of [
      ['/live', 'live\n'],
      ['/ready', 'ready\n'],
    ] as const) {
      const answer = await ask(path);
      expect(answer.status).toBe(200);
      expect(await answer.text()).toBe(text);
    }
    const hello = await ask('/hello');
    expect(hello.status).toBe(200);
    expect(hello.headers.get('content-type')).toBe('application/health+json');
    expect(await hello.json()).toMatchObject({ status: 'pass', checks: { engine: { status: 'pass' } } });
  });

  it('answer 503 while the data is loaded, and so do keys', async () => {
    await using folder = await tempDir();
    const config = { ...LOOPBACK, store: 'embedded', data: join(folder.path, 'data') } as const;
    await using(await startNode(config), async (filled) => {
      const resp = await connectRaw({ port: Number(filled.resp.split(':')[1]) });
      for (let i = 0; i < 40; i++) {
        const pairs = Array.from({ length: 5000 }, (_, j) => [`key:${i}:${j}`, 'value']).flat();
        expect(await resp.command('MSET', ...pairs)).toBe('+OK\r\n');
      }
      await resp.close();
    });
    await using(await startLoading(config), async (loading) => {
      const [live, ready, hello, key] = await Promise.all([
        ask('/live', {}, loading),
        ask('/ready', {}, loading),
        ask('/hello', {}, loading),
        fetch(`http://${loading.http}/key:1:1`),
      ]);
      expect(live.status).toBe(200);
      expect(ready.status).toBe(503);
      expect(await ready.text()).toBe('loading the data\n');
      expect(hello.status).toBe(503);
      expect(await hello.json()).toMatchObject({ status: 'fail', checks: { engine: { status: 'fail' } } });
      expect(key.status).toBe(503);
      expect(key.headers.get('retry-after')).toBe('1');
      await loading.ready;
      expect((await ask('/ready', {}, loading)).status).toBe(200);
      expect(await (await fetch(`http://${loading.http}/key:1:1`)).text()).toBe('value');
    });
  });

  it('answer 503 while the node shuts down', async () => {
    const leaving = await startNode(LOOPBACK);
    using client = await connectHttp(leaving.http);
    client.socket.write('PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nx');
    await eventually(async () =>
      expect(await (await ask('/metrics', {}, leaving)).text()).toContain('sluice_connections{face="http"} 1'),
    );
    const closed = leaving.close();
    const ready = await ask('/ready', {}, leaving);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toBe('shutting down\n');
    expect((await ask('/live', {}, leaving)).status).toBe(200);
    client.socket.write('y');
    await closed;
  });

  it('warn when the memory is nearly full', async () => {
    await using full = await startNode({ ...LOOPBACK, maxBytes: '1MiB' });
    let status = 201;
    for (let i = 0; status === 201; i++) ({ status } = await put(`k${i}`, 'x'.repeat(50_000), full));
    expect(status).toBe(507);
    const hello = await ask('/hello', {}, full);
    expect(hello.status).toBe(200);
    expect(await hello.json()).toMatchObject({
      status: 'warn',
      checks: { memory: { status: 'warn' }, engine: { status: 'pass' } },
    });
  });
});

describe('metrics', () => {
  it('are in the text format of Prometheus, every one that is documented', async () => {
    await put('counted', 'x');
    await fetch(`http://${node.http}/counted`);
    await fetch(`http://${node.http}/not-there`);
    const resp = await connectRaw({ port: Number(node.resp.split(':')[1]) });
    await resp.command('GET', 'counted');
    await resp.close();
    const answer = await ask('/metrics');
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const page = parsePrometheus(await answer.text());
    for (const [name, { type }] of Object.entries(metricDefinitions)) {
      expect(page.types.get(name), name).toBe(isOfStoreBehind(name) || isOfMore(name) ? undefined : type);
    }
    const get = (outcome: string): number | undefined =>
      page.samples.get(`sluice_requests_total{face="http",operation="GET",outcome="${outcome}"}`);
    expect(get('2xx')).toBe(1);
    expect(get('4xx')).toBe(1);
    expect(page.samples.get('sluice_requests_total{face="resp",operation="get",outcome="ok"}')).toBe(1);
    expect(page.samples.get('sluice_request_duration_seconds_count{face="http",operation="GET"}')).toBe(2);
    expect(page.samples.get('sluice_request_duration_seconds_bucket{face="http",operation="GET",le="+Inf"}')).toBe(2);
    expect(page.types.has('process_cpu_seconds_total')).toBe(true);
  });

  it('tell of the store behind and of the cache, where there is one', async () => {
    await using redis = await startRedis();
    const other = await startNode({ ...LOOPBACK, store: `127.0.0.1:${redis.port}` });
    await using client = await connectRaw({ port: Number(other.resp.split(':')[1]) });
    await client.command('SET', 'k', 'v');
    for (let i = 0; i < 3; i++) await client.command('GET', 'k');
    const page = parsePrometheus(await (await fetch(`http://${other.admin}/metrics`)).text());
    const ofEngine = /^sluice_(engine|journal)_/;
    for (const [name, { type }] of Object.entries(metricDefinitions))
      expect(page.types.get(name), name).toBe(ofEngine.test(name) || isOfMore(name) ? undefined : type);
    expect(page.samples.get('sluice_cache_hits_total')).toBe(2);
    expect(page.samples.get('sluice_cache_fills_total')).toBe(1);
    expect(page.samples.get(`sluice_upstream_up{upstream="127.0.0.1:${redis.port}"}`)).toBe(1);
    const hello = (await (await fetch(`http://${other.admin}/hello`)).json()) as Record<string, unknown>;
    expect(hello).toMatchObject({ status: 'pass', checks: { [`store:127.0.0.1:${redis.port}`]: { status: 'pass' } } });
    await client.close();
    await other.close();
  });
});

/** Metrics of what these nodes have not: read-through keys, rows that are written behind, certificates, clients that met a limit. */
function isOfMore(name: string): boolean {
  return /^sluice_(?:keyspace_(?!hits_|misses_)|fetches_|api_|tls_|write_behind_|limit_(?:hits|rate)_)/.test(name);
}

/** Metrics that only a node in front of a store has. */
function isOfStoreBehind(name: string): boolean {
  return name.startsWith('sluice_upstream_') || name.startsWith('sluice_cache_');
}

describe('the API', () => {
  it('tells what the node is and holds', async () => {
    await put('held', 'x');
    const status = (await (await ask('/api/status')).json()) as Record<string, unknown>;
    expect(status).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      state: 'ready',
      addresses: { http: node.http, resp: node.resp, admin: node.admin },
      keys: { user: expect.any(Number) },
    });
  });

  it('documents itself: every path it names answers', async () => {
    const document = (await (await ask('/api/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
    };
    expect(document.openapi).toBe('3.1.0');
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { responses }] of Object.entries(methods)) {
        const { status } = await ask(path, { method: method.toUpperCase() });
        expect(Object.keys(responses), `${method} ${path}`).toContain(String(status));
      }
    }
  });

  it('answers 404 and 405 with problem documents', async () => {
    const unknown = await ask('/nothing');
    expect(unknown.status).toBe(404);
    expect(unknown.headers.get('content-type')).toBe('application/problem+json');
    const posted = await ask('/live', { method: 'POST' });
    expect(posted.status).toBe(405);
    expect(posted.headers.get('allow')).toBe('GET, HEAD');
    expect((await ask('/live', { method: 'HEAD' })).status).toBe(200);
  });

  it('gives a backup that can be restored, and leaves no copy behind', async () => {
    await using folder = await tempDir();
    const data = join(folder.path, 'data');
    const saved = join(folder.path, 'saved.db');
    await using(await startNode({ ...LOOPBACK, store: 'embedded', data }), async (source) => {
      await put('saved', 'value', source);
      const leftovers = async (): Promise<string[]> =>
        (await readdir(data)).filter((name) => name.startsWith('backup-'));
      const answer = await ask('/api/backup', {}, source);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe('application/vnd.sqlite3');
      await writeFile(saved, new Uint8Array(await answer.arrayBuffer()));
      await eventually(async () => expect(await leftovers()).toEqual([]));
      await eventually(async () => expect((await ask('/api/backup', { method: 'HEAD' }, source)).status).toBe(200));
      await eventually(async () => expect(await leftovers()).toEqual([]));
      await eventually(async () => {
        const both = await Promise.all([ask('/api/backup', {}, source), ask('/api/backup', {}, source)]);
        await Promise.all(both.map((each) => each.arrayBuffer()));
        expect(both.map(({ status }) => status).sort()).toEqual([200, 503]);
      });
      await eventually(async () => expect(await leftovers()).toEqual([]));
    });
    const copy = join(folder.path, 'copy');
    await restoreDataFolder(saved, copy, { force: false });
    await using restored = await startNode({ ...LOOPBACK, store: 'embedded', data: copy });
    expect(await (await fetch(`http://${restored.http}/saved`)).text()).toBe('value');
  });
});

/** `await using` for a part of a test: the node is closed before what follows. */
async function using<T extends AsyncDisposable>(resource: T, work: (resource: T) => Promise<void>): Promise<void> {
  try {
    await work(resource);
  } finally {
    await resource[Symbol.asyncDispose]();
  }
}

/** Strict about what the format allows: HELP and TYPE once before the samples of a metric, numbers, unique series. */
function parsePrometheus(page: string): { types: Map<string, string>; samples: Map<string, number> } {
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  expect(page.endsWith('\n')).toBe(true);
  for (const line of page.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary)$/.exec(line);
    if (type !== null) {
      expect(types.has(type[1] as string), line).toBe(false);
      types.set(type[1] as string, type[2] as string);
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*\})? (\S+)$/.exec(line);
    expect(sample, line).not.toBeNull();
    const [, name = '', labels = '', value = ''] = sample as RegExpExecArray;
    const family = types.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, '');
    expect(types.has(family), line).toBe(true);
    expect(value === '+Inf' || value.toLowerCase() === 'nan' || Number.isFinite(Number(value)), line).toBe(true);
    expect(samples.has(name + labels), line).toBe(false);
    samples.set(name + labels, Number(value));
  }
  return { types, samples };
}
