import assert from 'node:assert/strict';
import type { Counter, Fields, Window, WindowDecision } from '../store/ports.ts';
import { type ConformanceCase, conformanceCase } from './conformance.ts';

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

/** What every `Fields` promises. */
export const fieldsSuite: readonly ConformanceCase<Fields>[] = [
  conformanceCase<Fields>('sets some fields and leaves the others', async (fields) => {
    assert.equal(await fields.get('r'), undefined);
    await fields.set('r', { a: '1', b: Uint8Array.of(0, 255) });
    await fields.set('r', { a: '2' });
    const record = await fields.get('r');
    assert.equal(record?.size, 2);
    assert.equal(Buffer.from(record?.get('a') ?? []).toString(), '2');
    assert.deepEqual([...(record?.get('b') ?? [])], [0, 255]);
  }),
  conformanceCase<Fields>('expires a record as a whole; without a ttl the old one stays', async (fields, clock) => {
    await fields.set('r', { a: '1' }, { ttl: 1000 });
    await fields.set('r', { b: '2' });
    clock.advance(999);
    assert.equal((await fields.get('r'))?.size, 2);
    clock.advance(1);
    assert.equal(await fields.get('r'), undefined);
  }),
  conformanceCase<Fields>('adds to a field without losing concurrent additions', async (fields) => {
    await Promise.all(Array.from({ length: 50 }, () => fields.increment('r', 'n', 2)));
    assert.equal(await fields.increment('r', 'n', -1), 99);
    await fields.set('r', { word: 'ten' });
    await assert.rejects(fields.increment('r', 'word', 1), code('NOT_AN_INTEGER'));
    await fields.set('r', { big: String(Number.MAX_SAFE_INTEGER) });
    await assert.rejects(fields.increment('r', 'big', 1), code('OVERFLOW'));
  }),
  conformanceCase<Fields>('refuses a ttl that is no number of milliseconds greater than 0', async (fields) => {
    for (const ttl of [0, Number.NaN])
      await assert.rejects(fields.set('r', { a: '1' }, { ttl }), code('INVALID_ARGUMENT'));
    assert.equal(await fields.get('r'), undefined);
  }),
  conformanceCase<Fields>('deletes a record once', async (fields) => {
    await fields.set('r', { a: '1' });
    assert.equal(await fields.delete('r'), true);
    assert.equal(await fields.delete('r'), false);
  }),
];

/** What every `Counter` promises. */
export const counterSuite: readonly ConformanceCase<Counter>[] = [
  conformanceCase<Counter>('counts from 0 without losing concurrent additions', async (counter) => {
    assert.equal(await counter.get('c'), 0);
    await Promise.all(Array.from({ length: 100 }, () => counter.add('c', 3)));
    assert.equal(await counter.add('c', -100), 200);
    assert.equal(await counter.get('c'), 200);
  }),
  conformanceCase<Counter>('ends its ttl after the first addition, not the last', async (counter, clock) => {
    await counter.add('c', 1, { ttl: 1000 });
    clock.advance(600);
    assert.equal(await counter.add('c', 1, { ttl: 1000 }), 2);
    clock.advance(400);
    assert.equal(await counter.get('c'), 0);
    assert.equal(await counter.add('c', 1, { ttl: 1000 }), 1);
  }),
  conformanceCase<Counter>('is 0 after a reset, and a separate thing per key', async (counter) => {
    await counter.add('a', 1);
    await counter.add('b', 2);
    await counter.reset('a');
    assert.equal(await counter.get('a'), 0);
    assert.equal(await counter.get('b'), 2);
  }),
  conformanceCase<Counter>('refuses a ttl that is no number of milliseconds greater than 0', async (counter) => {
    for (const ttl of [0, Number.NaN]) await assert.rejects(counter.add('c', 1, { ttl }), code('INVALID_ARGUMENT'));
    assert.equal(await counter.get('c'), 0);
  }),
  conformanceCase<Counter>('refuses to leave the exact whole numbers', async (counter) => {
    await counter.add('c', Number.MAX_SAFE_INTEGER);
    await assert.rejects(counter.add('c', 1), code('OVERFLOW'));
    assert.equal(await counter.get('c'), Number.MAX_SAFE_INTEGER);
  }),
];

/** What every `Window` promises. */
export const windowSuite: readonly ConformanceCase<Window>[] = [
  conformanceCase<Window>('lets exactly the limit pass in any trailing span', async (window, clock) => {
    const limit = { limit: 3, per: 1000 };
    const start = clock.now();
    for (const [at, allowed] of [
      [0, true],
      [100, true],
      [200, true],
      [300, false],
      [999, false],
      [1000, true],
      [1001, false],
      [1100, true],
    ] as const) {
      clock.advance(start + at - clock.now());
      assert.equal((await window.rolling('w', limit)).allowed, allowed, `at ${at} ms`);
    }
  }),
  conformanceCase<Window>('agrees with a list of all hits, whatever comes', async (window, clock) => {
    const limit = { limit: 5, per: 700 };
    let hits: number[] = [];
    let seed = 7;
    for (let i = 0; i < 400; i++) {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      clock.advance(seed % 200);
      const cost = 1 + (seed % 3);
      hits = hits.filter((at) => at > clock.now() - limit.per);
      const allowed = hits.length + cost <= limit.limit;
      if (allowed) for (let n = 0; n < cost; n++) hits.push(clock.now());
      const decision = await window.rolling('w', { ...limit, cost });
      assert.equal(decision.allowed, allowed, `step ${i}`);
      assert.equal(decision.count, hits.length, `step ${i}`);
      assert.equal(decision.remaining, limit.limit - hits.length, `step ${i}`);
    }
  }),
  conformanceCase<Window>('says when the next hit would be allowed, and it is', async (window, clock) => {
    const limit = { limit: 2, per: 1000 };
    await window.rolling('w', limit);
    clock.advance(300);
    await window.rolling('w', limit);
    clock.advance(100);
    const refused = await window.rolling('w', limit);
    assert.equal(refused.allowed, false);
    clock.advance(refused.retryAt - clock.now() - 1);
    assert.equal((await window.rolling('w', limit)).allowed, false);
    clock.advance(1);
    assert.equal((await window.rolling('w', limit)).allowed, true);
  }),
  conformanceCase<Window>('counts no refused hit', async (window, clock) => {
    const limit = { limit: 1, per: 1000 };
    await window.rolling('w', limit);
    for (let i = 0; i < 50; i++) await window.rolling('w', limit);
    clock.advance(1000);
    assert.equal((await window.rolling('w', limit)).allowed, true);
  }),
  conformanceCase<Window>('lets no more than the limit pass among concurrent hits', async (window) => {
    for (const kind of ['rolling', 'fixed'] as const) {
      const decisions: WindowDecision[] = await Promise.all(
        Array.from({ length: 50 }, () => window[kind](kind, { limit: 10, per: 60_000 })),
      );
      assert.equal(decisions.filter(({ allowed }) => allowed).length, 10, kind);
    }
  }),
  conformanceCase<Window>(
    'opens a fixed window with its first hit and closes it so long after',
    async (window, clock) => {
      const limit = { limit: 2, per: 1000 };
      const endsAt = clock.now() + 1000;
      assert.deepEqual(await window.fixed('w', limit), { allowed: true, count: 1, remaining: 1, retryAt: clock.now() });
      clock.advance(900);
      assert.deepEqual(await window.fixed('w', limit), { allowed: true, count: 2, remaining: 0, retryAt: endsAt });
      assert.deepEqual(await window.fixed('w', limit), { allowed: false, count: 2, remaining: 0, retryAt: endsAt });
      clock.advance(100);
      assert.equal((await window.fixed('w', limit)).allowed, true);
    },
  ),
  conformanceCase<Window>('refuses what is no limit instead of letting everything pass', async (window) => {
    for (const kind of ['rolling', 'fixed'] as const) {
      for (const wrong of [{ limit: Number.NaN }, { limit: -1 }, { per: 0 }, { per: Number.NaN }, { cost: 0.5 }])
        await assert.rejects(window[kind]('w', { limit: 1, per: 1000, ...wrong }), code('INVALID_ARGUMENT'));
      assert.equal((await window[kind]('w', { limit: 1, per: 1000 })).count, 1, kind);
    }
  }),
  conformanceCase<Window>('forgets all hits at a reset', async (window) => {
    const limit = { limit: 1, per: 1000 };
    await window.rolling('w', limit);
    await window.fixed('w', limit);
    await window.reset('w');
    assert.equal((await window.rolling('w', limit)).allowed, true);
    assert.equal((await window.fixed('w', limit)).allowed, true);
  }),
  conformanceCase<Window>('refuses a hit that costs more than the limit for ever', async (window) => {
    assert.equal((await window.rolling('w', { limit: 2, per: 1000, cost: 3 })).allowed, false);
    assert.equal((await window.fixed('w', { limit: 2, per: 1000, cost: 3 })).allowed, false);
    assert.equal((await window.rolling('w', { limit: 0, per: 1000 })).allowed, false);
  }),
];
