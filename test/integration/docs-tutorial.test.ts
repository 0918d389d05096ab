import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { codeBlocks } from '../support/markdown.ts';
import { findProgram } from '../support/programs.ts';
import { type SluiceProcess, startSluiceProcess } from '../support/sluice-process.ts';
import { tempDir } from '../support/temp-dir.ts';

const root = resolve(import.meta.dirname, '../..');
const redisCli = findProgram('redis-cli');
const hasCurl = spawnSync('curl', ['--version']).status === 0;

/** What differs from run to run, made equal on both sides. */
function steady(output: string): string {
  // The time to live is asked for in seconds, and one may have begun since the write.
  return output
    .replaceAll('\r', '')
    .replace(/\(integer\) (?:3600|359\d)$/gm, '(integer) 3600')
    .trimEnd();
}

it.skipIf(redisCli === undefined || !hasCurl)(
  'the first steps print what the page says',
  { timeout: 60_000 },
  async () => {
    await using folder = await tempDir('sluice-tutorial-');
    // What the folder of the repository is to the reader: here the name of the package resolves, here the data lies.
    mkdirSync(join(folder.path, 'node_modules'));
    symlinkSync(root, join(folder.path, 'node_modules', 'sluice'));
    const dataDir = join(folder.path, 'sluice-data');

    const blocks = codeBlocks(readFileSync(join(root, 'docs/tutorial/first-steps.md'), 'utf8'));
    let sluice: SluiceProcess | undefined;
    let started = 0;
    let compared = 0;
    try {
      for (const [index, { language, text }] of blocks.entries()) {
        if (language !== 'sh') continue;
        if (text.trim() === 'npm start') {
          // Killed by the page itself, the second time.
          await sluice?.ended;
          const ports = sluice && { http: sluice.http.port, resp: sluice.resp.port, admin: sluice.admin.port };
          sluice = await startSluiceProcess({ dataDir, ...(ports === undefined ? {} : { ports }) });
          started++;
          continue;
        }
        if (sluice === undefined) throw new Error('the page does not begin with npm start');
        const script = text
          .replaceAll('localhost:8080', `127.0.0.1:${sluice.http.port}`)
          .replaceAll('localhost:8081', `127.0.0.1:${sluice.admin.port}`)
          // As on a terminal, where replies show their type.
          .replaceAll('redis-cli -p 6380', `${redisCli} --no-raw -p ${sluice.resp.port}`);
        const { status, stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: folder.path, encoding: 'utf8' });
        expect(`${status} ${stderr}`, text).toBe('0 ');
        const next = blocks[index + 1];
        if (next?.language !== 'text') {
          expect(stdout, text).toBe('');
          continue;
        }
        compared++;
        expect(steady(stdout), text).toBe(steady(next.text));
      }
    } finally {
      await sluice?.kill('SIGKILL');
    }
    expect(started).toBe(2);
    expect(compared).toBeGreaterThan(8);
  },
);
