import { describe, expect, it } from 'vitest';
import { runCoherence } from './support/coherence-run.ts';

/** Minutes of it: SLUICE_FAULT_SECONDS=300 npx vitest run test/fault/coherence.test.ts */
const seconds = Number(process.env['SLUICE_FAULT_SECONDS'] ?? 6);
const timeout = (seconds + 30) * 1000;

describe('three nodes and a plain client on one server', () => {
  it('read nothing older than a heartbeat has proven, while links are cut and the server is killed', {
    timeout,
  }, async () => {
    const report = await runCoherence({ durationMs: seconds * 1000, faults: true, seed: 7 });
    expect(report.violations.slice(0, 10)).toEqual([]);
    // The run has seen what it is about.
    expect(report.reads).toBeGreaterThan(500);
    expect(report.hits).toBeGreaterThan(100);
    expect(report.writes).toBeGreaterThan(50);
    expect(report.barriers).toBeGreaterThan(20);
    expect(report.cuts).toBeGreaterThan(3);
    console.info(JSON.stringify({ ...report, violations: report.violations.length }));
  });

  it.each(['deaf', 'late'] as const)(
    'would be caught if a node were %s to what it is told',
    { timeout },
    async (mutant) => {
      const report = await runCoherence({ durationMs: 2000, faults: false, seed: 3, mutant });
      expect(report.violations.length).toBeGreaterThan(0);
    },
  );
});
