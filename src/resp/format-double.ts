/**
 * A double as Redis 7.0 prints it in replies: `%.17g`, without a point where the number is whole, `inf`, `-inf`, `nan`.
 * 0.1 is `0.10000000000000001`, 3 is `3`, 1e21 is `1e+21`.
 */
export function formatDouble(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e17) return Object.is(value, -0) ? '-0' : String(value);
  if (Number.isNaN(value)) return 'nan';
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  if (value === Number.NEGATIVE_INFINITY) return '-inf';
  const exponent = Number(value.toExponential(16).split('e')[1]);
  if (exponent < -4 || exponent >= 17) {
    const [mantissa = '', power = ''] = value.toExponential(16).split('e');
    const digits = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
    const sign = power.startsWith('-') ? '-' : '+';
    return `${digits}e${sign}${power.replace(/^[+-]/, '').padStart(2, '0')}`;
  }
  const fixed = value.toPrecision(17);
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}
