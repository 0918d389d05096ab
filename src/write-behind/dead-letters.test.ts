import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SinkFailure } from '../sink/sink.ts';
import { EmbeddedDirtySet } from '../store/embedded/dirty-set.ts';
import { EmbeddedTurn } from '../store/embedded/embedded-turn.ts';
import { EmbeddedRecordLog } from '../store/embedded/record-log.ts';
import { openMemoryEngine } from '../store/engine/durable-engine.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { DeadLetters, type LetterRow, type LetterWriter } from './dead-letters.ts';
import { RowSpace } from './row-space.ts';

const clock = new FakeClock();
const spaceOf = (match: string): RowSpace =>
  new RowSpace({
    match,
    clock,
    pattern: { match: (key) => new Map([['1', key]]) },
    policy: {
      ...{ minDelay: 1, maxDelay: 1, maxBatch: 10, maxPending: 10, maxDeadLetters: 1000, onFull: 'shed', timeout: 50 },
      ...{ ack: 'store', rate: { rows: undefined, transactions: undefined }, deletes: 'remove', keepFor: undefined },
    },
    mapping: {
      ...{ shape: 'row', table: 't', key: ['id'], version: 'v', fence: undefined },
      columns: [{ field: 'n', column: 'n' }],
    },
  });

const letter = (i: number, key = `k${i}`): LetterRow => ({
  key,
  version: i + 1,
  change: 'merge',
  fields: { n: String(i) },
});

let store: ReturnType<typeof openMemoryEngine>;
let spaces: readonly [RowSpace, RowSpace];
let letters: DeadLetters;
beforeEach(() => {
  store = openMemoryEngine({ clock, random: Math.random, maxBytes: 1024 ** 3 });
  const turn = new EmbeddedTurn(store.engine, store.journal);
  spaces = [spaceOf('a:*'), spaceOf('b:*')];
  letters = new DeadLetters({ spaces, log: new EmbeddedRecordLog(turn), rows: new EmbeddedDirtySet(turn), clock });
});
afterEach(() => store.close());

/** Takes what `isGood` says, all of a batch or none. */
function writer(isGood: (row: LetterRow) => boolean): { batches: LetterRow[][]; of: () => LetterWriter } {
  const batches: LetterRow[][] = [];
  const rewrite = async (rows: readonly LetterRow[]): Promise<void> => {
    if (!rows.every(isGood)) throw new SinkFailure('data', 'it is bad');
    batches.push([...rows]);
  };
  return { batches, of: () => ({ rewrite, recount: () => Promise.reject(new Error('no counter')) }) };
}

describe('dead letters', () => {
  it('of many pages and several keyspaces are listed, replayed and dropped once each', async () => {
    for (let i = 0; i < 250; i++) await letters.add(spaces[0], letter(i), 'bad');
    for (let i = 0; i < 130; i++) await letters.add(spaces[1], letter(i), 'bad');
    const ids: string[] = [];
    for (let page = await letters.list(spaces, 90); page.length > 0; page = await letters.list(spaces, 90, ids.at(-1)))
      ids.push(...page.map(({ id }) => id));
    expect([ids.length, new Set(ids).size]).toEqual([380, 380]);
    const sink = writer(({ key }) => !key.endsWith('7'));
    const replayed = await letters.replay({ all: spaces }, sink.of);
    expect(replayed).toEqual({ written: 342, skipped: 0, failed: 38, unknown: 0, reason: 'it is bad' });
    expect(new Set(sink.batches.flat().map(({ key, version }) => `${key} ${version}`)).size).toBe(225);
    expect(sink.batches.flat()).toHaveLength(342);
    expect(spaces.map((space) => letters.count(space))).toEqual([25, 13]);
    expect(await letters.drop({ all: [spaces[1]] })).toBe(13);
    expect(await letters.drop({ ids: [...ids.slice(0, 8), ids[7] ?? '', 'nonsense'] })).toBe(1);
    expect(await letters.list(spaces, 1000)).toHaveLength(24);
  });

  it('of one row go one after the other, in the order of its changes', async () => {
    for (const i of [0, 1, 2]) await letters.add(spaces[0], letter(i, 'same'), 'bad');
    await letters.add(spaces[0], letter(3, 'other'), 'bad');
    const sink = writer(() => true);
    await letters.replay({ all: spaces }, sink.of);
    for (const batch of sink.batches) expect(new Set(batch.map(({ key }) => key)).size).toBe(batch.length);
    const versions = sink.batches.flat().flatMap(({ key, version }) => (key === 'same' ? [version] : []));
    expect(versions).toEqual([1, 2, 3]);
  });

  it('stay where they are when nothing can be written at all', async () => {
    for (let i = 0; i < 3; i++) await letters.add(spaces[0], letter(i), 'bad');
    const away = (): LetterWriter => ({
      rewrite: () => Promise.reject(new SinkFailure('transient', 'it is away')),
      recount: () => Promise.resolve(),
    });
    await expect(letters.replay({ all: spaces }, away)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await letters.list(spaces, 10)).toHaveLength(3);
  });

  it('have names of fields and values of any bytes', async () => {
    const bytes = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
    const row = { key: bytes, version: 1, change: 'merge', fields: { [bytes]: bytes, __proto__x: null } };
    await letters.add(spaces[0], row, 'bad');
    expect((await letters.list(spaces, 1))[0]).toMatchObject(row);
  });
});
