/**
 * A node under thousands of hostile connections while a polite client goes on: counts its errors, measures its latency, and watches
 * the memory of the node. Writes reports/soak-hostile.md.
 *
 *   npm run soak -- --hostile [--seconds N] [--connections N] [--only KIND]… [--report FILE]
 */
import { execFileSync, fork, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { Agent as AgentTls, request as requestTls } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RespConnection } from './support/resp.mjs';

const MIB = 1024 * 1024;
/** What the node is given, and with it what its memory may come to. */
const given = { maxBytes: 64, inFlight: 32, output: 32, heap: 256 };
/** A connection may hold so much in each direction before it is counted. */
const UNCOUNTED = 2 * 16 * 1024;
const PERIOD_MS = 50;
const NEWCOMER_MS = 250;
const DEADLINE_MS = 10_000;
/** A SYN that found no room is sent again after 1, 3, 7 and 15 seconds. */
const NEWCOMER_DEADLINE_MS = 30_000;
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
    const allowed = idleBytes + (given.maxBytes + given.inFlight + given.output) * MIB + connections * UNCOUNTED;
    const last = samples.at(-1) ?? { hits: [] };
    const most = (of) => Math.max(...samples.map(of));
    const errors = [calm, siege, after].flatMap(({ old, fresh }) => [...old.errors, ...fresh.errors]);
    const opened = Object.values(attacks).reduce((sum, attack) => sum + attack.opened, 0);
    const wrong = [
      [samples.length < 3, 'too short: no samples'],
      [errors.length > 0, 'the polite client saw errors'],
      [most((s) => s.rss) > allowed, 'resident memory went beyond what was configured'],
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

/** Asks for little and reads what it is told. */
class Polite {
  #ports;
  #resp;
  #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #adminAgent = new AgentTls({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  #second = 0;

  static async connect(ports) {
    const polite = new Polite();
    polite.#ports = ports;
    polite.#resp = await polite.#login();
    return polite;
  }

  async #login() {
    const connection = await RespConnection.connect(this.#ports.resp);
    const [reply] = await connection.send([['AUTH', 'polite', 'secret-of-polite']]);
    if (reply !== 'OK') throw reply;
    return connection;
  }

  put(key, value) {
    return this.#http('PUT', `/${key}`, value, [201, 204]);
  }

  /** For so long: a PUT, a GET and a GET over RESP every 50 ms, now and then a new connection, and `everySecond`. */
  async run(ms, everySecond) {
    const until = performance.now() + ms;
    const old = { latencies: [], errors: [] };
    const fresh = { latencies: [], errors: [] };
    const asLongAs = async (everyMs, work) => {
      while (performance.now() < until) {
        const due = performance.now() + everyMs;
        await work();
        await sleep(Math.max(0, due - performance.now()));
      }
    };
    let n = 0;
    const requests = asLongAs(PERIOD_MS, async () => {
      n++;
      const [key, value] = [`polite-${n % 100}`, `value ${n}`];
      await timed(old, 'HTTP PUT', () => this.put(key, value));
      await timed(old, 'HTTP GET', () => this.#http('GET', `/${key}`, undefined, [200]));
      await timed(old, 'RESP GET', async () => {
        const [found] = await this.#resp.send([['GET', key]]);
        if (found !== value) throw found instanceof Error ? found : new Error(`another value: ${found}`);
      });
    });
    const connections = asLongAs(NEWCOMER_MS, () =>
      timed(fresh, 'a new connection', async () => (await this.#login()).close(), NEWCOMER_DEADLINE_MS),
    );
    const seconds = asLongAs(1000, () => {
      this.#second++;
      return everySecond();
    });
    await Promise.all([requests, connections, seconds]);
    return { old, fresh };
  }

  async metrics() {
    const options = { host: '127.0.0.1', port: this.#ports.admin, path: '/metrics', agent: this.#adminAgent };
    const page = await answerOf(requestTls({ ...options, headers: authorization }), undefined, [200]);
    const value = (name) =>
      Number(
        page
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.slice(name.length) ?? 0,
      );
    return {
      second: this.#second,
      heap: value('nodejs_heap_used_bytes'),
      lag: value('sluice_event_loop_lag_seconds{quantile="1"}'),
      connections: value('sluice_limit_connections'),
      input: value('sluice_limit_held_bytes{direction="input"}'),
      output: value('sluice_limit_held_bytes{direction="output"}'),
      hits: [...page.matchAll(/^sluice_limit_hits_total\{(.*)\} (\d+)$/gm)].map(([, labels, times]) => [labels, times]),
    };
  }

  #http(method, path, body, accepted) {
    const options = {
      host: '127.0.0.1',
      port: this.#ports.http,
      method,
      path,
      agent: this.#agent,
      headers: authorization,
    };
    return answerOf(request(options), body, accepted);
  }
}

async function timed({ latencies, errors }, what, ask, deadlineMs = DEADLINE_MS) {
  const started = performance.now();
  try {
    await within(deadlineMs, ask());
    latencies.push(performance.now() - started);
  } catch (error) {
    errors.push(`${what}: ${error.message}`);
  }
}

const authorization = { authorization: 'Bearer secret-of-polite' };

function answerOf(sent, body, accepted) {
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('latin1').on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        accepted.includes(response.statusCode)
          ? resolve(text)
          : reject(new Error(`status ${response.statusCode}: ${text}`)),
      );
    });
    sent.end(body);
  });
}

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function row(name, { latencies, errors }) {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (q) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0).toFixed(1);
  return `| ${name} | ${latencies.length + errors.length} | ${errors.length} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`;
}

function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return { rss: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024 };
}

function mib(bytes) {
  return (bytes / MIB).toFixed(1);
}
