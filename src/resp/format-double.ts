/**
 * A double as Redis 7.0 prints it in replies, in both protocols: `%.17g`; `inf`, `-inf`, `nan`. So 0.1 is `0.10000000000000001`,
 * 3 is `3`, 1e21 is `1e+21`, 3e-7 is `2.9999999999999999e-07`.
 */
export function formatDouble(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0' : String(value);
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  // Halves, quarters and sixteenths of this size have at most 15 digits: the shortest form is the exact one.
  if (size < 1e11 && Number.isInteger(value * 16)) return String(value);
  // 17 digits below 1e17 and from 1e-4 on print without an exponent. Rounded up, the greatest double below 1e-4 is still below it.
  const plain = size < 1e17 && size >= 1e-4;
  const digits = halfToEven(value, plain);
  if (plain) return digits.includes('.') ? withoutZeros(digits) : digits;
  const mark = digits.indexOf('e');
  const exponent = digits.slice(mark + 2);
  return `${withoutZeros(digits.slice(0, mark))}e${digits[mark + 1]}${exponent.length < 2 ? '0' : ''}${exponent}`;
}

/** 17 digits. JavaScript rounds a value halfway between two such numbers away from zero, C to the even one. */
function halfToEven(value: number, plain: boolean): string {
  // Halfway means 18 digits of which the last is a 5: m / 2^k with m * 5^k < 10^18, so k <= 25.
  if (Number.isInteger(value * 2 ** 25) && /^-?\d\.\d{15}[02468]50{83}e/.test(value.toExponential(100))) {
    return plain ? value.toPrecision(18).slice(0, -1) : value.toExponential(17).replace('5e', 'e');
  }
  return plain ? value.toPrecision(17) : value.toExponential(16);
}

function withoutZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  return digits.slice(0, digits[end - 1] === '.' ? end - 1 : end);
}
