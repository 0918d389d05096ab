import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const example = resolve(import.meta.dirname, '../../examples/api-cache/run.mjs');

test('examples/api-cache: a quota is kept, stale values are given out, attacks are refused', {
  timeout: 90_000,
}, async () => {
  const env = { ...process.env, LOADS: '4,4,2' };
  const { stdout } = await promisify(execFile)(process.execPath, [example], { env }).catch((error: unknown) => {
    throw new Error((error as { stdout?: string }).stdout, { cause: error });
  });
  expect(stdout).toContain('the secret server was never asked');
  expect(stdout.trimEnd()).toMatch(/all as it should be$/);
});
