/**
 * `node bench/profile.mjs CASE [--keys N] [--seconds S]`: runs the load of one case against Sluice alone and prints, for
 * each of its threads, the functions with the most time of their own. Only the load is profiled, not the filling before
 * it. Without CASE it lists them; those that begin with `proxy-` have a redis-server behind Sluice, those with `write-behind-` PostgreSQL (--keys is the number of rows). The profiles stay in
 * ./reports/profile, for Chrome's developer tools or https://www.speedscope.app.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from './lib/args.mjs';
import { runRedisBenchmark, runWrk } from './lib/generators.mjs';
import { fillResp, readAllHttp } from './lib/load.mjs';
import { createTable, fillScooters, startWriteBehind } from './lib/scooters.mjs';
import { Servers } from './lib/servers.mjs';
import { startPostgres } from './peers/postgres.mjs';
import { startSluice } from './peers/sluice.mjs';

const [name = '', ...rest] = process.argv.slice(2);
const options = parseArgs(rest);
const { keys, seconds, connections } = options;

const benchmark = (kind, pipeline) => async (sluice) => {
  const load = (operations) => runRedisBenchmark({ port: sluice.port, kind, keys, operations, connections, pipeline });
  const { rate } = await load(kind === 'mget' ? 500 : 20_000 * pipeline);
  return () => load(Math.ceil(rate * seconds));
};
const loads = {
  'resp-get-p1': benchmark('get', 1),
  'resp-get-p16': benchmark('get', 16),
  'resp-set-p1': benchmark('set', 1),
  'resp-set-p16': benchmark('set', 16),
  'http-get': async (sluice) => () => runWrk({ ...sluice.http, keys, seconds, connections }),
  fill: async (sluice) => () => fillResp(sluice.port, keys, { ttlSeconds: 86_400 }),
};
/** Before a redis-server: the kind of the cache, and the load. */
const proxyLoads = {};
for (const pipeline of [1, 16]) {
  for (const [what, cache] of Object.entries({ hit: 'all', most: 'most', miss: 'few', off: 'off' }))
    proxyLoads[`proxy-${what}-p${pipeline}`] = [cache, benchmark('get', pipeline)];
  proxyLoads[`proxy-set-p${pipeline}`] = ['all', benchmark('set', pipeline)];
}
for (const [what, cache] of Object.entries({ hit: 'all', miss: 'few', off: 'off' }))
  proxyLoads[`proxy-mget-${what}`] = [cache, benchmark('mget', 1)];
const httpLoad = (sluice, count) => () => runWrk({ ...sluice.http, keys: count, seconds, connections });
proxyLoads['proxy-http-hit'] = [
  'all',
  async (sluice) => {
    const count = Math.min(100_000, keys);
    await readAllHttp(sluice.http, count);
    await httpLoad(sluice, count)();
    return httpLoad(sluice, count);
  },
];
proxyLoads['proxy-http-miss'] = ['few', async (sluice) => httpLoad(sluice, keys)];
/** With PostgreSQL, which rows are written to: settings of the keyspace, and the load. */
const never = { minDelay: '1d', maxDelay: '1d' };
const rowLoads = {
  'write-behind-accept': [{ minDelay: '5s', maxDelay: '5s' }, reportsOf(10_000)],
  // Of so many scooters, so seldom that none is written meanwhile.
  'write-behind-put': [never, reportsOf(10_000)],
  'write-behind-flush': [
    { ...never, maxPending: 100_000_000 },
    async (sluice) => {
      await fillScooters(sluice.port, keys);
      await sluice.settle();
      return async () => {
        const started = performance.now();
        await sluice.flush();
        return { operations: keys, rate: (keys / (performance.now() - started)) * 1000 };
      };
    },
  ],
};
function reportsOf(count) {
  return async ({ port }) => {
    const load = (operations) =>
      runRedisBenchmark({ port, kind: 'hset', keys: count, operations, connections: 64, pipeline: 8 });
    const { rate } = await load(50_000);
    return () => load(Math.ceil(rate * seconds));
  };
}
const names = [...Object.keys(loads), ...Object.keys(proxyLoads), ...Object.keys(rowLoads)];
if (!names.includes(name)) {
  console.error(`usage: node bench/profile.mjs ${names.join('|')} [--keys N] [--seconds S]`);
  process.exit(2);
}

const profiles = resolve('reports/profile');
rmSync(profiles, { recursive: true, force: true });
mkdirSync(profiles, { recursive: true });

const servers = new Servers(options, () => {});
async function startAlone() {
  const alone = await startSluice({ probed: true, profiles });
  await fillResp(alone.port, keys);
  return alone;
}
async function startProxied(kind) {
  return await servers.startProxied(kind, await servers.redisBehind(kind), { probed: true, profiles });
}
let postgres;
async function startWriting(policy) {
  postgres = await startPostgres();
  await createTable(postgres, keys);
  return await startWriteBehind(postgres, policy, { probed: true, profiles, settings: { durability: 'fsync' } });
}
const [kind, prepare] = rowLoads[name] ?? proxyLoads[name] ?? [undefined, loads[name]];
const sluice = await (name in rowLoads ? startWriting(kind) : kind === undefined ? startAlone() : startProxied(kind));
await sluice.settle();
const load = await prepare(sluice);
await sluice.ask('profile');
const before = sluice.cpu();
const result = await load();
const used = sluice.cpu() - before;
await sluice.ask('profiled');
await sluice.settle();
await sluice.stop();
await servers.stop();
await postgres?.stop();

if (result)
  console.log(
    `${name}: ${Math.round(result.rate)}/s, ${((used / result.operations) * 1e6).toFixed(2)} us of CPU per operation while profiled\n`,
  );
const root = fileURLToPath(new URL('..', import.meta.url));
for (const file of readdirSync(profiles).sort()) printTop(file, JSON.parse(readFileSync(join(profiles, file), 'utf8')));

/** Own time per function: `timeDeltas[i]` is the time before sample `i`, whose node is `samples[i]`. */
function printTop(file, { nodes, samples, timeDeltas }) {
  const frames = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const times = new Map();
  let total = 0;
  samples.forEach((id, at) => {
    const { functionName, url, lineNumber } = frames.get(id);
    const where = url.startsWith('file://') ? relative(root, fileURLToPath(url)) : url;
    const title = `${functionName || '(anonymous)'}${where ? `  ${where}:${lineNumber + 1}` : ''}`;
    times.set(title, (times.get(title) ?? 0) + timeDeltas[at]);
    total += timeDeltas[at];
  });
  const idle = times.get('(idle)') ?? 0;
  // The profiler's own start and stop.
  total -= times.get('dispatch') ?? 0;
  times.delete('dispatch');
  times.delete('(idle)');
  console.log(
    `${file}: ${(total / 1e6).toFixed(2)} s, ${Math.round((idle / total) * 100)} % idle; own time, % of the rest`,
  );
  const top = [...times].sort(([, a], [, b]) => b - a).slice(0, 30);
  for (const [title, time] of top) console.log(`${((time / (total - idle)) * 100).toFixed(1).padStart(6)}  ${title}`);
  console.log('');
}
