import { describe, expect, it } from 'vitest';
import { parseKeyPattern } from '../kernel/key-pattern.ts';
import { EmbeddedDirtySet } from '../store/embedded/dirty-set.ts';
import { EmbeddedTurn } from '../store/embedded/embedded-turn.ts';
import { openMemoryEngine } from '../store/engine/durable-engine.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { RowLoader, type RowOrigin } from './row-loader.ts';
import { RowSpace } from './row-space.ts';

type Answer = Awaited<ReturnType<RowOrigin['fetch']>>;

function rig() {
  const clock = new FakeClock();
  const { engine, journal } = openMemoryEngine({ clock, random: () => 0.5, maxBytes: 1e8 });
  const rows = new EmbeddedDirtySet(new EmbeddedTurn(engine, journal));
  const pattern = parseKeyPattern('row:*');
  if ('problem' in pattern) throw new Error(pattern.problem);
  const space = new RowSpace({
    match: 'row:*',
    pattern,
    clock,
    policy: {
      minDelay: 0,
      maxDelay: 0,
      maxBatch: 10,
      maxPending: 10,
      maxDeadLetters: 10,
      onFull: 'shed',
      timeout: 1000,
      ack: 'store',
      rate: { rows: undefined, transactions: undefined },
      deletes: 'remove',
      keepFor: 1000,
    },
    mapping: { shape: 'row', table: 't', key: ['id'], columns: [], version: 'v', fence: undefined },
  });
  const asked: ((answer: Answer) => void)[] = [];
  const origin: RowOrigin = {
    fetch: ({ signal }) =>
      new Promise((resolve, reject) => {
        asked.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  };
  const loader = new RowLoader({ origin, rows, clock, timeout: 500, negativeTtl: 100, ttl: 1000 });
  const load = (): Promise<Record<string, string> | undefined> =>
    loader.load(space, 'row:1').then((row) => row && Object.fromEntries(row.fields));
  const set = (field: string, value: string): unknown =>
    rows.put(space.set, 'row:1', { kind: 'merge', fields: [{ do: 'set', field, value }] }, { ack: 'store', limit: 10 });
  /** The origin is asked and answers. */
  const answer = async (value: string): Promise<void> => {
    while (asked.length === 0) await Promise.resolve();
    asked.shift()?.(value === '' ? { kind: 'absent' } : { kind: 'value', value });
  };
  /** What waits is written. */
  const write = async (): Promise<void> => {
    const claimed = await rows.claim(space.set, 0, { count: 9, lease: 1000, minAge: 0, maxAge: 0 });
    await rows.acknowledge(space.set, 0, claimed, 1000);
  };
  return { clock, space, rows, asked, load, set, answer, write };
}

describe('a row that is read where it is written to', () => {
  it('is asked for once, and then known', async () => {
    const { load, answer, asked } = rig();
    const [one, other] = [load(), load()];
    await answer('{"a":1,"b":null}');
    expect(await Promise.all([one, other])).toEqual([{ a: '1' }, { a: '1' }]);
    expect(await load()).toEqual({ a: '1' });
    expect(asked).toHaveLength(0);
  });

  it('is never older than what was changed here while it was read', async () => {
    const { load, set, answer } = rig();
    const loading = load();
    await Promise.resolve();
    await set('a', 'new');
    await answer('{"a":"old","b":"old"}');
    await answer('{"a":"old","b":"old"}');
    expect(await loading).toEqual({ a: 'new', b: 'old' });
  });

  it('is never older than what was changed and written while it was read', async () => {
    const { load, set, answer, write, asked } = rig();
    const loading = load();
    while (asked.length === 0) await Promise.resolve();
    await set('a', 'new');
    await write();
    await answer('{"a":"old"}');
    await answer('{"a":"new","b":"x"}');
    expect(await loading).toEqual({ a: 'new', b: 'x' });
  });

  it('is remembered as none for a while', async () => {
    const { load, answer, asked, clock } = rig();
    const loading = load();
    await answer('');
    expect(await loading).toEqual({});
    expect(await load()).toEqual({});
    expect(asked).toHaveLength(0);
    clock.advance(600);
    const again = load();
    await answer('{"a":"1"}');
    expect(await again).toEqual({ a: '1' });
  });

  it('is an error when it is no object, or does not come in time', async () => {
    const { load, answer, clock, asked } = rig();
    const loading = load().catch((error: unknown) => error);
    await answer('[1]');
    expect(await loading).toMatchObject({ code: 'ORIGIN_FAILED' });
    const late = load().catch((error: unknown) => error);
    while (asked.length === 0) await Promise.resolve();
    clock.advance(500);
    expect(await late).toMatchObject({ code: 'ORIGIN_TIMEOUT' });
  });
});
