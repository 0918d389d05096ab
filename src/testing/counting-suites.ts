import assert from 'node:assert/strict';
import type { Counter, Fields, Window, WindowDecision } from '../store/ports.ts';
import {
  assertInstant,
  assertLasts,
  assertStill,
  type ConformanceCase,
  conformanceCase,
  passUntil,
  timed,
} from './conformance.ts';
import { HitBounds } from './hit-bounds.ts';

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
    const { at } = await timed(clock, () => fields.set('r', { a: '1' }, { ttl: 200 }));
    await fields.set('r', { b: '2' });
    if (clock.now() >= at.earliest + 200) return;
    await assertLasts(clock, at, 200, async () => (await fields.get('r'))?.size === 2);
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
    const { at } = await timed(clock, () => counter.add('c', 1, { ttl: 250 }));
    const inTime = await assertStill(clock, at, 150, async () => (await counter.add('c', 1, { ttl: 250 })) === 2);
    if (!inTime) return;
    await assertLasts(clock, at, 250, async () => (await counter.get('c')) === 2);
    assert.equal(await counter.get('c'), 0);
    assert.equal(await counter.add('c', 1, { ttl: 60_000 }), 1);
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
    const limit = { limit: 3, per: 200 };
    const bounds = new HitBounds(limit);
    const start = clock.now();
    for (const at of [0, 20, 40, 60, 199, 200, 201, 220]) {
      await passUntil(clock, start + at);
      const hit = await timed(clock, () => window.rolling('w', limit));
      bounds.check(hit.result, hit.at, 1, `at ${at} ms`);
    }
  }),
  conformanceCase<Window>('agrees with a list of all hits, whatever comes', async (window, clock) => {
    const limit = { limit: 5, per: 100 };
    const bounds = new HitBounds(limit);
    const steps = clock.slack === undefined ? 400 : 50;
    let seed = 7;
    for (let i = 0; i < steps; i++) {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      await clock.advance(seed % 30);
      const cost = 1 + (seed % 3);
      const hit = await timed(clock, () => window.rolling('w', { ...limit, cost }));
      bounds.check(hit.result, hit.at, cost, `step ${i}`);
    }
  }),
  conformanceCase<Window>('says when the next hit would be allowed, and it is', async (window, clock) => {
    const limit = { limit: 2, per: 300 };
    const bounds = new HitBounds(limit);
    const hit = async (): ReturnType<typeof timed<WindowDecision>> => {
      const made = await timed(clock, () => window.rolling('w', limit));
      bounds.check(made.result, made.at, 1, 'a hit');
      return made;
    };
    const first = await hit();
    await clock.advance(30);
    await hit();
    await clock.advance(20);
    const { result: refused } = await hit();
    // On a clock that runs it may have come too late.
    if (refused.allowed) return;
    assertInstant(refused.retryAt, first.at, 300);
    await passUntil(clock, refused.retryAt - 1 - (clock.slack ?? 0));
    await hit();
    await passUntil(clock, refused.retryAt);
    assert.equal((await hit()).result.allowed, true);
  }),
  conformanceCase<Window>('counts no refused hit', async (window, clock) => {
    const limit = { limit: 1, per: 200 };
    const bounds = new HitBounds(limit);
    let last = 0;
    for (let i = 0; i < 50; i++) {
      const { result, at } = await timed(clock, () => window.rolling('w', limit));
      bounds.check(result, at, 1, `hit ${i}`);
      if (result.allowed) last = at.latest;
    }
    await passUntil(clock, last + 200);
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
      const limit = { limit: 2, per: 300 };
      const first = await timed(clock, () => window.fixed('w', limit));
      const { retryAt, ...opened } = first.result;
      assert.deepEqual(opened, { allowed: true, count: 1, remaining: 1 });
      assertInstant(retryAt, first.at, 0);
      await passUntil(clock, first.at.earliest + 299 - (clock.slack ?? 0));
      const second = await window.fixed('w', limit);
      const third = await window.fixed('w', limit);
      if (clock.now() < first.at.earliest + 300) {
        const { retryAt: endsAt } = second;
        assertInstant(endsAt, first.at, 300);
        assert.deepEqual(second, { allowed: true, count: 2, remaining: 0, retryAt: endsAt });
        assert.deepEqual(third, { allowed: false, count: 2, remaining: 0, retryAt: endsAt });
      }
      await passUntil(clock, first.at.latest + 300);
      assert.equal((await window.fixed('w', limit)).allowed, true);
    },
  ),
  conformanceCase<Window>('refuses what is no limit instead of letting everything pass', async (window) => {
    for (const kind of ['rolling', 'fixed'] as const) {
      for (const wrong of [{ limit: Number.NaN }, { limit: -1 }, { per: 0 }, { per: Number.NaN }, { cost: 0.5 }])
        await assert.rejects(window[kind]('w', { limit: 1, per: 60_000, ...wrong }), code('INVALID_ARGUMENT'));
      assert.equal((await window[kind]('w', { limit: 1, per: 60_000 })).count, 1, kind);
    }
  }),
  conformanceCase<Window>('forgets all hits at a reset', async (window) => {
    const limit = { limit: 1, per: 60_000 };
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
