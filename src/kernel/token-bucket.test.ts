import { describe, expect, it } from 'vitest';
import { parseRate, TokenBuckets } from './token-bucket.ts';

describe('parseRate', () => {
  it.each([
    ['100/1s', { count: 100, per: 1000 }],
    ['5000/1m', { count: 5000, per: 60_000 }],
    ['1/250ms', { count: 1, per: 250 }],
    ['1000000/1d', { count: 1_000_000, per: 86_400_000 }],
  ])('reads %s', (text, rate) => expect(parseRate(text)).toEqual(rate));

  it.each(['', '100', '100/', '/1s', '0/1s', '-1/1s', '1.5/1s', '1000001/1s', '1/0', '1/2d', '1/s', '1 /1s'])(
    'refuses %j',
    (text) => expect(parseRate(text)).toBeUndefined(),
  );
});

/** How many of `tries` are let through at one instant. */
function admitted(buckets: TokenBuckets, tries: number, now: number, place = 0, tag = 1): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (buckets.take(place, tag, now) === 0) count++;
  return count;
}

describe('a token bucket', () => {
  it.each([
    [100, 1000, 100],
    [3, 1000, 3],
    [7, 1000, 5],
    [1_000_000, 1000, 1000],
    [10, 86_400_000, 10],
    [1, 1, 1],
  ])('of %i per %i ms lets through exactly its burst of %i at once, whatever the time', (count, per, burst) => {
    for (const now of [0, 0.3, 12_345.678, 9e9]) {
      const buckets = new TokenBuckets(8, { count, per }, burst);
      expect(admitted(buckets, burst + 10, now)).toBe(burst);
    }
  });

  it('fills at its rate and says when the next token comes', () => {
    const buckets = new TokenBuckets(8, { count: 10, per: 1000 }, 10);
    expect(admitted(buckets, 20, 0)).toBe(10);
    expect(buckets.take(0, 1, 0)).toBeCloseTo(100);
    expect(buckets.take(0, 1, 40)).toBeCloseTo(60);
    expect(buckets.take(0, 1, 100)).toBe(0);
    expect(admitted(buckets, 20, 600)).toBe(5);
    expect(admitted(buckets, 20, 1e6)).toBe(10);
  });

  it('lets through no more than burst + rate x time, however the requests are spread', () => {
    const buckets = new TokenBuckets(8, { count: 50, per: 1000 }, 20);
    let count = 0;
    for (let now = 0; now <= 10_000; now += 7.3) count += admitted(buckets, 3, now);
    expect(count).toBeLessThanOrEqual(20 + 500);
    expect(count).toBeGreaterThanOrEqual(20 + 495);
  });

  it('keeps payers apart', () => {
    const buckets = new TokenBuckets(64, { count: 5, per: 1000 }, 5);
    for (let tag = 1; tag <= 8; tag++) expect(admitted(buckets, 9, 0, 3, tag)).toBe(5);
    for (let place = 4; place < 8; place++) expect(admitted(buckets, 9, 0, place, 1)).toBe(5);
    expect(buckets.takenOver).toBe(0);
    expect(buckets.inUse(0)).toBe(12);
    expect(buckets.inUse(1001)).toBe(0);
  });

  it('forgets only full buckets while there is room', () => {
    const buckets = new TokenBuckets(8, { count: 5, per: 1000 }, 5);
    for (let tag = 1; tag <= 8; tag++) buckets.take(0, tag, 0);
    // All of them are full again by then.
    for (let tag = 9; tag <= 16; tag++) expect(admitted(buckets, 9, 2000, 0, tag)).toBe(5);
    expect(buckets.takenOver).toBe(0);
  });

  it('does not give a limited payer a new start when others flood its places', () => {
    const buckets = new TokenBuckets(8, { count: 10, per: 1000 }, 10);
    expect(admitted(buckets, 100, 0, 0, 1)).toBe(10);
    let others = 0;
    for (let tag = 2; tag < 10_000; tag++) if (buckets.take(0, tag, 0) === 0) others++;
    // What the other seven places hold, and no more.
    expect(others).toBe(70);
    expect(admitted(buckets, 100, 0, 0, 1)).toBe(0);
    expect(buckets.takenOver).toBeGreaterThan(0);
    // All together get what eight buckets fill.
    let later = 0;
    for (let tag = 1; tag < 10_000; tag++) if (buckets.take(0, tag, 100) === 0) later++;
    expect(later).toBe(8);
  });

  it('takes another rate without forgetting what was used', () => {
    const buckets = new TokenBuckets(8, { count: 1, per: 86_400_000 }, 1);
    expect(admitted(buckets, 2, 0)).toBe(1);
    buckets.setRate({ count: 10, per: 1000 }, 10, 0);
    expect(buckets.burst).toBe(10);
    // The debt of a day is cut to what the new bucket holds.
    expect(admitted(buckets, 20, 0)).toBe(0);
    expect(admitted(buckets, 20, 1000)).toBe(10);
  });
});
