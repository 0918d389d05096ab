import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { findProgram } from './programs.ts';

const example = resolve(import.meta.dirname, '../../examples/scooters/run.mjs');

/** Runs a short `examples/scooters` and expects it to end well, having done something of everything. @returns what it printed */
export async function runScooters(args: readonly string[], environment: Record<string, string> = {}): Promise<string> {
  const python = findProgram('python3-redis');
  const env: Record<string, string | undefined> = {
    ...process.env,
    SCOOTERS: '200',
    SECONDS_EACH: '3,1,2,1',
    FLEET_URL: undefined,
    PYTHON: python ?? 'python3',
    ...environment,
  };
  const { stdout } = await promisify(execFile)(process.execPath, [example, ...args], { env, timeout: 110_000 }).catch(
    (error: unknown) => {
      const { stdout: printed, stderr } = error as { stdout?: string; stderr?: string };
      throw new Error(`${printed}\n${stderr}`, { cause: error });
    },
  );
  expect(stdout.trimEnd()).toMatch(/all as it should be$/);
  expect(stdout.match(/^ok {4}/gm)).toHaveLength(5);
  expect(stdout).toMatch(/^[1-9]\d* reports accepted, \d+ of unknown fate; rows written: [1-9]/m);
  expect(stdout).toMatch(/^[1-9]\d* trips and [1-9]\d* rides accepted/m);
  expect(stdout).toMatch(/^[1-9]\d* reads answered, [1-9]\d* of them over HTTP, [1-9]\d* of parked scooters/m);
  expect(stdout).toMatch(/^[1-9]\d* rows were read from the table/m);
  if (python !== undefined) expect(stdout).toContain('180 scooters with node-redis, 20 with redis-py');
  return stdout;
}
