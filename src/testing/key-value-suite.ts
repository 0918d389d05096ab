import assert from 'node:assert/strict';
import type { Entry, KeyValue } from '../store/ports.ts';
import { assertInstant, assertLasts, type ConformanceCase, conformanceCase, timed } from './conformance.ts';

const test = (name: string, check: Parameters<typeof conformanceCase<KeyValue>>[1]): ConformanceCase<KeyValue> =>
  conformanceCase(name, check);
const text = (entry: Entry | undefined): string | undefined =>
  entry === undefined ? undefined : Buffer.from(entry.value).toString('utf8');
const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

/** What every `KeyValue` promises. */
export const keyValueSuite: readonly ConformanceCase<KeyValue>[] = [
  test('gives back what was set, and undefined for what was not', async (kv) => {
    assert.equal(await kv.get('absent'), undefined);
    assert.equal(await kv.set('key', 'value'), 'created');
    assert.equal(text(await kv.get('key')), 'value');
    assert.equal(await kv.set('key', 'other'), 'replaced');
    assert.equal(text(await kv.get('key')), 'other');
  }),
  test('takes any bytes as key and value, and text as its UTF-8', async (kv) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    await kv.set(bytes, bytes);
    assert.deepEqual(Uint8Array.from((await kv.get(bytes))?.value ?? []), bytes);
    await kv.set('schlüssel', 'wert ✓');
    assert.equal(text(await kv.get(Buffer.from('schlüssel'))), 'wert ✓');
    await kv.set('', '');
    assert.equal(text(await kv.get('')), '');
  }),
  test("gives values that are the caller's own", async (kv) => {
    await kv.set('own', 'before');
    const first = (await kv.get('own')) as Entry;
    await kv.set('own', 'after!');
    assert.equal(text(first), 'before');
    first.value.fill(0);
    assert.equal(text(await kv.get('own')), 'after!');
  }),
  test('keeps large values whole', async (kv) => {
    const large = Buffer.alloc(3_000_000, 'abcdefghij');
    await kv.set('large', large);
    assert.ok(Buffer.from((await kv.get('large'))?.value ?? []).equals(large));
    await kv.set('large', 'small');
    assert.equal(text(await kv.get('large')), 'small');
  }),
  test('refuses what is neither text nor bytes, and a content type no header can hold, and writes nothing', async (kv) => {
    for (const wrong of [7, undefined, null, {}, new ArrayBuffer(2)]) {
      await assert.rejects(kv.set('k', wrong as unknown as string), code('INVALID_ARGUMENT'));
      await assert.rejects(kv.get(wrong as unknown as string), code('INVALID_ARGUMENT'));
    }
    for (const contentType of ['text/plain\r\nX: y', 'text/\u2713', 'a\0b']) {
      await assert.rejects(kv.set('k', 'v', { contentType }), code('INVALID_ARGUMENT'));
    }
    assert.equal(await kv.get('k'), undefined);
  }),
  test('gives many in the order asked', async (kv) => {
    await kv.set('a', '1');
    await kv.set('c', '3');
    assert.deepEqual((await kv.getMany(['c', 'b', 'a', 'c'])).map(text), ['3', undefined, '1', '3']);
    assert.deepEqual(await kv.getMany([]), []);
  }),
  test('keeps the content type with the value that brought it', async (kv) => {
    await kv.set('typed', '{}', { contentType: 'application/json' });
    assert.equal((await kv.get('typed'))?.contentType, 'application/json');
    await kv.set('typed', '{}');
    assert.equal((await kv.get('typed'))?.contentType, '');
  }),
  test('lets a value live as long as its ttl and not a millisecond longer', async (kv, clock) => {
    const { at } = await timed(clock, () => kv.set('brief', 'x', { ttl: 200 }));
    const expiresAt = (await kv.get('brief'))?.expiresAt;
    if (clock.now() < at.earliest + 200) assertInstant(expiresAt, at, 200);
    await assertLasts(clock, at, 200, async () => text(await kv.get('brief')) === 'x');
    assert.equal(await kv.get('brief'), undefined);
    assert.equal(await kv.delete('brief'), false);
  }),
  test('forgets the old ttl when a value is set anew', async (kv, clock) => {
    await kv.set('key', 'x', { ttl: 100 });
    await kv.set('key', 'y');
    assert.equal((await kv.get('key'))?.expiresAt, undefined);
    await clock.advance(150);
    assert.equal(text(await kv.get('key')), 'y');
  }),
  test('refuses a ttl that is no number of milliseconds greater than 0, and writes nothing', async (kv, clock) => {
    await kv.set('k', 'old');
    for (const ttl of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '60s' as unknown as number])
      await assert.rejects(kv.set('k', 'new', { ttl }), code('INVALID_ARGUMENT'));
    assert.equal(text(await kv.get('k')), 'old');
    const { at } = await timed(clock, () => kv.set('k', 'new', { ttl: 0.5 }));
    const entry = await kv.get('k');
    // On a clock that runs its millisecond may be over.
    if (entry !== undefined || clock.now() === at.earliest) assertInstant(entry?.expiresAt, at, 1);
  }),
  test('writes only if absent, only if present', async (kv) => {
    assert.equal(await kv.set('k', '1', { onlyIf: 'present' }), 'refused');
    assert.equal(await kv.get('k'), undefined);
    assert.equal(await kv.set('k', '1', { onlyIf: 'absent' }), 'created');
    assert.equal(await kv.set('k', '2', { onlyIf: 'absent' }), 'refused');
    assert.equal(text(await kv.get('k')), '1');
    assert.equal(await kv.set('k', '2', { onlyIf: 'present' }), 'replaced');
  }),
  test('writes and deletes only what still has the tag', async (kv) => {
    await kv.set('k', '1');
    const { tag } = (await kv.get('k')) as Entry;
    await kv.set('k', '2');
    assert.equal(await kv.set('k', '3', { onlyIf: { tags: [tag] } }), 'refused');
    assert.equal(await kv.delete('k', { onlyIf: { tags: [tag] } }), false);
    await kv.set('k', '1');
    assert.equal(((await kv.get('k')) as Entry).tag, tag, 'equal bytes have equal tags');
    assert.equal(await kv.set('k', '3', { onlyIf: { tags: ['other', tag] } }), 'replaced');
    assert.equal(await kv.set('absent', '1', { onlyIf: { tags: [tag] } }), 'refused');
  }),
  test('lets exactly one of many concurrent writers win', async (kv) => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => kv.set('k', String(i), { onlyIf: 'absent' })),
    );
    assert.equal(outcomes.filter((outcome) => outcome === 'created').length, 1);
  }),
  test('deletes once', async (kv) => {
    await kv.set('k', 'x');
    assert.equal(await kv.delete('k'), true);
    assert.equal(await kv.delete('k'), false);
    assert.equal(await kv.get('k'), undefined);
  }),
  test('counts over 64 bits, from 0, keeping the expiry', async (kv, clock) => {
    assert.equal(await kv.increment('n', 5n), 5n);
    assert.equal(await kv.increment('n', -7n), -2n);
    assert.equal(text(await kv.get('n')), '-2');
    const { at } = await timed(clock, () => kv.set('big', '9223372036854775806', { ttl: 60_000 }));
    assert.equal(await kv.increment('big', 1n), 9223372036854775807n);
    await assert.rejects(kv.increment('big', 1n), code('OVERFLOW'));
    assertInstant((await kv.get('big'))?.expiresAt, at, 60_000);
    await kv.set('words', 'ten');
    await assert.rejects(kv.increment('words', 1n), code('NOT_AN_INTEGER'));
    await kv.set('padded', '007');
    await assert.rejects(kv.increment('padded', 1n), code('NOT_AN_INTEGER'));
  }),
  test('loses no concurrent addition', async (kv) => {
    await Promise.all(Array.from({ length: 100 }, () => kv.increment('n', 1n)));
    assert.equal(text(await kv.get('n')), '100');
  }),
  test('scans every key at least once, and only those that match', async (kv) => {
    const expected = new Set<string>();
    for (let i = 0; i < 300; i++) {
      await kv.set(`user:${i}`, 'x');
      await kv.set(`other:${i}`, 'x');
      expected.add(`user:${i}`);
    }
    const seen = new Set<string>();
    for await (const key of kv.scan({ match: 'user:*', count: 10 })) seen.add(Buffer.from(key).toString());
    assert.deepEqual(seen, expected);
  }),
  test('refuses to scan in steps of no size', async (kv) => {
    await kv.set('k', 'x');
    for (const count of [0, -1, 0.5, Number.NaN])
      await assert.rejects(kv.scan({ count })[Symbol.asyncIterator]().next(), code('INVALID_ARGUMENT'));
  }),
  test('lets others go on during a long scan', async (kv) => {
    for (let i = 0; i < 200; i++) await kv.set(`k${i}`, 'x');
    let turns = 0;
    let seen = 0;
    const timer = setInterval(() => turns++);
    for await (const _ of kv.scan({ count: 1 })) if (++seen === 1) turns = 0;
    clearInterval(timer);
    assert.ok(turns > 0);
  }),
  test('scans what stays while others come and go', async (kv) => {
    for (let i = 0; i < 200; i++) await kv.set(`stay:${i}`, 'x');
    const seen = new Set<string>();
    let step = 0;
    for await (const key of kv.scan({ count: 5 })) {
      seen.add(Buffer.from(key).toString());
      await kv.set(`new:${step}`, 'x');
      if (step % 2 === 0) await kv.delete(`new:${step - 1}`);
      step++;
      if (step > 5000) break;
    }
    for (let i = 0; i < 200; i++) assert.ok(seen.has(`stay:${i}`), `stay:${i} was missed`);
  }),
  test('rejects with the reason of a signal that is aborted, without writing', async (kv) => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await assert.rejects(kv.set('k', 'x', { signal }), reason);
    await assert.rejects(kv.get('k', { signal }), reason);
    assert.equal(await kv.get('k'), undefined);
  }),
];
