/**
 * A node under thousands of hostile connections while a polite client goes on: counts its errors, measures its latency, and watches
 * the memory of the node. Writes reports/soak-hostile.md.
 *
 *   npm run soak -- --hostile [--seconds N] [--connections N] [--only KIND]… [--report FILE]
 */
import { execFileSync, fork, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Polite } from './support/polite-client.mjs';

const MIB = 1024 * 1024;
/** What the node is given, and with it what its memory may come to. */
const given = { maxBytes: 64, inFlight: 32, output: 32, heap: 256, process: 64 };
/** A connection may hold so much in each direction before it is counted. */
const UNCOUNTED = 2 * 16 * 1024;
const LARGE = 256 * 1024;

/** @param options seconds, connections, report, dist. @returns whether the node did well */
export async function runHostile({ seconds, connections, only, report, dist }) {
  const base = mkdtempSync(join(tmpdir(), 'sluice-hostile-'));
  const addresses = Array.from({ length: 10 }, (_, i) => `127.0.1.${i + 1}`);
  // A tenth of them is one too many for its address.
  const perAddress = Math.floor((connections / addresses.length) * 0.9);
  const node = startNode(base, dist, perAddress, connections);
  let hostile;
  try {
    const ports = await node.listening;
    const polite = await Polite.connect(ports);
    await polite.put('large', 'x'.repeat(LARGE));
    const idleBytes = memoryOf(node.pid).rss;
    const calm = await polite.run(Math.max(2, seconds / 5) * 1000, () => {});
    hostile = fork(join(import.meta.dirname, 'support', 'hostile-clients.mjs'));
    let attacks = {};
    hostile.on('message', (message) => {
      attacks = message;
    });
    const rampMs = Math.min(10_000, (seconds * 1000) / 4);
    hostile.send({
      ...ports,
      addresses,
      connections,
      only,
      rampMs,
      user: 'tenant',
      secret: 'secret-of-tenant',
      bulkBytes: 8 * MIB,
    });
    const samples = [];
    const siege = await polite.run(seconds * 1000, async () => {
      const metrics = await polite.metrics();
      samples.push({ ...memoryOf(node.pid), ...metrics });
      const { rss, heap, connections: open } = samples.at(-1);
      process.stderr.write(`${samples.length} s: ${open} connections, rss ${mib(rss)} MiB, heap ${mib(heap)} MiB\n`);
    });
    hostile.kill();
    await sleep(1500);
    const after = await polite.run(2000, () => {});
    // Answers and commands are on the heap, bodies and values are not.
    const allowed = (given.process + given.heap + given.maxBytes + given.inFlight) * MIB + connections * UNCOUNTED;
    const quarter = Math.floor(samples.length / 4);
    const early = median(samples.slice(quarter, 2 * quarter).map(({ rss }) => rss));
    const late = median(samples.slice(-quarter).map(({ rss }) => rss));
    const last = samples.at(-1) ?? { hits: [] };
    const most = (of) => Math.max(...samples.map(of));
    const errors = [calm, siege, after].flatMap(({ old, fresh }) => [...old.errors, ...fresh.errors]);
    const opened = Object.values(attacks).reduce((sum, attack) => sum + attack.opened, 0);
    const wrong = [
      [samples.length < 3, 'too short: no samples'],
      [errors.length > 0, 'the polite client saw errors'],
      [most((s) => s.rss) > allowed, 'resident memory went beyond what was configured'],
      // A short run is still filling its buffers.
      [samples.length >= 60 && late > early * 1.2 + 32 * MIB, 'resident memory grows'],
      [most((s) => s.heap) > given.heap * MIB, 'the heap went beyond what was configured'],
      [opened < connections, 'fewer hostile connections were made than there are places'],
      [node.exited !== undefined, `the node ended: ${node.exited}`],
    ].flatMap(([is, what]) => (is ? [what] : []));
    const lines = [
      '# Soak report: hostile clients',
      '',
      `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}: ${seconds} seconds, ${connections} hostile places from ${addresses.length} addresses, each made again when it ends.`,
      `Configured: maxBytes ${given.maxBytes} MiB, inFlight.bytes ${given.inFlight} MiB, outputBytes ${given.output} MiB, heap ${given.heap} MiB, ${perAddress} connections per address.`,
      '',
      '| polite client | requests | errors | p50 ms | p99 ms | most ms |',
      '|---|---|---|---|---|---|',
      row('alone', calm.old),
      row('under attack', siege.old),
      row('afterwards', after.old),
      row('new connections alone', calm.fresh),
      row('new connections under attack', siege.fresh),
      row('new connections afterwards', after.fresh),
      '',
      '| hostile kind | opened | refused | closed | open at the end |',
      '|---|---|---|---|---|',
      ...Object.entries(attacks).map(
        ([name, { opened, refused, closed, open }]) => `| ${name} | ${opened} | ${refused} | ${closed} | ${open} |`,
      ),
      '',
      `| of the node | idle | most | may be |`,
      '|---|---|---|---|',
      `| resident memory, MiB | ${mib(idleBytes)} | ${mib(most((s) => s.rss))} | ${mib(allowed)} |`,
      `| the same, second and last quarter | | ${mib(early)}, ${mib(late)} | flat |`,
      `| heap, MiB | | ${mib(most((s) => s.heap))} | ${given.heap} |`,
      `| bytes held for input, MiB | | ${mib(most((s) => s.input))} | ${given.inFlight} |`,
      `| bytes held for output, MiB | | ${mib(most((s) => s.output))} | ${given.output} |`,
      `| event loop late by, ms | | ${(most((s) => s.lag) * 1000).toFixed(0)} | |`,
      `| connections | | ${most((s) => s.connections)} | ${perAddress * addresses.length + 10} |`,
      '',
      '| limit met | times |',
      '|---|---|',
      ...last.hits.map(([labels, times]) => `| ${labels} | ${times} |`),
      '',
      '| second | resident MiB | heap MiB | connections |',
      '|---|---|---|---|',
      ...samples
        .filter((_, i) => i % Math.max(1, Math.floor(samples.length / 20)) === 0)
        .map((s) => `| ${s.second} | ${mib(s.rss)} | ${mib(s.heap)} | ${s.connections} |`),
      '',
      ...errors.slice(0, 10).map((error) => `- ${error}`),
      wrong.length === 0 ? 'Passed.' : `**Failed**: ${wrong.join('; ')}.`,
      '',
    ];
    mkdirSync(dirname(report), { recursive: true });
    writeFileSync(report, lines.join('\n'));
    process.stdout.write(`${lines.join('\n')}\n${report}\n`);
    return wrong.length === 0;
  } finally {
    hostile?.kill('SIGKILL');
    await node.stop();
    rmSync(base, { recursive: true, force: true });
  }
}

function startNode(base, dist, perAddress, connections) {
  const [cert, key] = [join(base, 'cert.pem'), join(base, 'key.pem')];
  const curve = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=localhost',
  ];
  execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const config = {
    store: 'embedded',
    data: join(base, 'data'),
    maxBytes: `${given.maxBytes}MiB`,
    http: '127.0.0.1:0',
    resp: '127.0.0.1:0',
    admin: { address: '127.0.0.1:0', tls: { cert, key } },
    users: [
      { name: 'polite', secret: 'secret-of-polite' },
      { name: 'tenant', secret: 'secret-of-tenant' },
    ],
    limits: {
      maxConnections: connections + 100,
      connectionsPerAddress: perAddress,
      rate: { perUser: '150/1s', perAddress: '50/1s' },
      inFlight: { bytes: `${given.inFlight}MiB` },
      outputBytes: `${given.output}MiB`,
      http: { headerTimeout: '5s', requestTimeout: '10s', idleTimeout: '5s', stallTimeout: '5s', bodyBytes: '8MiB' },
      resp: {
        bulkBytes: '8MiB',
        queryBytes: '16MiB',
        loginTimeout: '5s',
        outputBytes: { normal: '16MiB', pubsub: '8MiB' },
      },
    },
  };
  const file = join(base, 'sluice.yaml');
  writeFileSync(file, JSON.stringify(config));
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_'));
  const env = { ...Object.fromEntries(inherited), NODE_OPTIONS: `--max-old-space-size=${given.heap}` };
  const child = spawn(process.execPath, [join(dist, 'cli', 'main.js'), 'start', '--config', file], {
    cwd: base,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const node = { pid: child.pid, exited: undefined };
  let output = '';
  node.listening = new Promise((resolve, reject) => {
    const read = (text) => {
      output = (output + text).slice(-100_000);
      const line = output.split('\n').find((candidate) => /"msg":"listening"/.test(candidate));
      if (line === undefined) return;
      const portOf = (address) => Number(address.split(':').at(-1));
      const { http, resp, admin } = JSON.parse(line);
      resolve({ http: portOf(http), resp: portOf(resp), admin: portOf(admin) });
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.once('exit', (code, signal) => {
      node.exited = `${code ?? signal}\n${output.slice(-2000)}`;
      reject(new Error(`the node ended: ${node.exited}`));
    });
  });
  node.stop = () =>
    new Promise((done) => {
      if (node.exited !== undefined) return done();
      child.once('exit', done);
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 15_000).unref();
    });
  return node;
}

function row(name, { latencies, errors }) {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (q) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0).toFixed(1);
  return `| ${name} | ${latencies.length + errors.length} | ${errors.length} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`;
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return { rss: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024 };
}

function mib(bytes) {
  return (bytes / MIB).toFixed(1);
}
