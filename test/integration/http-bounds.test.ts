import { describe, expect, it } from 'vitest';
import { startNode } from '../support/node.ts';
import { connectHttp, sendRaw } from '../support/raw-http.ts';

describe('the bounds of the HTTP face', () => {
  it('refuses a body beyond the limit, announced or not', async () => {
    await using small = await startNode({ http: '127.0.0.1:0', limits: { http: { bodyBytes: '1KiB' } } });
    const big = 'x'.repeat(2000);
    const announced = await sendRaw(
      small.http,
      `PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n${big}`,
      1500,
    );
    expect(announced.statuses).toEqual([413]);
    const chunked = await sendRaw(
      small.http,
      `PUT /k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n${big}\r\n0\r\n\r\n`,
      1500,
    );
    expect(chunked.statuses).toEqual([413]);
  });

  it('answers 503 to connections beyond the limit', async () => {
    await using small = await startNode({ http: '127.0.0.1:0', limits: { maxConnections: 1 } });
    const first = sendRaw(small.http, '', 600);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const second = await sendRaw(small.http, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(second.statuses).toEqual([503]);
    expect(second.closed).toBe(true);
    await first;
  });

  it('answers 408 to a request whose headers do not end', async () => {
    await using slow = await startNode({ http: '127.0.0.1:0', limits: { http: { headerTimeout: '200ms' } } });
    const answer = await sendRaw(slow.http, 'GET / HTTP/1.1\r\nHost: local', 3000);
    expect(answer.statuses).toEqual([408]);
    expect(answer.closed).toBe(true);
  });

  it('answers 408 to a body that does not come', async () => {
    await using slow = await startNode({
      http: '127.0.0.1:0',
      limits: { http: { requestTimeout: '300ms', headerTimeout: '200ms' } },
    });
    const answer = await sendRaw(
      slow.http,
      'PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc',
      3000,
    );
    expect(answer.statuses).toEqual([408]);
    expect(answer.closed).toBe(true);
  });

  it('closes a kept connection that stays idle', async () => {
    await using idle = await startNode({ http: '127.0.0.1:0', limits: { http: { idleTimeout: '200ms' } } });
    const answer = await sendRaw(idle.http, 'GET /k HTTP/1.1\r\nHost: localhost\r\n\r\n', 5000);
    expect(answer.closed).toBe(true);
  });

  it('answers 507 when data fills maxBytes, and goes on reading and deleting', async () => {
    await using full = await startNode({ http: '127.0.0.1:0', maxBytes: '1MiB' });
    const url = `http://${full.http}`;
    const value = 'x'.repeat(100_000);
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) statuses.push((await fetch(`${url}/k${i}`, { method: 'PUT', body: value })).status);
    expect(statuses).toContain(201);
    expect(statuses.at(-1)).toBe(507);
    expect((await fetch(`${url}/k0`)).status).toBe(200);
    for (let i = 0; i < 5; i++) expect((await fetch(`${url}/k${i}`, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(`${url}/again`, { method: 'PUT', body: value })).status).toBe(201);
  });
});

describe('a client that is slow to read', () => {
  it('is closed when it takes nothing for stallTimeout, and not while it takes a little', async () => {
    await using node = await startNode({ http: '127.0.0.1:0', limits: { http: { stallTimeout: '400ms' } } });
    const value = 'v'.repeat(16 * 1024 * 1024);
    await fetch(`http://${node.http}/large`, { method: 'PUT', body: value });
    const request = 'GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n';

    using stalled = await connectHttp(node.http);
    stalled.socket.pause();
    stalled.socket.write(request);
    using slow = await connectHttp(node.http);
    let received = 0;
    slow.socket.removeAllListeners('data');
    slow.socket.on('data', (chunk) => {
      received += chunk.length;
      // About 1.6 seconds for the whole value.
      if (received > value.length) slow.socket.destroy();
      else if (received % (1024 * 1024) < chunk.length) {
        slow.socket.pause();
        setTimeout(() => slow.socket.resume(), 100);
      }
    });
    slow.socket.write(request);
    await slow.closed;
    expect(received).toBeGreaterThan(value.length);
    stalled.socket.resume();
    await stalled.closed;
    expect(stalled.text().length).toBeLessThan(value.length);
  });

  it('is not closed while the server is the one who takes its time', async () => {
    await using node = await startNode({ http: '127.0.0.1:0', limits: { http: { stallTimeout: '150ms' } } });
    using client = await connectHttp(node.http);
    client.socket.write('PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 500));
    client.socket.write('ok');
    await client.until(/ 201 /);
  });
});
