import { describe, expect, it } from 'vitest';
import { startNode } from '../support/node.ts';
import { connectHttp } from '../support/raw-http.ts';

const HOST = 'Host: localhost\r\n';

describe('draining', () => {
  it('ends kept connections at once', async () => {
    const node = await startNode({ http: '127.0.0.1:0', admin: '127.0.0.1:0' });
    using fresh = await connectHttp(node.http);
    using kept = await connectHttp(node.http);
    kept.socket.write(`GET /k HTTP/1.1\r\n${HOST}\r\n`);
    await kept.until(/ 404 /);
    const started = performance.now();
    await node.close();
    expect(performance.now() - started).toBeLessThan(1000);
    await Promise.all([fresh.closed, kept.closed]);
  });

  it('finishes requests under way, and says that the connection ends', async () => {
    const node = await startNode({ http: '127.0.0.1:0' });
    using client = await connectHttp(node.http);
    client.socket.write(`PUT /k HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nhalf-`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = node.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.socket.write('whole');
    await client.closed;
    await closed;
    expect(client.text()).toMatch(/^HTTP\/1\.1 201 /);
  });

  it('answers pipelined requests that have come', async () => {
    const node = await startNode({ http: '127.0.0.1:0' });
    using client = await connectHttp(node.http);
    client.socket.write(`PUT /k HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nx`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = node.close();
    client.socket.write(`y${`GET /k HTTP/1.1\r\n${HOST}\r\n`.repeat(3)}`);
    await client.closed;
    await closed;
    expect(client.text().match(/HTTP\/1\.1 \d+/g)?.[0]).toBe('HTTP/1.1 201');
  });

  it('sends a large answer to its end', async () => {
    const node = await startNode({ http: '127.0.0.1:0' });
    const value = 'v'.repeat(16 * 1024 * 1024);
    await fetch(`http://${node.http}/large`, { method: 'PUT', body: value });
    using client = await connectHttp(node.http);
    client.socket.write(`GET /large HTTP/1.1\r\n${HOST}\r\n`);
    await client.until(/\r\n\r\n/);
    client.socket.pause();
    const closed = node.close();
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.socket.resume();
    await client.closed;
    await closed;
    expect(client.text().length).toBeGreaterThan(value.length);
  });

  it('closes what is left when shutdownTimeout is over', async () => {
    const node = await startNode({ http: '127.0.0.1:0', shutdownTimeout: '200ms' });
    using client = await connectHttp(node.http);
    client.socket.write(`PUT /k HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nhalf-`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await node.close();
    await client.closed;
  });
});
