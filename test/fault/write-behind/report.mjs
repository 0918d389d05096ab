/**
 * Kills Sluice, its store and its database again and again while rows are written behind, makes the way to the database bad, and says
 * what became of the rows.
 *
 *   npm run fault -- [--kills N] [--store embedded|redis] [--database sqlite|postgres|mariadb] [--seed S] [--seconds N] [--lanes N]
 *     [--nodes N] [--shapes row,counter,record] [--no-fence] [--report FILE] [--json] [--dist FOLDER]
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
  `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${process.platform} ${process.arch}, ${cpus().length} processors, ${number(result.seconds)} s, ${number(result.kills)} kills in ${result.rounds} rounds. \`npm run fault -- --kills ${values.kills} --store ${store} --database ${database} --shapes ${values.shapes} --lanes ${values.lanes} --seed ${values.seed}\``,
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
    .map(
      ([name, count]) => `| ${name.replaceAll('|', ' ').replaceAll(/N\.N\.N\.N:N/g, 'a server')} | ${number(count)} |`,
    ),
  '',
  ...result.problems.slice(0, 30).map(({ kind, key, text, round }) => `- round ${round}: ${kind} ${key}: ${text}`),
  ...(result.problems.length > 0 ? [''] : []),
  passed ? 'Passed.' : '**Failed.**',
  '',
];
mkdirSync(dirname(values.report), { recursive: true });
writeFileSync(values.report, withSection(values.report, lines.join('\n')));
for (const log of result.logs.slice(0, 2)) say(log.slice(-6_000));
const { logs: _, ...told2 } = result;
process.stdout.write(values.json ? `${JSON.stringify({ passed, result: told2 })}\n` : `${lines.join('\n')}\n`);
process.exitCode = passed ? 0 : 1;

/** The report with this run in the place of an older one of its kind. */
function withSection(file, section) {
  const [heading] = section.split('\n', 1);
  const before = existsSync(file) ? readFileSync(file, 'utf8').split(/^(?=## )/m) : [introduction()];
  const at = before.findIndex((part) => part.startsWith(`${heading}\n`));
  if (at < 0) before.push(section);
  else before[at] = section;
  return before
    .map((part) => part.trimEnd())
    .join('\n\n')
    .concat('\n');
}

function introduction() {
  return `# Faults while rows are written behind

\`npm run fault -- --kills 1000 --database postgres\` runs the built program, four clients for each node or group of nodes, and kills. What it does:

- **Clients.** Each has keys of its own, so what may be found in a row follows from what one client was answered: the last change that was acknowledged, or a
  later one of which nobody knows. Four of five rows are written once and never again: a later write would hide a loss. The others are written some more, or
  deleted soon after; a few all the time. There are numbers in rows (\`HINCRBY\`), counters and records. A read gives nothing older than what was read or
  acknowledged before.
- **Kills.** Sluice is killed with -9 after 80 to 300 ms of service or some more, some of the times while it starts, and garbage is put behind the write-ahead
  log of its store. The database and Redis (\`appendfsync always\`) are killed, too. Some of the times Sluice is ended by SIGTERM instead.
- **The way to the database** goes through a relay, which cuts it after COMMIT was sent, before it, or at any time; answers nothing; is half-open or slow; and lets
  a COMMIT arrive when Sluice has given it up long ago, with a deletion of the row in between.
- **Several nodes** over Redis: one is stopped (SIGSTOP) for longer than its leases, what it has just accepted is deleted through another one, and it goes on.
- **At the end of each round** of 40 kills all is left in peace, and every row of the tables is compared with what it must be. While the tables are written to they are
  looked at: no row may go back.

A row counts as *lost* when it is older than acknowledged, as *resurrected* when it is there although its deletion was acknowledged, as *torn* when it is half of a change,
as *counted twice* when a counter or a record is.

A check that finds nothing has to be able to find something: stores with one defect each (claims that are not recorded, acknowledging what has changed since, answering
before the store has it, and others) are run through the same check by the tests, and each is caught; when only a few keys are rewritten all the time the first three
go unnoticed or nearly so. Without \`fence\` (\`--no-fence\`) the late COMMIT brought the deleted row back in four of four tries with PostgreSQL. The stopped node
brought nothing back without a fence either, in nine tries: when it goes on it sees first that its time is over. So that step has not been seen to fail.

What is not tried here: the loss of power (the tests trace the fsync before the answer), full disks (other tests), clocks that jump.
`;
}
