import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { Breaker, type BreakerOutcome } from './breaker.ts';

let clock: FakeClock;
let breaker: Breaker;

beforeEach(() => {
  clock = new FakeClock();
  // The longest wait each time.
  breaker = new Breaker({ clock, random: () => 1 });
});

const call = (outcome: BreakerOutcome): void => {
  const role = breaker.begin();
  if (role === undefined) throw new Error('refused');
  breaker.end(role, outcome);
};
const fail = (times: number): void => {
  for (let i = 0; i < times; i++) call('failure');
};

describe('Breaker', () => {
  it('opens after five failures in a row, and a success in between starts the count anew', () => {
    fail(4);
    call('success');
    fail(4);
    call('neither');
    expect(breaker.state).toBe('closed');
    fail(1);
    expect(breaker.state).toBe('open');
    expect(breaker.begin()).toBeUndefined();
    expect(breaker.wait()).toBe(1_000);
  });

  it('lets one probe at a time pass when its time is over', () => {
    fail(5);
    clock.advance(1_000);
    expect(breaker.state).toBe('half-open');
    expect(breaker.wait()).toBe(0);
    expect(breaker.begin()).toBe('probe');
    expect(breaker.begin()).toBeUndefined();
    expect(breaker.wait()).toBe(1_000);
    breaker.end('probe', 'neither');
    expect(breaker.begin()).toBe('probe');
    breaker.end('probe', 'success');
    expect(breaker.state).toBe('closed');
    fail(4);
    expect(breaker.state).toBe('closed');
  });

  it('stays open longer after each probe that fails, up to 30 s, and starts anew after a success', () => {
    fail(5);
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      waits.push(breaker.wait());
      clock.advance(breaker.wait());
      call('failure');
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    clock.advance(30_000);
    call('success');
    fail(5);
    expect(breaker.wait()).toBe(1_000);
  });

  it('hears nothing of calls begun before it opened', () => {
    const early = breaker.begin();
    fail(5);
    breaker.end(early as 'ordinary', 'success');
    expect(breaker.state).toBe('open');
    breaker.end(early as 'ordinary', 'failure');
    expect(breaker.wait()).toBe(1_000);
  });
});
