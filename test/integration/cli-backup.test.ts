import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { connectRaw } from '../support/raw-resp.ts';
import { type CliResult, runCli } from '../support/run-cli.ts';
import { startSluiceProcess } from '../support/sluice-process.ts';
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

describe('sluice backup and sluice restore', () => {
  /** Long enough that a value cut in two would show. */
  const textOf = (index: number): string => `${index}:`.padEnd(200, String(index % 10));

  it.each([
    ['over the admin address', (sluice: { admin: { port: number } }) => ['--admin', `127.0.0.1:${sluice.admin.port}`]],
    ['from the folder of the running node', (sluice: { dataDir: string }) => ['--data', sluice.dataDir]],
  ])('give back, under load and %s, all that was acknowledged before, up to one moment', async (_, from) => {
    await using folder = await tempDir('sluice-cli-');
    const restored = join(folder.path, 'restored');
    let acknowledged = 0;
    let before = 0;
    {
      await using sluice = await startSluiceProcess({ args: ['--http', 'off'] });
      await using client = await connectRaw(sluice.resp);
      let loading = true;
      const load = (async () => {
        while (loading) {
          const batch = Array.from({ length: 50 }, (_unused, offset) => acknowledged + offset);
          await client.pipeline(batch.map((index) => ['SET', `key:${index}`, textOf(index)]));
          acknowledged += batch.length;
        }
      })();
      await expect.poll(() => acknowledged).toBeGreaterThan(2000);
      before = acknowledged;
      const { status, stderr } = await runCli(['backup', 'keys.backup', ...from(sluice)], { cwd: folder.path });
      loading = false;
      await load;
      expect([status, stderr]).toEqual([0, '']);
      expect(acknowledged).toBeGreaterThan(before);
    }
    const made = await runCli(['restore', 'keys.backup', '--data', restored], { cwd: folder.path });
    expect([made.status, made.stderr]).toEqual([0, '']);

    await using sluice = await startSluiceProcess({ args: ['--http', 'off', '--admin', 'off'], dataDir: restored });
    await using client = await connectRaw(sluice.resp);
    const count = Number((await client.command('DBSIZE')).slice(1));
    expect(count).toBeGreaterThanOrEqual(before);
    expect(count).toBeLessThanOrEqual(acknowledged);
    // Keys were written in order, so one moment has the first ones, all of them, and no others.
    const replies = await client.pipeline(Array.from({ length: count }, (_unused, index) => ['GET', `key:${index}`]));
    expect(replies).toEqual(Array.from({ length: count }, (_unused, index) => `$200\r\n${textOf(index)}\r\n`));
  });

  it('refuse a folder with data unless told to, a folder in use, and a file that is no backup', async () => {
    await using folder = await tempDir('sluice-cli-');
    const data = join(folder.path, 'data');
    const restore = (file: string, ...more: string[]): Promise<CliResult> =>
      runCli(['restore', file, '--data', data, ...more], { cwd: folder.path });
    const value = async (): Promise<string> => {
      await using sluice = await startSluiceProcess({ args: ['--http', 'off', '--admin', 'off'], dataDir: data });
      await using client = await connectRaw(sluice.resp);
      const reply = await client.command('GET', 'a');
      return reply;
    };
    {
      await using sluice = await startSluiceProcess({ args: ['--http', 'off', '--admin', 'off'], dataDir: data });
      await using client = await connectRaw(sluice.resp);
      await client.command('SET', 'a', 'old');
      expect((await runCli(['backup', 'keys.backup', '--data', data], { cwd: folder.path })).status).toBe(0);
      await client.command('SET', 'a', 'new');
      const inUse = await restore('keys.backup', '--force');
      expect(inUse.stderr).toMatch(/^sluice: .* in use .*\n$/);
      expect(inUse.status).toBe(1);
      expect(await client.command('GET', 'a')).toBe('$3\r\nnew\r\n');
    }
    const full = await restore('keys.backup');
    expect(full.stderr).toMatch(/^sluice: .*--force.*\n$/);
    expect(full.status).toBe(1);

    const whole = await readFile(join(folder.path, 'keys.backup'));
    await writeFile(join(folder.path, 'short.backup'), whole.subarray(0, whole.length / 2));
    await writeFile(join(folder.path, 'other.backup'), 'not a backup');
    for (const file of ['short.backup', 'other.backup', 'missing.backup']) {
      const { status, stderr } = await restore(file, '--force');
      expect(stderr).toMatch(new RegExp(`^sluice: .*${file}.*\\n$`));
      expect(status).toBe(1);
    }
    expect(await value()).toBe('$3\r\nnew\r\n');
    expect((await restore('keys.backup', '--force')).status).toBe(0);
    expect(await value()).toBe('$3\r\nold\r\n');
  });
});
