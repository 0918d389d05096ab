import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNode, type TestNode } from '../support/node.ts';
import { connectHttp, sendRaw } from '../support/raw-http.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode({ http: '127.0.0.1:0', limits: { http: { bodyBytes: '64KiB' } } });
  await fetch(`http://${node.http}/known`, { method: 'PUT', body: 'value-of-known' });
});
afterAll(() => node.close());

const HOST = 'Host: localhost\r\n';
const GET = `GET /known HTTP/1.1\r\n${HOST}\r\n`;
const put = (key: string, value: string): string =>
  `PUT /${key} HTTP/1.1\r\n${HOST}Content-Length: ${value.length}\r\n\r\n${value}`;

/** What ends the connection, by where it is found. */
const endings: readonly (readonly [string, string, number])[] = [
  ['input that is no request', 'no request at all\r\n\r\n', 400],
  ['a request that breaks a rule of ours', `GET /k#x HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['a body that is malformed', `PUT /k HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n`, 400],
  ['a body that is too large', `PUT /k HTTP/1.1\r\n${HOST}Content-Length: 65537\r\n\r\nabc`, 413],
  ['CONNECT', `CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n`, 405],
  ['an expectation nobody has heard of', `GET /k HTTP/1.1\r\n${HOST}Expect: miracles\r\n\r\n`, 417],
];

describe('a refusal', () => {
  it.each(endings)('of %s is the last answer, after those before it', async (_name, input, status) => {
    const before = put('first', 'one') + GET + put('second', 'two');
    const answer = await sendRaw(node.http, before + input + GET + put('smuggled', 'x') + GET, 1500);
    expect(answer.statuses.map((each) => (each === 204 ? 201 : each))).toEqual([201, 200, 201, status]);
    expect(answer.closed).toBe(true);
    expect(answer.text).toContain('value-of-known');
    expect((await fetch(`http://${node.http}/smuggled`)).status).toBe(404);
  });

  it.each(endings)('of %s is a problem document that says the connection ends', async (_name, input, status) => {
    const { text } = await sendRaw(node.http, input, 1500);
    const [head = '', body = ''] = text.split('\r\n\r\n');
    expect(head).toMatch(/^content-type: application\/problem\+json$/im);
    expect(head).toMatch(/^connection: close$/im);
    expect(JSON.parse(body)).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
  });

  it('is read by a client that goes on sending', async () => {
    using client = await connectHttp(node.http);
    client.socket.write(`PUT /k HTTP/1.1\r\n${HOST}Content-Length: 4000000\r\n\r\n`);
    for (let i = 0; i < 40; i++) client.socket.write('x'.repeat(100_000));
    await client.closed;
    expect(client.text()).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('closes although the client never does', async () => {
    using client = await connectHttp(node.http);
    client.socket.allowHalfOpen = true;
    client.socket.write('nonsense\r\n\r\n');
    await client.until(/ 400 /);
    // A closed connection is noticed by who writes to it: it is reset.
    const started = performance.now();
    const talking = setInterval(() => client.socket.write('x'), 50);
    await client.closed;
    clearInterval(talking);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('comes before the body a client asks to send first', async () => {
    const head = `PUT /k HTTP/1.1\r\n${HOST}Expect: 100-continue\r\n`;
    expect((await sendRaw(node.http, `${head}Content-Length: 65537\r\n\r\n`)).statuses).toEqual([413]);
    expect((await sendRaw(node.http, `${head}Content-Length: 3\r\nIf-Match: nonsense\r\n\r\n`)).statuses).toEqual([
      400,
    ]);
  });
});

describe('pipelined requests', () => {
  it('see what those before them did', async () => {
    const incr = `POST /counter?incr=1 HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`;
    const read = `GET /counter HTTP/1.1\r\n${HOST}\r\n`;
    const { text } = await sendRaw(node.http, (incr + read).repeat(200));
    const bodies = text
      .split(/HTTP\/1\.1 /)
      .slice(1)
      .map((answer) => answer.split('\r\n\r\n')[1]);
    expect(bodies).toEqual(Array.from({ length: 400 }, (_, i) => String(Math.floor(i / 2) + 1)));
  });

  it('are answered although the client has ended its side', async () => {
    using client = await connectHttp(node.http);
    client.socket.end(put('ended', 'x') + GET);
    await client.closed;
    expect(client.text().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 201', 'HTTP/1.1 200']);
  });

  it('of large values take memory for one answer at a time while nobody reads', async () => {
    await using large = await startNode({ http: '127.0.0.1:0' });
    const value = 'v'.repeat(4 * 1024 * 1024);
    await fetch(`http://${large.http}/large`, { method: 'PUT', body: value });
    using client = await connectHttp(large.http);
    client.socket.pause();
    const before = process.memoryUsage().rss;
    client.socket.write(`GET /large HTTP/1.1\r\n${HOST}\r\n`.repeat(100));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    let received = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk) => {
      received += chunk.length;
      if (received > 100 * value.length) client.socket.end();
    });
    client.socket.resume();
    await client.closed;
    expect(received).toBeGreaterThan(100 * value.length);
  });
});
