import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LineWriter } from './line-writer.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-lines-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('LineWriter', () => {
  it('writes all lines in order, in a file for its owner', async () => {
    const file = join(folder, 'made', 'log');
    const writer = new LineWriter({ file });
    const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} ${'x'.repeat(50)}`);
    for (const line of lines) writer.write(line);
    await writer.close();
    await writer.close();
    expect(await readFile(file, 'utf8')).toBe(`${lines.join('\n')}\n`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(writer.dropped).toBe(0);
  });

  it('drops and counts what would take too much memory', async () => {
    const file = join(folder, 'log');
    const writer = new LineWriter({ file, maxWaiting: 30 });
    for (let i = 0; i < 10; i++) writer.write('0123456789');
    expect(writer.dropped).toBe(8);
    await writer.close();
    expect(await readFile(file, 'utf8')).toBe('0123456789\n0123456789\n');
    writer.write('late');
    expect(writer.dropped).toBe(9);
  });

  it('tells of a full disk once, and goes on', async () => {
    const errors: string[] = [];
    const writer = new LineWriter({ file: '/dev/full', onError: (error) => errors.push(String(error)) });
    for (let i = 0; i < 3; i++) writer.write('x'.repeat(70_000));
    await writer.close();
    expect(errors).toEqual([expect.stringContaining('ENOSPC')]);
    expect(writer.dropped).toBe(3);
  });
});
