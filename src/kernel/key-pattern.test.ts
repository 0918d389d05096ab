import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePatterns, type KeyPattern, parseKeyPattern, parseTemplate, renderTemplate } from './key-pattern.ts';

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
  .array(piece, { minLength: 1, maxLength: 6 })
  .map((pieces) => pieces.map((one, i) => (one === '{n}' ? `{n${i}}` : one)).join(''));
const keyText = fc.array(fc.constantFrom('a', 'b', ':', 'c'), { maxLength: 8 }).map((letters) => letters.join(''));

function everyKey(length: number): string[] {
  if (length === 0) return [''];
  const shorter = everyKey(length - 1);
  const longest = shorter.filter((key) => key.length === length - 1);
  return [...shorter, ...longest.flatMap((key) => ['a', 'b', ':', 'c'].map((letter) => key + letter))];
}

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
      { numRuns: 3000 },
    );
  });

  it('is not slow on keys made to be', () => {
    expect(pattern('*a*a*a*a*a*a*a*b').match('a'.repeat(5_000))).toBeUndefined();
  });

  it.each([
    ['', 'empty'],
    ['a?', '\\?'],
    ['[ab]', '\\['],
    ['{1}', '\\{'],
    ['{a}{a}', 'twice'],
    ['a\\', 'backslash'],
    ['*'.repeat(9), '8 captures'],
  ])('refuses %j and says how to mend it', (text, words) => {
    expect(parseKeyPattern(text)).toEqual({ problem: expect.stringContaining(words) });
  });
});

describe('two patterns', () => {
  const keys = everyKey(6);

  it.each([
    ['user:*', 'user:*', 'equal'],
    ['user:*', 'user:{id}', 'wider'],
    ['user:1', 'user:*', 'narrower'],
    ['user:*', 'order:*', 'disjoint'],
    ['user:*', '*:1', 'crossing'],
    ['*', 'user:*', 'wider'],
    ['a**', 'a*', 'equal'],
    ['{x}:1', '*:1', 'narrower'],
  ])('%s and %s: %s', (a, b, relation) => {
    expect(comparePatterns(pattern(a), pattern(b))).toBe(relation);
  });

  it('are compared as their keys are', () => {
    fc.assert(
      fc.property(patternText, patternText, (a, b) => {
        const [one, other] = [oracle(a), oracle(b)];
        const relation = comparePatterns(pattern(a), pattern(b));
        let both = false;
        let onlyOne = false;
        let onlyOther = false;
        for (const key of keys) {
          const inOne = one.test(key);
          const inOther = other.test(key);
          both ||= inOne && inOther;
          onlyOne ||= inOne && !inOther;
          onlyOther ||= inOther && !inOne;
        }
        // Keys that are too long to be looked at may only add to what was found.
        if (both) expect(relation).not.toBe('disjoint');
        if (onlyOne) expect(['disjoint', 'wider', 'crossing']).toContain(relation);
        if (onlyOther) expect(['disjoint', 'narrower', 'crossing']).toContain(relation);
        if (relation === 'crossing' && a.length + b.length < 6)
          expect([both, onlyOne, onlyOther]).toEqual([true, true, true]);
      }),
      { numRuns: 300 },
    );
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
