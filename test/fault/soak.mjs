/**
 * A node under a mixed load with expiry for a while: memory, disk and latency must stay flat. Writes reports/soak.md.
 *
 *   npm run soak -- --hostile [--seconds N] [--connections N] [--only KIND]    thousands of hostile clients instead: see hostile.mjs
 *   npm run soak -- [--minutes N] [--seed S] [--durability commit|fsync|memory] [--rate COMMANDS_PER_SECOND] [--report FILE]
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runHostile } from './hostile.mjs';
import { randomOf } from './support/campaign.mjs';
import { NodeProcess } from './support/node-process.mjs';
import { RespConnection } from './support/resp.mjs';

const root = resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    durability: { type: 'string', default: 'commit' },
    rate: { type: 'string', default: '5000' },
    hostile: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '60' },
    connections: { type: 'string', default: '2400' },
    only: { type: 'string', multiple: true },
    dist: { type: 'string', default: join(root, 'dist') },
    report: { type: 'string' },
  },
});
if (values.hostile) {
  const passed = await runHostile({
    seconds: Number(values.seconds),
    connections: Number(values.connections),
    only: values.only,
    dist: resolve(values.dist),
    report: values.report ?? join(root, 'reports', 'soak-hostile.md'),
  });
  process.exit(passed ? 0 : 1);
}
const report = values.report ?? join(root, 'reports', 'soak.md');
const minutes = Number(values.minutes);
const rate = Number(values.rate);
const CONNECTIONS = 8;
const KEYS = 20_000;
const BATCH = 16;
/** Long enough for several windows even in a short run. */
const windowMs = Math.max(1000, (minutes * 60_000) / 60);

const base = mkdtempSync(join(tmpdir(), 'sluice-soak-'));
const dataDir = join(base, 'data');
const node = new NodeProcess(resolve(values.dist), {
  dataDir,
  durability: values.durability,
  cwd: base,
  env: { SLUICE_CHECKPOINT_LOG_BYTES: '16MiB' },
});
const windows = [];
let latencies = [];
let commands = 0;
let errors = 0;
try {
  const port = await node.port();
  if (port === undefined) throw new Error(`the node did not start:\n${node.output}`);
  const until = performance.now() + minutes * 60_000;
  const control = await RespConnection.connect(port);
  // As many as there will be when as many are deleted as are set.
  for (let n = 0; n < KEYS; n++) if (n % 3 > 0) await control.send([['SET', `kept:${n}`, '.'.repeat(220)]]);
  const clients = Array.from({ length: CONNECTIONS }, (_, c) => client(port, until, Number(values.seed) * 100 + c));
  while (performance.now() < until) {
    await new Promise((done) => setTimeout(done, windowMs));
    const [size] = await control.send([['DBSIZE']]);
    windows.push({
      rss: rssOf(node.pid),
      disk: folderBytes(dataDir),
      p99: quantile(latencies, 0.99),
      keys: size,
      commands,
    });
    const last = windows.at(-1);
    process.stderr.write(
      `${windows.length}: rss ${mib(last.rss)} MiB, disk ${mib(last.disk)} MiB, p99 ${last.p99.toFixed(1)} ms, ${size} keys, ${commands} commands\n`,
    );
    latencies = [];
  }
  await Promise.all(clients);
} finally {
  await node.kill('SIGTERM');
  rmSync(base, { recursive: true, force: true });
}

// The first quarter fills the store.
const quarter = Math.floor(windows.length / 4);
const early = windows.slice(quarter, 2 * quarter);
const late = windows.slice(-quarter);
const findings = [
  compare('resident memory, MiB', (w) => w.rss / 1024 / 1024, median, 1.15, 15),
  compare('data folder, MiB', (w) => w.disk / 1024 / 1024, largest, 1.3, 8),
  compare('p99, ms', (w) => w.p99, median, 2, 10),
  compare('keys', (w) => w.keys, median, 1.1, 500),
  { name: 'error replies', early: 0, late: errors, flat: errors === 0 },
];
const passed = findings.every(({ flat }) => flat) && windows.length >= 8;
const lines = [
  '# Soak report',
  '',
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}: ${minutes} minutes, ${commands} commands over ${CONNECTIONS} connections, durability \`${values.durability}\`. Strings, hashes, lists and sorted sets are written, read, deleted and expire.`,
  '',
  '| | second quarter | last quarter | |',
  '|---|---|---|---|',
  ...findings.map(
    (f) => `| ${f.name} | ${f.early.toFixed(1)} | ${f.late.toFixed(1)} | ${f.flat ? 'flat' : '**grows**'} |`,
  ),
  '',
  windows.length < 8 ? 'Too short to say anything.' : passed ? 'Passed.' : '**Failed.**',
  '',
];
mkdirSync(dirname(report), { recursive: true });
writeFileSync(report, lines.join('\n'));
process.stdout.write(`${lines.join('\n')}\n${report}\n`);
process.exitCode = passed ? 0 : 1;

async function client(port, until, seed) {
  const random = randomOf(seed);
  const connection = await RespConnection.connect(port);
  const pauseMs = (BATCH * CONNECTIONS * 1000) / rate;
  let due = performance.now();
  while (performance.now() < until) {
    const batch = Array.from({ length: BATCH }, () => command(random));
    const started = performance.now();
    const replies = await connection.send(batch);
    latencies.push(performance.now() - started);
    commands += BATCH;
    errors += replies.filter((reply) => reply instanceof Error).length;
    due = Math.max(due + pauseMs, performance.now() - 1000);
    if (due > performance.now()) await new Promise((done) => setTimeout(done, due - performance.now()));
  }
  connection.close();
}

function command(random) {
  const n = Math.floor(random() * KEYS);
  const text = `${random()}`.padEnd(20 + Math.floor(random() * 400), '.');
  const ttl = String(500 + Math.floor(random() * 5000));
  switch (Math.floor(random() * 12)) {
    case 0:
    case 1:
      return ['SET', `kept:${n}`, text];
    case 2:
    case 3:
      return ['SET', `short:${n}`, text, 'PX', ttl];
    case 4:
      return ['HSET', `hash:${n % 500}`, `field:${n % 37}`, text];
    case 5:
      return ['LPUSH', `list:${n % 100}`, text];
    case 6:
      return ['LTRIM', `list:${n % 100}`, '0', '50'];
    case 7:
      return ['ZADD', `sorted:${n % 100}`, String(random()), `member:${n % 991}`];
    case 8:
      return ['DEL', `kept:${n}`, `hash:${n % 500}`];
    case 9:
      return ['PEXPIRE', `sorted:${n % 100}`, ttl];
    default:
      return ['GET', `kept:${n}`];
  }
}

function compare(name, of, summary, factor, slack) {
  const [before, after] = [summary(early.map(of)), summary(late.map(of))];
  return { name, early: before, late: after, flat: after <= before * factor + slack };
}

function median(numbers) {
  return quantile(numbers, 0.5);
}

function largest(numbers) {
  return Math.max(0, ...numbers);
}

function quantile(numbers, q) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

function rssOf(pid) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

function folderBytes(folder) {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

function mib(bytes) {
  return (bytes / 1024 / 1024).toFixed(1);
}
