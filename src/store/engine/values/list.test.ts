import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ListValue } from './list.ts';

/** A position as a fraction, so that it fits a list of any length. */
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const times = fc.integer({ min: 1, max: 400 });

const change = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('pushLeft', 'pushRight'), times }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('popLeft', 'popRight'), times }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('insert', 'insertRun', 'removeAt', 'removeRun', 'set'), place }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim'), place, until: place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('snapshot') }) },
);
type Change =
  typeof change extends fc.Arbitrary<infer T> ? T & { times?: number; place?: number; until?: number } : never;

/** A list, the array it should be like, and snapshots with what they must go on showing. */
class Pair {
  readonly list = new ListValue();
  readonly model: string[] = [];
  readonly snapshots: { readonly pieces: readonly (readonly string[])[]; readonly expected: string[] }[] = [];
  #next = 0;

  apply({ kind, times: count = 0, place: at = 0, until = 0 }: Change): void {
    const { list, model } = this;
    const index = Math.floor(at * model.length);
    switch (kind) {
      case 'pushLeft':
      case 'pushRight':
        for (let i = 0; i < count; i++) this.#push(kind);
        break;
      case 'popLeft':
      case 'popRight':
        for (let i = 0; i < count; i++) expect(list[kind]()).toBe(kind === 'popLeft' ? model.shift() : model.pop());
        break;
      case 'insert':
      case 'insertRun':
        for (let i = 0; i < (kind === 'insert' ? 1 : 300); i++) this.#insert(Math.floor(at * (model.length + 1)));
        break;
      case 'removeAt':
      case 'removeRun':
        for (let i = 0; i < (kind === 'removeAt' ? 1 : 300) && index < model.length; i++) {
          list.removeAt(index);
          model.splice(index, 1);
        }
        break;
      case 'set':
        if (model.length === 0) break;
        list.set(index, `s${this.#next}`);
        model[index] = `s${this.#next++}`;
        break;
      case 'trim': {
        if (model.length === 0) break;
        const stop = index + Math.floor(until * (model.length - index));
        list.trim(index, stop);
        model.splice(stop + 1);
        model.splice(0, index);
        break;
      }
      case 'snapshot':
        this.snapshots.push({ pieces: list.snapshot(), expected: [...model] });
        break;
    }
  }

  #push(kind: 'pushLeft' | 'pushRight'): void {
    const element = `p${this.#next++}`;
    this.list[kind](element);
    if (kind === 'pushLeft') this.model.unshift(element);
    else this.model.push(element);
  }

  #insert(index: number): void {
    const element = `i${this.#next++}`;
    this.list.insert(index, element);
    this.model.splice(index, 0, element);
  }
}

describe('ListValue', () => {
  it('does as an array does, and its snapshots stay as they were', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const pair = new Pair();
        const { list, model } = pair;
        for (const step of changes) {
          pair.apply(step as Change);
          expect(list.length).toBe(model.length);
        }
        expect([...list.range(0, model.length - 1)]).toEqual(model);
        for (const { pieces, expected } of pair.snapshots) expect(pieces.flat()).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  it('finds every index, and every range', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), place, place, (changes, from, to) => {
        const pair = new Pair();
        for (const step of changes) pair.apply(step as Change);
        const { list, model } = pair;
        expect(model.map((_, i) => list.at(i))).toEqual(model);
        expect(list.at(-1)).toBeUndefined();
        expect(list.at(model.length)).toBeUndefined();
        if (model.length === 0) return;
        const start = Math.floor(from * model.length);
        const stop = start + Math.floor(to * (model.length - start));
        expect([...list.range(start, stop)]).toEqual(model.slice(start, stop + 1));
        expect([...list.range(stop + 1, start)]).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
