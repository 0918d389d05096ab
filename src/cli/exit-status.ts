import { isSluiceError, SluiceError } from '../errors.ts';

/** Done. */
export const exitOk = 0;
/** The command was understood, but failed. */
export const exitFailed = 1;
/** The command line or the configuration is wrong. */
export const exitUsage = 2;
/** The node ended as it should, but rows are still to be written; they are kept for the next start. */
export const exitUnwritten = 3;

const usageCodes: readonly string[] = ['USAGE', 'CONFIG_INVALID', 'INSECURE_ADDRESS', 'NOT_SUPPORTED'];

/** Writes what went wrong to standard error, one line where one line says it, and returns the exit status it means. */
export function reportFailure(error: unknown): number {
  if (isSluiceError(error)) {
    for (const line of error.message.split('\n')) process.stderr.write(`sluice: ${line}\n`);
    return usageCodes.includes(error.code) ? exitUsage : exitFailed;
  }
  // Anything else is a bug; the stack is what a report of it needs.
  process.stderr.write(
    `sluice: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return exitFailed;
}

/** An error of the command line. */
export function usageError(message: string): SluiceError {
  return new SluiceError('USAGE', message);
}
