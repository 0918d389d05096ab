import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNode, type TestNode } from '../support/node.ts';
import { sendRaw } from '../support/raw-http.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode({ http: '127.0.0.1:0' });
});
afterAll(() => node.close());

describe('who is let in', () => {
  it('without users only this machine, by a loopback name, and no page of another site', async () => {
    const ask = (headers: string): Promise<number | undefined> =>
      sendRaw(node.http, `GET /k HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`).then(({ statuses }) => statuses[0]);
    for (const host of ['localhost', '127.0.0.1:8080', '[::1]:8080', 'a.localhost', '127.9.9.9']) {
      expect(await ask(`Host: ${host}\r\n`)).toBe(404);
    }
    for (const host of ['evil.example', '10.0.0.1', '127.0.0.1.evil.example', 'localhost.evil.example']) {
      expect(await ask(`Host: ${host}\r\n`)).toBe(403);
    }
    expect(await ask('Host: localhost\r\nOrigin: http://evil.example\r\n')).toBe(403);
    expect(await ask('Host: localhost\r\nOrigin: null\r\n')).toBe(403);
    expect(await ask('Host: localhost\r\nSec-Fetch-Site: cross-site\r\n')).toBe(403);
    expect(await ask('Host: localhost\r\nSec-Fetch-Site: same-origin\r\nOrigin: http://localhost\r\n')).toBe(404);
  });

  it('with users only those with their secret', async () => {
    await using guarded = await startNode({
      http: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      users: [{ name: 'app', secret: 'a-long-secret' }],
    });
    const ask = (authorization?: string): Promise<Response> =>
      fetch(`http://${guarded.http}/k`, authorization === undefined ? {} : { headers: { authorization } });
    const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
    const refusal = await ask();
    expect(refusal.status).toBe(401);
    expect(refusal.headers.get('www-authenticate')).toContain('Basic');
    expect((await ask(basic('app:a-long-secret'))).status).toBe(404);
    expect((await ask('Bearer a-long-secret')).status).toBe(404);
    for (const wrong of [basic('app:wrong'), basic('other:a-long-secret'), 'Bearer wrong', 'Basic !!!', 'Digest x']) {
      expect((await ask(wrong)).status).toBe(401);
    }
    expect((await fetch(`http://${guarded.admin}/live`)).status).toBe(200);
    expect((await fetch(`http://${guarded.admin}/ready`)).status).toBe(200);
    expect((await fetch(`http://${guarded.admin}/metrics`)).status).toBe(401);
  });
});
