import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { codeBlocks } from '../support/markdown.ts';
import { tempDir } from '../support/temp-dir.ts';

const root = resolve(import.meta.dirname, '../..');

/** A folder outside of the repository in which `import 'sluice'` finds the built package. */
async function project() {
  const folder = await tempDir('sluice-example-');
  mkdirSync(join(folder.path, 'node_modules'));
  symlinkSync(root, join(folder.path, 'node_modules', 'sluice'));
  return folder;
}

it('the library example counts on after a restart', async () => {
  await using folder = await project();
  copyFileSync(join(root, 'examples/library/main.mjs'), join(folder.path, 'main.mjs'));
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['main.mjs', ...args], { cwd: folder.path, encoding: 'utf8' });
  expect(run('home')).toMatchObject({
    status: 0,
    stdout: 'home: 1 visits, the first of this minute\n  visits:home = 1\n',
  });
  expect(run('home')).toMatchObject({ status: 0, stdout: 'home: 2 visits\n  visits:home = 2\n' });
  expect(run('about').stdout).toContain('about: 1 visits, the first of this minute\n');
});

it.each(['README.md', 'docs/how-to/library.md'])('the programs of %s run', async (page) => {
  await using folder = await project();
  const programs = codeBlocks(readFileSync(join(root, page), 'utf8')).filter(({ language }) => language === 'js');
  expect(programs.length).toBeGreaterThan(0);
  for (const [index, { text }] of programs.entries()) {
    writeFileSync(join(folder.path, `program-${index}.mjs`), text);
    const { status, stderr } = spawnSync(process.execPath, [`program-${index}.mjs`], {
      cwd: folder.path,
      encoding: 'utf8',
    });
    expect(`${status} ${stderr}`, text).toBe('0 ');
  }
});
