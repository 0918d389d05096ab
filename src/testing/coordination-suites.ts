import assert from 'node:assert/strict';
import type { Channel, Lease, Message, RecordLog } from '../store/ports.ts';
import { assertStill, type ConformanceCase, conformanceCase, passUntil, timed } from './conformance.ts';

const texts = (records: readonly { readonly value: Uint8Array }[]): string[] =>
  records.map(({ value }) => Buffer.from(value).toString());

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

/** What every `RecordLog` promises. */
export const recordLogSuite: readonly ConformanceCase<RecordLog>[] = [
  conformanceCase<RecordLog>('hands records out in order, each to one claimer', async (log) => {
    assert.equal(await log.append('l', ['1', '2', '3', '4', '5']), 5);
    const claims = await Promise.all([1, 2, 3].map(() => log.claim('l', { count: 2, lease: 60_000 })));
    assert.deepEqual(claims.flatMap(texts).sort(), ['1', '2', '3', '4', '5']);
    assert.deepEqual(texts(claims[0] ?? []), ['1', '2']);
    assert.deepEqual(await log.claim('l', { count: 2, lease: 60_000 }), []);
  }),
  conformanceCase<RecordLog>('keeps equal records apart: each one counts', async (log) => {
    await log.append('l', ['same', 'same']);
    const claimed = await log.claim('l', { count: 10, lease: 60_000 });
    assert.equal(new Set(claimed.map(({ id }) => id)).size, 2);
  }),
  conformanceCase<RecordLog>(
    'brings back what was not acknowledged in time, oldest first, before newer records',
    async (log, clock) => {
      await log.append('l', ['1', '2', '3']);
      const { result: first, at } = await timed(clock, () => log.claim('l', { count: 2, lease: 200 }));
      await log.acknowledge('l', [first[0]?.id ?? '']);
      let next = '';
      const inTime = await assertStill(clock, at, 200, async () => {
        [next = ''] = texts(await log.claim('l', { count: 1, lease: 60_000 }));
        return next === '3';
      });
      await passUntil(clock, at.latest + 200);
      const left = texts(await log.claim('l', { count: 5, lease: 60_000 }));
      if (inTime) assert.deepEqual(left, ['2']);
      else assert.deepEqual([next, ...left].sort(), ['2', '3']);
    },
  ),
  conformanceCase<RecordLog>('acknowledges once, and only what is claimed', async (log, clock) => {
    await log.append('l', ['1', '2']);
    const [one] = await log.claim('l', { count: 1, lease: 60_000 });
    assert.equal(await log.acknowledge('l', [one?.id ?? '', one?.id ?? '', 'unknown']), 1);
    assert.deepEqual(await log.size('l'), { waiting: 1, claimed: 0 });
    const [two] = await log.claim('l', { count: 1, lease: 100 });
    await clock.advance(100);
    await log.claim('l', { count: 0, lease: 60_000 });
    assert.equal(await log.acknowledge('l', [two?.id ?? '']), 0, 'its lease had lapsed');
  }),
  conformanceCase<RecordLog>('refuses a lease that is no number of milliseconds greater than 0', async (log) => {
    await log.append('l', ['1']);
    for (const lease of [0, Number.NaN])
      await assert.rejects(log.claim('l', { count: 1, lease }), code('INVALID_ARGUMENT'));
    assert.deepEqual(await log.size('l'), { waiting: 1, claimed: 0 });
  }),
  conformanceCase<RecordLog>('tells what waits, in order and page by page, and claims none of it', async (log) => {
    await log.append('l', ['1', '2', '3', '4', '5']);
    const first = await log.read('l', { count: 2 });
    assert.deepEqual(texts(first), ['1', '2']);
    assert.deepEqual(texts(await log.read('l', { after: first[1]?.id ?? '', count: 10 })), ['3', '4', '5']);
    assert.deepEqual(await log.read('l', { count: 0 }), []);
    assert.deepEqual(await log.read('none', { count: 10 }), []);
    assert.deepEqual(await log.size('l'), { waiting: 5, claimed: 0 });
    await log.claim('l', { count: 1, lease: 60_000 });
    assert.deepEqual(texts(await log.read('l', { count: 2 })), ['2', '3'], 'what is claimed does not wait');
  }),
  conformanceCase<RecordLog>('drops records that wait wherever they are, and none that are claimed', async (log) => {
    await log.append('l', ['1', '2', '3', '4']);
    const [one, , three] = await log.read('l', { count: 4 });
    await log.claim('l', { count: 1, lease: 60_000 });
    assert.equal(await log.remove('l', [one?.id ?? '', three?.id ?? '', three?.id ?? '', 'unknown']), 1);
    assert.deepEqual(await log.size('l'), { waiting: 2, claimed: 1 });
    const left = await log.read('l', { after: three?.id ?? '', count: 10 });
    assert.deepEqual(texts(left), ['4'], 'what came after a record that is gone');
    assert.deepEqual(texts(await log.claim('l', { count: 5, lease: 60_000 })), ['2', '4']);
    assert.equal(await log.acknowledge('l', [one?.id ?? '']), 1);
    assert.equal(await log.remove('none', ['1']), 0);
  }),
  conformanceCase<RecordLog>('keeps logs apart and knows their sizes', async (log) => {
    await log.append('a', ['1']);
    await log.append('b', ['1', '2']);
    await log.claim('b', { count: 1, lease: 60_000 });
    assert.deepEqual(await log.size('a'), { waiting: 1, claimed: 0 });
    assert.deepEqual(await log.size('b'), { waiting: 1, claimed: 1 });
    assert.equal(await log.append('a', []), 1);
  }),
];

/** What every `Lease` promises. */
export const leaseSuite: readonly ConformanceCase<Lease>[] = [
  conformanceCase<Lease>('is held by one of many who ask at once', async (lease) => {
    const tokens = await Promise.all(
      Array.from({ length: 10 }, (_, i) => lease.acquire('l', `h${i}`, { ttl: 60_000 })),
    );
    assert.equal(tokens.filter((token) => token !== undefined).length, 1);
  }),
  conformanceCase<Lease>('is renewed by its holder under the same token', async (lease, clock) => {
    const { result: token, at } = await timed(clock, () => lease.acquire('l', 'a', { ttl: 250 }));
    let renewed = at;
    const inTime = await assertStill(clock, at, 250, async () => {
      const again = await timed(clock, () => lease.acquire('l', 'a', { ttl: 250 }));
      renewed = again.at;
      return again.result === token;
    });
    if (!inTime) return;
    const refused = async (): Promise<boolean> => (await lease.acquire('l', 'b', { ttl: 250 })) === undefined;
    await assertStill(clock, renewed, 250, refused);
  }),
  conformanceCase<Lease>('lapses, and the next holder has a greater token', async (lease, clock) => {
    const first = (await lease.acquire('l', 'a', { ttl: 100 })) as number;
    await clock.advance(100);
    const second = (await lease.acquire('l', 'b', { ttl: 100 })) as number;
    assert.ok(second > first);
    assert.equal(await lease.release('l', 'a'), false);
    await clock.advance(100);
    const third = (await lease.acquire('l', 'a', { ttl: 100 })) as number;
    assert.ok(third > second);
  }),
  conformanceCase<Lease>('refuses a ttl that is no number of milliseconds greater than 0', async (lease) => {
    for (const ttl of [0, Number.NaN]) await assert.rejects(lease.acquire('l', 'a', { ttl }), code('INVALID_ARGUMENT'));
    assert.notEqual(await lease.acquire('l', 'b', { ttl: 60_000 }), undefined);
  }),
  conformanceCase<Lease>('is free once its holder releases it', async (lease) => {
    await lease.acquire('l', 'a', { ttl: 60_000 });
    assert.equal(await lease.release('l', 'b'), false);
    assert.equal(await lease.release('l', 'a'), true);
    assert.equal(await lease.release('l', 'a'), false);
    assert.notEqual(await lease.acquire('l', 'b', { ttl: 60_000 }), undefined);
  }),
];

/** What every `Channel` promises. Delivery is awaited for up to a second of real time. */
export const channelSuite: readonly ConformanceCase<Channel>[] = [
  conformanceCase<Channel>(
    'delivers to every subscriber of the channel, in order, and to nobody else',
    async (channel) => {
      const got: string[][] = [[], [], []];
      const keep = (to: string[]) => (message: Message) =>
        void to.push(`${message.channel}=${Buffer.from(message.payload).toString()}`);
      await using _one = await channel.subscribe('news', keep(got[0] as string[]));
      await using _two = await channel.subscribe('news', keep(got[1] as string[]));
      await using _other = await channel.subscribe('other', keep(got[2] as string[]));
      for (const payload of ['1', '2', '3']) await channel.publish('news', payload);
      await until(() => got[0]?.length === 3 && got[1]?.length === 3);
      assert.deepEqual(got, [['news=1', 'news=2', 'news=3'], ['news=1', 'news=2', 'news=3'], []]);
    },
  ),
  conformanceCase<Channel>('delivers nothing after the subscription is closed', async (channel) => {
    let count = 0;
    const subscription = await channel.subscribe('news', () => void count++);
    await channel.publish('news', 'x');
    await until(() => count === 1);
    await subscription.close();
    await subscription.close();
    assert.equal(await channel.publish('news', 'y'), 0);
    assert.equal(count, 1);
  }),
  conformanceCase<Channel>('carries any bytes', async (channel) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    let got: Uint8Array | undefined;
    await using _subscription = await channel.subscribe('bytes ✓', ({ payload }) => void (got = payload));
    await channel.publish('bytes ✓', bytes);
    await until(() => got !== undefined);
    assert.deepEqual(Uint8Array.from(got ?? []), bytes);
  }),
];

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
}
