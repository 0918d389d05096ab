/**
 * Kills a node again and again under load and says what became of the acknowledged writes; then does the same to nodes with one
 * known defect each, which have to be caught. Writes reports/fault.md.
 *
 *   npm run fault -- store [--kills N] [--seed S] [--durability commit|fsync|memory] [--mutants N] [--report FILE] [--json]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { campaign, wrong } from './support/campaign.mjs';
import { flipOneByte, mutants, mutate } from './support/mutants.mjs';

const root = resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    durability: { type: 'string', default: 'commit' },
    mutants: { type: 'string', default: String(mutants.length) },
    'mutant-kills': { type: 'string', default: '20' },
    report: { type: 'string', default: join(root, 'reports', 'fault.md') },
    json: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
const { durability } = values;
const say = (text) => values.json || process.stderr.write(`${text}\n`);

const started = performance.now();
say(`${kills} kills, seed ${seed}, durability ${durability}`);
const result = await campaign({ dist: join(root, 'dist'), kills, seed, durability, onProgress: every(10, say) });

// A flipped byte must be refused by the program as it is, or the last mutant would say nothing.
const damaged = await campaign({
  dist: join(root, 'dist'),
  kills: 4,
  seed,
  tamper: (dataDir) => flipOneByte(dataDir, root),
});
const refusesDamage = damaged.refused === 1 && wrong(damaged) === 1 && damaged.examples.join().includes('DATA_DAMAGED');
say(
  `a flipped byte is ${refusesDamage ? 'refused' : 'NOT refused'}: ${damaged.examples.join('; ') || JSON.stringify(damaged)}`,
);

const verdicts = [];
for (const mutant of mutants.slice(0, Number(values.mutants))) {
  const { dist, remove } = mutate(root, mutant);
  try {
    const found = await campaign({
      dist,
      kills: Number(values['mutant-kills']),
      seed,
      stopWhenWrong: true,
      ...(mutant.tamper === undefined ? {} : { tamper: (dataDir) => mutant.tamper(dataDir, root) }),
    });
    verdicts.push({
      name: mutant.name,
      caught: wrong(found) > 0,
      kills: found.kills,
      example: found.examples[0] ?? '',
    });
  } finally {
    remove();
  }
  const { name, caught, kills: after } = verdicts.at(-1);
  say(`mutant "${name}": ${caught ? `caught after ${after} kills` : 'NOT CAUGHT'}`);
}

const caught = verdicts.filter((verdict) => verdict.caught).length;
const passed = wrong(result) === 0 && refusesDamage && caught === verdicts.length;
const lines = [
  '# Fault report',
  '',
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${process.platform} ${process.arch}, ${cpus().length} processors, ${((performance.now() - started) / 1000).toFixed(0)} s. Seed ${seed}, durability \`${durability}\`.`,
  '',
  'A node is killed with -9 at random moments while four connections write to it (SET, DEL, HSET, RPUSH, INCR, ZADD, 24 commands in flight each), a fifth of the times while it starts, with checkpoints all the time. After each start the state of each connection must be exactly the one after some number of its commands, not less than were acknowledged.',
  '',
  '| | |',
  '|---|---|',
  `| kills | ${result.kills}, ${result.killsWhileStarting} of them before it listened, ${result.killsWhileLoading} while it read its data |`,
  `| acknowledged writes | ${result.acknowledged} |`,
  `| lost | ${result.lost} |`,
  `| torn | ${result.torn} |`,
  `| resurrected | ${result.resurrected} |`,
  `| refused starts, error replies | ${result.refused}, ${result.errors} |`,
  `| kept although not acknowledged (allowed) | ${result.unacknowledgedKept} |`,
  `| largest data folder | ${(result.largestFolder / 1024 / 1024).toFixed(1)} MiB |`,
  `| a flipped byte in a group of the log | ${refusesDamage ? 'refused' : 'NOT refused'} |`,
  `| mutants caught | ${caught} of ${verdicts.length} |`,
  '',
  ...result.examples.map((text) => `- ${text}`),
  ...(result.examples.length > 0 ? [''] : []),
  '| mutant | |',
  '|---|---|',
  ...verdicts.map(
    ({ name, caught: yes, kills: after, example }) =>
      `| ${name} | ${yes ? `caught after ${after} kills: ${example.replaceAll(/[|\n]/g, ' ').slice(0, 160)}` : '**not caught**'} |`,
  ),
  '',
  passed ? 'Passed.' : '**Failed.**',
  '',
];
mkdirSync(dirname(values.report), { recursive: true });
writeFileSync(values.report, lines.join('\n'));
process.stdout.write(
  values.json
    ? `${JSON.stringify({ passed, result, refusesDamage, verdicts })}\n`
    : `${lines.join('\n')}\n${values.report}\n`,
);
process.exitCode = passed ? 0 : 1;

function every(n, tell) {
  let count = 0;
  return (text) => {
    if (++count % n === 0) tell(text);
  };
}
