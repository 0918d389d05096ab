import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { connectHttp, sendRaw } from '../support/raw-http.ts';
import { connectRaw, encodeCommand } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';
import { startRelay } from '../support/tcp-relay.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const portOf = (address: string): number => Number(address.split(':').at(-1));
const startAll = (limits: SluiceConfigInput['limits'] = {}): Promise<TestNode> =>
  startNode({ http: '127.0.0.1:0', resp: '127.0.0.1:0', admin: '127.0.0.1:0', limits });

/** A metric by its name and labels, as the page writes them; 0 where it is not on it. */
async function metric(node: TestNode, name: string): Promise<number> {
  const page = await (await fetch(`http://${node.admin}/metrics`)).text();
  const line = page.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

const hits = (node: TestNode, face: string, limit: string): Promise<number> =>
  metric(node, `sluice_limit_hits_total{face="${face}",limit="${limit}"}`);

const opened: Socket[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});

/** A connection from an address of this machine's loopback network. */
async function dialFrom(localAddress: string, address: string): Promise<{ socket: Socket; text: () => string }> {
  const socket = connect({ host: '127.0.0.1', port: portOf(address), localAddress });
  opened.push(socket);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.latin1Slice();
  });
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  return { socket, text: () => text };
}

describe('limits.connectionsPerAddress', () => {
  it('holds for all listeners together, and for each address alone', async () => {
    await using node = await startAll({ connectionsPerAddress: 3 });
    const greedy = [
      await dialFrom('127.0.0.2', node.http),
      await dialFrom('127.0.0.2', node.resp),
      await dialFrom('127.0.0.2', node.resp),
    ];
    await eventually(async () => expect(await metric(node, 'sluice_limit_addresses')).toBe(2));
    const http = await dialFrom('127.0.0.2', node.http);
    await once(http.socket, 'close');
    expect(http.text()).toMatch(/^HTTP\/1\.1 503 .*Retry-After: 1\r\n/s);
    const resp = await dialFrom('127.0.0.2', node.resp);
    await once(resp.socket, 'close');
    expect(resp.text()).toBe('-ERR max number of clients reached\r\n');
    const other = await dialFrom('127.0.0.3', node.resp);
    other.socket.write('PING\r\n');
    await eventually(() => expect(other.text()).toBe('+PONG\r\n'));
    expect(await hits(node, 'http', 'connectionsPerAddress')).toBe(1);
    expect(await hits(node, 'resp', 'connectionsPerAddress')).toBe(1);
    expect(await metric(node, 'sluice_connections_rejected_total{face="http"}')).toBe(1);
    greedy[0]?.socket.destroy();
    await eventually(async () => {
      const again = await dialFrom('127.0.0.2', node.resp);
      again.socket.write('PING\r\n');
      await eventually(() => expect(again.text()).toBe('+PONG\r\n'), { timeoutMs: 200 });
    });
  });

  it('is no bound at listeners on loopback addresses when nothing is said', async () => {
    await using node = await startAll();
    const all: Awaited<ReturnType<typeof dialFrom>>[] = [];
    // In groups: more at once than the system's queue of new connections holds are let in seconds later.
    while (all.length < 1100)
      all.push(...(await Promise.all(Array.from({ length: 100 }, () => dialFrom('127.0.0.2', node.resp)))));
    all.at(-1)?.socket.write('PING\r\n');
    await eventually(() => expect(all.at(-1)?.text()).toBe('+PONG\r\n'));
    await eventually(async () => expect(await metric(node, 'sluice_limit_connections')).toBeGreaterThanOrEqual(1100));
  });
});

describe('limits.totalConnections', () => {
  it('leaves the way to administration open', async () => {
    await using node = await startAll({ totalConnections: 2 });
    await dialFrom('127.0.0.2', node.http);
    const second = await dialFrom('127.0.0.3', node.resp);
    second.socket.write('PING\r\n');
    await eventually(() => expect(second.text()).toBe('+PONG\r\n'));
    const third = await dialFrom('127.0.0.4', node.resp);
    await once(third.socket, 'close');
    expect(third.text()).toBe('-ERR max number of clients reached\r\n');
    expect((await fetch(`http://${node.admin}/ready`)).status).toBe(200);
    expect(await hits(node, 'resp', 'totalConnections')).toBe(1);
  });
});

describe('limits.maxConnections', () => {
  it('is told in metrics for each listener', async () => {
    await using node = await startAll({ maxConnections: 4 });
    for (let i = 0; i < 4; i++) {
      await dialFrom('127.0.0.2', node.http);
      const resp = await dialFrom('127.0.0.2', node.resp);
      resp.socket.write('PING\r\n');
      await eventually(() => expect(resp.text()).toBe('+PONG\r\n'));
    }
    for (const address of [node.http, node.resp]) {
      const extra = await dialFrom('127.0.0.2', address);
      await once(extra.socket, 'close');
    }
    expect(await hits(node, 'http', 'maxConnections')).toBe(1);
    expect(await hits(node, 'resp', 'maxConnections')).toBe(1);
  });
});

describe('limits.inFlight.requests', () => {
  it('does not count those whose body is still coming, and refuses what is beyond it with 503', async () => {
    await using node = await startAll({ inFlight: { requests: 1 } });
    using slow = await connectHttp(node.http);
    slow.socket.write('PUT /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nx');
    await eventually(async () => expect(await metric(node, 'sluice_connections{face="http"}')).toBe(1));
    expect((await fetch(`http://${node.http}/k`)).status).toBe(404);
    slow.socket.write('y');
    await slow.until(/ 201 /);
    // The scrape is the only one.
    expect(await metric(node, 'sluice_limit_requests_in_flight')).toBe(1);
  });

  it('answers 503 with Retry-After beyond it, but probes', async () => {
    await using redis = await startRedis();
    await using relay = await startRelay({ target: { port: redis.port } });
    await using node = await startNode({
      http: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      resp: 'off',
      store: `redis://127.0.0.1:${relay.port}`,
      limits: { inFlight: { requests: 1 } },
    });
    expect((await fetch(`http://${node.http}/first`)).status).toBe(404);
    relay.set('stall', 'down');
    using first = await connectHttp(node.http);
    first.socket.write('GET /k HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await eventually(async () => expect((await fetch(`http://${node.admin}/hello`)).status).toBe(503));
    const refused = await fetch(`http://${node.http}/other`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ code: 'OVERLOADED' });
    expect((await fetch(`http://${node.admin}/live`)).status).toBe(200);
    relay.set('pass');
    await first.until(/ 404 /);
    expect(await hits(node, 'http', 'inFlight.requests')).toBe(1);
    expect(await hits(node, 'admin', 'inFlight.requests')).toBeGreaterThan(0);
  });
});

describe('limits.inFlight.bytes', () => {
  it('takes the largest body away with 503, and lets smaller ones through', async () => {
    await using node = await startAll({ inFlight: { bytes: '1MiB' } });
    const put = (name: string, length: number): string =>
      `PUT /${name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;
    using large = await connectHttp(node.http);
    large.socket.write(put('large', 900 * KIB) + 'x'.repeat(800 * KIB));
    using small = await connectHttp(node.http);
    small.socket.write(put('small', 300 * KIB) + 'x'.repeat(100 * KIB));
    await eventually(async () =>
      expect(await metric(node, 'sluice_limit_held_bytes{direction="input"}')).toBe(900 * KIB),
    );
    small.socket.write('x'.repeat(190 * KIB));
    await large.until(/ 503 .*Retry-After: 1\r\n/s);
    await large.closed;
    small.socket.write('x'.repeat(10 * KIB));
    await small.until(/ 201 /);
    expect(await hits(node, 'http', 'inFlight.bytes')).toBe(1);
    expect(await metric(node, 'sluice_limit_shed_total{direction="input"}')).toBe(1);
    await eventually(async () => expect(await metric(node, 'sluice_limit_held_bytes{direction="input"}')).toBe(0));
    expect((await fetch(`http://${node.http}/large`)).status).toBe(404);
    expect((await (await fetch(`http://${node.http}/small`)).text()).length).toBe(300 * KIB);
  });

  it('counts commands that do not end with them, and closes the client with most after an error', async () => {
    await using node = await startAll({ inFlight: { bytes: '1MiB' } });
    await using large = await connectRaw({ port: portOf(node.resp) });
    await using polite = await connectRaw({ port: portOf(node.resp) });
    expect(await large.command('SET', 'k', 'v')).toBe('+OK\r\n');
    large.write(encodeCommand(['SET', 'k', 'x'.repeat(900 * KIB)]).slice(0, -100 * KIB));
    await eventually(async () =>
      expect(await metric(node, 'sluice_limit_held_bytes{direction="input"}')).toBeGreaterThan(700 * KIB),
    );
    using body = await connectHttp(node.http);
    body.socket.write(`PUT /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${400 * KIB}\r\n\r\n`);
    body.socket.write('x'.repeat(400 * KIB));
    await body.until(/ 201 /);
    expect(await large.next()).toMatch(/^-ERR SLUICE_OVERLOADED /);
    expect(await large.ended).toBe('');
    expect(await polite.command('GET', 'k')).toBe('$1\r\nv\r\n');
    expect(await hits(node, 'resp', 'inFlight.bytes')).toBe(1);
    expect(await metric(node, 'sluice_connections_closed_total{face="resp",reason="overloaded"}')).toBe(1);
  });
});

describe('limits.outputBytes', () => {
  it('closes the client that takes least of what it asked for, over RESP and HTTP, and nobody else', async () => {
    await using node = await startAll({ outputBytes: '8MiB', resp: { outputBytes: { normal: '64MiB' } } });
    await using polite = await connectRaw({ port: portOf(node.resp) });
    await polite.command('SET', 'large', 'x'.repeat(16 * MIB));
    await polite.command('SET', 'some', 'x'.repeat(7 * MIB));
    // Each alone holds what its socket does not take.
    const reader = await dialFrom('127.0.0.2', node.http);
    reader.socket.pause();
    reader.socket.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await eventually(async () => expect(await hits(node, 'http', 'outputBytes')).toBe(1));
    const client = await dialFrom('127.0.0.2', node.resp);
    client.socket.pause();
    client.socket.write(encodeCommand(['GET', 'large']));
    await eventually(async () => expect(await hits(node, 'resp', 'outputBytes')).toBe(1));
    for (const { socket } of [reader, client]) {
      socket.resume();
      if (!socket.closed) await once(socket, 'close');
    }
    expect(await polite.command('STRLEN', 'large')).toBe(`:${16 * MIB}\r\n`);
    expect((await polite.command('GET', 'some')).length).toBeGreaterThan(7 * MIB);
    expect((await (await fetch(`http://${node.http}/some`)).text()).length).toBe(7 * MIB);
    expect(await metric(node, 'sluice_limit_shed_total{direction="output"}')).toBe(2);
    expect(await metric(node, 'sluice_limit_held_bytes{direction="output"}')).toBe(0);
  });
});

describe('a reload', () => {
  it('changes the limits of a running node', async () => {
    const { startSluice } = await import('../../src/app/compose.ts');
    const { parseConfig } = await import('../../src/config/load.ts');
    const configOf = (limits: SluiceConfigInput['limits']) =>
      parseConfig(
        { store: 'memory', log: { level: 'silent' }, http: '127.0.0.1:0', resp: 'off', admin: 'off', limits },
        { cwd: process.cwd(), memoryBytes: 8 * 1024 ** 3, env: {} },
      ).value;
    const node = await startSluice(configOf({}));
    await node.ready;
    try {
      const { http = '' } = node.addresses;
      expect((await fetch(`http://${http}/k`)).status).toBe(404);
      const result = node.reload(configOf({ rate: { perAddress: '1/1h' } }));
      expect(result.applied).toEqual(['limits.rate.perAddress']);
      expect((await fetch(`http://${http}/k`)).status).toBe(404);
      expect((await fetch(`http://${http}/k`)).status).toBe(429);
      node.reload(configOf({}));
      expect((await fetch(`http://${http}/k`)).status).toBe(404);
    } finally {
      await node.close();
    }
  });
});

describe('each limit of a connection is counted under its name', () => {
  const tiny: SluiceConfigInput['limits'] = {
    http: {
      headerBytes: '1KiB',
      headerCount: 10,
      targetBytes: '256B',
      bodyBytes: '1KiB',
      headerTimeout: '200ms',
      requestTimeout: '400ms',
      idleTimeout: '200ms',
    },
    resp: {
      bulkBytes: '1KiB',
      arguments: 100,
      queryBytes: '64KiB',
      idleTimeout: '300ms',
      outputBytes: { normal: '64KiB' },
    },
  };
  const head = 'GET /k HTTP/1.1\r\nHost: localhost\r\n';
  const put = 'PUT /k HTTP/1.1\r\nHost: localhost\r\n';

  it.each([
    ['http.headerBytes', `${head}X-Long: ${'x'.repeat(1100)}\r\n\r\n`],
    ['http.headerCount', `${head}${'X-Short: x\r\n'.repeat(10)}\r\n`],
    ['http.targetBytes', `GET /${'k'.repeat(300)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ['http.bodyBytes', `${put}Content-Length: 2000\r\n\r\n${'x'.repeat(2000)}`],
    ['http.timeout', 'GET /k HTTP/1.1\r\nHost: local'],
    ['http.timeout', `${put}Content-Length: 10\r\n\r\nx`],
    ['http.idleTimeout', `${head}\r\n`],
  ])('%s over HTTP', async (limit, input) => {
    await using node = await startAll(tiny);
    const { closed } = await sendRaw(node.http, input, 3000);
    expect(closed).toBe(true);
    expect(await hits(node, 'http', limit)).toBe(1);
  });

  it.each([
    ['resp.bulkBytes', '*2\r\n$3\r\nGET\r\n$1025\r\n'],
    ['resp.arguments', '*101\r\n'],
    ['resp.inline', 'x'.repeat(64 * KIB + 2)],
    ['resp.queryBytes', `*66\r\n${`$1024\r\n${'x'.repeat(KIB)}\r\n`.repeat(65)}`],
    ['resp.idleTimeout', 'PING\r\n'],
    ['resp.outputBytes', encodeCommand(['ECHO', 'x'.repeat(KIB)]).repeat(20_000)],
  ])('%s over RESP', async (limit, input) => {
    await using node = await startAll(tiny);
    const client = await dialFrom('127.0.0.1', node.resp);
    if (limit === 'resp.outputBytes') client.socket.pause();
    client.socket.write(input, 'latin1');
    await eventually(async () => expect(await hits(node, 'resp', limit)).toBe(1));
    client.socket.resume();
    if (!client.socket.closed) await once(client.socket, 'close');
  });

  it('http.stallTimeout over HTTP', async () => {
    await using node = await startAll({ http: { stallTimeout: '300ms' } });
    await fetch(`http://${node.http}/large`, { method: 'PUT', body: 'x'.repeat(16 * MIB) });
    const reader = await dialFrom('127.0.0.2', node.http);
    reader.socket.pause();
    reader.socket.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await eventually(async () => expect(await hits(node, 'http', 'http.stallTimeout')).toBe(1));
  });

  it('what a stranger may send over RESP', async () => {
    await using node = await startNode({
      resp: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      users: [{ name: 'app', secret: 'secret-of-app' }],
    });
    const stranger = await dialFrom('127.0.0.1', node.resp);
    stranger.socket.write('*11\r\n');
    await once(stranger.socket, 'close');
    const page = await fetch(`http://${node.admin}/metrics`, { headers: { authorization: 'Bearer secret-of-app' } });
    expect(await page.text()).toContain('sluice_limit_hits_total{face="resp",limit="resp.unauthenticated"} 1');
  });
});
