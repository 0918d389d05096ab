import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNode, type TestNode } from '../support/node.ts';
import { sendRaw } from '../support/raw-http.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode({ http: '127.0.0.1:0' });
});
afterAll(() => node.close());

const CLEAN = 'GET /clean HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Input, and the statuses it may be refused with; every one of them ends the connection. */
const refused: readonly (readonly [string, string, readonly number[]])[] = [
  [
    'Content-Length and Transfer-Encoding',
    'PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    [400],
  ],
  [
    'an unknown transfer coding',
    'PUT /k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    [400, 501],
  ],
  [
    'two Transfer-Encoding lines',
    'PUT /k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n',
    [400, 501],
  ],
  [
    'a space before the colon',
    'PUT /k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
    [400],
  ],
  [
    'Transfer-Encoding in HTTP/1.0',
    'PUT /k HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    [400],
  ],
  [
    'two different lengths',
    'PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
    [400],
  ],
  [
    'two equal lengths',
    'PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc',
    [400],
  ],
  ['a list of lengths', 'PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3, 3\r\n\r\nabc', [400]],
  ['a signed length', 'PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: +3\r\n\r\nabc', [400]],
  [
    'a chunk extension with a bare LF',
    'PUT /k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n',
    [400],
  ],
  [
    'a chunk size beyond 64 bits',
    'PUT /k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n',
    [400, 413],
  ],
  ['lines that end with a bare LF', 'GET /k HTTP/1.1\nHost: localhost\n\n', [400]],
  ['a bare CR in a value', 'GET /k HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n', [400]],
  ['a folded header', 'GET /k HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n', [400]],
  ['a NUL in a value', 'GET /k HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n', [400]],
  ['a BEL in a value', 'GET /k HTTP/1.1\r\nHost: localhost\r\nX: a\x07b\r\n\r\n', [400]],
  ['two Host headers', 'GET /k HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n', [400]],
  ['no Host header', 'GET /k HTTP/1.1\r\n\r\n', [400]],
  ['a malformed Host', 'GET /k HTTP/1.1\r\nHost: a b/c@d\r\n\r\n', [400]],
  ['an absolute target of another host', 'GET http://evil.example/k HTTP/1.1\r\nHost: localhost\r\n\r\n', [421]],
  ['a fragment in the target', 'GET /k#frag HTTP/1.1\r\nHost: localhost\r\n\r\n', [400]],
  ['a header of 20 KiB', `GET /k HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, [431]],
  ['a header of 100 KiB', `GET /k HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`, [431]],
  ['300 header lines', `GET /k HTTP/1.1\r\nHost: localhost\r\n${'X: a\r\n'.repeat(300)}\r\n`, [431]],
  ['a target of 10 KiB', `GET /${'a'.repeat(10_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, [414]],
  ['a megabyte without a line end', 'a'.repeat(1_000_000), [400, 431]],
  ['a GET with a body', 'GET /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc', [400]],
  [
    'a DELETE with a body',
    'DELETE /k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    [400],
  ],
  ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n', [400, 405]],
  ['HTTP/2 without negotiation', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]],
  [
    'a body announced beyond the limit',
    'PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n',
    [413],
  ],
];

describe('HTTP framing', () => {
  it.each(refused)('refuses %s and closes', async (_name, input, statuses) => {
    const answer = await sendRaw(node.http, input + CLEAN, 1500);
    expect(answer.statuses).toHaveLength(1);
    expect(statuses).toContain(answer.statuses[0]);
    expect(answer.closed).toBe(true);
    const next = await sendRaw(node.http, CLEAN.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    expect(next.statuses).toEqual([404]);
  });

  it('drops an upgrade it does not know and answers the request', async () => {
    const input =
      'GET /clean HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n';
    const answer = await sendRaw(node.http, input);
    expect(answer.statuses).toHaveLength(1);
    expect([404, 501]).toContain(answer.statuses[0]);
    expect(answer.text).not.toContain('101');
  });

  it.each(['/a/../b', '/a/%2e%2e/b', '/a//b', '/%2f', '/a;b?', '/%00', '/r/\xe9'])(
    'takes the path %s as a key byte for byte',
    async (path) => {
      const put = await sendRaw(node.http, `PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nxx`);
      const status = put.statuses[0];
      if (path === '/r/\xe9' && status === 400) return;
      expect([201, 204]).toContain(status);
      const other = await sendRaw(node.http, 'GET /b HTTP/1.1\r\nHost: localhost\r\n\r\n');
      expect(other.statuses).toEqual([404]);
    },
  );

  it('answers pipelined requests in order', async () => {
    const put = (key: string, value: string): string =>
      `PUT /${key} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${value.length}\r\n\r\n${value}`;
    const get = (key: string): string => `GET /${key} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const answer = await sendRaw(node.http, put('p1', 'one') + get('p1') + put('p2', 'two') + get('p2') + get('p3'));
    expect(answer.statuses).toEqual([201, 200, 201, 200, 404]);
    expect(answer.text.indexOf('one')).toBeLessThan(answer.text.indexOf('two'));
  });

  it('takes a request one byte at a time', async () => {
    const answer = await sendRaw(node.http, [...'GET /p1 HTTP/1.1\r\nHost: localhost\r\n\r\n']);
    expect(answer.statuses).toEqual([200]);
  });
});
