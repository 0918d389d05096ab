import type { ByteString } from '../kernel/bytes.ts';

/**
 * A number as Redis's INCRBYFLOAT and HINCRBYFLOAT have it: the 80-bit `long double` of x86, whose 64 bits of mantissa make
 * 10.5 + 0.1 come out as 10.6. A finite one is `mantissa * 2 ** exponent`, with a mantissa of at most 64 bits.
 */
export type LongDouble = { readonly mantissa: bigint; readonly exponent: number } | 'infinite';

const MANTISSA_BITS = 64;
/** 2 ** MAX_EXPONENT is the first number beyond the range; half of 2 ** MIN_EXPONENT is rounded to zero. */
const MAX_EXPONENT = 16384;
const MIN_EXPONENT = -16445;
/** Redis's buffer for the text, with its final NUL. */
const MAX_TEXT = 5 * 1024 - 1;
/** Beyond such a power of ten every number of MAX_TEXT digits is out of range. */
const MAX_POWER = 20_000;
const FRACTION_DIGITS = 17;

const ZERO: LongDouble = { mantissa: 0n, exponent: 0 };

/**
 * A number as Redis's string2ld takes it: decimal or hexadecimal, `inf`, `infinity`, no spaces, not NaN, not out of range.
 * Undefined when it is none.
 */
export function parseLongDouble(text: ByteString): LongDouble | undefined {
  if (text.length > MAX_TEXT) return undefined;
  if (/^[+-]?inf(?:inity)?$/i.test(text)) return 'infinite';
  const hexadecimal = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?$/i.exec(text);
  const match = hexadecimal ?? /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', power = '0'] = match;
  const digits = whole + fraction;
  if (digits === '') return undefined;
  const significand = BigInt(hexadecimal === null ? digits : `0x${digits}`);
  if (significand === 0n) return ZERO;
  const exponent = Number(power) - fraction.length * (hexadecimal === null ? 1 : 4);
  const value = hexadecimal === null ? scaleByTen(significand, exponent) : scaleByTwo(significand, exponent);
  if (value === undefined || value === 'infinite' || value.mantissa === 0n) return undefined;
  return sign === '-' ? { mantissa: -value.mantissa, exponent: value.exponent } : value;
}

/** The sum, rounded as the processor rounds it. */
export function addLongDoubles(a: LongDouble, b: LongDouble): LongDouble {
  if (a === 'infinite' || b === 'infinite') return 'infinite';
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  return roundSigned(sum, exponent);
}

/** `%.17Lf` without trailing zeros. Only for finite ones. */
export function formatLongDouble({ mantissa, exponent }: Exclude<LongDouble, 'infinite'>): ByteString {
  const magnitude = mantissa < 0n ? -mantissa : mantissa;
  const scaled = magnitude * 10n ** BigInt(FRACTION_DIGITS);
  const rounded = exponent >= 0 ? scaled << BigInt(exponent) : divideToNearest(scaled, 1n << BigInt(-exponent));
  const digits = String(rounded).padStart(FRACTION_DIGITS + 1, '0');
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  const whole = digits.slice(0, -FRACTION_DIGITS);
  const text = fraction === '' ? whole : `${whole}.${fraction}`;
  return mantissa < 0n && text !== '0' ? `-${text}` : text;
}

/** The whole number not below `value * factor`, the product rounded as the processor rounds it. Only for finite ones. */
export function ceilingOfProduct(value: Exclude<LongDouble, 'infinite'>, factor: bigint): bigint {
  const product = roundSigned(value.mantissa * factor, value.exponent);
  // A factor that takes it out of range makes it greater than anything that is compared with it.
  if (product === 'infinite') return value.mantissa * factor * 2n ** BigInt(value.exponent);
  const { mantissa, exponent } = product;
  if (exponent >= 0) return mantissa << BigInt(exponent);
  return -(-mantissa >> BigInt(-exponent));
}

function scaleByTen(significand: bigint, power: number): LongDouble | undefined {
  if (power > MAX_POWER || power < -MAX_POWER) return undefined;
  const scale = 10n ** BigInt(Math.abs(power));
  return power < 0 ? round(significand, scale, 0) : round(significand * scale, 1n, 0);
}

function scaleByTwo(significand: bigint, power: number): LongDouble | undefined {
  if (power > 4 * MAX_POWER || power < -4 * MAX_POWER) return undefined;
  return round(significand, 1n, power);
}

function roundSigned(significand: bigint, exponent: number): LongDouble {
  if (significand === 0n) return ZERO;
  if (significand > 0n) return round(significand, 1n, exponent);
  const value = round(-significand, 1n, exponent);
  return value === 'infinite' ? value : { mantissa: -value.mantissa, exponent: value.exponent };
}

/** `numerator / denominator * 2 ** exponent` to the nearest value, ties to even; zero and below are not asked for. */
function round(numerator: bigint, denominator: bigint, exponent: number): LongDouble {
  let shift = MANTISSA_BITS - (bitLength(numerator) - bitLength(denominator));
  // The quotient has 64 or 65 bits; with 65 one is taken back.
  if (quotient(numerator, denominator, shift) >> BigInt(MANTISSA_BITS) !== 0n) shift--;
  // Numbers near zero have fewer bits.
  shift = Math.min(shift, exponent - MIN_EXPONENT);
  const mantissa =
    shift >= 0
      ? divideToNearest(numerator << BigInt(shift), denominator)
      : divideToNearest(numerator, denominator << BigInt(-shift));
  const at = exponent - shift;
  if (bitLength(mantissa) + at > MAX_EXPONENT) return 'infinite';
  return mantissa === 0n ? ZERO : { mantissa, exponent: at };
}

function quotient(numerator: bigint, denominator: bigint, shift: number): bigint {
  return shift >= 0 ? (numerator << BigInt(shift)) / denominator : numerator / (denominator << BigInt(-shift));
}

function divideToNearest(numerator: bigint, denominator: bigint): bigint {
  const whole = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  if (twice > denominator || (twice === denominator && (whole & 1n) === 1n)) return whole + 1n;
  return whole;
}

function bitLength(value: bigint): number {
  const digits = value.toString(16);
  return (digits.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(digits[0] as string, 16)));
}
