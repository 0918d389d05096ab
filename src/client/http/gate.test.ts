import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { isSluiceError, type SluiceError } from '../../errors.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { Gate, type GateOptions, type Pass } from './gate.ts';

let clock: FakeClock;
const forever = new AbortController().signal;
setMaxListeners(0, forever);

beforeEach(() => {
  clock = new FakeClock();
});

const open = (options: Partial<GateOptions> = {}): Gate =>
  new Gate({ clock, name: 'http://api', concurrency: 100, queue: 100, ...options });
/** Lets promises settle. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};
/** Notes in `log` when it gets through. */
const enter = (gate: Gate, name: string, log: string[], signal = forever): { pass?: Pass } => {
  const got: { pass?: Pass } = {};
  Promise.resolve(gate.enter(signal)).then(
    (pass) => {
      got.pass = pass;
      log.push(name);
    },
    (error: unknown) => log.push(`${name}: ${String(error)}`),
  );
  return got;
};
const refusal = (run: () => unknown): SluiceError => {
  try {
    run();
  } catch (error) {
    if (isSluiceError(error, 'ORIGIN_OVERLOADED')) return error;
    throw error;
  }
  throw new Error('not refused');
};

describe('Gate: concurrency', () => {
  it('lets so many pass at once, and the others in the order they came', async () => {
    const gate = open({ concurrency: 2 });
    const log: string[] = [];
    const [a, b] = [enter(gate, 'a', log), enter(gate, 'b', log)];
    enter(gate, 'c', log);
    enter(gate, 'd', log);
    await settle();
    expect(log).toEqual(['a', 'b']);
    expect(gate.waiting).toBe(2);
    b.pass?.leave();
    b.pass?.leave();
    await settle();
    expect(log).toEqual(['a', 'b', 'c']);
    a.pass?.leave();
    await settle();
    expect(log).toEqual(['a', 'b', 'c', 'd']);
    expect(gate.active).toBe(2);
  });

  it('refuses when the queue is full, and takes out those who leave', async () => {
    const gate = open({ concurrency: 1, queue: 1 });
    const log: string[] = [];
    const first = enter(gate, 'a', log);
    const gone = new AbortController();
    enter(gate, 'b', log, gone.signal);
    expect(refusal(() => gate.enter(forever)).details).toEqual({ retryAfter: 1_000 });
    gone.abort(new Error('gone'));
    enter(gate, 'c', log);
    await settle();
    first.pass?.leave();
    await settle();
    expect(log).toEqual(['a', 'b: Error: gone', 'c']);
    expect(gate.stats).toEqual({ passed: 2, waited: 0, refused: 1, left: 1 });
    expect(() => gate.enter(gone.signal)).toThrow('gone');
  });
});

describe('Gate: rate', () => {
  const rate = { count: 2, per: 1_000 };

  it('gives a place back one window after the call has ended, not after it was sent', async () => {
    const gate = open({ rate });
    const log: string[] = [];
    const [a, b] = [enter(gate, 'a', log), enter(gate, 'b', log)];
    enter(gate, 'c', log);
    await settle();
    clock.advance(5_000);
    await settle();
    expect(log).toEqual(['a', 'b']);
    a.pass?.leave();
    clock.advance(600);
    b.pass?.leave();
    clock.advance(399);
    await settle();
    expect(log).toEqual(['a', 'b']);
    clock.advance(3);
    await settle();
    expect(log).toEqual(['a', 'b', 'c']);
    expect(clock.pending).toBe(0);
  });

  it('does not count a call that was never made', async () => {
    const gate = open({ rate });
    for (let i = 0; i < 10; i++) (gate.enter(forever) as Pass).giveBack();
    expect(gate.stats.passed).toBe(0);
    expect(gate.isIdle).toBe(true);
  });

  it('never lets more arrive in any window, however long calls take', async () => {
    const call = fc.record({
      after: fc.integer({ min: 0, max: 800 }),
      takes: fc.integer({ min: 0, max: 2_500 }),
      arrives: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), async (calls, count) => {
        clock = new FakeClock();
        const gate = open({ rate: { count, per: 1_000 }, concurrency: 10 });
        const arrivals: number[] = [];
        for (const { after, takes, arrives } of calls) {
          clock.advance(after);
          void Promise.resolve(gate.enter(forever)).then((pass) => {
            arrivals.push(clock.monotonic() + takes * arrives);
            clock.setTimer(() => pass.leave(), takes);
          });
          await settle();
        }
        for (let i = 0; arrivals.length < calls.length && i < 2_000; i++) {
          clock.advance(100);
          await settle();
        }
        expect(arrivals).toHaveLength(calls.length);
        arrivals.sort((a, b) => a - b);
        for (let i = count; i < arrivals.length; i++) {
          expect((arrivals[i] as number) - (arrivals[i - count] as number)).toBeGreaterThan(1_000);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('uses the whole rate when calls are quick', async () => {
    const gate = open({ rate: { count: 10, per: 1_000 } });
    let passed = 0;
    for (let i = 0; i < 100; i++) {
      void Promise.resolve(gate.enter(forever)).then((pass) => {
        passed++;
        pass.leave();
      });
    }
    for (let i = 0; i < 5_050; i++) {
      clock.advance(1);
      await settle();
    }
    expect(passed).toBe(60);
  });

  it('refuses at once who would wait longer than he can, and says when there may be room', async () => {
    const gate = open({ rate });
    const passes = [gate.enter(forever), gate.enter(forever)] as Pass[];
    expect(refusal(() => gate.enter(forever, 999)).details).toEqual({ retryAfter: 1_000 });
    for (const pass of passes) pass.leave();
    clock.advance(500);
    expect(refusal(() => gate.enter(forever, 100)).details).toEqual({ retryAfter: 502 });
    const log: string[] = [];
    for (const name of ['a', 'b', 'c']) enter(gate, name, log);
    expect(refusal(() => gate.enter(forever, 1_000)).details).toEqual({ retryAfter: 1_502 });
    clock.advance(502);
    await settle();
    expect(log).toEqual(['a', 'b']);
  });

  it('lets nobody pass while it is paused', async () => {
    const gate = open();
    gate.pauseFor(2_000);
    gate.pauseFor(100);
    const log: string[] = [];
    enter(gate, 'a', log);
    expect(refusal(() => gate.enter(forever, 1_999)).details).toEqual({ retryAfter: 2_000 });
    clock.advance(1_999);
    await settle();
    expect(log).toEqual([]);
    clock.advance(1);
    await settle();
    expect(log).toEqual(['a']);
  });

  it('holds to the smaller of two limits', () => {
    const gate = open({ concurrency: 5, queue: 0 });
    gate.narrow({ concurrency: 2, queue: 7, rate });
    void gate.enter(forever);
    void gate.enter(forever);
    expect(refusal(() => gate.enter(forever)).code).toBe('ORIGIN_OVERLOADED');
    expect(gate.rate).toEqual(rate);
  });
});

describe('Gate: a rate shared by several nodes', () => {
  it('asks for each call, one at a time, and waits until there may be room', async () => {
    const answers = [true, false, true].map((allowed) => ({ allowed, retryAt: clock.now() + 300 }));
    let asked = 0;
    const gate = open({ shared: { take: async () => answers[asked++] as (typeof answers)[number] } });
    const log: string[] = [];
    enter(gate, 'a', log);
    enter(gate, 'b', log);
    await settle();
    expect(log).toEqual(['a']);
    expect(asked).toBe(2);
    clock.advance(299);
    await settle();
    expect(asked).toBe(2);
    clock.advance(1);
    await settle();
    expect(log).toEqual(['a', 'b']);
  });

  it('does with its own limits while the others are away', async () => {
    let asked = 0;
    const take = async (): Promise<never> => {
      asked++;
      throw new Error('away');
    };
    const gate = open({ shared: { take }, rate: { count: 2, per: 10_000 } });
    const log: string[] = [];
    for (const name of ['a', 'b', 'c']) enter(gate, name, log);
    await settle();
    expect(log).toEqual(['a', 'b']);
    expect(asked).toBe(1);
    clock.advance(1_000);
    enter(gate, 'd', log);
    await settle();
    expect(asked).toBe(1);
  });

  it('does not wait for ever for an answer', async () => {
    const gate = open({ shared: { take: () => new Promise(() => undefined) } });
    const log: string[] = [];
    enter(gate, 'a', log);
    clock.advance(1_000);
    await settle();
    expect(log).toEqual(['a']);
  });
});
