import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ByteString } from '../kernel/bytes.ts';
import { parseKeyPattern } from '../kernel/key-pattern.ts';
import { type Sink, SinkFailure, type SinkRow, type TableMapping, type WriteRight } from '../sink/sink.ts';
import { EmbeddedDirtySet } from '../store/embedded/dirty-set.ts';
import { EmbeddedTurn } from '../store/embedded/embedded-turn.ts';
import { EmbeddedLease } from '../store/embedded/lease.ts';
import { EmbeddedRecordLog } from '../store/embedded/record-log.ts';
import { openMemoryEngine } from '../store/engine/durable-engine.ts';
import type { DirtySet, FieldChange, RowChange } from '../store/ports.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { DeadLetters } from './dead-letters.ts';
import { Flusher } from './flusher.ts';
import { LeasedPartitions } from './partition-rights.ts';
import { RowBacklog } from './row-backlog.ts';
import { type RowPolicy, RowSpace } from './row-space.ts';

type Write = (rows: readonly SinkRow[]) => Promise<void> | void;

/** A table in memory, which keeps what the port asks of a sink. */
class Table implements Sink {
  readonly name = 'table';
  readonly rows = new Map<ByteString, { version: number; values: Map<ByteString, ByteString | null> }>();
  readonly batches: {
    readonly at: number;
    readonly rows: readonly SinkRow[];
    readonly right: WriteRight | undefined;
  }[] = [];
  /** What happens before rows are taken. */
  before: Write = () => undefined;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  async check(): Promise<readonly []> {
    return [];
  }

  async write(mapping: TableMapping, rows: readonly SinkRow[], _: unknown, right?: WriteRight): Promise<void> {
    await this.before(rows);
    this.batches.push({ at: this.#clock.monotonic(), rows, right });
    for (const { key, version, change, values } of rows) {
      const name = key.join();
      const row = this.rows.get(name);
      if (row !== undefined && row.version >= version) continue;
      if (change === 'remove') this.rows.delete(name);
      else if (mapping.shape === 'counter') {
        const sums = new Map(row?.values);
        for (const [field, by] of values) sums.set(field, String(Number(sums.get(field) ?? 0) + Number(by)));
        this.rows.set(name, { version, values: sums });
      } else
        this.rows.set(name, {
          version,
          values: new Map([...(change === 'merge' ? (row?.values ?? []) : []), ...values]),
        });
    }
  }

  explain(_: TableMapping, rows: readonly SinkRow[]): readonly string[] {
    return rows.map(({ key }) => `write ${key.join()}`);
  }

  async close(): Promise<void> {}

  get(name: string, field = 'n'): ByteString | null | undefined {
    return this.rows.get(name)?.values.get(field);
  }
}

const POLICY: RowPolicy = {
  minDelay: 100,
  maxDelay: 500,
  maxBatch: 10,
  maxPending: 1000,
  onFull: 'shed',
  timeout: 1000,
  ack: 'store',
  rate: { rows: undefined, transactions: undefined },
  deletes: 'remove',
  keepFor: undefined,
  maxDeadLetters: 100_000,
};

/** Two sets as the two parts of one: keys that begin with row:b are in the second. */
function divided(rows: DirtySet): DirtySet {
  const partOf = (key: ByteString): number => (key.startsWith('row:b') ? 1 : 0);
  return {
    partitions: 2,
    partitionOf: partOf,
    put: (set, key, ...rest) => rows.put(set + partOf(key), key, ...rest),
    read: (set, key) => rows.read(set + partOf(key), key),
    waiting: (set, part, range) => rows.waiting(set + part, 0, range),
    claim: (set, part, claim) => rows.claim(set + part, 0, claim),
    load: (set, key, row) => rows.load(set + partOf(key), key, row),
    acknowledge: (set, part, ...rest) => rows.acknowledge(set + part, 0, ...rest),
    fail: (set, part, keys) => rows.fail(set + part, 0, keys),
    size: (set, part) => rows.size(set + part, 0),
  };
}

function rig(policy: Partial<RowPolicy> = {}, mapping: Partial<TableMapping> = {}, isDivided = false) {
  const clock = new FakeClock();
  const { engine, journal } = openMemoryEngine({ clock, random: () => 0.5, maxBytes: 1e8 });
  const store = new EmbeddedTurn(engine, journal);
  const embedded = new EmbeddedDirtySet(store);
  const rows: DirtySet = isDivided ? divided(embedded) : embedded;
  const log = new EmbeddedRecordLog(store);
  const pattern = parseKeyPattern('row:*');
  if ('problem' in pattern) throw new Error(pattern.problem);
  const space = new RowSpace({
    match: 'row:*',
    pattern,
    clock,
    policy: { ...POLICY, ...policy },
    mapping: {
      shape: 'row',
      table: 'rows',
      key: ['id'],
      columns: [{ field: 'n', column: 'n' }],
      version: 'version',
      fence: undefined,
      ...mapping,
    },
  });
  const table = new Table(clock);
  const rights = new LeasedPartitions({
    name: 'row:*',
    partitions: rows.partitions,
    lease: new EmbeddedLease(store),
    holder: 'alone',
    ttl: 10_000,
    alone: true,
    clock,
    onTrouble: () => undefined,
  });
  const troubles: (string | undefined)[] = [];
  const letters = new DeadLetters({ spaces: [space], log, rows, clock });
  const flusher = new Flusher({
    space,
    backlog: new RowBacklog(space, rows),
    rights,
    deadLetters: letters,
    sink: table,
    clock,
    random: () => 0.5,
    onTrouble: (_, trouble) => troubles.push(trouble),
    onSetAside: () => undefined,
  });
  rights.start();
  flusher.start();
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 5) {
      clock.advance(Math.min(5, left));
      await turn();
    }
  };
  const change = async (name: string, fields: FieldChange[]): Promise<void> => {
    const merged: RowChange = { kind: 'merge', fields };
    await rows.put(space.set, `row:${name}`, merged, { ack: 'store', limit: 1000 });
  };
  const put = (name: string, value: string): Promise<void> => change(name, [{ do: 'set', field: 'n', value }]);
  return { clock, space, table, flusher, letters, rows, troubles, pass, put, change };
}

describe('a row that waits', () => {
  it('is written at the end of maxDelay, however often it changes', async () => {
    const { table, pass, put } = rig();
    for (let i = 0; i < 300; i++) {
      await put('hot', String(i));
      await pass(10);
    }
    const gaps = table.batches.map(({ at }, i) => at - (table.batches[i - 1]?.at ?? 0));
    expect(table.batches.length).toBeGreaterThanOrEqual(5);
    expect(table.batches.length).toBeLessThanOrEqual(6);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(600);
  });

  it('goes earlier with a batch that is full', async () => {
    const { table, pass, put } = rig();
    for (let i = 0; i < 10; i++) await put(`r${i}`, '1');
    await pass(95);
    expect(table.batches).toHaveLength(0);
    await pass(110);
    expect(table.batches.map(({ rows }) => rows.length)).toEqual([10]);
  });

  it('is written soon after the clock was set back, and after it went on', async () => {
    const { clock, table, pass, put } = rig();
    await put('a', '1');
    clock.jump(-3_600_000);
    await pass(800);
    expect(table.get('a')).toBe('1');
    await put('a', '2');
    clock.jump(7_200_000);
    await pass(200);
    expect(table.get('a')).toBe('2');
    await put('a', '3');
    clock.jump(-86_400_000);
    await put('a', '4');
    await put('b', '4');
    await pass(1200);
    // Versions go on growing, so the table takes what came last.
    expect([table.get('a'), table.get('b')]).toEqual(['4', '4']);
  });

  it('is written by flush at once, and what comes after it waits on', async () => {
    const { table, flusher, pass, put } = rig({ minDelay: 60_000, maxDelay: 60_000 });
    await put('a', '1');
    await pass(50);
    const flushed = flusher.flush(new AbortController().signal);
    await pass(5);
    await put('b', '1');
    await pass(300);
    expect(await flushed).toEqual({ left: 0, isWritten: true });
    expect([table.get('a'), table.get('b')]).toEqual(['1', undefined]);
  });

  it('is told of by what would be written, and still waits', async () => {
    const { table, flusher, pass, put, space } = rig();
    await put('a', '1');
    expect(await flusher.explain()).toEqual([]);
    await pass(10);
    expect(await flusher.explain()).toEqual(['write a']);
    expect(table.batches).toEqual([]);
    await pass(600);
    expect(table.get('a')).toBe('1');
    expect(space.pending).toBe(0);
  });
});

it('of rows that change at random the table sees one change in 1 + rate x wait', async () => {
  const { table, pass, put } = rig({ minDelay: 5000, maxDelay: 5000, maxBatch: 5000 });
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  let accepted = 0;
  const drive = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 5) {
      // 400 rows, each about once a second.
      for (let i = 0; i < 4; i++) {
        if (random() > 0.5) continue;
        accepted++;
        await put(`r${Math.floor(random() * 400)}`, String(at));
      }
      await pass(5);
    }
  };
  await drive(6000);
  const written = (): number => table.batches.reduce((sum, { rows }) => sum + rows.length, 0);
  const [acceptedBefore, writtenBefore] = [accepted, written()];
  await drive(30_000);
  const achieved = (accepted - acceptedBefore) / (written() - writtenBefore);
  expect(achieved).toBeGreaterThan(5.7);
  expect(achieved).toBeLessThan(6.3);
}, 60_000);

it('a sink that was away for ten minutes gets as many rows as there are, no faster than it may', async () => {
  const { table, pass, put, space } = rig({
    minDelay: 0,
    maxDelay: 100,
    maxBatch: 1000,
    rate: { rows: { count: 1000, per: 1000 }, transactions: undefined },
  });
  let isDown = true;
  const tries: number[] = [];
  table.before = () => {
    if (!isDown) return;
    tries.push(0);
    throw new SinkFailure('transient', 'it is away');
  };
  for (let minute = 0; minute < 10; minute++) {
    for (let i = 0; i < 2000; i++) await put(`r${i % 500}`, String(minute));
    await pass(60_000);
  }
  expect(space.pending).toBe(500);
  // Half of the longest wait, at random: 15 s.
  expect(tries.length).toBeGreaterThan(35);
  expect(tries.length).toBeLessThan(60);
  isDown = false;
  for (let waited = 0; table.rows.size === 0 && waited < 40_000; waited += 5) await pass(5);
  await pass(400);
  expect(table.rows.size).toBeGreaterThan(380);
  expect(table.rows.size).toBeLessThan(470);
  await pass(200);
  expect(table.rows.size).toBe(500);
  expect(table.get('r7')).toBe('9');
}, 60_000);

it('what is being written is told of as pending, whatever comes meanwhile', async () => {
  const { table, pass, put, space, rows } = rig();
  let done: () => void = () => undefined;
  table.before = () =>
    new Promise((resolve) => {
      done = resolve;
    });
  for (let i = 0; i < 5; i++) await put(`r${i}`, '1');
  await pass(520);
  const { waiting } = (await rows.put(space.set, 'row:new', { kind: 'delete' }, { ack: 'store', limit: 9 })) ?? {};
  space.waits(0, waiting as number);
  expect(space.pending).toBe(6);
  done();
  table.before = () => undefined;
  await pass(1000);
  expect(space.pending).toBe(0);
});

describe('a sink that fails', () => {
  it('is tried again later and later, with nothing lost and the trouble told once', async () => {
    const { table, pass, put, troubles, space } = rig();
    const tries: number[] = [];
    let isDown = true;
    table.before = () => {
      tries.push(0);
      if (isDown) throw new SinkFailure('transient', 'it is away');
    };
    await put('a', '1');
    await pass(20_000);
    expect(tries.length).toBeGreaterThan(4);
    expect(tries.length).toBeLessThan(12);
    expect(troubles).toEqual(['it is away']);
    isDown = false;
    await pass(16_000);
    expect(table.get('a')).toBe('1');
    expect(troubles).toEqual(['it is away', undefined]);
    expect(space.stats).toMatchObject({ written: 1, setAside: 0 });
  });

  it('for one row has all others written, in few statements', async () => {
    const { table, pass, put, letters, space } = rig({ maxBatch: 1000 });
    let statements = 0;
    table.before = (rows) => {
      statements++;
      if (rows.some(({ key }) => key[0] === 'r417')) throw new SinkFailure('data', 'it is bad');
    };
    for (let i = 0; i < 1000; i++) await put(`r${i}`, '1');
    await pass(700);
    expect(table.rows.size).toBe(999);
    expect(statements).toBeLessThanOrEqual(22);
    expect(await letters.list([space], 10)).toMatchObject([{ key: 'row:r417', reason: 'it is bad' }]);
    expect(space.pending).toBe(0);
  });

  it('in the middle of looking for a bad row leaves none claimed', async () => {
    const { table, pass, put, space } = rig({ maxBatch: 8 });
    let isDown = true;
    table.before = (rows) => {
      if (rows.some(({ key }) => key[0] === 'r7')) throw new SinkFailure('data', 'it is bad');
      if (isDown && rows.length === 4) throw new SinkFailure('transient', 'it is away');
    };
    for (let i = 0; i < 8; i++) await put(`r${i}`, '1');
    await pass(600);
    isDown = false;
    // Far sooner than leases end.
    await pass(1500);
    expect(table.rows.size).toBe(7);
    expect(space.stats.setAside).toBe(1);
  });

  it('to answer in time does not add twice', async () => {
    const { table, pass, change, space } = rig({}, { shape: 'counter' });
    let lost = 0;
    table.before = async (rows) => {
      if (lost++ >= 2) return;
      // It takes the rows, and nobody hears of it.
      const { before } = table;
      table.before = () => undefined;
      await table.write(space.mapping, rows, undefined);
      table.before = before;
      throw new SinkFailure('transient', 'the answer was lost', { ambiguous: true });
    };
    const count = (by: number): Promise<void> => change('c', [{ do: 'count', field: 'n', by }]);
    await count(5);
    await pass(550);
    await count(7);
    await pass(20_000);
    expect(table.get('c')).toBe('12');
  });
});

it('the sink gets the epoch of the right, and a higher one after what may still be under way', async () => {
  const { table, pass, put } = rig({}, { fence: 'fence' });
  let isLost = true;
  table.before = () => {
    if (isLost) throw new SinkFailure('transient', 'the answer was lost', { ambiguous: true });
  };
  await put('a', '1');
  await pass(520);
  isLost = false;
  await pass(2000);
  await put('a', '2');
  await pass(600);
  const epochs = table.batches.map(({ right }) => right?.epoch ?? 0);
  expect(epochs).toHaveLength(2);
  expect(epochs[0]).toBeGreaterThan(1);
  expect(epochs[1]).toBe(epochs[0]);
});

it('the sink gets no more than the rate, and no burst after a rest', async () => {
  const { table, pass, put } = rig({
    minDelay: 0,
    maxDelay: 10,
    maxBatch: 1000,
    rate: { rows: { count: 200, per: 1000 }, transactions: undefined },
  });
  for (let i = 0; i < 500; i++) await put(`r${i}`, '1');
  await pass(1000);
  const first = table.rows.size;
  expect(first).toBeGreaterThanOrEqual(190);
  expect(first).toBeLessThanOrEqual(210);
  await pass(2000);
  expect(table.rows.size).toBe(500);
  await pass(5000);
  for (let i = 500; i < 900; i++) await put(`r${i}`, '1');
  await pass(500);
  expect(table.rows.size - 500).toBeLessThanOrEqual(115);
});

it('the sink gets no more transactions than it may', async () => {
  const { table, pass, put } = rig({
    minDelay: 0,
    maxDelay: 0,
    rate: { rows: undefined, transactions: { count: 5, per: 1000 } },
  });
  for (let i = 0; i < 100; i++) await put(`r${i}`, '1');
  await pass(1000);
  expect(table.batches.length).toBeGreaterThanOrEqual(5);
  expect(table.batches.length).toBeLessThanOrEqual(6);
});

it('closing writes what waits, whatever its age, and tells what is left', async () => {
  const { table, flusher, pass, put } = rig({ minDelay: 60_000, maxDelay: 60_000 });
  await put('a', '1');
  await pass(10);
  const closed = flusher.close(new AbortController().signal);
  await pass(10);
  expect(await closed).toBe(0);
  expect(table.get('a')).toBe('1');

  const other = rig();
  other.table.before = () => {
    throw new SinkFailure('transient', 'it is away');
  };
  await other.put('a', '1');
  const deadline = new AbortController();
  const left = other.flusher.close(deadline.signal);
  await other.pass(10);
  deadline.abort();
  await other.pass(10);
  expect(await left).toBe(1);
});

describe('parts', () => {
  it('take turns, under a rate that is less than what comes', async () => {
    const rate = { rows: { count: 100, per: 1000 }, transactions: undefined };
    const { table, pass, put } = rig({ minDelay: 0, maxDelay: 10, rate }, {}, true);
    for (let i = 0; i < 200; i++) {
      await put(`a${i}`, '1');
      await put(`b${i}`, '1');
      await pass(10);
    }
    const written = (part: string): number => [...table.rows.keys()].filter((name) => name.startsWith(part)).length;
    expect(Math.abs(written('a') - written('b'))).toBeLessThan(20);
  });

  it('do not hold each other up, when one has a row that can be neither written nor set aside', async () => {
    const { table, pass, put } = rig({ maxDeadLetters: 1, minDelay: 0, maxDelay: 10 }, {}, true);
    table.before = (rows) => {
      if (rows.some(({ key }) => key[0]?.includes('bad'))) throw new SinkFailure('data', 'it is bad');
    };
    for (const name of ['a-bad', 'a-bad2', 'b-bad', 'b-bad2']) await put(name, '1');
    await pass(200);
    for (let i = 0; i < 20; i++) {
      await put(`a${i}`, '1');
      await put(`b${i}`, '1');
    }
    await pass(60_000);
    expect(table.rows.size).toBe(40);
  });
});

it('a flush of what cannot be written holds up nothing else, and is forgotten with its deadline', async () => {
  const { table, flusher, pass, put } = rig({ maxDeadLetters: 1 });
  table.before = (rows) => {
    if (rows.some(({ key }) => key[0]?.startsWith('bad'))) throw new SinkFailure('data', 'it is bad');
  };
  for (const name of ['bad1', 'bad2']) await put(name, '1');
  await pass(1000);
  const deadline = new AbortController();
  const flushed = flusher.flush(deadline.signal);
  await pass(10);
  await put('good', '1');
  await pass(40_000);
  expect(table.get('good')).toBe('1');
  deadline.abort();
  expect(await flushed).toEqual({ left: 1, isWritten: false });
});

describe('a row that is to be written now', () => {
  const version = async ({ rows, space }: ReturnType<typeof rig>, name: string): Promise<number> =>
    (await rows.read(space.set, `row:${name}`))?.version ?? 0;

  it('is written before those that wait, with others that are', async () => {
    const world = rig({ minDelay: 60_000, maxDelay: 60_000 });
    const { table, flusher, pass, put } = world;
    for (const name of ['a', 'b', 'c']) await put(name, '1');
    const urgent = ['b', 'c'].map(async (name) => flusher.writeNow(`row:${name}`, await version(world, name)));
    await pass(50);
    await Promise.all(urgent);
    expect([...table.rows.keys()].sort()).toEqual(['b', 'c']);
  });

  it('is refused when it was set aside', async () => {
    const world = rig();
    world.table.before = () => {
      throw new SinkFailure('data', 'it is bad');
    };
    await world.put('a', '1');
    const refused = expect(world.flusher.writeNow('row:a', await version(world, 'a'))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('it is bad'),
    });
    await world.pass(50);
    await refused;
  });

  it('waits for a change that is being written already, and no longer than a batch may take', async () => {
    const world = rig({ timeout: 300 });
    const { table, flusher, pass, put } = world;
    let free: () => void = () => undefined;
    table.before = () =>
      new Promise((resolve) => {
        free = resolve;
      });
    await put('a', '1');
    await pass(520);
    const one = flusher.writeNow('row:a', await version(world, 'a'));
    free();
    await pass(20);
    await one;
    table.before = () => {
      throw new SinkFailure('transient', 'it is away');
    };
    await put('a', '2');
    const late = expect(flusher.writeNow('row:a', await version(world, 'a'))).rejects.toMatchObject({
      code: 'STORE_TIMEOUT',
    });
    await pass(600);
    await late;
  });
});

it('a bad row is set aside once, also when that has to be acknowledged again', async () => {
  const { table, pass, put, rows, letters, space } = rig({ minDelay: 0, maxDelay: 10 });
  table.before = () => {
    throw new SinkFailure('data', 'it is bad');
  };
  const { acknowledge } = rows;
  let fails = 2;
  rows.acknowledge = (...args) =>
    fails-- > 0 ? Promise.reject(new Error('the store is away')) : acknowledge.apply(rows, args);
  await put('a', '1');
  await pass(5000);
  expect(await letters.list([space], 10)).toHaveLength(1);
  expect(space.pending).toBe(0);
});

it('closing tries again until the deadline', async () => {
  const { table, flusher, pass, put } = rig({ minDelay: 60_000, maxDelay: 60_000 });
  let fails = 3;
  table.before = () => {
    if (fails-- > 0) throw new SinkFailure('transient', 'the connection was lost');
  };
  await put('a', '1');
  await pass(10);
  const closed = flusher.close(new AbortController().signal);
  await pass(2000);
  expect(await closed).toBe(0);
  expect(table.get('a')).toBe('1');
});
