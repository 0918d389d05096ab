import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob, matchGlob } from './glob.ts';

describe('matchGlob', () => {
  it.each([
    ['', '', true],
    ['', 'a', false],
    ['*', 'a', true],
    ['*', '', false],
    ['**', 'abc', true],
    ['a*', 'a', true],
    ['a*b', 'ab', true],
    ['a*b*c', 'axxbyyc', true],
    ['a*b*c', 'axxbyy', false],
    ['*ab', 'aab', true],
    ['?', 'a', true],
    ['a?', 'a', false],
    ['h[ae]llo', 'hello', true],
    ['h[ae]llo', 'hillo', false],
    ['h[^e]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['[a-c]', 'b', true],
    ['[c-a]', 'b', true],
    ['[a-]', '-', false],
    ['[a-]', '_', true],
    ['[]', 'a', false],
    ['[^]', 'a', true],
    ['[', 'a', false],
    ['[^', 'a', true],
    ['[ab', 'b', true],
    ['[a-', '-', true],
    ['[\\]]', ']', true],
    ['[\\-a]', '-', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['\\', '\\', true],
    ['a\\', 'a\\', true],
    ['\xff\x00?', '\xff\x00\r', true],
    ['[\x80-\xff]', '\x90', true],
    ['A', 'a', false],
  ])('%j against %j is %s', (pattern, text, expected) => {
    expect(matchGlob(pattern, text)).toBe(expected);
  });

  it('ignores the case of letters only when asked, and never inside an escape of a class', () => {
    expect(matchGlob('MAX*', 'maxmemory', { ignoreCase: true })).toBe(true);
    expect(matchGlob('[A-Z]', 'q', { ignoreCase: true })).toBe(true);
    expect(matchGlob('[\\A]', 'a', { ignoreCase: true })).toBe(false);
  });

  it('comes to an end for many stars on a long text that does not match', () => {
    // Returning to every star instead of the last one would take longer than anybody waits.
    expect(matchGlob(`${'a*'.repeat(1000)}b`, 'a'.repeat(10_000))).toBe(false);
  });

  it('agrees with a definition by cases on short patterns', () => {
    const pattern = fc.array(fc.constantFrom('a', 'b', '*', '?', '\\a', '[ab]', '[^a]'), { maxLength: 6 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (parts, subject) => {
        expect(matchGlob(parts.join(''), subject)).toBe(matchesByDefinition(parts, subject));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('compileGlob', () => {
  it('answers as matchGlob does, except that a lone star also takes the empty text', () => {
    const part = fc.constantFrom('a', 'b', '*', '?', '\\', '[', ']', '^', '-');
    fc.assert(
      fc.property(
        fc.string({ unit: part, maxLength: 6 }),
        fc.string({ unit: part, maxLength: 6 }),
        fc.boolean(),
        (pattern, text, ignoreCase) => {
          fc.pre(pattern !== '*');
          expect(compileGlob(pattern, { ignoreCase })(text)).toBe(matchGlob(pattern, text, { ignoreCase }));
        },
      ),
      { numRuns: 1000 },
    );
    expect(compileGlob('*')('')).toBe(true);
  });
});

function matchesByDefinition(parts: readonly string[], text: string): boolean {
  const [first, ...rest] = parts;
  if (first === undefined) return text === '';
  if (first === '*')
    return matchesByDefinition(rest, text) || (text !== '' && matchesByDefinition(parts, text.slice(1)));
  if (text === '') return false;
  const byte = text[0] as string;
  const one =
    first === '?' ||
    (first === '[ab]' && (byte === 'a' || byte === 'b')) ||
    (first === '[^a]' && byte !== 'a') ||
    first.replace('\\', '') === byte;
  return one && matchesByDefinition(rest, text.slice(1));
}
