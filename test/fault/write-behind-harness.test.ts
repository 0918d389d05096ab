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

describe('rows that are written behind while what carries them is killed', () => {
  it('lose nothing and come back from nowhere, with SQLite', { timeout: 120_000 }, async () => {
    const { passed, result } = await run('--kills', '12', '--seconds', '8');
    expect(result.problems).toEqual([]);
    expect(passed).toBe(true);
    // How many depends on the machine; next to none would prove nothing.
    expect(result.kills).toBeGreaterThan(2);
    expect(result.acknowledged).toBeGreaterThan(200);
    expect(result.once).toBeGreaterThan(result.rows / 2);
  });

  it.skipIf(findProgram('postgres') === undefined)(
    'nor with PostgreSQL, which is killed too, and a way to it that is cut, silent or late',
    { timeout: 120_000 },
    async () => {
      const { passed, result } = await run('--kills', '12', '--seconds', '8', '--database', 'postgres');
      expect(result.problems).toEqual([]);
      expect(passed).toBe(true);
      expect(result.kills).toBeGreaterThan(2);
      expect(result.acknowledged).toBeGreaterThan(200);
    },
  );
});
