import { describe, expect, it } from 'vitest';
import { type ErrorCode, SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import { type PassMark, passDirtyArgs } from '../decisions/dirty-rows.ts';
import { forgetPassed } from '../decisions/forget-passed.ts';
import { passDirty } from '../decisions/pass-dirty.ts';
import { EmbeddedDirtySet } from '../embedded/dirty-set.ts';
import { EmbeddedTurn } from '../embedded/embedded-turn.ts';
import { openMemoryEngine } from '../engine/durable-engine.ts';
import { StoreKeys } from '../keys.ts';
import type { PutOptions, RowChange, RowChanged, StoredRow } from '../ports.ts';
import type { PassTarget } from './buffer.ts';
import { BufferedDirtySet } from './buffered-dirty-set.ts';

const keys = new StoreKeys();

/** A store whose calls go as the test says. */
class FickleRows extends EmbeddedDirtySet implements PassTarget {
  /** What becomes of the next calls; of all others nothing. An error after `late` comes when the call has run. */
  readonly fates: { readonly before?: Promise<void>; readonly error?: ErrorCode; readonly late?: boolean }[] = [];
  /** Of every call that has no fate of its own. */
  error: ErrorCode | undefined;
  readonly passed: string[] = [];
  readonly #turn: EmbeddedTurn;

  constructor(turn: EmbeddedTurn) {
    super(turn);
    this.#turn = turn;
  }

  override put(...args: Parameters<EmbeddedDirtySet['put']>): Promise<RowChanged | undefined> {
    return this.#call(async () => super.put(...args));
  }

  override read(set: ByteString, key: ByteString): Promise<StoredRow | undefined> {
    return this.#call(async () => super.read(set, key));
  }

  override size(...args: Parameters<EmbeddedDirtySet['size']>): ReturnType<EmbeddedDirtySet['size']> {
    return this.#call(() => super.size(...args));
  }

  pass(set: ByteString, key: ByteString, change: RowChange, mark: PassMark): Promise<void> {
    const { dirty, versions, passed, row } = keys.dirty(set, 0);
    return this.#call(async () => {
      this.passed.push(key);
      const names = [row + key, dirty, versions, passed];
      await this.#turn.decide(passDirty, names, passDirtyArgs(key, change, mark), undefined);
    });
  }

  async forget(set: ByteString, _: number, marks: readonly PassMark[]): Promise<void> {
    const args = marks.flatMap(({ mark, number }) => [mark, String(number)]);
    await this.#turn.decide(forgetPassed, [keys.dirty(set, 0).passed], args, undefined);
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    const { before, error, late } = this.fates.shift() ?? { error: this.error };
    await before;
    if (error !== undefined && late !== true) throw new SluiceError(error, 'as the test says');
    const result = await work();
    if (error !== undefined) throw new SluiceError(error, 'as the test says, too late');
    return result;
  }
}

function rig() {
  const clock = new FakeClock();
  const turn = (): EmbeddedTurn => {
    const { engine, journal } = openMemoryEngine({ clock, random: () => 0.5, maxBytes: 1e9 });
    return new EmbeddedTurn(engine, journal);
  };
  const store = new FickleRows(turn());
  const buffer = new EmbeddedDirtySet(turn());
  const refused: string[] = [];
  const sets = new Map([
    ['rows', { counts: false }],
    ['sums', { counts: true }],
  ]);
  const onRefused = (_: ByteString, key: ByteString): void => void refused.push(key);
  const rows = new BufferedDirtySet({ remote: store, buffer, sets, clock, random: () => 0.5, onRefused });
  const options: PutOptions = { ack: 'store', limit: 10 };
  const set = async (key: string, n: string, set = 'rows'): Promise<RowChanged | undefined> =>
    rows.put(set, key, { kind: 'merge', fields: [{ do: 'set', field: 'n', value: n }] }, options);
  const count = async (key: string): Promise<RowChanged | undefined> =>
    rows.put('sums', key, { kind: 'merge', fields: [{ do: 'count', field: 'n', by: 1 }] }, options);
  const nOf = async (of: { read: BufferedDirtySet['read'] }, key: string, set = 'rows'): Promise<string | undefined> =>
    (await of.read(set, key))?.fields.get('n');
  /** What is under way goes on. */
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 200; i++) await Promise.resolve();
  };
  const pass = async (ms: number): Promise<void> => {
    await settle();
    clock.advance(ms);
    await settle();
  };
  return { clock, store, buffer, rows, refused, set, count, nOf, settle, pass };
}

describe('rows beside a buffer', () => {
  it('go to the store while it answers', async () => {
    const { rows, store, set, nOf } = rig();
    await set('k', '1');
    expect(await nOf(store, 'k')).toBe('1');
    expect(rows.held('rows')).toEqual({ rows: 0, oldest: undefined });
  });

  it('go to the buffer only where the store did not run them for sure', async () => {
    const { rows, store, set, nOf } = rig();
    for (const error of ['STORE_TIMEOUT', 'OUT_OF_MEMORY', 'STORE_READ_ONLY', 'OVERLOADED'] as const) {
      store.fates.push({ error });
      await expect(set('k', '1')).rejects.toMatchObject({ code: error });
      expect(rows.held('rows').rows).toBe(0);
    }
    for (const error of ['STORE_UNAVAILABLE', 'STORE_LOADING'] as const) {
      store.fates.push({ error });
      await set(error, '1');
    }
    expect(rows.held('rows').rows).toBe(2);
    expect(await nOf(rows, 'STORE_LOADING')).toBe('1');
  });

  it('of other sets have none', async () => {
    const { store, set } = rig();
    store.error = 'STORE_UNAVAILABLE';
    await expect(set('k', '1', 'others')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('keep the order of their changes when one falls back while the next is on its way', async () => {
    const { store, rows, set, nOf, pass } = rig();
    let fail = (): void => undefined;
    const before = new Promise<void>((resolve) => {
      fail = resolve;
    });
    store.fates.push({ before, error: 'STORE_UNAVAILABLE' });
    const changes = [set('k', '1'), set('k', '2'), set('k', '3')];
    const read = nOf(rows, 'k');
    fail();
    await Promise.all(changes);
    expect(await read, 'a read waits for what came before it').toBe('3');
    expect(rows.held('rows').rows).toBe(1);
    rows.start('node');
    await pass(0);
    expect(await nOf(store, 'k')).toBe('3');
  });

  it('stay in the buffer as long as something of them is there', async () => {
    const { store, rows, set, nOf, pass } = rig();
    store.fates.push({ error: 'STORE_UNAVAILABLE' });
    await set('k', '1');
    // It is there again, and takes nothing yet.
    store.fates.push({}, { error: 'OVERLOADED' });
    rows.start('node');
    await pass(0);
    await set('k', '2');
    await set('other', '1');
    expect(await nOf(store, 'other')).toBe('1');
    expect(await nOf(store, 'k')).toBeUndefined();
    expect(await nOf(rows, 'k')).toBe('2');
  });

  it('that change all the time leave it', async () => {
    const { store, rows, set, nOf, pass, settle } = rig();
    store.fates.push({ error: 'STORE_UNAVAILABLE' });
    await set('k', '0');
    let reply = (): void => undefined;
    const before = new Promise<void>((resolve) => {
      reply = resolve;
    });
    // The question whether it is there again, and the change that is passed on.
    store.fates.push({}, { before });
    rows.start('node');
    await pass(0);
    const changes = [set('k', '1'), set('k', '2')];
    await settle();
    reply();
    await Promise.all(changes);
    expect(rows.held('rows').rows).toBe(0);
    expect(await nOf(store, 'k')).toBe('2');
  });

  it('are passed on when the store is back, those that wait longest first', async () => {
    const { clock, store, rows, set, nOf, pass } = rig();
    store.error = 'STORE_UNAVAILABLE';
    rows.start('node');
    for (const key of ['b', 'c', 'a']) {
      await set(key, key);
      clock.advance(1);
    }
    await pass(10_000);
    expect(rows.held('rows').rows).toBe(3);
    store.error = undefined;
    await pass(10_000);
    await pass(10_000);
    expect(store.passed).toEqual(['b', 'c', 'a']);
    expect([await nOf(store, 'a'), rows.held('rows').rows]).toEqual(['a', 0]);
  });

  it('are counted once when the answer is lost, and once more when they are counted again', async () => {
    const { store, rows, count, nOf, pass } = rig();
    store.fates.push({ error: 'STORE_UNAVAILABLE' });
    await count('k');
    await count('k');
    store.fates.push({}, { error: 'STORE_TIMEOUT', late: true });
    rows.start('node');
    await pass(0);
    expect(rows.held('sums').rows, 'nobody knows').toBe(1);
    expect(await nOf(store, 'k', 'sums')).toBe('2');
    await count('k');
    for (let i = 0; i < 5; i++) await pass(10_000);
    expect(store.passed.length).toBeGreaterThan(1);
    expect([await nOf(store, 'k', 'sums'), rows.held('sums').rows]).toEqual(['3', 0]);
  });

  it('are not lost, nor do they hold up others, when the store refuses them', async () => {
    const { store, rows, refused, set, nOf, pass } = rig();
    store.fates.push({ error: 'STORE_UNAVAILABLE' });
    await set('bad', '1');
    await set('good', '1');
    store.fates.push({}, { error: 'WRONG_TYPE' });
    rows.start('node');
    await pass(0);
    await pass(10_000);
    expect(refused).toEqual(['bad']);
    expect([await nOf(store, 'good'), await nOf(store, 'bad')]).toEqual(['1', undefined]);
    expect(rows.held('rows').rows).toBe(1);
    for (let i = 0; i < 10; i++) await pass(10_000);
    expect(await nOf(store, 'bad')).toBe('1');
  });

  it('are added to only where it is known what to', async () => {
    const { store, rows, set } = rig();
    store.error = 'STORE_UNAVAILABLE';
    const add = async (key: string, field: string): Promise<number | undefined> =>
      (
        await rows.put(
          'rows',
          key,
          { kind: 'merge', fields: [{ do: 'add', field, by: 5 }] },
          { ack: 'store', limit: 10 },
        )
      )?.sum;
    await expect(add('k', 'n')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await set('k', '1');
    expect(await add('k', 'n')).toBe(6);
    await expect(add('k', 'other')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await rows.put('rows', 'k', { kind: 'delete' }, { ack: 'store', limit: 10 });
    expect(await add('k', 'n'), 'there is nothing now').toBe(5);
  });

  it('that are removed are gone, whatever the store has', async () => {
    const { store, rows, set, nOf } = rig();
    await set('k', '1');
    store.error = 'STORE_UNAVAILABLE';
    await rows.put('rows', 'k', { kind: 'delete' }, { ack: 'store', limit: 10 });
    expect(await rows.read('rows', 'k')).toMatchObject({ isRemoved: true, isKnown: true });
    store.error = undefined;
    expect(await nOf(rows, 'k')).toBeUndefined();
  });
});
