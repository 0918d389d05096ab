import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CliResult, runCli } from '../support/run-cli.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Runs `sluice backup keys.backup` in `folder` against an admin address that answers as told. */
async function backupFrom(
  folder: string,
  answer: RequestListener,
  { args = [], env = {} }: { args?: readonly string[]; env?: Record<string, string> } = {},
): Promise<CliResult> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    return await runCli(['backup', 'keys.backup', '--admin', `127.0.0.1:${port}`, ...args], { cwd: folder, env });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('sluice backup', () => {
  it('writes what the node sends', async () => {
    await using folder = await tempDir('sluice-cli-');
    const { status, stderr } = await backupFrom(folder.path, (request, response) => {
      response.statusCode = request.url === '/api/backup' && request.method === 'GET' ? 200 : 404;
      response.end('all of it');
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(await readdir(folder.path)).toEqual(['keys.backup']);
    expect(await readFile(join(folder.path, 'keys.backup'), 'utf8')).toBe('all of it');
  });

  it.each([
    ['a body that ends before its last chunk', { 'transfer-encoding': 'chunked' }],
    ['a body shorter than announced', { 'content-length': '1000' }],
  ])('leaves nothing behind after %s', async (_, headers) => {
    await using folder = await tempDir('sluice-cli-');
    await writeFile(join(folder.path, 'keys.backup'), 'the old one');
    const { status, stderr } = await backupFrom(
      folder.path,
      (_request, response) => {
        response.writeHead(200, headers as Record<string, string>);
        response.write('half of', () => response.destroy());
      },
      { args: ['--force'] },
    );
    expect(stderr).toMatch(/^sluice: no backup was written to .*\n$/);
    expect(status).toBe(1);
    expect(await readdir(folder.path)).toEqual(['keys.backup']);
    expect(await readFile(join(folder.path, 'keys.backup'), 'utf8')).toBe('the old one');
  });

  it('does not replace a file unless it is told to', async () => {
    await using folder = await tempDir('sluice-cli-');
    await writeFile(join(folder.path, 'keys.backup'), 'the old one');
    const answer: RequestListener = (_request, response) => response.end('the new one');
    const { status, stderr } = await backupFrom(folder.path, answer);
    expect(stderr).toMatch(/^sluice: .*keys\.backup exists; --force replaces it\n$/);
    expect(status).toBe(1);
    expect((await backupFrom(folder.path, answer, { args: ['--force'] })).status).toBe(0);
    expect(await readFile(join(folder.path, 'keys.backup'), 'utf8')).toBe('the new one');
  });

  it('sends the credentials, and says when they are not accepted', async () => {
    await using folder = await tempDir('sluice-cli-');
    const answer: RequestListener = (request, response) => {
      const expected = `Basic ${Buffer.from('ops:pw').toString('base64')}`;
      response.statusCode = request.headers.authorization === expected ? 200 : 401;
      response.end('x');
    };
    const refused = await backupFrom(folder.path, answer);
    expect(refused.stderr).toMatch(/^sluice: 127\.0\.0\.1:\d+: the credentials were not accepted\n$/);
    expect(refused.status).toBe(1);
    const accepted = await backupFrom(folder.path, answer, { args: ['--user', 'ops'], env: { SLUICE_PASSWORD: 'pw' } });
    expect(accepted.status).toBe(0);
  });

  it('says what the node answered when it has no backup to give', async () => {
    await using folder = await tempDir('sluice-cli-');
    const { status, stderr } = await backupFrom(folder.path, (_request, response) => {
      response.writeHead(503, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ title: 'Unavailable', detail: 'the data is still being loaded' }));
    });
    expect(stderr).toMatch(/^sluice: 127\.0\.0\.1:\d+ answered 503: the data is still being loaded\n$/);
    expect(status).toBe(1);
    expect(await readdir(folder.path)).toEqual([]);
  });
});
