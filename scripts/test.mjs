/**
 * Runs the tests: prepares the real servers, runs vitest with the arguments given, and ends with the line
 * `N passed, N failed` (and `, N skipped`). The status is 0 only when something ran and nothing failed.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at, readIfPresent, root } from './lib/project.mjs';
import { ensureServers } from './lib/servers.mjs';

const environment = ensureServers();
if (environment === undefined) {
  process.stdout.write('0 passed, 1 failed\n');
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
const countsFile = join(folder, 'counts.json');
const child = spawn(
  process.execPath,
  [
    at('node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    `--reporter=${at('scripts', 'lib', 'count-reporter.mjs')}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ...environment, SLUICE_TEST_COUNTS: countsFile } },
);
// A terminal sends Ctrl-C to vitest as well; a TERM meant for the whole run comes only to us.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));

const status = await new Promise((done, failed) => {
  child.once('error', failed);
  child.once('close', (code) => done(code ?? 1));
});
const text = readIfPresent(countsFile);
rmSync(folder, { recursive: true, force: true });

const counts = text === undefined ? { passed: 0, failed: 0, skipped: 0 } : JSON.parse(text);
const nothingRan = counts.passed + counts.failed === 0;
// vitest can fail without a failed test (a bad argument, a crash): that is one failure, not zero.
if (counts.failed === 0 && (status !== 0 || nothingRan || counts.reason === 'interrupted')) counts.failed = 1;
if (nothingRan) process.stdout.write('no test ran\n');
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
process.exitCode = counts.failed === 0 ? 0 : status || 1;
