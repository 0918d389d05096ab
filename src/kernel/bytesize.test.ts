import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatByteSize, parseByteSize } from './bytesize.ts';

describe('parseByteSize', () => {
  it.each([
    ['0', 0],
    ['512B', 512],
    ['16KiB', 16_384],
    ['64MiB', 67_108_864],
    ['1.5GiB', 1_610_612_736],
    ['2TiB', 2 ** 41],
    ['10kB', 10_000],
    ['10KB', 10_000],
    ['3MB', 3_000_000],
  ])('reads %s as %d bytes', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  it.each(['', '64', '64M', '64 MiB', '-1B', '1mib', '1.B', 'MiB', '1e3B', '1B\n', '9999999999TiB', 'toString'])(
    'refuses %j',
    (text) => {
      expect(parseByteSize(text)).toBeUndefined();
    },
  );
});

describe('formatByteSize', () => {
  it('takes the largest binary unit that divides', () => {
    expect(formatByteSize(67_108_864)).toBe('64MiB');
    expect(formatByteSize(1000)).toBe('1000B');
    expect(formatByteSize(1536)).toBe('1536B');
    expect(formatByteSize(0)).toBe('0');
  });

  it('is read back to the same number', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseByteSize(formatByteSize(bytes))).toBe(bytes);
      }),
    );
    for (let power = 0; power < 53; power++) expect(parseByteSize(formatByteSize(2 ** power))).toBe(2 ** power);
  });

  it('refuses what is no size', () => {
    expect(() => formatByteSize(-1)).toThrow(RangeError);
    expect(() => formatByteSize(1.5)).toThrow(RangeError);
  });
});
