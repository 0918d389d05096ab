/**
 * Runs the two applications with Sluice as the Redis they ask for:
 *
 *   node run.mjs
 *
 * Sluice is built when that is needed; Express and the Redis client are installed beside this file when they are missing. Python's
 * packages are not: what is to be installed is said. Environment: EXPRESS_PORT (3000), FASTAPI_PORT (8000), PYTHON (the interpreter to
 * use), and Sluice's own variables, such as SLUICE_RESP (127.0.0.1:6380).
 */
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const expressPort = process.env.EXPRESS_PORT ?? '3000';
const fastapiPort = process.env.FASTAPI_PORT ?? '8000';

/** What has been started and has not ended. */
const running = new Set();
let stopping = false;

function start(name, program, args, options) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  running.add(child);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      for (const line of text.trimEnd().split('\n')) console.log(`${name.padEnd(8)}| ${line}`);
    });
  }
  child.once('error', (error) => {
    running.delete(child);
    stop(`${name} cannot be started: ${error.message}`);
  });
  child.once('exit', (code, signal) => {
    running.delete(child);
    stop(`${name} has ended (${signal ?? code})`);
  });
  return child;
}

/** Ends all that runs. A reason means that something went wrong. */
function stop(reason) {
  if (stopping) return;
  stopping = true;
  if (reason !== undefined) {
    console.log(reason);
    process.exitCode = 1;
  }
  for (const child of running) child.kill('SIGTERM');
}

// A terminal sends Ctrl-C to the children as well; they may get both.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop());

/** Express and its client: from here or from a folder above, else installed here. */
function ensureNodePackages() {
  const { resolve } = createRequire(join(here, 'express/app/index.js'));
  try {
    for (const name of ['express', 'redis']) resolve(name);
  } catch {
    console.log('installing express and redis with npm …');
    const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund'], {
      cwd: here,
      stdio: 'inherit',
      shell: process.platform === 'win32',
    });
    if (status !== 0) throw new Error('npm install failed (see above)');
  }
}

/** An interpreter that has what the FastAPI application needs, if there is one. */
function findPython() {
  const given = process.env.PYTHON;
  const candidates = given ? [given] : ['python3', '/usr/bin/python3', 'python'];
  return candidates.find(
    (python) => spawnSync(python, ['-c', 'import fastapi, uvicorn, redis.asyncio'], { stdio: 'ignore' }).status === 0,
  );
}

function startSluice() {
  const settings = { SLUICE_DATA: join(here, 'sluice-data'), SLUICE_LOG_LEVEL: 'warn' };
  const args = [join(here, '../../scripts/bootstrap.mjs'), 'start', '--http', 'off', '--admin', 'off'];
  return start('sluice', process.execPath, args, { cwd: here, env: { ...settings, ...process.env } });
}

/** The port that Sluice says its RESP listener is bound to; undefined when it ends first. */
function respPort(sluice) {
  return new Promise((resolve) => {
    let output = '';
    for (const stream of [sluice.stdout, sluice.stderr]) {
      stream.on('data', (text) => {
        output += text;
        const match = /^\s*RESP\s+\S+:(\d+)\s/im.exec(output);
        if (match !== null) resolve(match[1]);
      });
    }
    sluice.once('exit', () => resolve(undefined));
  });
}

ensureNodePackages();
const python = findPython();
const port = await respPort(startSluice());
if (port !== undefined && !stopping) {
  const env = { ...process.env, REDIS_HOST: '127.0.0.1', REDIS_PORT: port };
  start('express', process.execPath, [join(here, 'express/app/index.js')], { env: { ...env, PORT: expressPort } });
  if (python !== undefined) {
    start('fastapi', python, ['-m', 'uvicorn', 'main:app', '--host', '127.0.0.1', '--port', fastapiPort], {
      cwd: join(here, 'fastapi/app'),
      env: { ...env, PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' },
    });
  }
  const lines = [
    '',
    `  Express   curl http://localhost:${expressPort}/`,
    python === undefined
      ? '  FastAPI   is not started: no python3 with fastapi, uvicorn and redis was found. To install:\n' +
        '              Debian, Ubuntu   sudo apt-get install python3-fastapi python3-uvicorn python3-redis\n' +
        '              elsewhere        python3 -m venv venv && venv/bin/pip install -r fastapi/requirements.txt\n' +
        '                               then PYTHON=venv/bin/python node run.mjs'
      : `  FastAPI   curl http://localhost:${fastapiPort}/`,
    `  the keys  redis-cli -p ${port} mget expresskey pythonkey`,
    '',
    'Stop with Ctrl-C.',
    '',
  ];
  console.log(lines.join('\n'));
}
