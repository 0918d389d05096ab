import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const example = resolve(import.meta.dirname, '../../examples/scooters/run.mjs');

test('examples/scooters: after a kill every row is the last accepted position', { timeout: 90_000 }, async () => {
  const env = { ...process.env, SCOOTERS: '300', SECONDS_EACH: '3,3' };
  const { stdout } = await promisify(execFile)(process.execPath, [example], { env }).catch((error: unknown) => {
    throw new Error((error as { stdout?: string }).stdout, { cause: error });
  });
  expect(stdout).toMatch(/ 300 rows; 0 rows are not the last accepted position\n/);
  expect(stdout.trimEnd()).toMatch(/all as it should be$/);
});
