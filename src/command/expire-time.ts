import type { ByteString } from '../kernel/bytes.ts';
import { requireInteger } from './arguments.ts';
import { CommandError } from './command-error.ts';

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** How a command gives an expiry: in seconds or milliseconds, from now or as an instant. */
export interface ExpireForm {
  readonly unit: 'seconds' | 'milliseconds';
  readonly absolute: boolean;
}

/** The options of SET and GETEX that give an expiry. */
export const expireForms: ReadonlyMap<string, ExpireForm> = new Map([
  ['ex', { unit: 'seconds', absolute: false }],
  ['px', { unit: 'milliseconds', absolute: false }],
  ['exat', { unit: 'seconds', absolute: true }],
  ['pxat', { unit: 'milliseconds', absolute: true }],
]);

/**
 * The instant, ms since the epoch, that an expiry argument means. Beyond 2^53 it is rounded, some 285,000 years from now.
 * @param now ms since the epoch
 * @throws CommandError when it is no integer, or lies outside 64 bits in milliseconds
 */
export function requireInstant(text: ByteString, form: ExpireForm, now: number, command: string): number {
  const value = requireInteger(text);
  const ms = form.unit === 'seconds' ? value * 1000n : value;
  const instant = form.absolute ? ms : ms + BigInt(now);
  if (ms > MAX_INT64 || ms < MIN_INT64 || instant > MAX_INT64) throw invalidExpireTime(command);
  return Number(instant);
}

/** The same for a value that is stored with it, where zero and less are refused. @throws CommandError */
export function requirePositiveInstant(text: ByteString, form: ExpireForm, now: number, command: string): number {
  if (requireInteger(text) <= 0n) throw invalidExpireTime(command);
  return requireInstant(text, form, now, command);
}

function invalidExpireTime(command: string): CommandError {
  return new CommandError(`ERR invalid expire time in '${command}' command`);
}
