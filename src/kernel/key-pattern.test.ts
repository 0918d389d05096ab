import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type KeyPattern, MAX_PATTERN_KEY, parseKeyPattern, parseTemplate, renderTemplate } from './key-pattern.ts';

function pattern(text: string): KeyPattern {
  const parsed = parseKeyPattern(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed;
}

const matched = (text: string, key: string): Record<string, string> | undefined => {
  const found = pattern(text).match(key);
  return found === undefined ? undefined : Object.fromEntries(found);
};

/** What a pattern means, in other words. */
function oracle(text: string): RegExp {
  return new RegExp(`^${text.replaceAll('*', '([^]*?)').replaceAll(/\{\w+\}/g, '([^:]+?)')}$`);
}

const piece = fc.constantFrom('a', 'b', ':', '*', '{n}');
const patternText = fc
  .array(piece, { minLength: 1, maxLength: 8 })
  .map((pieces) => pieces.map((one, i) => (one === '{n}' ? `{n${i}}` : one)).join(''));
const keyText = fc.array(fc.constantFrom('a', 'b', ':', 'c'), { maxLength: 12 }).map((letters) => letters.join(''));

describe('a pattern of keys', () => {
  it('captures by name and by number', () => {
    expect(matched('user:*', 'user:42')).toEqual({ 1: '42' });
    expect(matched('user:*', 'user:')).toEqual({ 1: '' });
    expect(matched('user:*', 'users')).toBeUndefined();
    expect(matched('geo:{lat}:{lon}', 'geo:47.5:8.5')).toEqual({ lat: '47.5', lon: '8.5' });
    expect(matched('geo:{lat}:{lon}', 'geo::8.5')).toBeUndefined();
    expect(matched('geo:{lat}:{lon}', 'geo:1:2:3')).toBeUndefined();
    expect(matched('*:*:x', 'a:b:c:x')).toEqual({ 1: 'a', 2: 'b:c' });
    expect(matched('a\\*b', 'a*b')).toEqual({});
    expect(matched('plain', 'plain')).toEqual({});
    expect(matched('plain', 'plain ')).toBeUndefined();
  });

  it('names the same keys, with the same captures, as a regular expression', () => {
    fc.assert(
      fc.property(patternText, keyText, (text, key) => {
        const expected = oracle(text).exec(key)?.slice(1);
        const found = pattern(text).match(key);
        expect(found === undefined ? undefined : [...found.values()]).toEqual(expected);
      }),
      { numRuns: 5000 },
    );
  });

  it.each(['*a*a*a*a*a*a*a*b', '*a*b*c*a', '*a{x}b{y}a', '*{x}*{y}:*{z}a', '{x}a{y}a{z}a:a', '*:*{x}:*{y}a'])(
    'is not slow on keys made to be: %s',
    (text) => {
      // It takes some ms; what looks at pairs of places takes minutes.
      for (const unit of ['a', 'ab', 'a:', 'aab:']) {
        const found = pattern(text).match(`${unit.repeat(MAX_PATTERN_KEY / unit.length - 1)}a`);
        expect([undefined, pattern(text).names.length]).toContain(found?.size);
      }
    },
  );

  it('names no keys that are longer than any that are used', () => {
    expect(pattern('a*').match('a'.repeat(MAX_PATTERN_KEY))?.get('1')).toHaveLength(MAX_PATTERN_KEY - 1);
    expect(pattern('a*').match('a'.repeat(MAX_PATTERN_KEY + 1))).toBeUndefined();
  });

  it('is a set of bytes, not of characters', () => {
    expect(matched('\xe4{x}', '\xe4\0\xff\n')).toEqual({ x: '\0\xff\n' });
  });

  it.each([
    ['', 'empty'],
    ['a?', '\\?'],
    ['[ab]', '\\['],
    ['{1}', '\\{'],
    ['{a}{a}', 'twice'],
    ['{key}', 'another name'],
    ['a}', '\\}'],
    ['a]', '\\]'],
    ['{a', '\\{'],
    ['a'.repeat(1025), '1024 bytes'],
    ['a\\', 'backslash'],
    ['*'.repeat(9), '8 captures'],
  ])('refuses %j and says how to mend it', (text, words) => {
    expect(parseKeyPattern(text)).toEqual({ problem: expect.stringContaining(words) });
  });
});

describe('a template', () => {
  it('has captures put in, each as it may stand there', () => {
    const template = parseTemplate('https://x/{1}?{{k}}={key}&z={lon}', ['1', 'lon']);
    if ('problem' in template) throw new Error(template.problem);
    const captures = new Map([
      ['1', 'a/b'],
      ['lon', '8'],
    ]);
    expect(renderTemplate(template, 'k:a', captures, encodeURIComponent)).toBe('https://x/a%2Fb?{k}=k%3Aa&z=8');
  });

  it.each([
    ['{lat}', 'there is no capture {lat}; there are {1}, {key}'],
    ['{', 'write {{'],
    ['}', 'write }}'],
  ])('refuses %j', (text, words) => {
    expect(parseTemplate(text, ['1'])).toEqual({ problem: expect.stringContaining(words) });
  });
});
