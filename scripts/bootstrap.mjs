/**
 * The one entry of `npm start`, `npm test` and the other scripts: makes a fresh clone ready (packages, build), then runs
 * what was asked for in this same process, so that signals and the exit status need no forwarding.
 * Uses nothing but Node's own modules: it must run before anything is installed.
 *
 *   node scripts/bootstrap.mjs <task> [arguments…]
 */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { ensureBuilt } from './lib/build.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { at, SetupError, say } from './lib/project.mjs';

/** What each task runs after the set-up: a file, and what comes before the caller's arguments. */
const tasks = {
  start: { file: 'dist/cli/main.js', first: ['start'] },
  build: { build: 'always' },
  test: { file: 'scripts/test.mjs' },
  check: { file: 'scripts/check.mjs', build: 'never' },
  bench: { file: 'bench/run.mjs' },
  fault: { file: 'scripts/fault.mjs' },
  soak: { file: 'test/fault/soak.mjs' },
};

const [name = '', ...rest] = process.argv.slice(2);
const task = Object.hasOwn(tasks, name) ? tasks[name] : undefined;
if (task === undefined) {
  say(`usage: node scripts/bootstrap.mjs <${Object.keys(tasks).join('|')}> [arguments…]`);
  process.exit(2);
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  say(`sluice: Node ${process.versions.node} is too old; 20.19 or newer is needed`);
  process.exit(1);
}

try {
  ensureInstalled();
  if (task.build !== 'never') ensureBuilt({ always: task.build === 'always' });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`sluice: ${error.message}`);
  process.exit(error.status);
}

if (task.file !== undefined) {
  const file = at(task.file);
  if (!existsSync(file)) {
    say(`sluice: ${task.file} does not exist`);
    process.exit(1);
  }
  process.argv = [process.argv[0], file, ...(task.first ?? []), ...rest];
  await import(pathToFileURL(file).href);
}
