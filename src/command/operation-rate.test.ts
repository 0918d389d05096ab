import { describe, expect, it } from 'vitest';
import { OperationRate } from './operation-rate.ts';

const START = 1_700_000_000_000;

describe('operation rate', () => {
  it('is that of the last one to two seconds', () => {
    const rate = new OperationRate();
    let count = 0;
    for (let ms = 0; ms < 3000; ms += 10) {
      rate.note(START + ms, count);
      count++;
    }
    expect(rate.perSecond(START + 3000, count)).toBe(100);
  });

  it('falls to nothing when nothing happens', () => {
    const rate = new OperationRate();
    rate.note(START, 0);
    rate.note(START + 1000, 500);
    expect(rate.perSecond(START + 2000, 1000)).toBe(500);
    expect(rate.perSecond(START + 4000, 1000)).toBe(0);
  });

  it('survives a clock that is set back', () => {
    const rate = new OperationRate();
    rate.note(START, 10);
    rate.note(START - 5000, 20);
    expect(rate.perSecond(START - 4900, 20)).toBe(0);
  });
});
