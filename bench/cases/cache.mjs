import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { clock, fifo, localCache, lru, s3Fifo } from '../lib/cache-simulations.mjs';
import { compare, interleave } from '../lib/measure.mjs';
import { MissingProgram } from '../lib/process.mjs';
import { traceKinds, uniqueKeys } from '../lib/traces.mjs';

/** The local cache by itself, from `dist`: what an operation costs at three sizes, memory, pauses, hit ratios. */
export const cacheCases = [
  {
    name: 'cache',
    title: 'the local cache: cost of each operation by size, memory per entry, pauses; beside lru-cache',
    needs: [],
    run: runCacheCase,
  },
  {
    name: 'cache-hits',
    title: 'the local cache: share of requests that miss, for made-up traces; beside LRU',
    needs: [],
    run: runHitsCase,
  },
];

const module = new URL('../../dist/cache/local-cache.js', import.meta.url);
const probe = fileURLToPath(new URL('../lib/cache-probe.mjs', import.meta.url));
const operationsShown = ['hit', 'miss', 'replace', 'evict', 'delete', 'expire'];

function requireBuild() {
  if (!existsSync(module)) throw new MissingProgram('dist/cache/local-cache.js does not exist: npm run build');
}

async function runCacheCase({ options, note }) {
  requireBuild();
  if (options.null)
    throw new MissingProgram('it is compared with a library, not with a server: nothing to put in its place');
  // A tool of the development dependencies brings it; nothing of Sluice needs it.
  const rival = 'lru-cache';
  try {
    createRequire(import.meta.url).resolve(rival);
  } catch {
    throw new MissingProgram(`${rival} is not in node_modules`);
  }
  const sizes = [10_000, 100_000, options.keys];
  const measure = (subject, size) => async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', probe, subject, String(size)]);
    return JSON.parse(stdout);
  };
  const results = {};
  const rounds = Math.min(options.rounds, 2);
  for (const size of sizes) {
    const sides = {
      peer: measure(options.null ? 'sluice' : rival, size),
      subject: measure(options.null ? rival : 'sluice', size),
    };
    results[size] = await interleave(rounds, sides, note);
  }
  const figures = (size, side, name) => results[size][side].map((result) => result[name]);
  const between = (size, name) => compare(figures(size, 'peer', name), figures(size, 'subject', name));
  const [few, many] = [sizes[0], sizes.at(-1)];
  const pause = (name) => compare(figures(few, 'subject', name), figures(many, 'subject', name));
  const rows = operationsShown.flatMap((name) =>
    sizes.map((size) => ({
      peerName: `${rival}: ${name}, ${size} entries`,
      unit: 'ns',
      ...between(size, name),
    })),
  );
  const most = (size, side) =>
    results[size][side].map((result) => Math.max(result.bytesPerEntry, result.bytesPerEntryLater));
  return [
    ...rows,
    {
      peerName: `${rival}: memory per entry, ${many} entries`,
      unit: 'bytes',
      mustFigure: 260,
      aimFigure: 220,
      ...compare(most(many, 'peer'), most(many, 'subject')),
      results,
    },
    { peerName: `Sluice, ${few} entries: longest pause`, unit: 'ms', must: 2, ...pause('longestPauseMs') },
    { peerName: `Sluice, ${few} entries: a forced full collection`, unit: 'ms', must: 2, ...pause('fullCollectionMs') },
    { peerName: `${rival}: longest pause, ${many} entries`, unit: 'ms', ...between(many, 'longestPauseMs') },
  ];
}

async function runHitsCase({ note }) {
  requireBuild();
  const { LocalCache } = await import(module.href);
  const rows = [];
  for (const { like, keys, sizes, real, make } of traceKinds) {
    const trace = make();
    note(`${like}: ${trace.length} requests, ${uniqueKeys(trace)} keys (the real trace: ${keys})`);
    for (const [i, capacity] of sizes.entries()) {
      const options = { maxEntries: capacity, maxBytes: Number.POSITIVE_INFINITY, policy: 's3-fifo', idle: 0 };
      const cache = new LocalCache({ ...options, random: Math.random, isDead: () => false });
      const hits = { fifo, clock, lru, s3Fifo };
      for (const [name, simulate] of Object.entries(hits)) hits[name] = 100 * simulate(trace, capacity);
      hits.sluice = 100 * localCache(cache, trace);
      note(
        `${like}, ${capacity} entries: hits in % ${JSON.stringify(hits, (_, x) => (typeof x === 'number' ? Number(x.toFixed(1)) : x))}, on the real trace ${JSON.stringify(real[i])}`,
      );
      const [peer, subject] = [100 - hits.lru, 100 - hits.sluice];
      rows.push({
        peerName: `LRU: a trace like ${like}, ${capacity} entries`,
        unit: '% missed',
        peer,
        subject,
        ratio: subject / peer,
        // Within 1.5 points of S3-FIFO on the real trace.
        mustFigure: Number((101.5 - real[i].s3Fifo).toFixed(1)),
        hits,
      });
    }
  }
  return rows;
}
