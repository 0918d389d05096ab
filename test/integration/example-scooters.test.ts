import { expect, test } from 'vitest';
import { runScooters } from '../support/scooters.ts';

test('examples/scooters: all that was accepted is in SQLite after a kill of Sluice and a locked file', {
  timeout: 120_000,
}, async () => {
  const printed = await runScooters([]);
  expect(printed).toContain('the database is a file of SQLite');
  expect(printed).toContain('an exclusive lock on its file');
});
