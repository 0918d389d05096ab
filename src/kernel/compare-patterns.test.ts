import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePatterns, orderPatterns, type PatternRelation } from './compare-patterns.ts';
import { type KeyPattern, parseKeyPattern } from './key-pattern.ts';

function pattern(text: string): KeyPattern {
  const parsed = parseKeyPattern(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed;
}

/** What a pattern means, in other words. */
function oracle(text: string): RegExp {
  return new RegExp(`^${text.replaceAll('*', '[^]*').replaceAll(/\{\w+\}/g, '[^:]+')}$`);
}

function patternText(maxLength: number): fc.Arbitrary<string> {
  return fc
    .array(fc.constantFrom('a', 'b', ':', '*', '{n}'), { minLength: 1, maxLength })
    .map((pieces) => pieces.map((one, i) => (one === '{n}' ? `{n${i}}` : one)).join(''));
}

function everyKey(length: number): string[] {
  if (length === 0) return [''];
  const shorter = everyKey(length - 1);
  const longest = shorter.filter((key) => key.length === length - 1);
  return [...shorter, ...longest.flatMap((key) => ['a', 'b', ':', 'c'].map((letter) => key + letter))];
}

const keys = everyKey(6);

function relationByKeys(a: string, b: string): PatternRelation {
  const [one, other] = [oracle(a), oracle(b)];
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
  if (!both) return 'disjoint';
  if (onlyOne) return onlyOther ? 'crossing' : 'wider';
  return onlyOther ? 'narrower' : 'equal';
}

const opposite: Readonly<Record<PatternRelation, PatternRelation>> = {
  disjoint: 'disjoint',
  equal: 'equal',
  narrower: 'wider',
  wider: 'narrower',
  crossing: 'crossing',
};

describe('two patterns', () => {
  it.each([
    ['user:*', 'user:*', 'equal'],
    ['user:*', 'user:{id}', 'wider'],
    ['user:1', 'user:*', 'narrower'],
    ['user:*', 'order:*', 'disjoint'],
    ['user:*', '*:1', 'crossing'],
    ['*', 'user:*', 'wider'],
    ['a**', 'a*', 'equal'],
    ['{x}:1', '*:1', 'narrower'],
    ['{x}{y}', '{x}', 'narrower'],
    ['a\\*', 'a*', 'narrower'],
    ['a\\*', 'aa', 'disjoint'],
    ['{x}*', '*{x}', 'crossing'],
    ['geo:{lat}:{lon}', 'geo:{a}:{b}', 'equal'],
    ['geo:{lat}:{lon}', 'geo:*', 'narrower'],
    ['app:{tenant}:users:*', 'app:{tenant}:orders:*', 'disjoint'],
    ['app:*:users:*', 'app:{tenant}:orders:*', 'crossing'],
  ] as const)('%s and %s: %s', (a, b, relation) => {
    expect(comparePatterns(pattern(a), pattern(b))).toBe(relation);
    expect(comparePatterns(pattern(b), pattern(a))).toBe(opposite[relation]);
  });

  it('are compared as their keys are', () => {
    fc.assert(
      fc.property(patternText(3), patternText(3), (a, b) => {
        expect(comparePatterns(pattern(a), pattern(b))).toBe(relationByKeys(a, b));
      }),
      { numRuns: 600 },
    );
  });

  it('are never said to have less in common than some keys show', () => {
    // Longer patterns may differ in keys that are longer than the ones looked at.
    const possible: Readonly<Record<PatternRelation, readonly PatternRelation[]>> = {
      disjoint: ['disjoint', 'equal', 'narrower', 'wider', 'crossing'],
      equal: ['equal', 'narrower', 'wider', 'crossing'],
      narrower: ['narrower', 'crossing'],
      wider: ['wider', 'crossing'],
      crossing: ['crossing'],
    };
    fc.assert(
      fc.property(patternText(7), patternText(7), (a, b) => {
        expect(possible[relationByKeys(a, b)]).toContain(comparePatterns(pattern(a), pattern(b)));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the order of patterns', () => {
  it('has narrower ones first, whatever order they were given in', () => {
    const texts = ['*', 'user:*', 'user:{id}', 'user:1', 'order:*', 'order:{id}:items', 'order:{id}:*'];
    fc.assert(
      fc.property(fc.shuffledSubarray(texts, { minLength: 1 }), (given) => {
        const ordered = orderPatterns(given.map((text) => ({ pattern: pattern(text) })));
        expect(ordered).toHaveLength(given.length);
        for (const [i, one] of ordered.entries())
          for (const later of ordered.slice(i + 1))
            expect(comparePatterns(one.pattern, later.pattern)).not.toBe('wider');
      }),
      { numRuns: 200 },
    );
  });

  it('keeps the given order of the others', () => {
    const given = ['b:*', 'a:*', 'c:1'].map((text) => ({ pattern: pattern(text) }));
    expect(orderPatterns(given)).toEqual(given);
  });
});
