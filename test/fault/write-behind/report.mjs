/**
 * Kills Sluice, its store and its database again and again while rows are written behind, makes the way to the database bad, and says
 * what became of the rows.
 *
 *   npm run fault -- [--kills N] [--store embedded|redis] [--database sqlite|postgres|mariadb] [--seed S] [--seconds N] [--lanes N]
 *     [--nodes N] [--shapes row,counter,record] [--no-fence] [--report FILE] [--json] [--dist FOLDER]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { campaign } from './campaign.mjs';

const root = resolve(import.meta.dirname, '../../..');
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    store: { type: 'string', default: 'embedded' },
    database: { type: 'string', default: 'sqlite' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    seconds: { type: 'string' },
    lanes: { type: 'string', default: '2' },
    nodes: { type: 'string' },
    shapes: { type: 'string', default: 'row' },
    'no-fence': { type: 'boolean', default: false },
    report: { type: 'string', default: join(root, 'reports', 'write-behind-faults.md') },
    dist: { type: 'string', default: join(root, 'dist') },
    json: { type: 'boolean', default: false },
  },
});
const { store, database } = values;
if (!['embedded', 'redis'].includes(store)) throw new Error(`--store is embedded or redis, not ${store}`);
if (!['sqlite', 'postgres', 'mariadb'].includes(database))
  throw new Error(`--database is sqlite, postgres or mariadb, not ${database}`);

const say = (text) => values.json || process.stderr.write(`${text}\n`);
let told = 0;
const result = await campaign({
  dist: resolve(values.dist),
  kills: Number(values.kills),
  store,
  database,
  seed: Number(values.seed),
  lanes: Number(values.lanes),
  shapes: values.shapes.split(','),
  ...(values['no-fence'] ? { fence: false } : {}),
  ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
  ...(values.nodes === undefined ? {} : { nodes: Number(values.nodes) }),
  onProgress: (text) => {
    if (++told % 10 === 0) say(text);
  },
});

const of = (kind) => result.problems.filter((problem) => problem.kind === kind).length;
const others = result.problems.length - of('lost') - of('resurrected') - of('torn') - of('doubled') - of('disordered');
const passed = result.problems.length === 0;
const names = { sqlite: 'SQLite', postgres: 'PostgreSQL', mariadb: 'MariaDB', embedded: 'embedded', redis: 'Redis' };
const number = (n) => Math.round(n).toLocaleString('en-US');
const lines = [
  `## ${names[store]} store, ${names[database]}`,
  '',
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${process.platform} ${process.arch}, ${cpus().length} processors, ${number(result.seconds)} s, ${number(result.kills)} kills in ${result.rounds} rounds. \`npm run fault -- --kills ${values.kills} --store ${store} --database ${database} --seed ${values.seed}\``,
  '',
  '| | |',
  '|---|---|',
  `| changes acknowledged | ${number(result.acknowledged)} |`,
  `| of which nobody knows | ${number(result.unknown)} |`,
  `| refused | ${number(result.refused)} |`,
  `| rows | ${number(result.rows)}, ${((100 * result.once) / result.rows).toFixed(0)} % of them written once |`,
  `| looks at the table while it was written to | ${number(result.looks)} |`,
  `| longest start | ${(result.slowestStart / 1000).toFixed(1)} s |`,
  `| **lost** | ${of('lost')} |`,
  `| **resurrected** | ${of('resurrected')} |`,
  `| **torn, counted twice, out of order** | ${of('torn')}, ${of('doubled')}, ${of('disordered')} |`,
  `| **anything else wrong** | ${others} |`,
  ...Object.entries(result.done)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `| ${name.replaceAll('|', ' ')} | ${number(count)} |`),
  '',
  ...result.problems.slice(0, 30).map(({ kind, key, text, round }) => `- round ${round}: ${kind} ${key}: ${text}`),
  ...(result.problems.length > 0 ? [''] : []),
  passed ? 'Passed.' : '**Failed.**',
  '',
];
mkdirSync(dirname(values.report), { recursive: true });
writeFileSync(values.report, lines.join('\n'));
for (const log of result.logs.slice(0, 2)) say(log.slice(-6_000));
const { logs: _, ...told2 } = result;
process.stdout.write(values.json ? `${JSON.stringify({ passed, result: told2 })}\n` : `${lines.join('\n')}\n`);
process.exitCode = passed ? 0 : 1;
