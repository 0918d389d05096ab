import { describe, expect, it } from 'vitest';
import { meanWait, RowTraffic } from './row-traffic.ts';

const delays = { minDelay: 5000, maxDelay: 5000, maxBatch: 1000 };

describe('what waiting saves', () => {
  it('is not told of before something was written', () => {
    expect(new RowTraffic(delays).reduction({ accepted: 5, written: 0 }, 1, 1000)).toBeUndefined();
  });

  it('is predicted as 1 + rate x wait, from changes and different rows, and told beside what was achieved', () => {
    const traffic = new RowTraffic(delays);
    // 1,000 rows that change once a second, each written every 6 s: for 60 s.
    const keys = Array.from({ length: 1000 }, (_, i) => ({ key: `scooter:${i}` }));
    for (let round = 0; round < 10; round++)
      traffic.wrote(keys, 3, { accepted: 5000 + 6000 * round, written: 1000 * round }, 5000 + 6000 * round);
    const told = traffic.reduction({ accepted: 60_000, written: 10_000 }, 1, 60_000);
    expect(told?.achieved).toBeCloseTo(6, 5);
    expect(told?.rate).toBeCloseTo(1, 1);
    expect(told?.predicted).toBeGreaterThan(5.7);
    expect(told?.predicted).toBeLessThan(6.3);
    expect([traffic.batchRows.sum, traffic.duration.sumMs]).toEqual([10_000, 30]);
  });

  it('is of the last minutes, not of all time', () => {
    const traffic = new RowTraffic(delays);
    const keys = [{ key: 'a' }];
    const sums = { accepted: 0, written: 0 };
    for (let at = 0; at < 600; at++) {
      traffic.wrote(keys, 1, sums, at * 1000);
      if (at === 1) expect(traffic.reduction(sums, 1, 2000)).toBeUndefined();
      sums.accepted += at < 300 ? 100 : 2;
      sums.written++;
    }
    expect(traffic.reduction(sums, 1, 600_000)?.achieved).toBeCloseTo(2, 5);
  });
});

describe('the mean wait', () => {
  it('is that of the settings where both delays are one', () => {
    for (const rows of [1, 1000, 1_000_000]) expect(meanWait(delays, rows, 1, 1)).toBe(5000);
  });

  it('lies half way where batches do not fill up, and near minDelay where they do', () => {
    const wide = { minDelay: 1000, maxDelay: 5000, maxBatch: 1000 };
    expect(meanWait(wide, 100, 1, 1)).toBe(3000);
    expect(meanWait(wide, 1_000_000, 1, 1)).toBeLessThan(1010);
    expect(meanWait(wide, 10_000, 1, 1)).toBeGreaterThan(1050);
    expect(meanWait(wide, 10_000, 1, 16)).toBeGreaterThan(meanWait(wide, 10_000, 1, 1));
  });
});
