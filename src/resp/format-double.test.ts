import { describe, expect, it } from 'vitest';
import { formatDouble } from './format-double.ts';

// The right-hand sides are what printf("%.17g") of glibc gives.
describe('formatDouble', () => {
  it.each([
    [0, '0'],
    [-0, '-0'],
    [3, '3'],
    [-17, '-17'],
    [1.5, '1.5'],
    [-0.25, '-0.25'],
    [0.0625, '0.0625'],
    [0.1, '0.10000000000000001'],
    [1 / 3, '0.33333333333333331'],
    [123456.789, '123456.789'],
    [1e-4, '0.0001'],
    [9.9999999999999991e-5, '9.9999999999999991e-05'],
    [3e-7, '2.9999999999999999e-07'],
    [1e16, '10000000000000000'],
    [2 ** 53, '9007199254740992'],
    [2 ** 56, '72057594037927936'],
    [1e17, '1e+17'],
    [1e21, '1e+21'],
    [1e100, '1e+100'],
    [5e-324, '4.9406564584124654e-324'],
    [Number.MAX_VALUE, '1.7976931348623157e+308'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
  ])('prints %d as %s', (value, text) => {
    expect(formatDouble(value)).toBe(text);
  });

  it.each([
    [2 ** 50 + 0.25, '1125899906842624.2'],
    [2 ** 50 + 0.75, '1125899906842624.8'],
    [-(2 ** 50 + 0.25), '-1125899906842624.2'],
    [2 ** -25, '2.9802322387695312e-08'],
    [3 * 2 ** -25, '8.9406967163085938e-08'],
  ])('rounds %d, halfway, to the even digit', (value, text) => {
    expect(formatDouble(value)).toBe(text);
  });
});
