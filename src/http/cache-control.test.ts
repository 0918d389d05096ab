import { describe, expect, it } from 'vitest';
import { type FreshnessFields, freshnessOf, parseCacheControl } from './cache-control.ts';

const now = Date.UTC(2026, 0, 1);
const date = new Date(now).toUTCString();
const later = (seconds: number): string => new Date(now + seconds * 1000).toUTCString();
const fresh = (fields: Partial<FreshnessFields>, took = 0): number | undefined =>
  freshnessOf({ cacheControl: '', expires: '', date: '', age: '', ...fields }, now, took);

describe('parseCacheControl', () => {
  it('reads names in any case, arguments quoted or not, and skips empty elements', () => {
    expect([...(parseCacheControl(', Max-Age=60 ,,NO-CACHE="a, \\"b\\"", x') ?? [])]).toEqual([
      ['max-age', '60'],
      ['no-cache', 'a, "b"'],
      ['x', ''],
    ]);
  });

  it.each(['max-age=60 private', 'a=b=c', '"a"', 'a="b', 'a="b"c', 'max age=1', 'a\x00', 'max-age= 60', 'max-age =60'])(
    'refuses %j',
    (field) => {
      expect(parseCacheControl(field)).toBeUndefined();
    },
  );

  it('is linear in the length of what it refuses', () => {
    expect(parseCacheControl(`${'a,'.repeat(50_000)}"`)).toBeUndefined();
    expect(parseCacheControl(`${' '.repeat(100_000)}"`)).toBeUndefined();
    expect(parseCacheControl(`a="${'\\'.repeat(100_001)}`)).toBeUndefined();
  });
});

describe('freshnessOf', () => {
  it('takes s-maxage before max-age before Expires', () => {
    expect(fresh({ cacheControl: 'max-age=60, s-maxage=10', expires: later(100) })).toBe(10_000);
    expect(fresh({ cacheControl: 'public, max-age=60', expires: later(100), date })).toBe(60_000);
    expect(fresh({ expires: later(100), date })).toBe(100_000);
    expect(fresh({ cacheControl: 'public', expires: later(100), date: later(-20) })).toBe(120_000);
    expect(fresh({ expires: later(100) })).toBe(100_000);
  });

  it('says nothing where nothing is said', () => {
    expect(fresh({})).toBeUndefined();
    expect(fresh({ cacheControl: 'public', age: '10' })).toBeUndefined();
  });

  it.each([
    'no-store',
    'No-Store, max-age=60',
    'private',
    'private="x"',
    'no-cache',
    'max-age=60, NO-CACHE',
    'max-age=0',
  ])('keeps nothing for %s', (cacheControl) => {
    expect(fresh({ cacheControl })).toBe(0);
  });

  it.each([
    'max-age=abc',
    'max-age',
    'max-age=-1',
    'max-age=1.5',
    'max-age=60, max-age=70',
    'max-age=60 s',
    's-maxage=x, max-age=60',
  ])('takes %s for not fresh', (cacheControl) => {
    expect(fresh({ cacheControl, expires: later(100), date })).toBe(0);
  });

  it('takes malformed Expires for not fresh, and quoted or repeated arguments as they are', () => {
    expect(fresh({ expires: '0', date })).toBe(0);
    expect(fresh({ expires: later(-1), date })).toBe(0);
    expect(fresh({ cacheControl: 'max-age="60", max-age=60' })).toBe(60_000);
    expect(fresh({ cacheControl: `max-age=${'9'.repeat(400)}` })).toBe(2 ** 31 * 1000);
  });

  it('subtracts the age and the time under way', () => {
    expect(fresh({ cacheControl: 'max-age=60', age: '20' }, 500)).toBe(39_500);
    expect(fresh({ cacheControl: 'max-age=60', age: '61' })).toBe(0);
    expect(fresh({ cacheControl: 'max-age=60', age: '20, 30' })).toBe(40_000);
    expect(fresh({ cacheControl: 'max-age=60', age: 'x' })).toBe(0);
    expect(fresh({ expires: later(100), date, age: '10' })).toBe(90_000);
  });
});
