import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Dict, SHARDS } from './dict.ts';

/** Refs are indexes into a list of hashes, from 1. Hashes are drawn from few values so that probes collide and wrap around. */
class Model {
  readonly hashes: number[] = [0];
  readonly live = new Set<number>();
  readonly dict = new Dict<number>((ref, key) => ref === key);

  insert(hash: number): void {
    this.hashes.push(hash);
    const ref = this.hashes.length - 1;
    this.live.add(ref);
    this.dict.insert(hash, ref);
  }

  remove(nth: number): void {
    const ref = [...this.live][nth % this.live.size];
    if (ref === undefined) return;
    this.live.delete(ref);
    this.dict.remove(this.hashes[ref] as number, ref);
  }

  check(): void {
    expect(this.dict.size).toBe(this.live.size);
    for (let ref = 1; ref < this.hashes.length; ref++) {
      expect(this.dict.find(this.hashes[ref] as number, ref)).toBe(this.live.has(ref) ? ref : 0);
    }
  }
}

const crowdedHash = fc
  .tuple(fc.constantFrom(0, 255), fc.constantFrom(0, 1, 0x7fffff, 0xfffffe, 0xffffff))
  .map(([top, low]) => (top << 24) | low);
const anyHash = fc.integer();
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ insert: fc.oneof(crowdedHash, anyHash) }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
);

describe('Dict', () => {
  it('finds what was inserted and not removed, whatever collides', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const model = new Model();
        for (const action of steps) {
          if ('insert' in action) model.insert(action.insert);
          else model.remove(action.remove);
        }
        model.check();
      }),
      { numRuns: 150 },
    );
  });

  it('visits every entry that stays throughout a scan, while the table grows and shrinks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 60 })), {
          minLength: 1,
          maxLength: 30,
        }),
        (rounds) => {
          const model = new Model();
          for (let i = 0; i < 300; i++) model.insert(Math.imul(i, 0x9e3779b1));
          const staying = new Set(model.live);
          const seen = new Set<number>();
          let cursor = 0;
          let round = 0;
          do {
            const [count, steps] = rounds[round++ % rounds.length] as (typeof rounds)[0];
            cursor = model.dict.scan(cursor, count, (ref) => seen.add(ref));
            if (round > 50) continue;
            for (const action of steps) {
              if ('insert' in action) model.insert(action.insert);
              else model.remove(action.remove);
            }
            for (const ref of staying) if (!model.live.has(ref)) staying.delete(ref);
          } while (cursor !== 0);
          for (const ref of staying) expect(seen.has(ref)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('ends a scan of an empty and of a sparse table', () => {
    const dict = new Dict<number>((ref, key) => ref === key);
    let cursor = 0;
    let steps = 0;
    do {
      cursor = dict.scan(cursor, 10, () => expect.fail('nothing is there'));
      steps++;
    } while (cursor !== 0);
    expect(steps).toBeLessThanOrEqual(SHARDS);
    dict.insert(-1, 5);
    const seen: number[] = [];
    do cursor = dict.scan(cursor, 10, (ref) => seen.push(ref));
    while (cursor !== 0);
    expect(seen).toEqual([5]);
  });

  it('picks among all entries', () => {
    const dict = new Dict<number>((ref, key) => ref === key);
    for (let i = 1; i <= 50; i++) dict.insert(Math.imul(i, 0x9e3779b1), i);
    let seed = 1;
    const random = (): number => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    const picked = new Set(Array.from({ length: 3000 }, () => dict.pick(random)));
    expect(picked.size).toBe(50);
  });
});
