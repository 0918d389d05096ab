import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpiryWheel } from './expiry-wheel.ts';
import { Records, ValueType } from './records.ts';

const START = 1_800_000_000_000;
const TICK = 64;

function setUp(): { wheel: ExpiryWheel; add: (instant: number) => number; records: Records } {
  const records = new Records();
  const wheel = new ExpiryWheel(records, START);
  let n = 0;
  const add = (instant: number): number => {
    const ref = records.create(n++, ValueType.string, 0, `k${n}`, '', '');
    records.setExpiresAt(ref, instant);
    wheel.add(ref, instant);
    return ref;
  };
  return { wheel, add, records };
}

const ttl = fc.oneof(
  fc.integer({ min: 0, max: 5000 }),
  fc.integer({ min: 0, max: 1000 * 60 * 60 }),
  fc.integer({ min: 0, max: 1000 * 60 * 60 * 24 * 400 }),
);

describe('ExpiryWheel', () => {
  it('hands out each record once, never early, and at the latest two ticks late, also when the clock is set back', () => {
    const step = fc.tuple(
      fc.oneof(
        ttl,
        ttl,
        ttl.map((ms) => -ms),
      ),
      ttl,
    );
    fc.assert(
      fc.property(fc.array(ttl, { maxLength: 40 }), fc.array(step, { minLength: 1, maxLength: 20 }), (ttls, steps) => {
        const { wheel, add } = setUp();
        const due = new Map(ttls.map((ms) => [add(START + ms), START + ms]));
        let now = START;
        for (const [jump, ms] of steps) {
          now += jump;
          expect(
            wheel.advance(now, 1e9, (ref) => {
              expect(due.get(ref)).toBeLessThanOrEqual(now);
              wheel.remove(ref);
              expect(due.delete(ref)).toBe(true);
            }),
          ).toBe(true);
          for (const instant of due.values()) expect(instant).toBeGreaterThan(now - 2 * TICK);
          expect(wheel.size).toBe(due.size);
          due.set(add(now + ms), now + ms);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps to its budget and goes on where it stopped', () => {
    const { wheel, add } = setUp();
    for (let i = 0; i < 1000; i++) add(START + 100);
    let expired = 0;
    let calls = 0;
    while (
      !wheel.advance(START + 1000, 64, (ref) => {
        wheel.remove(ref);
        expired++;
      })
    ) {
      expect(expired).toBe(64 * ++calls);
    }
    expect(expired).toBe(1000);
  });

  it('takes a jump of years in few steps, and a clock set back without harm', () => {
    const { wheel, add } = setUp();
    const near = add(START + 1000);
    const far = add(START + 100 * 365 * 86_400_000);
    const seen: number[] = [];
    const expire = (ref: number): void => {
      wheel.remove(ref);
      seen.push(ref);
    };
    wheel.advance(START - 10 * 365 * 86_400_000, 1e6, expire);
    expect(seen).toEqual([]);
    expect(wheel.advance(START + 99 * 365 * 86_400_000, 1e6, expire)).toBe(true);
    expect(seen).toEqual([near]);
    wheel.advance(START + 101 * 365 * 86_400_000, 1e6, expire);
    expect(seen).toEqual([near, far]);
  });

  it('forgets a record that is removed', () => {
    const { wheel, add } = setUp();
    const refs = Array.from({ length: 10 }, (_, i) => add(START + 100 + i));
    for (const ref of [refs[0], refs[5], refs[9]]) wheel.remove(ref as number);
    wheel.remove(refs[5] as number);
    expect(wheel.size).toBe(7);
    const seen: number[] = [];
    wheel.advance(START + 1000, 100, (ref) => {
      wheel.remove(ref);
      seen.push(ref);
    });
    expect(seen.sort()).toEqual(refs.filter((_, i) => ![0, 5, 9].includes(i)).sort());
  });
});
