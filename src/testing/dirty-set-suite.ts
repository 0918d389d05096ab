import assert from 'node:assert/strict';
import type { ClaimedRow, DirtySet, FieldChange, RowChange, RowChanged, StoredRow } from '../store/ports.ts';
import { assertStill, type ConformanceCase, conformanceCase, passUntil, timed } from './conformance.ts';

const code = (expected: string) => (error: unknown) => (error as { code?: string }).code === expected;

const set = (fields: Readonly<Record<string, string>>): FieldChange[] =>
  Object.entries(fields).map(([field, value]) => ({ do: 'set', field, value }));
const merge = (fields: Readonly<Record<string, string>>): RowChange => ({ kind: 'merge', fields: set(fields) });

/** By the names of the fields. */
const sorted = <Value>(fields: ReadonlyMap<string, Value> | undefined): [string, Value][] =>
  [...(fields ?? [])].sort(([one], [other]) => (one < other ? -1 : 1));

/** One set of a port, all its parts together. */
function only(port: DirtySet): {
  put(key: string, change: RowChange): Promise<RowChanged>;
  read(key: string): Promise<StoredRow | undefined>;
  claim(claim?: {
    readonly count?: number;
    readonly lease?: number;
    readonly minAge?: number;
    readonly maxAge?: number;
  }): Promise<ClaimedRow[]>;
  acknowledge(rows: readonly Pick<ClaimedRow, 'key' | 'version'>[]): Promise<number>;
  fail(keys: readonly string[]): Promise<number>;
  size(): Promise<{ readonly waiting: number; readonly claimed: number }>;
} {
  const parts = Array.from({ length: port.partitions }, (_, part) => part);
  const sum = async (work: (part: number) => Promise<number>): Promise<number> =>
    (await Promise.all(parts.map(work))).reduce((total, one) => total + one, 0);
  return {
    put: async (key, change) => {
      const changed = await port.put('s', key, change, { ack: 'store', limit: 1000 });
      assert.ok(changed !== undefined);
      return changed;
    },
    read: async (key) => port.read('s', key),
    claim: async ({ count = 100, lease = 60_000, minAge = 0, maxAge = 0 } = {}) =>
      (await Promise.all(parts.map((part) => port.claim('s', part, { count, lease, minAge, maxAge })))).flat(),
    // A part acknowledges its own rows only.
    acknowledge: (rows) =>
      sum((part) =>
        port.acknowledge(
          's',
          part,
          rows.filter(({ key }) => port.partitionOf(key) === part),
        ),
      ),
    fail: (keys) =>
      sum((part) =>
        port.fail(
          's',
          part,
          keys.filter((key) => port.partitionOf(key) === part),
        ),
      ),
    size: async () => {
      const sizes = await Promise.all(parts.map((part) => port.size('s', part)));
      return {
        waiting: sizes.reduce((total, { waiting }) => total + waiting, 0),
        claimed: sizes.reduce((total, { claimed }) => total + claimed, 0),
      };
    },
  };
}

/** What every `DirtySet` promises. */
export const dirtySetSuite: readonly ConformanceCase<DirtySet>[] = [
  conformanceCase<DirtySet>('gives what was put at once, and to be written once', async (port) => {
    const rows = only(port);
    const first = await rows.put('k', merge({ a: '1', b: '\0\xff' }));
    const second = await rows.put('k', merge({ a: '2', c: '3' }));
    assert.deepEqual([first.count, second.count], [2, 1]);
    assert.ok(second.version > first.version);
    const row = await rows.read('k');
    assert.deepEqual(sorted(row?.fields), [
      ['a', '2'],
      ['b', '\0\xff'],
      ['c', '3'],
    ]);
    assert.deepEqual([row?.version, row?.isDirty, row?.isRemoved], [second.version, true, false]);
    const [claimed, ...others] = await rows.claim();
    assert.deepEqual(others, []);
    assert.deepEqual([claimed?.key, claimed?.version, claimed?.change], ['k', second.version, 'merge']);
    assert.deepEqual(sorted(claimed?.fields), [
      ['a', '2'],
      ['b', '\0\xff'],
      ['c', '3'],
    ]);
    assert.deepEqual(await rows.claim(), [], 'it is being written');
    assert.equal(await rows.acknowledge([{ key: 'k', version: second.version }]), 1);
    assert.deepEqual(await rows.size(), { waiting: 0, claimed: 0 });
    assert.equal((await rows.read('k'))?.fields.get('a'), '2', 'it is known on');
    assert.equal((await rows.read('k'))?.isDirty, false);
  }),
  conformanceCase<DirtySet>('has only what changed written, and what was dropped emptied', async (port) => {
    const rows = only(port);
    const { version } = await rows.put('k', merge({ a: '1', b: '2' }));
    await rows.claim();
    await rows.acknowledge([{ key: 'k', version }]);
    const { count } = await rows.put('k', {
      kind: 'merge',
      fields: [
        { do: 'drop', field: 'a' },
        { do: 'drop', field: 'x' },
      ],
    });
    assert.equal(count, 1);
    await rows.put('k', merge({ c: '3' }));
    const [claimed] = await rows.claim();
    assert.deepEqual(sorted(claimed?.fields), [
      ['a', undefined],
      ['c', '3'],
      ['x', undefined],
    ]);
    assert.deepEqual([...((await rows.read('k'))?.fields.keys() ?? [])].sort(), ['b', 'c']);
  }),
  conformanceCase<DirtySet>('tells what waits without claiming it', async (port) => {
    const rows = only(port);
    await rows.put('a', merge({ f: '1' }));
    await rows.put('b', { kind: 'merge', fields: [{ do: 'count', field: 'n', by: 3 }] });
    const told = async (counts: boolean): Promise<string[]> => {
      const texts: string[] = [];
      for (let partition = 0; partition < port.partitions; partition++) {
        for (const { key, change, fields } of await port.waiting('s', partition, { count: 10, counts }))
          texts.push(`${key} ${change} ${[...fields].flat().join('=')}`);
      }
      return texts.sort();
    };
    assert.ok((await told(false)).includes('a merge f=1'));
    assert.ok((await told(true)).includes('b merge n=3'));
    assert.deepEqual(await told(true), await told(true));
    assert.deepEqual(await port.waiting('s', port.partitionOf('a'), { count: 0 }), []);
    assert.deepEqual(await rows.size(), { waiting: 2, claimed: 0 });
  }),
  conformanceCase<DirtySet>('has a row that changes while it is written wait again', async (port) => {
    const rows = only(port);
    const { version } = await rows.put('k', merge({ a: '1' }));
    await rows.claim();
    await rows.put('k', merge({ a: '2' }));
    assert.deepEqual(await rows.claim(), [], 'not while it is written');
    assert.equal(await rows.acknowledge([{ key: 'k', version }]), 0);
    const [again] = await rows.claim();
    assert.equal(again?.fields.get('a'), '2');
    assert.equal(await rows.acknowledge([again as ClaimedRow]), 1);
  }),
  conformanceCase<DirtySet>('tells removed rows, and those that begin anew after it', async (port) => {
    const rows = only(port);
    await rows.put('k', merge({ a: '1' }));
    assert.equal((await rows.put('k', { kind: 'delete' })).count, 1);
    assert.equal((await rows.put('k', { kind: 'delete' })).count, 0);
    const row = await rows.read('k');
    assert.deepEqual([row?.isRemoved, row?.fields.size], [true, 0]);
    const [removed] = await rows.claim();
    assert.deepEqual([removed?.change, removed?.fields.size], ['delete', 0]);
    await rows.fail(['k']);
    await rows.put('k', merge({ b: '2' }));
    const [anew] = await rows.claim();
    assert.equal(anew?.change, 'replace');
    assert.deepEqual([...(anew?.fields ?? [])], [['b', '2']]);
    await rows.acknowledge([anew as ClaimedRow]);
    const { version } = await rows.put('k', { kind: 'delete' });
    await rows.claim();
    await rows.acknowledge([{ key: 'k', version }]);
    assert.equal(await rows.read('k'), undefined);
  }),
  conformanceCase<DirtySet>('replaces a row by other fields', async (port) => {
    const rows = only(port);
    assert.equal((await rows.put('k', { kind: 'replace', fields: set({ a: '1' }) })).count, 0);
    assert.equal((await rows.put('k', { kind: 'replace', fields: set({ b: '2' }) })).count, 1);
    assert.deepEqual([...((await rows.read('k'))?.fields ?? [])], [['b', '2']]);
    const [claimed] = await rows.claim();
    assert.deepEqual([claimed?.change, [...(claimed?.fields ?? [])]], ['replace', [['b', '2']]]);
  }),
  conformanceCase<DirtySet>('adds whole numbers, and changes nothing where that cannot be', async (port) => {
    const rows = only(port);
    const add = (field: string, by: number): Promise<RowChanged> =>
      rows.put('k', { kind: 'merge', fields: [{ do: 'add', field, by }] });
    assert.deepEqual([(await add('n', 5)).sum, (await add('n', -7)).sum], [5, -2]);
    await rows.put('k', merge({ t: 'text', big: '9007199254740991' }));
    const before = await rows.read('k');
    await assert.rejects(add('t', 1), code('NOT_AN_INTEGER'));
    await assert.rejects(add('big', 1), code('OVERFLOW'));
    assert.deepEqual(await rows.read('k'), before);
  }),
  conformanceCase<DirtySet>(
    'takes rows that wait longest first, from their first change on, when they are due',
    async (port, clock) => {
      const rows = only(port);
      const { at } = await timed(clock, () => rows.put('a', merge({ x: '1' })));
      await clock.advance(150);
      await rows.put('b', merge({ x: '1' }));
      // Neither enough of them nor overdue.
      await assertStill(clock, at, 300, async () => (await rows.claim({ minAge: 0, maxAge: 300 })).length === 0);
      await rows.put('a', merge({ x: '2' }));
      await passUntil(clock, at.latest + 300);
      const taken = await rows.claim({ minAge: 200, maxAge: 300 });
      assert.deepEqual(
        taken.map(({ key, fields }) => [key, fields.get('x')]),
        [['a', '2']],
        'b is not ripe',
      );
    },
  ),
  conformanceCase<DirtySet>('brings back what was not written, waiting for as long as it has', async (port, clock) => {
    const rows = only(port);
    await rows.put('a', merge({ x: '1' }));
    await clock.advance(20);
    const [first] = await rows.claim({ lease: 100 });
    assert.equal(first?.key, 'a');
    assert.equal(await rows.fail(['a', 'unknown']), 1);
    assert.equal(await rows.fail(['a']), 0);
    assert.deepEqual(
      (await rows.claim({ lease: 100 })).map(({ key }) => key),
      ['a'],
    );
    await clock.advance(100);
    assert.deepEqual(
      (await rows.claim({ minAge: 100, maxAge: 100 })).map(({ key }) => key),
      ['a'],
      'its lease has lapsed',
    );
  }),
  conformanceCase<DirtySet>('takes no more rows than may wait, but changes of those that do', async (port) => {
    const put = async (key: string): Promise<RowChanged | undefined> =>
      port.put('s', key, merge({ a: '1' }), { ack: 'store', limit: 1 });
    assert.equal((await put('k'))?.waiting, 1);
    assert.equal((await put('k'))?.waiting, undefined, 'it waits already');
    const beside = Array.from({ length: 1000 }, (_, i) => `k${i}`).find(
      (key) => port.partitionOf(key) === port.partitionOf('k'),
    ) as string;
    assert.equal(await put(beside), undefined);
    assert.equal(await port.read('s', beside), undefined);
  }),
  conformanceCase<DirtySet>(
    'has what is added claimed once, with the same number until it is written',
    async (port) => {
      const rows = only(port);
      const count = (by: number): Promise<RowChanged> =>
        rows.put('k', { kind: 'merge', fields: [{ do: 'count', field: 'n', by }] });
      const claim = async (): Promise<[number | undefined, string | undefined]> => {
        const parts = Array.from({ length: port.partitions }, (_, part) => part);
        const claims = parts.map((part) =>
          port.claim('s', part, { count: 9, lease: 60_000, minAge: 0, maxAge: 0, counts: true }),
        );
        const [row] = (await Promise.all(claims)).flat();
        return [row?.version, row?.fields.get('n')];
      };
      await count(2);
      const { version } = await count(3);
      assert.deepEqual(await claim(), [version, '5']);
      assert.equal((await count(7)).sum, 12);
      assert.equal((await rows.read('k'))?.fields.get('n'), '12');
      await rows.fail(['k']);
      assert.deepEqual(await claim(), [version, '5'], 'the same again');
      assert.equal(await rows.acknowledge([{ key: 'k', version }]), 0);
      assert.deepEqual(await rows.size(), { waiting: 1, claimed: 0 });
      const [later, rest] = await claim();
      assert.equal(rest, '7');
      assert.equal(await rows.acknowledge([{ key: 'k', version: later as number }]), 1);
      assert.equal((await rows.read('k'))?.fields.get('n'), '12');
      assert.equal((await rows.read('k'))?.isDirty, false);
    },
  ),
  conformanceCase<DirtySet>(
    'takes over what was read elsewhere, beneath what was changed here',
    async (port, clock) => {
      const rows = only(port);
      const load = (version: number, fields: Readonly<Record<string, string>>): Promise<boolean> =>
        port.load('s', 'k', { version, fields: new Map(Object.entries(fields)), keepFor: 100 });
      const { version } = await rows.put('k', merge({ a: 'new' }));
      assert.equal((await rows.read('k'))?.isKnown, false);
      assert.equal(await load(0, { a: 'old', b: 'old' }), false, 'it has changed since');
      assert.equal(await load(version, { a: 'old', b: 'old' }), true);
      const row = await rows.read('k');
      assert.deepEqual(sorted(row?.fields), [
        ['a', 'new'],
        ['b', 'old'],
      ]);
      assert.equal(row?.isKnown, true);
      await clock.advance(100);
      assert.equal((await rows.read('k'))?.fields.get('a'), 'new', 'it waits to be written');
      const [claimed] = await rows.claim();
      assert.deepEqual([...(claimed?.fields ?? [])], [['a', 'new']]);
      const part = port.partitionOf('k');
      await port.acknowledge('s', part, [claimed as ClaimedRow], 100);
      assert.equal((await rows.read('k'))?.fields.get('b'), 'old');
      await clock.advance(101);
      assert.equal(await rows.read('k'), undefined, 'it was kept for so long');
      assert.equal(await load(0, {}), true);
      const none = await rows.read('k');
      assert.deepEqual([none?.isKnown, none?.fields.size], [true, 0]);
    },
  ),
  conformanceCase<DirtySet>(
    'keeps a change that was claimed anew while an older one was still being written',
    async (port) => {
      const rows = only(port);
      const { version } = await rows.put('k', merge({ a: '1' }));
      await rows.claim();
      await rows.put('k', merge({ a: '2' }));
      const part = port.partitionOf('k');
      const taken = { count: 9, lease: 60_000, minAge: 0, maxAge: 0, takeOver: true };
      assert.equal((await port.claim('s', part, taken))[0]?.fields.get('a'), '2');
      assert.equal(await rows.acknowledge([{ key: 'k', version }]), 0);
      await rows.fail(['k']);
      assert.deepEqual(await rows.size(), { waiting: 1, claimed: 0 });
      assert.equal((await rows.claim())[0]?.fields.get('a'), '2');
    },
  ),
  conformanceCase<DirtySet>('waits on from its later change on, not from its first', async (port, clock) => {
    const rows = only(port);
    const { version } = await rows.put('k', merge({ a: '1' }));
    await clock.advance(300);
    await rows.claim();
    const { at } = await timed(clock, () => rows.put('k', merge({ a: '2' })));
    await rows.acknowledge([{ key: 'k', version }]);
    await assertStill(clock, at, 300, async () => (await rows.claim({ minAge: 300, maxAge: 300 })).length === 0);
  }),
  conformanceCase<DirtySet>(
    'remembers for a while that a row was removed, so that nobody brings it back',
    async (port, clock) => {
      const rows = only(port);
      const { version } = await rows.put('k', { kind: 'delete' });
      const [claimed] = await rows.claim();
      await port.acknowledge('s', port.partitionOf('k'), [claimed as ClaimedRow], 100);
      const row = await rows.read('k');
      assert.deepEqual([row?.isKnown, row?.isDirty, row?.isRemoved, row?.fields.size], [true, false, false, 0]);
      assert.equal(await port.load('s', 'k', { version: 0, fields: new Map([['a', 'old']]), keepFor: 100 }), false);
      assert.ok((await rows.put('k', merge({ a: '1' }))).version > version);
      const [anew] = await rows.claim();
      await rows.acknowledge([anew as ClaimedRow]);
      await clock.advance(101);
      assert.equal((await rows.read('k'))?.fields.get('a'), '1', 'it is a row again');
    },
  ),
];
