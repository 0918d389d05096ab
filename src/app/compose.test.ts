import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { openSluice } from './open-sluice.ts';

describe('a node that cannot start', () => {
  it.each([
    ['a certificate is missing', { address: '127.0.0.1:0', tls: { cert: '/missing.pem', key: '/missing.pem' } }],
    ['a listener has no address to bind', '192.0.2.1:0'],
  ])('leaves nothing open: %s', async (_why, http) => {
    await using folder = await tempDir();
    const users = [{ name: 'default', secret: 'a secret of good length' }];
    await expect(openSluice({ data: folder.path, users, http })).rejects.toMatchObject({ name: 'SluiceError' });
    await using sluice = await openSluice({ data: folder.path });
    expect(await sluice.set('k', 'v')).toBe('created');
  });
});

describe('a log in a file', () => {
  it('has all lines once the node is closed, and is closed then', async () => {
    await using folder = await tempDir();
    const file = join(folder.path, 'logs', 'sluice.log');
    for (const format of ['json', 'text'] as const) {
      const sluice = await openSluice({ store: 'memory', log: { level: 'info', file, format } });
      await sluice.close();
    }
    expect((await readFile(file, 'utf8')).match(/\b(draining|closed)\b/g)).toEqual([
      'draining',
      'closed',
      'draining',
      'closed',
    ]);
    if (process.platform === 'linux') await eventually(async () => expect(await openFiles()).not.toContain(file));
  });

  it('that cannot be written is refused at the start', async () => {
    await using folder = await tempDir();
    await writeFile(join(folder.path, 'taken'), '');
    await mkdir(join(folder.path, 'folder'));
    for (const name of ['taken/sluice.log', 'folder']) {
      const file = join(folder.path, name);
      await expect(openSluice({ store: 'memory', log: { level: 'info', file } })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(`log.file: ${file} cannot be written`),
      });
    }
  });
});

async function openFiles(): Promise<string[]> {
  const numbers = await readdir('/proc/self/fd');
  return Promise.all(numbers.map((number) => readlink(`/proc/self/fd/${number}`).catch(() => '')));
}
