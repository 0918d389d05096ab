/**
 * Everything that can be said of the tree without running it, two checkers at a time, and a table at the end.
 *
 *   npm run check                 all
 *   npm run check -- layers lock  only these
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ensureBuilt } from './lib/build.mjs';
import { at, root, SetupError } from './lib/project.mjs';

const tool = (...path) => at('node_modules', ...path);

/** Name -> what runs it. `built` ones look at dist. The slow ones come first, so that they overlap. */
const checkers = [
  { name: 'package', built: true, command: [at('scripts', 'check-package.mjs')] },
  { name: 'unused', command: [tool('knip', 'bin', 'knip.js'), '--no-progress', '--treat-config-hints-as-errors'] },
  { name: 'types', command: [tool('typescript', 'bin', 'tsc'), '-p', at('tsconfig.json'), '--pretty', 'false'] },
  { name: 'promises', command: [tool('oxlint', 'bin', 'oxlint'), '--type-aware', '--deny-warnings'] },
  {
    name: 'style',
    command: [tool('@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '--max-diagnostics=50'],
  },
  { name: 'docs', built: true, command: [at('scripts', 'gen-docs.mjs'), '--check'] },
  { name: 'layers', command: [at('scripts', 'check-layers.mjs')] },
  { name: 'lock', command: [at('scripts', 'check-lock.mjs')] },
  { name: 'tracked', command: [at('scripts', 'check-tracked.mjs')] },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !checkers.some((checker) => checker.name === name));
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(', ')}; there are: ${checkers.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const chosen = checkers.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

let notBuilt;
if (chosen.some(({ built }) => built)) {
  try {
    ensureBuilt();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    notBuilt = error.message;
  }
}

const results = new Map();
const queue = [...chosen];
const worker = async () => {
  for (let checker = queue.shift(); checker !== undefined; checker = queue.shift()) {
    results.set(checker.name, await run(checker));
  }
};
await Promise.all(Array.from({ length: Math.min(4, Math.max(2, availableParallelism())) }, worker));

for (const { name } of chosen) {
  const { ok, output } = results.get(name);
  if (!ok) console.log(`\n── ${name} ${'─'.repeat(70 - name.length)}\n${output.trimEnd()}`);
}
console.log('');
for (const { name } of chosen) {
  const { ok, seconds } = results.get(name);
  console.log(`${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(10)} ${seconds.toFixed(1).padStart(5)} s`);
}
const failed = chosen.filter(({ name }) => !results.get(name).ok).length;
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function run({ built, command }) {
  if (built && notBuilt !== undefined) return { ok: false, seconds: 0, output: `not run: ${notBuilt}` };
  if (!existsSync(command[0])) return { ok: false, seconds: 0, output: `${command[0]} does not exist` };
  const start = performance.now();
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
  const status = await new Promise((done, fail) => child.once('error', fail).once('close', done));
  return { ok: status === 0, seconds: (performance.now() - start) / 1000, output };
}
