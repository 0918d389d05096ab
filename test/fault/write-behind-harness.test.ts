import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findProgram } from '../support/programs.ts';
import { tempDir } from '../support/temp-dir.ts';

const report = resolve(import.meta.dirname, 'write-behind', 'report.mjs');

interface Outcome {
  readonly passed: boolean;
  readonly result: {
    readonly kills: number;
    readonly acknowledged: number;
    readonly rows: number;
    readonly once: number;
    readonly problems: readonly unknown[];
  };
}

/** A short run; what is wrong stands in its output. */
async function run(...args: readonly string[]): Promise<Outcome> {
  await using folder = await tempDir('sluice-fault-report-');
  const more = ['--seed', '3', '--json', '--report', join(folder.path, 'report.md')];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [report, ...args, ...more]).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout) as Outcome;
}

/** What has to be true of every run. How much is done depends on the machine; next to nothing would prove nothing. */
function expectRight({ passed, result }: Outcome): void {
  expect(result.problems).toEqual([]);
  expect(passed).toBe(true);
  expect(result.kills).toBeGreaterThan(0);
  expect(result.acknowledged).toBeGreaterThan(100);
  expect(result.once).toBeGreaterThan(result.rows / 2);
}

const shapes = ['--shapes', 'row,counter,record', '--kills', '3', '--seconds', '10'];

describe.concurrent('what is written behind while everything that carries it is killed', () => {
  it('is not lost, nor counted twice, nor there again after it was deleted, with SQLite', {
    timeout: 120_000,
  }, async () => {
    expectRight(await run(...shapes));
  });

  it.skipIf(findProgram('postgres') === undefined)(
    'nor with PostgreSQL, which is killed too, and a way to it that is cut, silent or late',
    { timeout: 120_000 },
    async () => {
      expectRight(await run(...shapes, '--database', 'postgres'));
    },
  );

  it.skipIf(findProgram('redis-server') === undefined)(
    'nor over Redis, which is killed too, by two nodes',
    { timeout: 120_000 },
    async () => {
      expectRight(await run(...shapes, '--store', 'redis', '--nodes', '2', '--lanes', '1'));
    },
  );
});
