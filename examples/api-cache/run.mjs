/**
 * A slow API with a quota, Sluice in front of it, and a load: shows one call per key and ttl, older values while the API is down, and that the
 * quota holds by the API's own log; then tries attacks. Ends by itself, with status 1 when something is not as it should be.
 *
 *   node run.mjs
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { attacks } from './attacks.mjs';

/** How long each load lasts, in seconds. */
const [FIRST, WHILE_DOWN, AGAIN] = (process.env.LOADS ?? '9,6,6').split(',').map(Number);
const PRODUCTS = 24;
const CLIENTS = 50;
const TTL_MS = 3000;
const QUOTA = 10;
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'api-cache-'));
const log = join(folder, 'api.log');
writeFileSync(log, '');
const children = new Set();
let failed = 0;

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const [apiPort, sluicePort] = [await freePort(), await freePort()];
let secretAsked = 0;
const secret = createServer((_, response) => {
  secretAsked++;
  response.end('secret');
});
await new Promise((done) => secret.listen(0, '127.0.0.1', done));
const secretPort = secret.address().port;

let api = startApi();
run(process.execPath, [here('../../scripts/bootstrap.mjs'), 'start', '--config', here('sluice.yaml')], {
  API_PORT: String(apiPort),
  SLUICE_PORT: String(sluicePort),
});
say('starting Sluice (built first when that was not done yet) …');
await until(async () => (await get('/nothing')).status === 404, 'Sluice answers', 300_000);

say(
  `\n1. ${CLIENTS} clients read ${PRODUCTS} products for ${FIRST} s; the API takes 150 ms for one and allows ${QUOTA} calls a second`,
);
const up = await load(FIRST * 1000);
const calls = callsOf(log);
say(
  `   ${up.total} answers, ${calls.length} calls of the API: ${Math.round((1 - calls.length / up.total) * 1000) / 10} % saved`,
);
check('every answer has a product', up.bad === 0, `${up.bad} have not: ${up.example}`);
check(
  'one call per product and ttl',
  shortestGap(calls) >= TTL_MS,
  `two calls ${Math.round(shortestGap(calls))} ms apart`,
);

say(`\n2. the API is killed; the load goes on for ${WHILE_DOWN} s`);
api.kill('SIGKILL');
await sleep(200);
const down = await load(WHILE_DOWN * 1000);
say(`   ${down.total} answers, ${down.stale} of them older than their ttl, marked so`);
check('every answer has a product', down.bad === 0, `${down.bad} have not: ${down.example}`);
check('older values are given out', down.stale > 0, 'none was');

say(`\n3. the API is back; the load goes on for ${AGAIN} s`);
api = startApi();
// After a while without answers Sluice asks an API only now and then, at most half a minute later.
await until(async () => JSON.parse((await get('/product:1')).body).at > down.newest, 'a new value comes', 60_000);
const again = await load(AGAIN * 1000);
check('every answer has a product', again.bad === 0, `${again.bad} have not: ${again.example}`);
check('the values are new', again.newest > down.newest, 'none is');

say('\n4. attacks');
for (const attack of attacks({ apiPort, secretPort })) {
  const status = attack.raw === undefined ? (await get(attack.target, attack)).status : await sendRaw(attack.raw);
  check(`${attack.name}: ${status}`, attack.statuses.includes(status), `expected ${attack.statuses.join(' or ')}`);
}
check('the secret server was never asked', secretAsked === 0, `${secretAsked} times`);

say("\n5. the API's own log");
const all = callsOf(log);
check(
  `no window of 1,000 ms with more than ${QUOTA} calls, of ${all.length}`,
  busiest(all) <= QUOTA,
  `one has ${busiest(all)}`,
);

say(failed === 0 ? '\nall as it should be' : `\n${failed} not as they should be`);
process.exit(failed === 0 ? 0 : 1);

function startApi() {
  return run(process.execPath, [here('api.mjs'), String(apiPort), log]);
}

function run(command, args, env = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

async function load(ms) {
  const seen = { total: 0, stale: 0, bad: 0, newest: 0, example: '' };
  const end = Date.now() + ms;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (Date.now() < end) {
        const id = 1 + Math.floor(Math.random() * PRODUCTS);
        const { status, body, cacheStatus } = await get(`/product:${id}`);
        seen.total++;
        if (cacheStatus.includes('fwd=stale')) seen.stale++;
        const product = status === 200 ? JSON.parse(body) : {};
        if (product.id !== id) {
          seen.bad++;
          seen.example = `${status} ${body}`;
        } else seen.newest = Math.max(seen.newest, product.at);
        await sleep(5);
      }
    }),
  );
  return seen;
}

function get(path, { method = 'GET', headers = {} } = {}) {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port: sluicePort, path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode, body, cacheStatus: String(response.headers['cache-status']) }),
      );
    });
    sent.on('error', (error) => resolve({ status: 0, body: error.message, cacheStatus: '' }));
    sent.end();
  });
}

function sendRaw(text) {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(sluicePort, '127.0.0.1', () => socket.write(text));
    socket.setTimeout(5000, () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1];
      if (status === undefined) return;
      resolve(Number(status));
      socket.destroy();
    });
    socket.on('close', () => resolve(0));
  });
}

function callsOf(file) {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ at: Number(line.split(' ')[0]), path: line.split(' ')[1] }));
}

/** Between two calls for the same product. */
function shortestGap(list) {
  const last = new Map();
  let shortest = Number.POSITIVE_INFINITY;
  for (const { at, path } of list) {
    shortest = Math.min(shortest, at - (last.get(path) ?? Number.NEGATIVE_INFINITY));
    last.set(path, at);
  }
  return shortest;
}

/** Most calls in any window, both its ends included. */
function busiest(list) {
  let first = 0;
  let most = 0;
  for (const [i, { at }] of list.entries()) {
    while (list[first].at < at - 1000) first++;
    most = Math.max(most, i - first + 1);
  }
  return most;
}

function check(what, isSo, otherwise) {
  if (!isSo) failed++;
  say(`   ${isSo ? 'ok  ' : 'FAIL'} ${what}${isSo ? '' : ` (${otherwise})`}`);
}

async function until(isSo, what, timeout) {
  const end = Date.now() + timeout;
  while (!(await isSo())) {
    if (Date.now() > end) {
      say(`gave up waiting: ${what}`);
      process.exit(1);
    }
    await sleep(100);
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
