/**
 * Packs the project, installs the archive into an empty folder and uses what is there as a stranger would: the command
 * and the library, on one Node.
 *
 *   npm run smoke                    on this Node
 *   npm run smoke -- --node latest   on that version of the npm package `node`
 *
 * Ends with `N passed, N failed`. Needs the registry npm is configured for: the package's dependencies come from there.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuilt } from './lib/build.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { npm } from './lib/npm.mjs';
import { pack } from './lib/pack.mjs';
import { readIfPresent } from './lib/project.mjs';

/** A program that knows nothing of us but the package's name. Plain JavaScript of Node 20: no `await using`. */
const library = `
import assert from 'node:assert/strict';
import { openSluice } from 'sluice';

const options = { data: './library-data' };
const text = (bytes) => new TextDecoder().decode(bytes);
const first = await openSluice(options);
await first.set('greeting', 'hello');
assert.equal(text(await first.get('greeting')), 'hello');
assert.equal(await first.get('nothing'), undefined);
await assert.rejects(openSluice(options), { code: 'DATA_LOCKED' });
await first.close();

const second = await openSluice(options);
assert.equal(text(await second.get('greeting')), 'hello');
assert.equal(await second.incr('visits'), 1);
assert.equal(await second.delete('visits'), true);
const seen = [];
for await (const key of second.scan('gr*')) seen.push(text(key));
assert.deepEqual(seen, ['greeting']);
await second.close();
console.log('ok');
`;

const { values: flags } = parseArgs({ options: { node: { type: 'string', default: 'this' } } });

ensureInstalled();
ensureBuilt();
const folder = mkdtempSync(join(tmpdir(), 'sluice-smoke-'));
const home = join(folder, 'project');
const counts = { passed: 0, failed: 0 };
const children = new Set();
let environment;

mkdirSync(home);
try {
  const node = flags.node === 'this' ? process.execPath : nodeOf(flags.node);
  // First on the PATH: `#!/usr/bin/env node`, npm and npx then run on it as well.
  environment = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env['PATH']}` };
  for (const name of Object.keys(environment))
    if (/^(SLUICE_|VITEST|npm_(?!config_(registry|cache|userconfig|cafile|proxy|https_proxy)$))/.test(name))
      delete environment[name];
  environment['npm_execpath'] = process.env['npm_execpath'];
  const version = run(node, ['--version']).stdout.trim();
  console.log(`smoke test of the package on Node ${version}`);

  const { tarball } = pack(folder);
  writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, type: 'module' }));

  await check('installs into an empty folder', () => {
    const options = { cwd: home, env: environment, encoding: 'utf8' };
    const { status, stderr } = npm(['install', '--no-audit', '--no-fund', '--omit=dev', tarball], options);
    assert.equal(status, 0, stderr);
    assert.ok(existsSync(join(home, 'node_modules', '.bin', 'sluice')));
  });

  await check('tells its version', () => {
    const { version: own } = JSON.parse(readIfPresent(join(home, 'node_modules', 'sluice', 'package.json')));
    const { status, stdout, stderr } = npm(['exec', '--no', '--', 'sluice', '--version'], {
      cwd: home,
      env: environment,
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`(^|\\s)${own.replaceAll('.', '\\.')}\\s*$`));
  });

  await check('explains itself', () => {
    const { status, stdout } = sluice('--help');
    assert.equal(status, 0);
    for (const word of ['start', 'check', 'keys', 'backup', 'restore'])
      assert.match(stdout, new RegExp(`\\b${word}\\b`));
  });

  await check('accepts a good configuration and refuses a bad one, with its line', () => {
    writeFileSync(join(home, 'good.yaml'), 'http: 127.0.0.1:8080\n');
    writeFileSync(join(home, 'bad.yaml'), 'http: 127.0.0.1:8080\nnonsense: 1\n');
    const good = sluice('check', '--config', 'good.yaml');
    assert.equal(good.status, 0, good.stderr);
    const bad = sluice('check', '--config', 'bad.yaml');
    assert.notEqual(bad.status, 0);
    assert.match(bad.stdout + bad.stderr, /bad\.yaml:2:1\b.*nonsense/s);
  });

  await check('stores over HTTP, survives kill -9, ends with status 0 on TERM', async () => {
    const first = await start();
    const url = `http://${first.http}/greeting`;
    assert.equal((await fetch(url, { method: 'PUT', body: 'hello' })).status, 201);
    assert.equal(await (await fetch(url)).text(), 'hello');
    first.child.kill('SIGKILL');
    await first.ended;

    const second = await start();
    assert.equal(await (await fetch(`http://${second.http}/greeting`)).text(), 'hello');
    second.child.kill('SIGTERM');
    assert.deepEqual(await second.ended, { code: 0, signal: null }, second.output());
  });

  await check('runs as a library', () => {
    writeFileSync(join(home, 'library.js'), library);
    const { status, stdout, stderr } = run(node, ['library.js']);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, 'ok\n');
  });

  await check('offers its test suites for drivers', () => {
    const script =
      "const t = await import('sluice/testing'); if (Object.keys(t).length === 0) throw new Error('empty');";
    const { status, stderr } = run(node, ['--input-type=module', '-e', script]);
    assert.equal(status, 0, stderr);
  });
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;

async function check(name, work) {
  try {
    await work();
    counts.passed++;
    console.log(`ok    ${name}`);
  } catch (error) {
    counts.failed++;
    console.log(`FAIL  ${name}\n${String(error.stack ?? error).replace(/^/gm, '      ')}`);
  }
}

/** The program of that version of the npm package `node`. */
function nodeOf(version) {
  const { status, stdout, stderr } = npm(
    ['exec', '--yes', `--package=node@${version}`, '--', 'node', '-p', 'process.execPath'],
    { cwd: folder, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`cannot get Node ${version} from npm:\n${stderr}`);
  return stdout.trim().split('\n').at(-1);
}

function run(command, args) {
  return spawnSync(command, args, { cwd: home, env: environment, encoding: 'utf8', timeout: 60_000 });
}

function sluice(...args) {
  return run(join(home, 'node_modules', '.bin', 'sluice'), args);
}

/** Starts the command on free ports and the data folder `data`; returns when it answers that it is ready. */
async function start() {
  const [http, resp, admin] = (await freePorts(3)).map((port) => `127.0.0.1:${port}`);
  const flags = ['--http', http, '--resp', resp, '--admin', admin, '--data', join(home, 'data')];
  const child = spawn(join(home, 'node_modules', '.bin', 'sluice'), ['start', ...flags], {
    cwd: home,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = once(child, 'close').then(([code, signal]) => {
    children.delete(child);
    return { code, signal };
  });
  for (const deadline = Date.now() + 20_000; ; ) {
    const ready = await fetch(`http://${admin}/ready`).then(
      (response) => response.status === 200,
      () => false,
    );
    if (ready) return { child, http, ended, output: () => output };
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`not ready:\n${output}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
