import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DenseMap } from './dense-map.ts';

const key = fc.integer({ min: 0, max: 40 });
const change = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('set' as const), key, value: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
);

function entriesOf(map: DenseMap<number, number>): [number, number][] {
  return Array.from({ length: map.size }, (_, i) => [map.keyAt(i), map.valueAt(i)]);
}

describe('DenseMap', () => {
  it('does as a Map does', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const map = new DenseMap<number, number>();
        const model = new Map<number, number>();
        for (const step of changes) {
          if (step.kind === 'set') {
            expect(map.set(step.key, step.value)).toBe(!model.has(step.key));
            model.set(step.key, step.value);
          } else {
            expect(map.delete(step.key)).toBe(model.delete(step.key));
          }
          expect(map.size).toBe(model.size);
        }
        for (let k = 0; k <= 41; k++) {
          expect(map.has(k)).toBe(model.has(k));
          expect(map.get(k)).toBe(model.get(k));
        }
        expect(new Map(entriesOf(map))).toEqual(model);
        expect(map.keys()).toEqual(entriesOf(map).map(([k]) => k));
        expect(map.values()).toEqual(entriesOf(map).map(([, v]) => v));
      }),
    );
  });

  it('shows a scan that walks downwards every entry that is there all the time, whatever changes in between', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(change, { maxLength: 8 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        (changesPerStep, stepLength) => {
          const map = new DenseMap<number, number>();
          for (let k = 0; k <= 40; k++) map.set(k, k);
          const throughout = new Set(map.keys());
          const seen = new Set<number>();
          let cursor = map.size;
          for (let step = 0; cursor > 0; step++) {
            const end = Math.min(cursor, map.size);
            cursor = Math.max(0, end - stepLength);
            for (let i = end - 1; i >= cursor; i--) seen.add(map.keyAt(i));
            for (const { kind, key: k, ...rest } of changesPerStep[step] ?? []) {
              if (kind === 'set') {
                map.set(k, 'value' in rest ? rest.value : 0);
              } else {
                map.delete(k);
                throughout.delete(k);
              }
            }
          }
          for (const k of throughout) expect(seen).toContain(k);
        },
      ),
    );
  });
});
