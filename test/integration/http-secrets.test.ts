import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startNode } from '../support/node.ts';
import { sendRaw } from '../support/raw-http.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { tempDir } from '../support/temp-dir.ts';

it('no secret and no value is in the log, whatever the level and however the request ends', async () => {
  await using folder = await tempDir();
  const file = join(folder.path, 'sluice.log');
  const [secret, wrong, value, type] = Array.from({ length: 4 }, () => `canary${randomBytes(8).toString('hex')}`) as [
    string,
    string,
    string,
    string,
  ];
  const node = await startNode({
    http: '127.0.0.1:0',
    resp: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    store: 'embedded',
    data: join(folder.path, 'data'),
    users: [{ name: 'app', secret }],
    log: { level: 'trace', file },
  });
  const pair = Buffer.from(`app:${secret}`).toString('base64');
  const authorization = `Basic ${pair}`;
  const ask = (init: RequestInit & { headers?: Record<string, string> }, path = '/k'): Promise<Response> =>
    fetch(`http://${node.http}${path}`, { ...init, headers: { authorization, ...init.headers } });
  expect((await ask({ method: 'PUT', body: value, headers: { 'content-type': `text/${type}` } })).status).toBe(201);
  expect(await (await ask({})).text()).toBe(value);
  expect((await ask({ method: 'POST' }, '/k?incr=1')).status).toBe(409);
  expect((await ask({ headers: { authorization: `Bearer ${secret}` } })).status).toBe(200);
  expect((await ask({ headers: { authorization: `Bearer ${wrong}` } })).status).toBe(401);
  expect((await fetch(`http://${node.admin}/api/status`, { headers: { authorization } })).status).toBe(200);
  const head = `PUT /k HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\n`;
  expect((await sendRaw(node.http, `${head}X: \0\r\n\r\n${value}`)).statuses).toEqual([400]);
  expect((await sendRaw(node.http, `${head}Transfer-Encoding: chunked\r\n\r\nzz${value}`)).statuses).toEqual([400]);
  const resp = await connectRaw({ port: Number(node.resp.split(':')[1]) });
  expect(await resp.command('AUTH', 'app', wrong)).toMatch(/^-WRONGPASS/);
  expect(await resp.command('AUTH', 'app', secret)).toBe('+OK\r\n');
  expect(await resp.command('SET', 'other', value)).toBe('+OK\r\n');
  expect(await resp.command('INCR', 'other')).toMatch(/^-ERR/);
  expect(await resp.command('NOSUCH', value)).toMatch(/^-ERR unknown/);
  await resp.close();
  await node.close();
  const log = await readFile(file, 'utf8');
  for (const line of ['"msg":"request"', '"method":"PUT"', '"status":401']) expect(log).toContain(line);
  for (const canary of [secret, wrong, value, type, pair]) expect(log).not.toContain(canary);
});
