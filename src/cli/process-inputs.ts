import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
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

/** The memory of the machine, or the limit of the control group (container) where that is less. */
function usableMemory(): number {
  const total = totalmem();
  // 0 or undefined: unknown; without a limit the kernel reports a number larger than any machine.
  const limit = process.constrainedMemory();
  return limit > 0 && limit < total ? limit : total;
}
