import type { ByteString } from '../kernel/bytes.ts';
import { CommandError, notAFloat, notAnInteger } from './command-error.ts';
import { type LongDouble, parseLongDouble } from './decimal.ts';

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** A decimal integer as Redis's string2ll takes it: no sign `+`, no spaces, no leading zeros. Undefined when it is none. */
export function parseInteger(text: ByteString): bigint | undefined {
  if (text.length === 0 || text.length > 20) return undefined;
  const negative = text.charCodeAt(0) === 45;
  const start = negative ? 1 : 0;
  const first = text.charCodeAt(start);
  if (first === 48) return text.length === 1 ? 0n : undefined;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return undefined;
  }
  if (text.length === start) return undefined;
  const value = BigInt(text);
  return inInt64(value) ? value : undefined;
}

/** Whether it fits a signed 64-bit integer. */
export function inInt64(value: bigint): boolean {
  return value <= MAX_INT64 && value >= MIN_INT64;
}

/** @throws CommandError "value is not an integer or out of range" */
export function requireInteger(text: ByteString): bigint {
  const value = parseInteger(text);
  if (value === undefined) throw notAnInteger();
  return value;
}

/**
 * An integer for counts and indexes: beyond ±2^53 it is cut to that, which no collection reaches.
 * @throws CommandError "value is not an integer or out of range"
 */
export function requireIndex(text: ByteString): number {
  const value = requireInteger(text);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return Number.MAX_SAFE_INTEGER;
  if (value < BigInt(Number.MIN_SAFE_INTEGER)) return Number.MIN_SAFE_INTEGER;
  return Number(value);
}

/**
 * How many elements to take: 0 or more.
 * @throws CommandError "value is out of range, must be positive", also when it is no integer
 */
export function requireCount(text: ByteString): number {
  const value = parseInteger(text);
  if (value === undefined || value < 0n) throw new CommandError('ERR value is out of range, must be positive');
  return Number(value);
}

/**
 * How many elements to pick at random; a negative number picks with repetition.
 * @throws CommandError when it is no integer, or too small a one to be negated
 */
export function requireSignedCount(text: ByteString): number {
  const value = requireInteger(text);
  if (value === MIN_INT64) {
    throw new CommandError(`ERR value is out of range, value must between ${-MAX_INT64} and ${MAX_INT64}`);
  }
  return Number(value);
}

/**
 * A double as Redis's getDoubleFromObject takes it: decimal or hexadecimal, `inf`, `infinity`, no spaces, not NaN, and not a
 * number too great or too small for a double. Undefined when it is none.
 *
 * @param outOfRange `clamp` takes numbers too great as infinite and those too small as 0. @default refuse
 */
export function parseDouble(text: ByteString, outOfRange: 'refuse' | 'clamp' = 'refuse'): number | undefined {
  const match =
    /^([+-]?)(inf(?:inity)?|0x[0-9a-f]+(?:\.[0-9a-f]*)?(?:p[+-]?\d+)?|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.exec(text);
  if (match === null) return undefined;
  const sign = match[1] === '-' ? -1 : 1;
  const body = (match[2] as string).toLowerCase();
  if (body.startsWith('inf')) return sign * Number.POSITIVE_INFINITY;
  const value = body.startsWith('0x') ? parseHexDouble(body) : Number(body);
  if (outOfRange === 'refuse') {
    if (value === Number.POSITIVE_INFINITY || (value === 0 && /[1-9a-f]/.test(significand(body)))) return undefined;
  }
  return sign * value;
}

/** @throws CommandError "value is not a valid float" */
export function requireDouble(text: ByteString): number {
  const value = parseDouble(text);
  if (value === undefined) throw notAFloat();
  return value;
}

/** @throws CommandError "value is not a valid float" */
export function requireLongDouble(text: ByteString): LongDouble {
  const value = parseLongDouble(text);
  if (value === undefined) throw notAFloat();
  return value;
}

/** The digits before the exponent. */
function significand(body: string): string {
  return body.startsWith('0x') ? (body.slice(2).split('p')[0] as string) : (body.split('e')[0] as string);
}

function parseHexDouble(text: string): number {
  const [mantissa = '', exponent = '0'] = text.slice(2).split('p');
  const [whole = '', fraction = ''] = mantissa.split('.');
  let value = 0;
  for (const digit of whole) value = value * 16 + Number.parseInt(digit, 16);
  let scale = 1 / 16;
  for (const digit of fraction) {
    value += Number.parseInt(digit, 16) * scale;
    scale /= 16;
  }
  return value * 2 ** Number(exponent);
}

/**
 * {@link parseInteger} without BigInt for the numbers that need none.
 * @returns a number within ±10^15, else a bigint; undefined when the text is no integer of 64 bits
 */
export function parseNumber(text: ByteString): number | bigint | undefined {
  const { length } = text;
  if (length === 0 || length > 15) return parseInteger(text);
  const negative = text.charCodeAt(0) === 45;
  const start = negative ? 1 : 0;
  // Neither `-` alone, nor a zero before other digits, nor `-0`.
  if (length === start || (text.charCodeAt(start) === 48 && length > 1)) return undefined;
  let value = 0;
  for (let i = start; i < length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}
