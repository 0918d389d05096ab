/**
 * What would be published: packs it once and looks at the archive with publint (does package.json say what is in it?),
 * attw (do its types resolve?) and a list of our own. Needs an up-to-date dist.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from './lib/pack.mjs';
import { at } from './lib/project.mjs';

const mustHave = [
  'package.json',
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/cli/main.js',
];
const mustNotHave = /\.test\.|^src\/|^test\/|^scripts\/|\.build-stamp$|\.tsbuildinfo$|\.env$/;

const folder = mkdtempSync(join(tmpdir(), 'sluice-pack-'));
let failed = false;
const fail = (message) => {
  failed = true;
  console.log(message);
};
try {
  const { tarball, files } = pack(folder);
  for (const name of mustHave) if (!files.includes(name)) fail(`the package lacks ${name}`);
  for (const name of files) if (mustNotHave.test(name)) fail(`the package contains ${name}`);
  const command = readFileSync(at('dist', 'cli', 'main.js'), 'utf8');
  // `--`: Node 20 would otherwise take --env-file, an option of the command, for one of its own.
  const first = '#!/usr/bin/env -S node --';
  if (!command.startsWith(`${first}\n`)) fail(`dist/cli/main.js does not begin with ${first}`);

  const run = (name, entry, ...args) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [at('node_modules', ...entry), ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (status !== 0) fail(`${name}:\n${stdout}${stderr}`);
  };
  run('publint', ['publint', 'src', 'cli.js'], tarball, '--strict');
  run('attw', ['@arethetypeswrong', 'cli', 'dist', 'index.js'], tarball, '--profile', 'esm-only', '--no-emoji');
  console.log(`${files.length} files in the package`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
