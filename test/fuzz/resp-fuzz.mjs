/**
 * Fuzzes the built RESP codec: node test/fuzz/resp-fuzz.mjs [--seconds N] [--seed S] [--round R]
 *
 * Valid input is mutated and decoded in one piece, in random pieces and byte by byte. Nothing but a ProtocolError may be thrown, the
 * results must be the same, memory must not grow, and no round may take long. A failure names its round: run that alone with --round.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fuzzRound } from './resp-rounds.mjs';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, seed: { type: 'string' }, round: { type: 'string' } },
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error('usage: node test/fuzz/resp-fuzz.mjs [--seconds N] [--seed S] [--round R]');
  process.exit(2);
}

const built = new URL('../../dist/resp/', import.meta.url);
try {
  readFileSync(new URL('decoder.js', built));
} catch {
  console.error('there is no build: npm run build');
  process.exit(2);
}
const [{ CommandDecoder }, { ReplyDecoder }, { ProtocolError }] = await Promise.all(
  ['decoder.js', 'reply-decoder.js', 'protocol-error.js'].map((file) => import(new URL(file, built).href)),
);
const codec = { CommandDecoder, ReplyDecoder, ProtocolError };

/** A round decodes some kilobytes three times. */
const longestMs = 2000;
const mostGrowth = 200 * 1024 * 1024;

const started = performance.now();
const totals = { rounds: 0, bytes: 0, values: 0, refused: 0, slowestMs: 0 };
let settled = 0;
let most = 0;

function run(round) {
  const before = performance.now();
  try {
    const { bytes, values: count, refused } = fuzzRound(codec, seed, round);
    totals.rounds++;
    totals.bytes += bytes;
    totals.values += count;
    if (refused) totals.refused++;
  } catch (error) {
    console.error(`seed ${seed}, round ${round}:`, error);
    console.error(`repeat it: node test/fuzz/resp-fuzz.mjs --seed ${seed} --round ${round}`);
    process.exit(1);
  }
  const took = performance.now() - before;
  totals.slowestMs = Math.max(totals.slowestMs, took);
  if (took > longestMs) fail(`round ${round} took ${took.toFixed(0)} ms`);
}

function fail(what) {
  console.error(`seed ${seed}: ${what}`);
  process.exit(1);
}

if (values.round !== undefined) {
  run(Number(values.round));
} else {
  for (let round = 0; performance.now() - started < seconds * 1000; round++) {
    run(round);
    if (round % 1000 !== 999) continue;
    const { rss } = process.memoryUsage();
    // The first rounds fill what the runtime keeps for itself.
    if (round < 20_000) settled = Math.max(settled, rss);
    else if (rss > settled + mostGrowth)
      fail(`memory grew from ${settled >> 20} to ${rss >> 20} MiB in ${round} rounds`);
    most = Math.max(most, rss);
  }
}
const { rounds, bytes, values: count, refused, slowestMs } = totals;
console.log(
  `seed ${seed}: ${rounds} rounds, ${(bytes / 2 ** 20).toFixed(1)} MiB three times over, ${count} values, ` +
    `${refused} rounds ended refused; slowest round ${slowestMs.toFixed(1)} ms, memory at most ${most >> 20} MiB`,
);
