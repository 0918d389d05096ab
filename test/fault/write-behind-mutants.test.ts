import { describe, expect, it } from 'vitest';
import { crashRun } from './mutants/crash-run.ts';
import { dirtySetMutants } from './mutants/dirty-sets.ts';

const KILLS = 12;

describe('the check of rows that are written behind', () => {
  it.each([1, 2, 3])('finds nothing wrong with the store as it is (seed %i)', { timeout: 60_000 }, async (seed) => {
    for (const keys of ['once', 'hot'] as const) {
      const { problems, acknowledged, rows } = await crashRun({ seed, kills: KILLS, keys });
      expect(problems).toEqual([]);
      expect(acknowledged).toBeGreaterThan(300);
      if (keys === 'once') expect(rows).toBeGreaterThan(300);
    }
  });

  it.each(dirtySetMutants)('catches a store that $name', { timeout: 60_000 }, async ({ make }) => {
    const { problems } = await crashRun({ seed: 1, kills: KILLS, mutant: make });
    expect(problems.length).toBeGreaterThan(0);
  });
});
