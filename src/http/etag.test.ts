import { describe, expect, it } from 'vitest';
import { parseEntityTags, strongTags, weaklyMatches } from './etag.ts';

describe('parseEntityTags', () => {
  it('reads lists, weak tags, and the star', () => {
    expect(parseEntityTags(' * ')).toBe('*');
    expect(parseEntityTags('"a"')).toEqual([{ weak: false, tag: 'a' }]);
    expect(parseEntityTags('W/"a" , "b,c",""')).toEqual([
      { weak: true, tag: 'a' },
      { weak: false, tag: 'b,c' },
      { weak: false, tag: '' },
    ]);
  });

  it.each(['', 'a', '"a', 'a"', '"a" "b"', 'w/"a"', '"a"x', '*, "a"', '"a b"', ', "a"'])('refuses %j', (field) => {
    expect(parseEntityTags(field)).toBeUndefined();
  });

  it('is linear in the length of what it refuses', () => {
    expect(parseEntityTags(`${'"a",'.repeat(20_000)}x`)).toBeUndefined();
    expect(parseEntityTags(`${' '.repeat(100_000)}x`)).toBeUndefined();
  });
});

describe('comparison', () => {
  it('is weak for If-None-Match and strong for If-Match', () => {
    const tags = parseEntityTags('W/"a", "b"') as NonNullable<ReturnType<typeof parseEntityTags>>;
    expect(weaklyMatches(tags, 'a')).toBe(true);
    expect(weaklyMatches(tags, 'c')).toBe(false);
    expect(weaklyMatches('*', 'c')).toBe(true);
    expect(tags === '*' ? [] : strongTags(tags)).toEqual(['b']);
  });
});
