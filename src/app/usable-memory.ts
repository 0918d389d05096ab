import { totalmem } from 'node:os';

/** Bytes of the machine, or the limit of the control group (container) where that is less. */
export function usableMemory(): number {
  const total = totalmem();
  // 0 or undefined: unknown; without a limit the kernel reports a number larger than any machine.
  const limit = process.constrainedMemory();
  return limit > 0 && limit < total ? limit : total;
}
