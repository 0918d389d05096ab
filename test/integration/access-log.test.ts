import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSluice } from '../../src/app/compose.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { certificateMaker } from '../support/certificate-files.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { connectHttp, sendRaw } from '../support/raw-http.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

let folder: TempDir;
let files = 0;
beforeAll(async () => {
  folder = await tempDir();
});
afterAll(() => folder[Symbol.asyncDispose]());

type Line = Readonly<Record<string, unknown>>;
interface Logged {
  readonly node: TestNode;
  readonly text: () => Promise<string>;
  readonly lines: () => Promise<readonly Line[]>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

async function start(access: Record<string, unknown> = {}, config: SluiceConfigInput = {}): Promise<Logged> {
  const file = join(folder.path, `access-${++files}.log`);
  const node = await startNode({
    http: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    log: { level: 'silent', access: { enabled: true, file, ...access } },
    ...config,
  } as SluiceConfigInput);
  const text = (): Promise<string> => readFile(file, 'utf8');
  const lines = async (): Promise<Line[]> =>
    (await text())
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  return { node, text, lines, [Symbol.asyncDispose]: () => node.close() };
}

function ask(
  address: string,
  method: string,
  path: string,
  headers: OutgoingHttpHeaders = {},
  body = '',
): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(`http://${address}${path}`, { method, headers, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

describe('the access log', () => {
  it('has a line for each request with what it was, and nothing it must not have', async () => {
    const users = [{ name: 'app', secret: 'correct horse' }];
    await using logged = await start({}, { users });
    const { http } = logged.node;
    const headers = {
      Authorization: `Basic ${Buffer.from('app:correct horse').toString('base64')}`,
      Cookie: 'session=cookie-value',
      'User-Agent': 'tester/1',
    };
    await ask(http, 'PUT', '/greeting?ttl=60s', headers, 'the stored body');
    await ask(http, 'GET', '/greeting', headers);
    await ask(http, 'HEAD', '/greeting', headers);
    await ask(http, 'GET', '/greeting', { Authorization: 'Bearer wrong-secret' });
    await ask(http, 'GET', '/greeting?token=hidden-token&api_key=hidden-key&url=http://u:hidden-pw@h/&x', headers);
    await eventually(async () => expect(await logged.lines()).toHaveLength(5));
    const [put, get, head, refused, odd] = (await logged.lines()) as [Line, Line, Line, Line, Line];
    expect(put).toMatchObject({ part: 'access', face: 'http', method: 'PUT', path: '/greeting?ttl=60s', status: 201 });
    expect(put).toMatchObject({ user: 'app', address: '127.0.0.1', bytes: 0, agent: 'tester/1' });
    expect(get).toMatchObject({ method: 'GET', path: '/greeting', status: 200, bytes: 'the stored body'.length });
    expect(get['ms']).toBeGreaterThan(0);
    expect(get['requestId']).toMatch(/^[0-9a-z]{7}$/);
    expect(Date.parse(String(get['time']))).toBeGreaterThan(Date.now() - 60_000);
    expect(head).toMatchObject({ method: 'HEAD', status: 200, bytes: 0 });
    expect(refused).toMatchObject({ status: 401 });
    expect(refused).not.toHaveProperty('user');
    expect(odd['path']).toBe('/greeting?token=***&api_key=***&url=***&***');
    const text = await logged.text();
    for (const secret of [
      'correct horse',
      headers.Authorization.slice(6),
      'cookie-value',
      'wrong-secret',
      'the stored body',
      'hidden',
    ])
      expect(text).not.toContain(secret);
  });

  it('counts the bytes of pipelined answers and of those without a length', async () => {
    await using logged = await start();
    await ask(logged.node.http, 'PUT', '/k', {}, 'x'.repeat(1000));
    const get = 'GET /k HTTP/1.1\r\nHost: localhost\r\n\r\n';
    await sendRaw(logged.node.http, `${get.repeat(3)}nonsense\r\n\r\n`);
    await ask(logged.node.admin, 'GET', '/api/status?x=1');
    await eventually(async () => expect(await logged.lines()).toHaveLength(6));
    const lines = await logged.lines();
    expect(lines.filter(({ method }) => method === 'GET').map(({ bytes }) => bytes)).toEqual([
      1000,
      1000,
      1000,
      expect.anything(),
    ]);
    expect(lines).toContainEqual(
      expect.objectContaining({ method: '-', path: '-', status: 400, address: '127.0.0.1' }),
    );
    expect(lines[5]).toMatchObject({ face: 'admin', path: '/api/status?x=***', status: 200 });
    expect(lines[5]?.['bytes']).toBeGreaterThan(100);
  });

  it('has lines of requests whose client has gone', async () => {
    await using logged = await start();
    using client = await connectHttp(logged.node.http);
    client.socket.write('PUT /k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nx');
    await eventually(async () => expect(await metric(logged.node, 'sluice_connections{face="http"}')).toBe(1));
    client.socket.destroy();
    await eventually(async () =>
      expect(await logged.lines()).toContainEqual(expect.objectContaining({ path: '/k', method: 'PUT', status: 400 })),
    );
  });

  it('hides keys: hashed, the same alike; off, all', async () => {
    await using hashed = await start({ keys: 'hashed' });
    for (const path of ['/user:ada', '/user:ada', '/user:bob', '/', '/_sluice/other?key=user:ada'])
      await ask(hashed.node.http, 'GET', path);
    await ask(hashed.node.admin, 'GET', '/api/status');
    await eventually(async () => expect(await hashed.lines()).toHaveLength(6));
    const paths = (await hashed.lines()).map(({ path }) => String(path));
    expect(paths[0]).toMatch(/^\/~[0-9a-f]{16}$/);
    expect(paths[1]).toBe(paths[0]);
    expect(paths[2]).toMatch(/^\/~[0-9a-f]{16}$/);
    expect(paths[2]).not.toBe(paths[0]);
    expect(paths.slice(3)).toEqual(['/', '/_sluice/other?key=***', '/api/status']);
    await using off = await start({ keys: 'off' });
    await ask(off.node.http, 'GET', '/user:ada');
    await eventually(async () => expect((await off.lines())[0]).toMatchObject({ path: '/-' }));
  });

  it('as web servers write it, and no client can forge a line', async () => {
    await using logged = await start({ format: 'combined' });
    await sendRaw(
      logged.node.http,
      'GET /a%0Ab"c HTTP/1.1\r\nHost: localhost\r\nUser-Agent: x" 200 1 "-" "\\\r\nReferer: https://secret.example/\r\n\r\n',
    );
    await eventually(async () => expect(await logged.text()).not.toBe(''));
    expect(await logged.text()).toMatch(
      /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a%0Ab\\"c HTTP\/1\.1" 404 \d+ "-" "x\\" 200 1 \\"-\\" \\"\\\\"\n$/,
    );
  });

  it('one of so many, and every failure', async () => {
    await using logged = await start({ sample: 10 }, { limits: { inFlight: { requests: 1 } } });
    for (let i = 0; i < 40; i++) await ask(logged.node.http, 'GET', `/k${i}`);
    await eventually(async () => expect(await logged.lines()).toHaveLength(4));
  });

  it('tells the subject of a client certificate', async () => {
    await using maker = await certificateMaker();
    const [server, client] = [await maker.make('/CN=localhost'), await maker.make('/CN=reader')];
    const [cert, key] = [join(maker.folder, 'cert.pem'), join(maker.folder, 'key.pem')];
    await writeFile(cert, server.cert);
    await writeFile(key, server.key);
    await using logged = await start(
      {},
      { http: { address: '127.0.0.1:0', tls: { cert, key, ca: maker.caFile, requestClientCert: 'optional' } } },
    );
    await new Promise<void>((resolve, reject) => {
      httpsRequest(`https://${logged.node.http}/k`, { ca: maker.ca, ...client, agent: false }, (response) =>
        response.resume().on('end', resolve),
      )
        .on('error', reject)
        .end();
    });
    await eventually(async () =>
      expect((await logged.lines())[0]).toMatchObject({ certificate: 'CN=reader', status: 404 }),
    );
    expect((await logged.lines())[0]?.['bytes']).toBeGreaterThan(50);
  });

  it('is for its owner only, and a reload opens it anew', async () => {
    const file = join(folder.path, 'moved', 'access.log');
    const { value } = parseConfig(
      { store: 'memory', http: '127.0.0.1:0', log: { level: 'silent', access: { enabled: true, file } } },
      { cwd: '/', memoryBytes: 2 ** 30 },
    );
    const sluice = await startSluice(value);
    const http = String(sluice.addresses.http);
    await ask(http, 'GET', '/before');
    await eventually(async () => expect(await readFile(file, 'utf8')).toContain('/before'));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await rename(file, `${file}.1`);
    sluice.reload(value);
    await eventually(async () => expect((await stat(file)).size).toBe(0));
    await ask(http, 'GET', '/after');
    await sluice.close();
    expect(await readFile(file, 'utf8')).toContain('/after');
    expect(await readFile(`${file}.1`, 'utf8')).not.toContain('/after');
  });

  it('a file that cannot be written stops the start, and off there is none', async () => {
    await expect(start({ file: join(folder.path, 'access-1.log', 'below-a-file') })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('log.access.file') as string,
    });
    await using quiet = await start({ enabled: false });
    await ask(quiet.node.http, 'GET', '/k');
    await expect(quiet.text()).rejects.toThrow('ENOENT');
  });
});

async function metric(node: TestNode, name: string): Promise<number> {
  const page = await (await fetch(`http://${node.admin}/metrics`)).text();
  const line = page.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}
