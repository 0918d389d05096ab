import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';

const report = resolve(import.meta.dirname, 'report.mjs');

describe('a node killed with -9 under load', () => {
  it('keeps what it acknowledged, and a node that acknowledges too early is noticed', async () => {
    await using folder = await tempDir('sluice-fault-report-');
    const args = [report, '--kills', '5', '--seed', '3', '--mutants', '1', '--mutant-kills', '4', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...args,
      '--report',
      join(folder.path, 'fault.md'),
    ]).catch(
      // Its status is 1 when something is wrong; what is wrong stands in its output.
      (error: { stdout: string }) => error,
    );
    const { passed, result, refusesDamage, verdicts } = JSON.parse(stdout) as {
      passed: boolean;
      result: {
        kills: number;
        acknowledged: number;
        lost: number;
        torn: number;
        resurrected: number;
        refused: number;
        examples: string[];
      };
      refusesDamage: boolean;
      verdicts: { caught: boolean }[];
    };
    expect(result).toMatchObject({ kills: 5, lost: 0, torn: 0, resurrected: 0, refused: 0, examples: [] });
    // How many depends on the machine; next to none would prove nothing.
    expect(result.acknowledged).toBeGreaterThan(100);
    expect(refusesDamage).toBe(true);
    expect(verdicts).toMatchObject([{ caught: true }]);
    expect(passed).toBe(true);
  }, 120_000);
});
