/**
 * `node bench/profile.mjs CASE [--keys N] [--seconds S]`: runs the load of one case against Sluice alone and prints, for
 * each of its threads, the functions with the most time of their own. Only the load is profiled, not the filling before
 * it. CASE: resp-get-p1 resp-get-p16 resp-set-p1 resp-set-p16 http-get fill. The profiles stay in ./reports/profile,
 * for Chrome's developer tools or https://www.speedscope.app.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from './lib/args.mjs';
import { runRedisBenchmark, runWrk } from './lib/generators.mjs';
import { fillResp } from './lib/load.mjs';
import { startSluice } from './peers/sluice.mjs';

const [name = '', ...rest] = process.argv.slice(2);
const { keys, seconds, connections } = parseArgs(rest);

const benchmark = (kind, pipeline) => async (sluice) => {
  const load = (operations) => runRedisBenchmark({ port: sluice.port, kind, keys, operations, connections, pipeline });
  const { rate } = await load(5000 * pipeline);
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
if (!Object.hasOwn(loads, name)) {
  console.error(`usage: node bench/profile.mjs ${Object.keys(loads).join('|')} [--keys N] [--seconds S]`);
  process.exit(2);
}

const profiles = resolve('reports/profile');
rmSync(profiles, { recursive: true, force: true });
mkdirSync(profiles, { recursive: true });

const sluice = await startSluice({ probed: true, profiles });
await fillResp(sluice.port, keys);
await sluice.settle();
const load = await loads[name](sluice);
await sluice.ask('profile');
const before = sluice.cpu();
const result = await load();
const used = sluice.cpu() - before;
await sluice.ask('profiled');
await sluice.settle();
await sluice.stop();

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
