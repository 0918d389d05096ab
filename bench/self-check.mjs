/**
 * `node bench/self-check.mjs`: does the harness measure what it says? Checks, each printed with its figure:
 * the CPU time of every thread and of forked children is counted; redis-benchmark and wrk ask for keys of 20 bytes,
 * uniformly and all of them, and write values of 100 bytes that never repeat; the generators' own CPU is told apart;
 * an error reply and a wrong value fail a case. With a proxy: twemproxy passes everything on, the CPU of the proxy and of the
 * server behind it are told apart, reads that do or do not reach the server fail a case that must not have such.
 * Status 1 when one of them does not hold.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { chosenCases } from './lib/args.mjs';
import { keyOf, valueFor } from './lib/data.mjs';
import { mgetKeys, runRedisBenchmark, runWrk } from './lib/generators.mjs';
import { checkMget, checkResp, fillResp } from './lib/load.mjs';
import { cpuPerOperation } from './lib/measure.mjs';
import { cpuSeconds, MissingProgram, reapedCpuSeconds, requireProgram } from './lib/process.mjs';
import { behindProxy } from './lib/proxied-side.mjs';
import { startRedis } from './peers/redis.mjs';
import { startTwemproxy } from './peers/twemproxy.mjs';

let failures = 0;
function holds(what, right, figure) {
  if (!right) failures++;
  console.log(`${right ? 'ok    ' : 'FAILED'} ${what}: ${figure}`);
}

const close = (figure, expected, tolerance) => Math.abs(figure - expected) <= tolerance * expected;

/** A RESP server in this process that answers by `reply(argv)` and counts nothing itself. */
async function sink(reply) {
  const server = createServer((socket) => {
    let text = '';
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
      let out = '';
      let at = 0;
      for (let end = commandEnd(text, at); end !== undefined; end = commandEnd(text, at)) {
        // Every other part is a length line.
        out += reply(
          text
            .slice(at, end)
            .split('\r\n')
            .filter((_, part) => part > 0 && part % 2 === 0),
        );
        at = end;
      }
      text = text.slice(at);
      if (out) socket.write(out, 'latin1');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port, close: () => server.close() };
}

/** Where the command that starts at `at` ends, or undefined. */
function commandEnd(text, at) {
  let line = text.indexOf('\r\n', at);
  if (line === -1) return undefined;
  for (let left = Number(text.slice(at + 1, line)); left > 0; left--) {
    const lengthEnd = text.indexOf('\r\n', line + 2);
    if (lengthEnd === -1) return undefined;
    line = lengthEnd + 2 + Number(text.slice(line + 3, lengthEnd));
    if (text.length < line + 2) return undefined;
  }
  return line + 2;
}

/** How evenly `counts` of `keys` keys are spread: variance over mean, which is 1 for uniform random draws. */
function dispersion(counts, keys, draws) {
  const mean = draws / keys;
  let squares = (keys - counts.size) * mean ** 2;
  for (const count of counts.values()) squares += (count - mean) ** 2;
  return squares / keys / mean;
}

function checkSpread(name, counts, keys, draws) {
  const expected = keys * (1 - Math.exp(-draws / keys));
  holds(
    `${name} touches as many keys as uniform access would`,
    close(counts.size, expected, 0.01),
    `${counts.size} of ${keys} in ${draws} draws, expected ${Math.round(expected)}`,
  );
  const spread = dispersion(counts, keys, draws);
  holds(`${name} prefers no key`, close(spread, 1, 0.05), `variance / mean ${spread.toFixed(3)}`);
}

async function checkRedisBenchmark() {
  const keys = 20_000;
  const operations = 100_000;
  const counts = new Map();
  const values = new Set();
  const lengths = new Set();
  let commands = 0;
  const server = await sink((argv) => {
    if (argv[0] === 'CONFIG') return '*0\r\n';
    commands++;
    const [, key, value] = argv;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    lengths.add(key.length);
    if (value === undefined) return `$100\r\n${valueFor(0)}\r\n`;
    values.add(key + value);
    lengths.add(value.length);
    return '+OK\r\n';
  });
  for (const kind of ['get', 'set']) {
    counts.clear();
    commands = 0;
    await runRedisBenchmark({ port: server.port, kind, keys, operations, connections: 50, pipeline: 16 });
    holds(
      `redis-benchmark ${kind} sends what it is asked for`,
      close(commands, operations, 0.01),
      `${commands} commands`,
    );
    checkSpread(`redis-benchmark ${kind}`, counts, keys, commands);
  }
  holds('keys have 20 bytes, values 100', [...lengths].sort().join() === '100,20', `lengths ${[...lengths]}`);
  holds(
    'every key is one that is loaded',
    [...counts.keys()].every((key) => key === keyOf(Number(key.slice(4)))),
    keyOf(1),
  );
  holds('SET never writes what the key held before', values.size === commands, `${values.size} of ${commands} new`);
  server.close();
}

async function checkMgets() {
  const keys = 20_000;
  const commands = 200;
  const counts = new Map();
  const lengths = new Set();
  let seen = [];
  const server = await sink(([name, ...asked]) => {
    if (name === 'CONFIG') return '*0\r\n';
    lengths.add(asked.length);
    for (const key of asked) counts.set(key, (counts.get(key) ?? 0) + 1);
    seen.push(asked[0]);
    return `*${asked.length}\r\n${`$100\r\n${valueFor(0)}\r\n`.repeat(asked.length)}`;
  });
  const load = () =>
    runRedisBenchmark({ port: server.port, kind: 'mget', keys, operations: commands, connections: 50, pipeline: 1 });
  await load();
  holds('an MGET asks for 1000 keys', [...lengths].join() === String(mgetKeys), `${[...lengths]} keys`);
  checkSpread('redis-benchmark mget', counts, keys, commands * mgetKeys);
  // Its seed is the second XOR its process number: among some runs in a row two have the same.
  const first = seen.slice(0, 50).join();
  const runs = new Set([first]);
  for (let run = 1; run < 8; run++) {
    seen = [];
    await load();
    runs.add(seen.slice(0, 50).join());
  }
  holds('no two runs of redis-benchmark ask for the same keys', runs.size === 8, `${runs.size} of 8 differ`);
  server.close();
}

async function checkWrk() {
  const keys = 10_000;
  const counts = new Map();
  let draws = 0;
  const server = createHttpServer((request, response) => {
    counts.set(request.url, (counts.get(request.url) ?? 0) + 1);
    draws++;
    response.end(valueFor(0));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const load = () =>
    runWrk({ port: server.address().port, prefix: '/', suffix: '', keys, seconds: 2, connections: 50 });
  const first = await load();
  holds('wrk counts its requests', close(first.operations, draws, 0.01), `${first.operations} told, ${draws} seen`);
  checkSpread('wrk', counts, keys, draws);
  const before = [...counts.keys()].slice(0, 20).join();
  counts.clear();
  await load();
  holds('two runs of wrk differ', [...counts.keys()].slice(0, 20).join() !== before, 'the first 20 keys differ');
  server.closeAllConnections();
  server.close();
}

/** A program that uses CPU in a worker thread that ends, then in a child it waits for, and prints its own view of both. */
const burner = `
const { Worker } = require('node:worker_threads');
const { execFileSync } = require('node:child_process');
const burn = 'let x = 0; for (let i = 0; i < 3e8; i++) x = (x + i) | 0;';
const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
const before = used();
new Worker(burn, { eval: true }).on('exit', () => {
  const threads = used();
  execFileSync(process.execPath, ['-e', burn]);
  console.log(JSON.stringify({ before, threads, own: used() }));
  process.stdin.resume();
});`;

async function checkCpu() {
  const reapedBefore = reapedCpuSeconds();
  const child = spawn(process.execPath, ['-e', burner], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  const { before, threads, own } = JSON.parse(line);
  const counted = cpuSeconds(child.pid);
  const worker = threads - before;
  holds(
    'CPU of a thread that has ended is counted',
    worker > 0.1 && counted >= own - 0.03,
    `${counted.toFixed(2)} s, ${worker.toFixed(2)} s of them in the thread`,
  );
  holds('CPU of a child that was waited for is added', counted - own > 0.1, `${(counted - own).toFixed(2)} s more`);
  child.stdin.end();
  await once(child, 'exit');
  const reaped = reapedCpuSeconds() - reapedBefore;
  holds('CPU of a generator is known when it has ended', reaped >= counted - 0.03, `${reaped.toFixed(2)} s`);
}

async function checkGuards() {
  const fails = async (what, work) => {
    const message = await work().then(
      () => undefined,
      (error) => error.message,
    );
    holds(what, message !== undefined, message?.slice(0, 80) ?? 'it passed');
  };
  let seen = 0;
  const broken = await sink((argv) => {
    if (argv[0] === 'CONFIG') return '*0\r\n';
    return ++seen % 5000 === 0 ? '-ERR one in five thousand\r\n' : '+OK\r\n';
  });
  const options = { port: broken.port, keys: 1000, operations: 20_000, connections: 50, pipeline: 16 };
  await fails('an error reply among thousands fails a SET case', () => runRedisBenchmark({ ...options, kind: 'set' }));
  broken.close();
  const wrong = await sink(() => `$100\r\n${valueFor(1)}\r\n`);
  await fails('a wrong value fails the check', () => checkResp(wrong.port, 1000));
  wrong.close();
  const swapped = await sink((argv) => {
    const values = argv.slice(1).map((key) => `$100\r\n${valueFor(Number(key.slice(4)))}\r\n`);
    return `*${values.length}\r\n${[...values.slice(0, -2), values.at(-1), values.at(-2)].join('')}`;
  });
  await fails('two values of an MGET in the wrong order fail the check', () => checkMget(swapped.port, 1e6));
  swapped.close();
  const refusing = createHttpServer((_, response) => {
    response.statusCode = 404;
    response.end();
  });
  refusing.listen(0, '127.0.0.1');
  await once(refusing, 'listening');
  const { port } = refusing.address();
  await fails('a 404 fails an HTTP case', () =>
    runWrk({ port, prefix: '/', suffix: '', keys: 10, seconds: 1, connections: 5 }),
  );
  refusing.closeAllConnections();
  refusing.close();
}

/** A server that uses CPU only when it is told to. */
const spender = `
const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
process.stdin.on('data', (text) => {
  const until = used() + Number(text);
  while (used() < until);
  console.log('spent');
});`;

async function checkShares() {
  const servers = ['proxy', 'server'].map((name) => {
    const child = spawn(process.execPath, ['-e', spender], { stdio: ['pipe', 'pipe', 'inherit'] });
    return { name, child, cpu: () => cpuSeconds(child.pid) };
  });
  const spend = async ({ child }, seconds) => {
    child.stdin.write(String(seconds));
    await once(child.stdout, 'data');
  };
  for (const server of servers) await spend(server, 0.05);
  const { each, microseconds } = await cpuPerOperation(servers, async () => {
    await spend(servers[0], 0.6);
    await spend(servers[1], 0.2);
    return { operations: 1000, seconds: 1 };
  });
  const right = close(each.proxy, 600, 0.1) && close(each.server, 200, 0.2) && close(microseconds, 800, 0.1);
  const shown = Object.values(each).map((figure) => Math.round(figure));
  holds('CPU of a proxy and of what is behind it are told apart', right, `${shown} us of 600,200`);
  for (const { child } of servers) child.stdin.end();
}

async function checkTwemproxy() {
  try {
    for (const name of ['redis-server', 'nutcracker']) requireProgram(name);
  } catch (error) {
    if (!(error instanceof MissingProgram)) throw error;
    console.log(`not run: ${error.message}`);
    return;
  }
  const keys = 10_000;
  const redis = await startRedis();
  const twemproxy = await startTwemproxy(redis.port);
  try {
    await fillResp(redis.port, keys);
    const generate = () =>
      runRedisBenchmark({
        ...{ port: twemproxy.port, kind: 'get', keys, operations: 50_000, connections: 50, pipeline: 16 },
      });
    const check = () => checkResp(twemproxy.port, keys);
    const side = (reached) => behindProxy({ server: twemproxy, redis, reached, generate, check });
    const { own, redis: behind, reached } = await side([0.99, 1.01])();
    holds('twemproxy passes every GET on', true, `${reached} reads of redis-server per GET`);
    holds(
      'both have used CPU',
      own > 0.5 && behind > 0.3,
      `${own.toFixed(2)} us, redis-server ${behind.toFixed(2)} us`,
    );
    const failed = await side([0, 0.01])().then(
      () => undefined,
      (error) => error.message,
    );
    holds('reads that were not from a cache fail a case of hits', failed !== undefined, failed ?? 'it passed');
    await checkMget(twemproxy.port, keys);
  } finally {
    await twemproxy.stop();
    await redis.stop();
  }
}

function checkChoice() {
  const cases = ['cache', 'cache-hits', 'proxy-http'].map((name) => ({ name }));
  const chosen = [[], ['cache'], ['proxy'], ['proxy', 'cache-hits']].map((only) => chosenCases(cases, only).length);
  holds('a word means the case of its name, or those that begin with it', chosen.join() === '3,1,1,2', chosen);
}

checkChoice();
await checkCpu();
await checkShares();
await checkRedisBenchmark();
await checkMgets();
await checkTwemproxy();
await checkWrk();
await checkGuards();
process.exit(failures === 0 ? 0 : 1);
