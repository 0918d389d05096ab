import { readFile } from 'node:fs/promises';
import { usableMemory } from '../app/usable-memory.ts';
import type { ConfigInputs } from '../config/load.ts';

/** What the configuration is read from, taken from this process. */
export function processInputs(): Pick<ConfigInputs, 'cwd' | 'memoryBytes' | 'env' | 'readFile'> {
  return {
    cwd: process.cwd(),
    memoryBytes: usableMemory(),
    env: process.env,
    readFile: (path) => readFile(path, 'utf8'),
  };
}
