import { describe, expect, it } from 'vitest';
import { addLongDoubles, ceilingOfProduct, formatLongDouble, type LongDouble, parseLongDouble } from './decimal.ts';

function sum(a: string, b: string): string | undefined {
  const left = parseLongDouble(a);
  const right = parseLongDouble(b);
  if (left === undefined || right === undefined) return undefined;
  const result = addLongDoubles(left, right);
  return result === 'infinite' ? 'infinite' : formatLongDouble(result);
}

describe('long doubles', () => {
  // Every right-hand side was seen from redis-server 7.0.15 on x86-64.
  it.each([
    ['10.5', '0.1', '10.6'],
    ['0.1', '0.2', '0.3'],
    ['1', '1', '2'],
    ['-1.5', '1.5', '0'],
    ['0', '-0.000000000000000001', '0'],
    ['3.0', '1.1', '4.1'],
    ['5.0e3', '2.0e2', '5200'],
    ['0x10', '0x.8', '16.5'],
    ['1e-20', '0', '0'],
    ['17179869184', '1e-17', '17179869184'],
    ['9007199254740993', '0.5', '9007199254740993.5'],
    ['18446744073709551615', '1', '18446744073709551616'],
    ['18446744073709551616', '1', '18446744073709551616'],
    ['.5', '5.', '5.5'],
  ])('%s + %s is %s', (a, b, expected) => {
    expect(sum(a, b)).toBe(expected);
  });

  it('reaches far beyond a double', () => {
    expect(sum('1e4000', '1')).toMatch(/^999999999999999999996546387309962378493249258350695763130150833304/);
    expect(sum('1.18e4932', '1.18e4932')).toBe('infinite');
    expect(sum('inf', '1')).toBe('infinite');
  });

  it.each([
    '',
    ' 1',
    '1 ',
    'abc',
    'nan',
    '1e',
    '.',
    '0x',
    '1e4933',
    '1e-4951',
    '1e999999999999',
    '-',
    '1_0',
    '1'.repeat(5200),
  ])('refuses %j', (text) => {
    expect(parseLongDouble(text)).toBeUndefined();
  });

  it('takes the smallest number there is', () => {
    expect(parseLongDouble('4e-4951')).toEqual({ mantissa: 1n, exponent: -16445 });
  });

  it.each([
    ['0.25', 250n],
    ['0.0001', 1n],
    ['0.0495', 50n],
    ['-0.001', 0n],
    ['-0.0015', -1n],
    ['-0.0001', 0n],
    ['3', 3000n],
    ['9223372036854776', 9223372036854776000n],
    ['0', 0n],
  ])('a thousand times %s is at most %s', (text, expected) => {
    expect(ceilingOfProduct(parseLongDouble(text) as Exclude<LongDouble, 'infinite'>, 1000n)).toBe(expected);
  });
});
