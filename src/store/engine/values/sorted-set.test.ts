import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ScoredMember, SortedSetValue } from './sorted-set.ts';

const member = fc.integer({ min: 0, max: 1500 }).map((n) => `m${n}`);
const score = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
);
const change = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), member, score }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), member }) },
  /** Enough to split chunks, or to empty them. */
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('addRun' as const, 'removeRun' as const),
      from: fc.nat({ max: 1000 }),
    }),
  },
);

const RUN = 600;

function apply(
  set: SortedSetValue,
  model: Map<string, number>,
  step: typeof change extends fc.Arbitrary<infer T> ? T : never,
) {
  switch (step.kind) {
    case 'add':
      expect(set.add(step.member, step.score)).toBe(!model.has(step.member));
      model.set(step.member, step.score);
      break;
    case 'remove':
      expect(set.remove(step.member)).toBe(model.delete(step.member));
      break;
    case 'addRun':
      for (let i = step.from; i < step.from + RUN; i++) {
        set.add(`m${i}`, i % 7);
        model.set(`m${i}`, i % 7);
      }
      break;
    case 'removeRun':
      for (let i = step.from; i < step.from + RUN; i++) expect(set.remove(`m${i}`)).toBe(model.delete(`m${i}`));
      break;
  }
}

function sorted(model: ReadonlyMap<string, number>): ScoredMember[] {
  return [...model]
    .map(([name, value]) => ({ member: name, score: value }))
    .sort((a, b) => a.score - b.score || (a.member < b.member ? -1 : 1));
}

describe('SortedSetValue', () => {
  it('does as a sorted array does', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const set = new SortedSetValue();
        const model = new Map<string, number>();
        for (const step of changes) apply(set, model, step);
        const expected = sorted(model);
        expect(set.size).toBe(expected.length);
        expect([...set.range(0, set.size)]).toEqual(expected);
        expect([...set.range(set.size - 1, set.size, true)]).toEqual([...expected].reverse());
        expect(expected.map((entry) => set.rank(entry.member))).toEqual(expected.map((_, i) => i));
        expect(expected.map((entry) => set.score(entry.member))).toEqual(expected.map((entry) => entry.score));
        expect(set.rank('none')).toBeUndefined();
        const positions = Array.from({ length: set.size }, (_, i) => [set.memberAt(i), set.scoreAt(i)]);
        expect(new Map(positions as [string, number][])).toEqual(model);
      }),
      { numRuns: 80 },
    );
  });

  it('finds bounds and walks from any position either way', () => {
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 15 }),
        score,
        fc.integer({ min: -2, max: 2000 }),
        fc.integer({ min: -1, max: 700 }),
        (changes, bound, start, count) => {
          const set = new SortedSetValue();
          const model = new Map<string, number>();
          for (const step of changes) apply(set, model, step);
          const expected = sorted(model);
          expect(set.lowerBound((entry) => entry.score < bound)).toBe(
            expected.filter((entry) => entry.score < bound).length,
          );
          expect(set.lowerBound(() => true)).toBe(expected.length);
          expect(set.lowerBound(() => false)).toBe(0);
          const inside = start >= 0 && start < expected.length && count > 0;
          expect([...set.range(start, count)]).toEqual(inside ? expected.slice(start, start + count) : []);
          expect([...set.range(start, count, true)]).toEqual(
            inside ? expected.slice(Math.max(0, start + 1 - count), start + 1).reverse() : [],
          );
        },
      ),
      { numRuns: 80 },
    );
  });
});
