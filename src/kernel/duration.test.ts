import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

describe('parseDuration', () => {
  it.each([
    ['250ms', 250],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['1w', 604_800_000],
    ['1.5s', 1500],
    ['1m30s500ms', 90_500],
    ['0', 0],
    ['0s', 0],
    ['0.1ms', 1],
  ])('reads %s as %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    '10',
    '10 s',
    ' 10s',
    '-1s',
    '+1s',
    's',
    '1x',
    '1S',
    '30m1h',
    '1h1h',
    '1.s',
    '.5s',
    '1e3s',
    '1s\n',
    `${'9'.repeat(20)}s`,
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('answers at once for a long text that almost matches', () => {
    expect(parseDuration(`${'1s'.repeat(100_000)}x`)).toBeUndefined();
  });
});

describe('formatDuration', () => {
  it('writes the units that are there', () => {
    expect(formatDuration(5_400_000)).toBe('1h30m');
    expect(formatDuration(0)).toBe('0');
    expect(formatDuration(864_000_000)).toBe('10d');
    expect(formatDuration(1_209_600_000)).toBe('2w');
  });

  it('is read back to the same number', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  it('refuses what is no duration', () => {
    expect(() => formatDuration(-1)).toThrow(RangeError);
    expect(() => formatDuration(Number.NaN)).toThrow(RangeError);
  });
});
