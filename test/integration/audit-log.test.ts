import { readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningSluice, startSluice } from '../../src/app/compose.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { SluiceConfig, SluiceConfigInput } from '../../src/config/schema.ts';
import { eventually } from '../support/eventually.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

let folder: TempDir;
let nodes = 0;
beforeAll(async () => {
  folder = await tempDir();
});
afterAll(() => folder[Symbol.asyncDispose]());

type Line = Readonly<Record<string, unknown>>;

interface Audited extends AsyncDisposable {
  readonly sluice: RunningSluice;
  readonly config: SluiceConfig;
  readonly file: string;
  readonly lines: () => Promise<readonly Line[]>;
}

const users = [{ name: 'ops', secret: 'correct horse' }];
const authorization = { Authorization: `Basic ${Buffer.from('ops:correct horse').toString('base64')}` };

async function start(input: SluiceConfigInput = {}): Promise<Audited> {
  const file = join(folder.path, `audit-${++nodes}`, 'audit.log');
  const { value } = parseConfig(
    {
      store: 'embedded',
      data: join(folder.path, `data-${nodes}`),
      resp: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      users,
      log: { level: 'silent', audit: { file } },
      ...input,
    },
    { cwd: folder.path, memoryBytes: 2 ** 30 },
  );
  const sluice = await startSluice(value);
  await sluice.ready;
  const lines = async (): Promise<Line[]> =>
    (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  return { sluice, config: value, file, lines, [Symbol.asyncDispose]: () => sluice.close() };
}

const port = ({ sluice }: Audited): number => Number(sluice.addresses.resp?.split(':')[1]);

it('commands that change the node are written down: who, when, what, with what outcome', async () => {
  await using node = await start();
  await using client = await connectRaw({ port: port(node) });
  await client.command('AUTH', 'ops', 'correct horse');
  await client.command('CONFIG', 'SET', 'maxmemory', '100mb');
  await client.command('CONFIG', 'SET', 'maxmemory', 'many-secret-words');
  await client.command('SET', 'k', 'v');
  await client.command('CONFIG', 'GET', '*');
  await client.command('FLUSHALL');
  await client.command('MULTI');
  await client.command('CONFIG', 'RESETSTAT');
  await client.command('EXEC');
  const lines = await node.lines();
  expect(lines.map(({ action, target, outcome }) => [action, target, outcome])).toEqual([
    ['config|set', 'maxmemory', 'done'],
    ['config|set', 'maxmemory', 'refused'],
    ['flushall', undefined, 'done'],
    ['config|resetstat', undefined, 'done'],
  ]);
  for (const line of lines) {
    expect(line).toMatchObject({ actor: 'ops', address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string });
    expect(Date.now() - Date.parse(String(line['time']))).toBeLessThan(60_000);
  }
  const text = await readFile(node.file, 'utf8');
  expect(text).not.toContain('correct horse');
  expect(text).not.toContain('many-secret-words');
  expect((await stat(node.file)).mode & 0o777).toBe(0o600);
});

it('strangers and what they try are not', async () => {
  await using node = await start();
  await using client = await connectRaw({ port: port(node) });
  await client.command('CONFIG', 'SET', 'maxmemory', '1');
  await client.command('FLUSHALL');
  expect(await node.lines()).toEqual([]);
});

it('backups and refused changes over the admin API are', async () => {
  await using node = await start();
  const ask = async (path: string, init: RequestInit): Promise<number> => {
    const answer = await fetch(`http://${node.sluice.addresses.admin}${path}`, init);
    await answer.arrayBuffer();
    return answer.status;
  };
  expect(await ask('/api/backup', { headers: authorization })).toBe(200);
  expect(await ask('/api/status', { headers: authorization })).toBe(200);
  expect(await ask('/api/backup', {})).toBe(401);
  const refused = await ask('/api/status?secret=hidden', { method: 'DELETE', headers: authorization });
  expect(refused).toBeGreaterThanOrEqual(400);
  await eventually(async () => expect(await node.lines()).toHaveLength(2));
  const lines = await node.lines();
  expect(lines).toMatchObject([
    { actor: 'ops', address: '127.0.0.1', action: 'GET /api/backup', outcome: 'done' },
    { actor: 'ops', action: 'DELETE /api/status', outcome: 'refused', reason: `status ${refused}` },
  ]);
  expect(JSON.stringify(lines)).not.toContain('hidden');
});

it('a reload is, and opens the file anew', async () => {
  await using node = await start();
  await rename(node.file, `${node.file}.1`);
  node.sluice.reload({ ...node.config, log: { ...node.config.log, level: 'error' } });
  expect(await readFile(`${node.file}.1`, 'utf8')).toBe('');
  expect(await node.lines()).toMatchObject([
    { actor: 'operator', action: 'reload', target: 'log.level', outcome: 'done' },
  ]);
});

it('without a file they are in the log, as part audit', async () => {
  const file = join(folder.path, 'node.log');
  await using node = await start({ log: { level: 'info', file } });
  await using client = await connectRaw({ port: port(node) });
  await client.command('AUTH', 'ops', 'correct horse');
  await client.command('FLUSHDB');
  await eventually(async () => {
    const text = await readFile(file, 'utf8');
    const entries = text.split('\n').filter((line) => line !== '');
    expect(entries.map((line) => JSON.parse(line) as Line)).toContainEqual(
      expect.objectContaining({ part: 'audit', actor: 'ops', action: 'flushdb', outcome: 'done' }),
    );
  });
});

it('a command passed on to the store behind is written down as sent', async () => {
  await using redis = await startRedis();
  await using node = await start({ store: `127.0.0.1:${redis.port}` });
  await using client = await connectRaw({ port: port(node) });
  await client.command('AUTH', 'ops', 'correct horse');
  await client.command('FLUSHALL');
  expect(await node.lines()).toMatchObject([{ actor: 'ops', action: 'flushall', outcome: 'sent' }]);
});

it('a file that cannot be written stops the start', async () => {
  await using node = await start();
  await expect(start({ log: { level: 'silent', audit: { file: join(node.file, 'below') } } })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('log.audit.file') as string,
  });
});
