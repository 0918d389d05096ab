import type { ByteString } from '../kernel/bytes.ts';
import { parseNumber } from './arguments.ts';
import { CommandError, notAnInteger } from './command-error.ts';

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** Below this, seconds in milliseconds and added to any time of today are exact numbers. */
const SURELY_EXACT = 1e12;

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
  return toInstant(requireNumber(text), form, now, command);
}

/** The same for a value that is stored with it, where zero and less are refused. @throws CommandError */
export function requirePositiveInstant(text: ByteString, form: ExpireForm, now: number, command: string): number {
  const value = requireNumber(text);
  if (value <= 0) throw invalidExpireTime(command);
  return toInstant(value, form, now, command);
}

function toInstant(value: number | bigint, form: ExpireForm, now: number, command: string): number {
  const base = form.absolute ? 0 : now;
  if (typeof value === 'number' && Math.abs(value) < SURELY_EXACT) {
    return (form.unit === 'seconds' ? value * 1000 : value) + base;
  }
  const ms = form.unit === 'seconds' ? BigInt(value) * 1000n : BigInt(value);
  const instant = ms + BigInt(base);
  if (ms > MAX_INT64 || ms < MIN_INT64 || instant > MAX_INT64) throw invalidExpireTime(command);
  return Number(instant);
}

function requireNumber(text: ByteString): number | bigint {
  const value = parseNumber(text);
  if (value === undefined) throw notAnInteger();
  return value;
}

function invalidExpireTime(command: string): CommandError {
  return new CommandError(`ERR invalid expire time in '${command}' command`);
}
