/**
 * The load generators: redis-benchmark, wrk and pgbench, C programs with one thread each, so that they outrun what they load.
 * Each run is a process of its own; its CPU time is never part of a server's figure.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { below, keyTemplate, newValueTemplate } from './data.mjs';
import { reapedCpuSeconds, requireProgram, temporaryFolder } from './process.mjs';

const run = promisify(execFile);
const pgScript = fileURLToPath(new URL('./pg-updates.mjs', import.meta.url));
const wrkScript = fileURLToPath(new URL('./wrk-random-keys.lua', import.meta.url));

/** Runs a generator; adds the seconds it took and the share of one CPU it used itself. */
async function timed(command, args, env) {
  const cpuBefore = reapedCpuSeconds();
  const started = performance.now();
  const { stdout, stderr } = await run(command, args, { maxBuffer: 1 << 24, env: { ...process.env, ...env } });
  const seconds = (performance.now() - started) / 1000;
  return { stdout, stderr, seconds, generatorShare: (reapedCpuSeconds() - cpuBefore) / seconds };
}

/** Keys of one MGET. */
export const mgetKeys = 1000;

/** Fields of a row that goes to typed columns: two numbers with a fraction, a whole one. */
const newPosition = ['lat', '59.__rand_int__', 'lon', '18.__rand_int__', 'battery', '__rand_int__'];

const commands = {
  get: ['GET', keyTemplate],
  set: ['SET', keyTemplate, newValueTemplate],
  mget: ['MGET', ...Array(mgetKeys).fill(keyTemplate)],
  hset: ['HSET', 'scooter:__rand_int__', ...newPosition],
  hsetPlain: ['HSET', 'plain:__rand_int__', ...newPosition],
};

/**
 * `operations` commands of one kind (a name in the table above) over `keys` uniformly random keys; the last one in a thousand of them
 * may be left out: redis-benchmark's seed is the second XOR its process number, so that two runs in a row may have the same one,
 * and then the range must differ for them not to ask for the same keys. Any error reply is a failure:
 * redis-benchmark prints "Error from server" for it and goes on.
 */
export async function runRedisBenchmark({ port, kind, keys, operations, connections, pipeline }) {
  const program = requireProgram('redis-benchmark');
  const { stdout, stderr, seconds, generatorShare } = await timed(program, [
    ...['-h', '127.0.0.1', '-p', String(port), '-c', String(connections), '-P', String(pipeline)],
    ...['-r', String(keys - below(keys / 1000)), '-n', String(operations), '--csv', ...commands[kind]],
  ]);
  const noise = `${stdout}\n${stderr}`;
  if (/error/i.test(noise.replaceAll(/^(WARNING|Warning).*$/gm, '')))
    throw new Error(`redis-benchmark met an error: ${noise.trim().slice(0, 500)}`);
  const row = stdout
    .trim()
    .split('\n')
    .at(-1)
    .split(',')
    .map((cell) => Number(cell.replaceAll('"', '')));
  const [, rate, , , p50, , p99, max] = row;
  if (!(rate > 0)) throw new Error(`redis-benchmark gave no figures: ${noise.trim().slice(0, 500)}`);
  return { operations, seconds, rate, p50, p99, max, generatorShare };
}

/**
 * `statement` by `connections` connections for `seconds`, each one after the other, prepared; `:id` in it is a random number from 0 to below
 * `keys`. PostgreSQL's own generator, with one thread.
 */
export async function runPgbench({ url, statement, keys, seconds, connections }) {
  const program = requireProgram('pgbench');
  const folder = temporaryFolder('pgbench');
  const [script, log] = [join(folder, 'script.sql'), join(folder, 'log')];
  writeFileSync(script, `\\set id random(0, ${keys - 1})\n${statement};\n`);
  const {
    stdout,
    stderr,
    seconds: took,
    generatorShare,
  } = await timed(program, [
    ...['-n', '-M', 'prepared', '-c', String(connections), '-j', '1', '-T', String(Math.max(1, Math.round(seconds)))],
    ...['-f', script, '--log', '--log-prefix', log, url],
  ]);
  const operations = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1]);
  const failed = Number(/number of failed transactions: (\d+)/.exec(stdout)?.[1] ?? 0);
  const rate = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1]);
  if (!(rate > 0) || failed > 0) throw new Error(`pgbench failed: ${stdout}${stderr}`);
  const times = readdirSync(folder)
    .filter((name) => name.startsWith('log'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .map((line) => Number(line.split(' ')[2]) / 1000)
    .sort((a, b) => a - b);
  const percentile = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  return {
    ...{ operations, seconds: took, rate, generatorShare },
    ...{ p50: percentile(0.5), p99: percentile(0.99), max: times.at(-1) },
  };
}

/** The same from Node, by the package `pg`: what a program does that writes to PostgreSQL by itself. `statement` has $1 in the place of `:id`. */
export async function runPgUpdates({ url, statement, keys, seconds, connections }) {
  const args = [pgScript, url, connections, keys, seconds, statement].map(String);
  const { stdout, generatorShare } = await timed(process.execPath, args);
  return { ...JSON.parse(stdout), generatorShare };
}

/** GET of `target` (an URL that ends where the key belongs) for `seconds`, keys uniformly random, keep-alive. */
export async function runWrk({ port, prefix, suffix, fields = '', keys, seconds, connections }) {
  const program = requireProgram('wrk');
  const result = await timed(
    program,
    [
      '-t1',
      `-c${connections}`,
      `-d${Math.max(1, Math.round(seconds))}s`,
      '--latency',
      '-s',
      wrkScript,
      `http://127.0.0.1:${port}/`,
    ],
    {
      BENCH_KEYS: String(keys),
      BENCH_PREFIX: prefix,
      BENCH_SUFFIX: suffix,
      BENCH_HOST: `127.0.0.1:${port}`,
      BENCH_FIELDS: fields,
    },
  );
  const figures = /^BENCH (.*)$/m.exec(result.stdout)?.[1];
  if (figures === undefined) throw new Error(`wrk gave no figures: ${result.stdout}${result.stderr}`);
  const { requests, micros, errors, bytes, p50, p99, max } = JSON.parse(figures);
  if (errors > 0) throw new Error(`wrk met ${errors} errors or statuses other than 2xx and 3xx: ${result.stdout}`);
  return {
    operations: requests,
    seconds: micros / 1e6,
    rate: requests / (micros / 1e6),
    ...{ p50: p50 / 1000, p99: p99 / 1000, max: max / 1000 },
    bytesPerReply: bytes / requests,
    generatorShare: result.generatorShare,
  };
}
