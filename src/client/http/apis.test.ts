import { describe, expect, it } from 'vitest';
import { Canceller } from '../../kernel/cancellation.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { Apis } from './apis.ts';

const limits = { concurrency: 1, queue: 1 };

describe('APIs that requests name', () => {
  it('are forgotten for others once nothing holds them back, whatever they failed', () => {
    const clock = new FakeClock();
    const apis = new Apis({ clock, random: () => 0.5, maxGuests: 2 });
    for (const name of ['http://a', 'http://b']) {
      const { breaker } = apis.visit(name, limits);
      while (breaker.state === 'closed') breaker.end(breaker.begin() ?? 'ordinary', 'failure');
    }
    expect(() => apis.visit('http://c', limits)).toThrow(/too many hosts/);
    clock.advance(60_000);
    expect(apis.visit('http://c', limits).name).toBe('http://c');
  });

  it('take the rate of those who name it where it is configured without one', () => {
    const clock = new FakeClock();
    const apis = new Apis({ clock, random: () => 0.5 });
    const configured = apis.configure('http://a', { concurrency: 64, queue: 10 });
    const visited = apis.visit('http://a', { concurrency: 1, queue: 1, rate: { count: 1, per: 1000 } });
    expect(visited).toBe(configured);
    const first = configured.gate.enter(new Canceller());
    expect(first).not.toBeInstanceOf(Promise);
    const second = configured.gate.enter(new Canceller());
    expect(second).toBeInstanceOf(Promise);
    expect(configured.gate.waiting).toBe(1);
  });
});
