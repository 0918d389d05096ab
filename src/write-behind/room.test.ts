import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../errors.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { Pace } from './pace.ts';
import { Room } from './room.ts';

const full = (): SluiceError => new SluiceError('OVERLOADED', 'full');

describe('Room', () => {
  it('lets in one after the other, as there is room', async () => {
    const clock = new FakeClock();
    const room = new Room(clock);
    let places = 0;
    const entered: string[] = [];
    const place = (key: string): string | undefined => {
      if (places === 0) return undefined;
      places--;
      entered.push(key);
      return key;
    };
    const enter = (key: string): Promise<string> => room.enter(key, () => place(key), 1000, full);
    const all = ['a', 'b', 'c'].map(enter);
    await turn();
    expect([entered, room.isBusy]).toEqual([[], true]);
    places = 1;
    room.freed();
    await turn();
    await turn();
    expect(entered).toEqual(['a']);
    places = 2;
    room.freed();
    await Promise.all(all);
    expect([entered, room.isBusy, room.of('a'), room.of('c')]).toEqual([['a', 'b', 'c'], false, undefined, undefined]);
  });

  it('sends away who waited long enough, each by its own time', async () => {
    const clock = new FakeClock();
    const room = new Room(clock);
    const outcomes = [100, 300].map((timeout) =>
      room.enter('k', () => undefined, timeout, full).catch(() => `over after ${clock.monotonic()}`),
    );
    for (let i = 0; i < 40; i++) {
      clock.advance(10);
      await turn();
    }
    expect(await Promise.all(outcomes)).toEqual(['over after 100', 'over after 300']);
  });

  it('takes no more than 10,000 who wait', async () => {
    const room = new Room(new FakeClock());
    for (let i = 0; i < 10_000; i++) room.enter('k', () => undefined, 1000, full).catch(() => undefined);
    await expect(room.enter('k', () => 1, 1000, full)).rejects.toMatchObject({ code: 'OVERLOADED' });
  });
});

describe('Pace', () => {
  it('lets so many go in a time, a few at once', () => {
    const pace = new Pace({ count: 2000, per: 1000 });
    let went = 0;
    for (let now = 0; now < 10_000; now++) went += pace.take(1000, now);
    expect(went).toBeGreaterThan(19_800);
    expect(went).toBeLessThanOrEqual(20_100);
  });

  it('lets few go one by one, and waits for the next', () => {
    const pace = new Pace({ count: 2, per: 60_000 });
    expect([pace.take(5, 0), pace.take(5, 1), pace.wait(5, 1)]).toEqual([1, 0, 29_999]);
    expect([pace.take(5, 29_999), pace.take(5, 30_000)]).toEqual([0, 1]);
  });

  it('does not count what did not go', () => {
    const pace = new Pace({ count: 1, per: 1000 });
    expect(pace.take(1, 0)).toBe(1);
    pace.giveBack(1);
    expect(pace.take(1, 0)).toBe(1);
    expect(pace.take(1, 0)).toBe(0);
  });
});
