import { isSluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';

/** A refusal in the words clients match on: the message is the whole error reply, first word included (`ERR syntax error`). */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Words of a client as C prints them into an error: up to the first NUL. @param limit of bytes */
export function quoted(bytes: ByteString, limit = Number.POSITIVE_INFINITY): string {
  const end = bytes.indexOf('\0');
  return bytes.slice(0, end < 0 ? limit : Math.min(end, limit));
}

export const syntaxError = (): CommandError => new CommandError('ERR syntax error');
export const notAnInteger = (): CommandError => new CommandError('ERR value is not an integer or out of range');
export const notAFloat = (): CommandError => new CommandError('ERR value is not a valid float');
export const noSuchKey = (): CommandError => new CommandError('ERR no such key');
export const wrongArity = (name: string): CommandError =>
  new CommandError(`ERR wrong number of arguments for '${name}' command`);

/** The error reply of anything a command throws. A bug is told as such, without its details. */
export function errorText(error: unknown): string {
  if (error instanceof CommandError) return error.message;
  if (!isSluiceError(error)) return 'ERR internal error';
  switch (error.code) {
    case 'WRONG_TYPE':
      return 'WRONGTYPE Operation against a key holding the wrong kind of value';
    case 'OUT_OF_MEMORY':
      return "OOM command not allowed when used memory > 'maxmemory'.";
    case 'STORE_LOADING':
      return 'LOADING Sluice is loading the dataset in memory';
    case 'STORE_READ_ONLY':
      return `MISCONF Errors writing to the journal: ${error.message}`;
    case 'STORE_TIMEOUT':
      return `ERR SLUICE_UPSTREAM_UNKNOWN ${error.message}`;
    case 'STORE_UNAVAILABLE':
      return `LOADING ${error.message}`;
    case 'OVERLOADED':
      return `ERR SLUICE_OVERLOADED ${error.message}`;
    case 'ORIGIN_FAILED':
    case 'ORIGIN_TIMEOUT':
    case 'ORIGIN_OVERLOADED':
      return `ERR SLUICE_ORIGIN ${error.message}`;
    case 'MANAGED_KEY':
      return `ERR SLUICE_MANAGED ${error.message}`;
    case 'RATE_LIMITED':
      return `ERR SLUICE_RATE_LIMITED ${error.message}`;
    case 'FORBIDDEN':
      return `NOPERM ${error.message}`;
    default:
      return `ERR ${error.message}`;
  }
}

/** The first word of an error reply, which clients tell errors apart by; undefined for what is a bug. */
export function errorClass(error: unknown): string | undefined {
  if (!(error instanceof CommandError) && !isSluiceError(error)) return undefined;
  const text = errorText(error);
  const end = text.indexOf(' ');
  return end < 0 ? text : text.slice(0, end);
}
