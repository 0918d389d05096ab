import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { Apis } from '../../src/client/http/apis.ts';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { type HttpSinkOptions, openHttpSink } from '../../src/sink/http/http-sink.ts';
import type { Sink, SinkRow, TableMapping } from '../../src/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { startRawOrigin } from '../support/raw-origin.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { type RowReceiver, startReceiver, withStatus } from '../support/row-receiver.ts';
import { failureOf, inTime, merge, remove, scooters, whole } from '../support/sink-rows.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('rows sent to an HTTP API', () => {
  let receiver: RowReceiver;
  const sinks: Sink[] = [];
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await Promise.all(sinks.splice(0).map((sink) => sink.close()));
    await receiver[Symbol.asyncDispose]();
  });
  const open = (options: Partial<HttpSinkOptions> = {}): Sink => {
    const sink = openHttpSink({
      name: 'api',
      url: `${receiver.url}/rows?v=1`,
      apis: new Apis({ clock: systemClock, random: Math.random }),
      clock: systemClock,
      limits: { concurrency: 4, queue: 100 },
      connectTimeout: 2_000,
      ...options,
    });
    sinks.push(sink);
    return sink;
  };
  const rows: readonly SinkRow[] = [
    merge('b', 2, { lat: '1.5', note: 'né' }),
    whole('a', 1, { battery: '80' }),
    remove('c', 3),
  ];

  test('are one JSON document with the id of the batch', async () => {
    const sink = open({ headers: { Authorization: 'Bearer x' } });
    expect(await sink.check(scooters, inTime())).toEqual([]);
    await sink.write(scooters, rows, inTime());
    const [batch] = receiver.batches;
    expect(batch).toMatchObject({ method: 'POST', path: '/rows?v=1' });
    expect(batch?.headers).toMatchObject({
      'content-type': 'application/json',
      authorization: 'Bearer x',
      'idempotency-key': batch?.body.batch,
    });
    expect(batch?.body.batch).toMatch(/^[0-9a-f]{32}$/);
    expect(batch?.body).toEqual({
      batch: batch?.body.batch,
      table: 'scooters',
      rows: [
        { key: { id: 'a' }, version: 1, change: 'whole', values: { lat: null, battery: '80', note: null } },
        { key: { id: 'b' }, version: 2, change: 'merge', values: { lat: '1.5', note: 'né' } },
        { key: { id: 'c' }, version: 3, change: 'remove', values: {} },
      ],
    });
  });

  test('have the same id in any order, and another one with another version', async () => {
    const sink = open({ method: 'PUT' });
    await sink.write(scooters, rows, inTime());
    await sink.write(scooters, [...rows].reverse(), inTime());
    await sink.write(scooters, [merge('b', 4, { lat: '1.5', note: 'né' }), ...rows.slice(1)], inTime());
    const [first, second, third] = receiver.batches;
    expect(first?.method).toBe('PUT');
    expect(second?.body).toEqual(first?.body);
    expect(third?.body.batch).not.toBe(first?.body.batch);
    expect(receiver.repeated).toBe(1);
  });

  test('of counters are added, records keep their order', async () => {
    const sink = open();
    const counters: TableMapping = { ...scooters, shape: 'counter' };
    await sink.write(counters, [merge('a', 1, { battery: '-3' })], inTime());
    expect(receiver.batches[0]?.body.rows).toEqual([
      { key: { id: 'a' }, version: 1, change: 'add', values: { battery: -3 } },
    ]);
    const records: TableMapping = { ...scooters, shape: 'record', version: undefined };
    await sink.write(records, [merge('z', 1, { note: 'first' }), merge('a', 2, { note: 'second' })], inTime());
    expect(receiver.batches[1]?.body.rows.map(({ change, values }) => [change, values['note']])).toEqual([
      ['record', 'first'],
      ['record', 'second'],
    ]);
  });

  test.each([
    [200, undefined],
    [202, undefined],
    [409, undefined],
    [412, undefined],
    [400, 'data'],
    [413, 'data'],
    [422, 'data'],
    [401, 'schema'],
    [403, 'schema'],
    [404, 'schema'],
    [405, 'schema'],
    [410, 'schema'],
    [302, 'schema'],
    [408, 'transient'],
    [425, 'transient'],
    [429, 'transient'],
    [500, 'transient'],
    [502, 'transient'],
    [503, 'transient'],
  ])('status %i is %s', async (status, kind) => {
    const sink = open();
    receiver.answer = withStatus(status);
    const work = sink.write(scooters, rows, inTime());
    if (kind === undefined) await work;
    else expect((await failureOf(work)).kind).toBe(kind);
    expect(receiver.batches).toHaveLength(1);
  });

  test('say which batch was not taken, and nothing of its rows', async () => {
    const sink = open();
    receiver.answer = withStatus(422);
    const { message } = await failureOf(sink.write(scooters, rows, inTime()));
    expect(message).toBe(`${receiver.url} answered with status 422 to batch ${receiver.batches[0]?.body.batch}`);
  });

  test('wait while the first request with them is still dealt with', async () => {
    const sink = open();
    receiver.answer = withStatus(409, { 'retry-after': '1' });
    expect(await failureOf(sink.write(scooters, rows, inTime()))).toMatchObject({ kind: 'transient', ambiguous: true });
  });

  test('are not sent while the API asks for a pause', async () => {
    const sink = open();
    receiver.answer = withStatus(503, { 'retry-after': '1' });
    expect(await failureOf(sink.write(scooters, rows, inTime()))).toMatchObject({
      kind: 'transient',
      ambiguous: false,
    });
    receiver.answer = withStatus(204);
    const before = Date.now();
    await sink.write(scooters, rows, inTime());
    expect(Date.now() - before).toBeGreaterThan(800);
    receiver.answer = withStatus(429, { 'retry-after': '3600' });
    await failureOf(sink.write(scooters, rows, inTime()));
    const { message } = await failureOf(sink.write(scooters, rows, inTime()));
    expect(message).toBe(`${receiver.url} takes no more requests for now`);
    expect(receiver.batches).toHaveLength(3);
  });

  test('may have been written when there is no answer in time', async () => {
    const sink = open();
    receiver.answer = () => undefined;
    const failure = await failureOf(sink.write(scooters, rows, AbortSignal.timeout(100)));
    expect(failure).toMatchObject({ kind: 'transient', ambiguous: true });
    expect(failure.message).toMatch(/did not answer in time/);
  });

  test('may have been written when the connection breaks, and were not when there was none', async () => {
    const sink = open();
    receiver.answer = (_, response) => response.socket?.resetAndDestroy();
    expect(await failureOf(sink.write(scooters, rows, inTime()))).toMatchObject({ kind: 'transient', ambiguous: true });
    await receiver.stop();
    expect(await failureOf(sink.write(scooters, rows, inTime()))).toMatchObject({
      kind: 'transient',
      ambiguous: false,
    });
    await receiver.start();
    receiver.answer = withStatus(204);
    await sink.write(scooters, rows, inTime());
  });

  test('are sent again at once when an idle connection was closed', async () => {
    let requests = 0;
    await using raw = await startRawOrigin(() => {
      requests++;
      const text = 'HTTP/1.1 204 No Content\r\n\r\n';
      // The second request comes over a connection that is gone.
      return requests === 2 ? { text: '', close: true } : text;
    });
    const sink = open({ url: raw.url });
    await sink.write(scooters, rows, inTime());
    await sink.write(scooters, rows, inTime());
    expect(requests).toBe(3);
  });

  test('leave an API alone that fails all the time, and say why', async () => {
    const sink = open();
    receiver.answer = withStatus(500);
    for (let i = 0; i < 5; i++) await failureOf(sink.write(scooters, rows, inTime()));
    const failure = await failureOf(sink.write(scooters, rows, inTime()));
    expect(receiver.batches).toHaveLength(5);
    expect(failure).toMatchObject({ kind: 'transient', ambiguous: false });
    expect(failure.message).toBe(`${receiver.url} answered with status 500`);
  });

  test('go only to addresses that may be connected to', async () => {
    const local = open({ addresses: [] });
    const { kind, message } = await failureOf(local.write(scooters, rows, inTime()));
    expect(kind).toBe('schema');
    expect(message).toMatch(/neither a public one nor among addresses/);
    expect(receiver.batches).toHaveLength(0);
    await open({ addresses: ['127.0.0.0/8'] }).write(scooters, rows, inTime());
    expect(receiver.batches).toHaveLength(1);
  });

  test('are refused when they are not text, or there is a fence', async () => {
    const sink = open();
    const bad: SinkRow = { ...merge('x', 1, {}), values: new Map([['note', '\xff']]) };
    expect((await failureOf(sink.write(scooters, [bad], inTime()))).kind).toBe('data');
    expect(await sink.check({ ...scooters, fence: 'fences' }, inTime())).toEqual([
      { problem: 'api is an HTTP API, which keeps no fence' },
    ]);
  });

  test('are shown as the request they would be, without secrets', () => {
    const [text = ''] = open({ headers: { Authorization: 'Bearer secret' } }).explain(scooters, rows);
    const [head = '', body = ''] = text.split('\n\n');
    const { batch } = JSON.parse(body) as { batch: string };
    expect(head).toBe(
      `POST ${receiver.url}/rows?…\ncontent-type: application/json\nauthorization: …\nidempotency-key: ${batch}`,
    );
  });

  test('are ended with when the sink is closed', async () => {
    const sink = open();
    let answer: (() => void) | undefined;
    receiver.answer = (_, response) => {
      answer = () => response.writeHead(204).end();
    };
    const work = sink.write(scooters, rows, inTime());
    await eventually(() => expect(answer).toBeDefined());
    const closed = sink.close();
    answer?.();
    await Promise.all([work, closed, sink.close()]);
    expect((await failureOf(sink.write(scooters, rows, inTime()))).kind).toBe('transient');
  });
});

type WriteBehind = NonNullable<NonNullable<SluiceConfigInput['keyspaces']>[number]['writeBehind']>;

describe('keyspaces that are written to an HTTP API', () => {
  const config = (receiver: RowReceiver, data: string, settings: Partial<WriteBehind> = {}): SluiceConfigInput => ({
    resp: '127.0.0.1:0',
    http: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    store: 'embedded',
    data: join(data, 'data'),
    connections: { api: { url: `${receiver.url}/rows`, headers: { Authorization: 'Bearer x' } } },
    keyspaces: [
      {
        match: 'scooter:*',
        writeBehind: {
          sink: 'api',
          table: 'scooters',
          key: 'id',
          columns: ['lat', 'lon', 'battery'],
          minDelay: '20ms',
          maxDelay: '50ms',
          ...settings,
        },
      },
    ],
  });
  const connect = ({ resp }: TestNode): Promise<RawResp> =>
    connectRaw({ port: Number(resp.slice(resp.lastIndexOf(':') + 1)) });

  test('reach it in batches, changes and removals in their order', async () => {
    await using folder = await tempDir();
    await using receiver = await startReceiver();
    await using node = await startNode(config(receiver, folder.path));
    await using client = await connect(node);
    for (let i = 0; i < 100; i++) await client.command('HSET', `scooter:${i}`, 'lat', String(i), 'battery', '80');
    await client.command('HSET', 'scooter:0', 'lat', '0.5');
    await client.command('DEL', 'scooter:1');
    await fetch(`http://${node.http}/scooter:2`, { method: 'PUT', body: '{"lon":7}' });
    await eventually(() => {
      expect(receiver.rows.size).toBe(99);
      expect(receiver.rows.get('0')).toEqual({ lat: '0.5', battery: '80' });
      expect(receiver.rows.get('2')).toEqual({ lat: null, lon: '7', battery: null });
    });
    expect(receiver.batches.every(({ headers }) => headers.authorization === 'Bearer x')).toBe(true);
    expect(receiver.repeated).toBe(0);
  });

  test('wait while it fails or is away, and none is lost', async () => {
    await using folder = await tempDir();
    await using receiver = await startReceiver();
    receiver.answer = withStatus(503);
    await using node = await startNode(config(receiver, folder.path));
    await using client = await connect(node);
    for (let i = 0; i < 20; i++) await client.command('HSET', `scooter:${i}`, 'lat', String(i));
    await eventually(() => expect(receiver.batches.length).toBeGreaterThan(1));
    await receiver.stop();
    for (let i = 10; i < 30; i++) await client.command('HSET', `scooter:${i}`, 'lat', `1${i}`);
    receiver.answer = withStatus(204);
    await receiver.start();
    await eventually(() => expect(receiver.rows.size).toBe(30), { timeoutMs: 20_000 });
    for (let i = 0; i < 30; i++) expect(receiver.rows.get(String(i))).toEqual({ lat: i < 10 ? String(i) : `1${i}` });
  });

  test('count once when the answer was lost', async () => {
    await using folder = await tempDir();
    await using receiver = await startReceiver();
    let lost = 0;
    receiver.answer = ({ body }, response) => {
      // It has the rows, and Sluice does not learn of it.
      if (lost++ < 2) {
        const { socket } = response;
        response.statusCode = 200;
        response.emit('finish');
        socket?.resetAndDestroy();
      } else response.writeHead(body.rows.length > 0 ? 204 : 400).end();
    };
    await using node = await startNode(config(receiver, folder.path));
    await using client = await connect(node);
    await client.command('HSET', 'scooter:1', 'lat', '1');
    await eventually(() => expect(receiver.repeated).toBeGreaterThanOrEqual(1), { timeoutMs: 10_000 });
    expect(new Set(receiver.batches.map(({ body }) => body.batch)).size).toBe(1);
  });

  test('set aside the row that it never takes, and have it take the others', async () => {
    await using folder = await tempDir();
    await using receiver = await startReceiver();
    receiver.answer = ({ body }, response) => {
      const isBad = body.rows.some(({ values }) => values['battery'] === 'poison');
      response.writeHead(isBad ? 422 : 204).end();
    };
    await using node = await startNode(config(receiver, folder.path, { minDelay: '100ms', maxDelay: '150ms' }));
    await using client = await connect(node);
    await client.pipeline(
      Array.from({ length: 64 }, (_, i) => ['HSET', `scooter:${i}`, 'battery', i === 17 ? 'poison' : String(i)]),
    );
    await eventually(() => expect(receiver.rows.size).toBe(63));
    expect(receiver.rows.has('17')).toBe(false);
    await eventually(async () =>
      expect(await (await fetch(`http://${node.admin}/metrics`)).text()).toMatch(/set_aside_total{.*} 1/),
    );
    expect(receiver.batches.length).toBeLessThan(40);
  });

  test('are taken by a slow one, within the time of a batch', async () => {
    await using folder = await tempDir();
    await using receiver = await startReceiver();
    const waits = [500, 20];
    receiver.answer = (_, response) => void setTimeout(() => response.writeHead(204).end(), waits.shift() ?? 0);
    await using node = await startNode(config(receiver, folder.path, { timeout: '200ms' }));
    await using client = await connect(node);
    await client.command('HSET', 'scooter:1', 'lat', '1');
    await eventually(() => expect(receiver.rows.get('1')).toEqual({ lat: '1' }), { timeoutMs: 10_000 });
    // The first was given up, and the same was sent again.
    expect(receiver.batches.length).toBeGreaterThanOrEqual(2);
  });

  test('stop when it refuses them, and go on by themselves', async () => {
    await using folder = await tempDir();
    await using receiver = await startReceiver();
    receiver.answer = withStatus(401);
    await using node = await startNode(config(receiver, folder.path));
    await using client = await connect(node);
    expect(await client.command('HSET', 'scooter:1', 'lat', '1')).toBe(':1\r\n');
    await eventually(async () =>
      expect(await (await fetch(`http://${node.admin}/metrics`)).text()).toMatch(/write_behind_stopped{.*} 1/),
    );
    receiver.answer = withStatus(204);
    await eventually(() => expect(receiver.rows.size).toBe(1), { timeoutMs: 20_000 });
  });

  test('cannot be read from it', async () => {
    const keyspaces = [{ match: 'a:*', origin: { sql: 'select 1 where 1 = {1}', connection: 'api' } }];
    await expect(startNode({ connections: { api: 'https://api.example.com/' }, keyspaces })).rejects.toThrow(
      /api is an HTTP API, which rows are only written to; a query needs a database/,
    );
    await expect(startNode({ connections: { api: 'jsonl:x' }, keyspaces })).rejects.toThrow(/api is a file of JSON/);
    await expect(startNode({ connections: { api: 'discard:' }, keyspaces })).rejects.toThrow(/throws rows away/);
  });

  test('have no fence there', async () => {
    await using folder = await tempDir();
    await using receiver = await startReceiver();
    await expect(startNode(config(receiver, folder.path, { fence: 'fences' }))).rejects.toThrow(
      /writeBehind.fence: api is an HTTP API; a fence needs a database/,
    );
  });

  test('count every counter and keep every record', async () => {
    await using folder = await tempDir();
    await using receiver = await startReceiver();
    const common = { sink: 'api', minDelay: '10ms', maxDelay: '30ms' };
    await using node = await startNode({
      ...config(receiver, folder.path),
      keyspaces: [
        { match: 'count:*', writeBehind: { ...common, shape: 'counter', table: 'counts', key: 'id', columns: ['n'] } },
        { match: 'ride:*', writeBehind: { ...common, shape: 'record', table: 'rides', key: 'rider', columns: ['km'] } },
      ],
    });
    await using client = await connect(node);
    for (let i = 1; i <= 40; i++) {
      await client.command('HINCRBY', 'count:a', 'n', '2');
      expect(await client.command('RPUSH', 'ride:7', `{"km":${i}}`)).toMatch(/^:/);
    }
    const rows = (table: string) => receiver.batches.flatMap(({ body }) => (body.table === table ? body.rows : []));
    await eventually(() => {
      expect(rows('counts').reduce((sum, { values }) => sum + Number(values['n']), 0)).toBe(80);
      expect(rows('rides').map(({ values }) => values)).toEqual(
        Array.from({ length: 40 }, (_, i) => ({ rider: '7', km: String(i + 1) })),
      );
    });
    expect(rows('counts').every(({ change }) => change === 'add')).toBe(true);
    expect(new Set(rows('rides').map(({ key }) => key['sluice_id'])).size).toBe(40);
  });

  test('may be thrown away, to try out', async () => {
    await using folder = await tempDir();
    await using receiver = await startReceiver();
    const written = config(receiver, folder.path, { sink: 'nothing' });
    await using node = await startNode({ ...written, connections: { nothing: 'discard:' } });
    await using client = await connect(node);
    await client.command('HSET', 'scooter:1', 'lat', '1');
    await eventually(async () =>
      expect(await (await fetch(`http://${node.admin}/metrics`)).text()).toMatch(/rows_written_total{.*} 1/),
    );
  });
});
