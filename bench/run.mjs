/**
 * `npm run bench`: Sluice and its peers side by side on this machine, in one run, taking turns. Prints a Markdown table
 * of CPU time per operation (and of memory and pauses) with the ratio and the target. How it measures and what to make
 * of it: docs/explanation/performance.md.
 *
 * Status 0: every case ran (a missed target is a verdict, not a failure). 1: a case failed or a program is missing.
 */
import { writeFileSync } from 'node:fs';
import { cacheCases } from './cases/cache.mjs';
import { gcPauseCases } from './cases/gc-pause.mjs';
import { httpCases } from './cases/http.mjs';
import { memoryCases } from './cases/memory.mjs';
import { originCases } from './cases/origin.mjs';
import { proxyCases } from './cases/proxy.mjs';
import { respCases } from './cases/resp.mjs';
import { writeBehindCases } from './cases/write-behind.mjs';
import { writeBehindAcceptCases } from './cases/write-behind-accept.mjs';
import { chosenCases, helpText, parseArgs } from './lib/args.mjs';
import { MissingProgram, requireProgram } from './lib/process.mjs';
import { machineLine, tableOf, verdictOf } from './lib/report.mjs';
import { Servers } from './lib/servers.mjs';

const cases = [
  ...respCases,
  ...httpCases,
  ...memoryCases,
  ...gcPauseCases,
  ...cacheCases,
  ...proxyCases,
  ...originCases,
  ...writeBehindAcceptCases,
  ...writeBehindCases,
];

const fail = (message) => {
  console.error(`bench: ${message}`);
  process.exit(1);
};

if (process.platform !== 'linux') fail('CPU time is read from /proc: this runs on Linux only');
let options;
try {
  options = parseArgs(process.argv.slice(2));
} catch (error) {
  fail(error.message);
}
if (options.help) {
  console.log(helpText(cases));
  process.exit(0);
}
let chosen;
try {
  chosen = chosenCases(cases, options.only);
} catch (error) {
  fail(error.message);
}

// The exit handlers end every server that was started and remove its folder.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

const note = (text) => options.verbose && console.error(`  ${text}`);
const servers = new Servers(options, note);
const machine = machineLine();
const started = performance.now();
const rows = [];
try {
  for (const one of chosen) {
    console.error(`bench: ${one.name}: ${one.title}`);
    try {
      one.needs.forEach(requireProgram);
      for (const row of await one.run({ servers, options, note }))
        rows.push({ case: one.name, ...row, verdict: verdictOf(row) });
    } catch (error) {
      rows.push({ case: one.name, failure: error.message });
      console.error(`bench: ${one.name} ${error instanceof MissingProgram ? 'not run' : 'failed'}: ${error.message}`);
    }
  }
} finally {
  await servers.stop();
}

const { rounds, keys, seconds } = options;
console.log(tableOf(rows));
console.log(
  `\n${machine} · ${rounds} rounds of ${seconds} s, ${keys} keys${options.null ? ', a peer in the place of Sluice' : ''} · took ${Math.round((performance.now() - started) / 1000)} s`,
);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, options, rows }, null, 2)}\n`);
process.exitCode = rows.some(({ failure }) => failure !== undefined) ? 1 : 0;
