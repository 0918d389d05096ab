import type { Cancellation } from '../../../src/kernel/cancellation.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import { type Sink, SinkFailure, type SinkRow } from '../../../src/sink/sink.ts';
import { EmbeddedDirtySet } from '../../../src/store/embedded/dirty-set.ts';
import { EmbeddedTurn } from '../../../src/store/embedded/embedded-turn.ts';
import { openMemoryEngine } from '../../../src/store/engine/durable-engine.ts';
import type { DirtySet, RowChange, StoredRow } from '../../../src/store/ports.ts';
import { FakeClock } from '../../../src/testing/fake-clock.ts';
import { Flusher } from '../../../src/write-behind/flusher.ts';
import { RowBacklog } from '../../../src/write-behind/row-backlog.ts';
import { RowSpace } from '../../../src/write-behind/row-space.ts';
import { Ledger, type LedgerProblem, type RowFound } from '../write-behind/ledger.mjs';

export interface CrashRunOptions {
  readonly seed: number;
  readonly kills: number;
  /** Of one process: what stands between the flusher and the store. @default nothing */
  readonly mutant?: (real: DirtySet, clock: Clock, isAlive: () => boolean) => DirtySet;
  /** Which keys are written. `hot`: eight, again and again; `once`: most of them once. @default once */
  readonly keys?: 'once' | 'hot';
}

export interface CrashRun {
  readonly problems: readonly LedgerProblem[];
  readonly acknowledged: number;
  readonly rows: number;
}

const SET = 'rows';
const PUT = { ack: 'store', limit: Number.MAX_SAFE_INTEGER } as const;
const HOT = 8;
const COUNTERS = 2;
/** How much time passes between two kills, ms. */
const LIFE = 120;

/**
 * Rows are written while the process that flushes them is killed at random instants, all of it in this process and on a clock of its own: the
 * store is an engine in memory that outlives the kills, the table a map; a transaction under way at a kill is committed or not.
 */
export async function crashRun({ seed, kills, mutant, keys = 'once' }: CrashRunOptions): Promise<CrashRun> {
  const random = randomOf(seed);
  const clock = new FakeClock();
  const { engine, journal, close } = openMemoryEngine({ random: Math.random, maxBytes: 1024 ** 3, clock });
  const ledger = new Ledger();
  const table = new Map<string, { version: number; readonly values: Map<string, string> }>();
  let next = 0;
  const warm: string[] = [];

  const space = (): RowSpace =>
    new RowSpace({
      match: SET,
      clock,
      pattern: { match: (key) => new Map([['1', key]]) },
      policy: {
        ...{ minDelay: 2, maxDelay: 8, maxBatch: 40, maxPending: 1_000_000, onFull: 'shed', timeout: 50, ack: 'store' },
        ...{
          rate: { rows: undefined, transactions: undefined },
          deletes: 'remove',
          keepFor: undefined,
          maxDeadLetters: 100_000,
        },
      },
      mapping: {
        ...{ shape: 'row', table: 't', key: ['id'], version: 'v', fence: undefined },
        columns: ['n', 'a', 'b'].map((name) => ({ field: name, column: name })),
      },
    });

  const apply = (rows: readonly SinkRow[]): void => {
    for (const { key, version, change, values } of rows) {
      const name = key.join();
      const before = table.get(name);
      if (before !== undefined && before.version >= version) continue;
      if (change === 'remove') table.delete(name);
      else {
        const now = new Map(change === 'merge' ? before?.values : undefined);
        for (const [field, value] of values) {
          if (value === null) now.delete(field);
          else now.set(field, value);
        }
        table.set(name, { version, values: now });
      }
    }
  };

  /** One life of the process: its port, and what ends it. */
  const live = (): { readonly rows: DirtySet; readonly kill: () => void } => {
    let isAlive = true;
    const forever = new Promise<never>(() => {});
    const real = new EmbeddedDirtySet(new EmbeddedTurn(engine, journal));
    const rows = mutant?.(real, clock, () => isAlive) ?? real;
    // A process that was killed asks for nothing any more, and hears of nothing.
    const gated = new Proxy(rows, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (!isAlive) return forever;
          const result: unknown = value.apply(target, args);
          return result instanceof Promise ? result.then((it) => (isAlive ? it : forever)) : result;
        };
      },
    });
    const sink: Sink = {
      name: 'table',
      check: async () => [],
      explain: () => [],
      close: async () => {},
      write: (_, written, signal: Cancellation) =>
        new Promise<void>((resolve, reject) => {
          const kind = random();
          const answer = (): void => {
            if (!isAlive) {
              // It was sent before the kill, or it was not.
              if (kind < 0.5) apply(written);
            } else if (kind < 0.06) {
              reject(new SinkFailure('transient', 'the server is away'));
            } else {
              apply(written);
              if (kind < 0.12) reject(new SinkFailure('transient', 'the answer is lost', { ambiguous: true }));
              else resolve();
            }
          };
          void signal;
          clock.setTimer(answer, random() * 12);
        }),
    };
    const one = space();
    const flusher = new Flusher({
      space: one,
      backlog: new RowBacklog(one, gated),
      rights: {
        held: () => [{ partition: 0, epoch: 1 }],
        epochOf: () => 1,
        advance: async () => 1,
      },
      deadLetters: { add: () => Promise.reject(new Error('nothing is set aside here')), isFull: () => false },
      sink,
      clock,
      random,
      onTrouble: () => {},
      onSetAside: () => {},
    });
    flusher.start();
    return {
      rows: gated,
      kill: () => {
        isAlive = false;
      },
    };
  };

  const put = async (rows: DirtySet, key: string, change: RowChange): Promise<{ readonly sum: number | undefined }> =>
    (await rows.put(SET, key, change, PUT)) as { readonly sum: number | undefined };

  /** What one client does next. */
  const step = async (rows: DirtySet): Promise<void> => {
    const kind = random();
    if (kind < 0.06) {
      const name = `counter-${below(random, COUNTERS)}`;
      const change = ledger.increment(name);
      const { sum } = await put(rows, `count:${name}`, { kind: 'merge', fields: [{ do: 'add', field: 'n', by: 1 }] });
      ledger.incremented(change, sum as number);
      return;
    }
    const isHot = keys === 'hot' || kind < 0.2;
    const rewritten = !isHot && kind > 0.85 && warm.length > 0;
    const key = isHot ? `hot-${below(random, HOT)}` : rewritten ? takeOf(warm, random) : `row-${next++}`;
    if (!isHot && !rewritten && next % 5 === 0) warm.push(key);
    if (isHot && random() < 0.2) {
      ledger.see(key, found(await rows.read(SET, key)), 'read while it is written');
    } else if ((rewritten || isHot) && random() < 0.4) {
      const change = ledger.remove(key);
      await put(rows, key, { kind: 'delete' });
      ledger.ok(change);
    } else {
      const change = ledger.write(key);
      const value = String(change.index);
      const fields = ['n', change.column].map((field) => ({ do: 'set', field, value }) as const);
      await put(rows, key, { kind: 'merge', fields });
      ledger.ok(change);
    }
  };

  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i++) {
      clock.advance(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  for (let kill = 0; kill < kills; kill++) {
    const { rows, kill: end } = live();
    const length = 5 + random() * LIFE;
    for (let ms = 0; ms < length; ms++) {
      for (let i = below(random, 4); i > 0; i--) await step(rows);
      await pass(1);
    }
    end();
    await pass(15);
  }
  const { rows } = live();
  await pass(3_000);
  for (const key of ledger.rows) {
    ledger.see(key, found(await rows.read(SET, key)), 'read at the end', false);
    ledger.see(key, found(valuesOf(table.get(key)?.values)), 'in the table at the end', false);
  }
  for (const name of ledger.counters) {
    const sum = table.get(`count:${name}`)?.values.get('n');
    ledger.seeCounter(name, sum === undefined ? undefined : Number(sum), 'in the table at the end');
  }
  await close();
  return { problems: ledger.problems, acknowledged: ledger.acknowledged, rows: ledger.size };
}

function valuesOf(values: ReadonlyMap<string, string> | undefined): Pick<StoredRow, 'fields'> | undefined {
  return values === undefined ? undefined : { fields: values };
}

function found(row: Pick<StoredRow, 'fields'> | undefined): RowFound | undefined {
  if (row === undefined || row.fields.size === 0) return undefined;
  const number = (name: string): number | null => {
    const value = row.fields.get(name);
    return value === undefined ? null : Number(value);
  };
  return { n: number('n'), a: number('a'), b: number('b') };
}

function takeOf(list: string[], random: () => number): string {
  const at = Math.max(0, list.length - 1 - below(random, 20));
  return list.splice(at, 1)[0] as string;
}

function below(random: () => number, n: number): number {
  return Math.floor(random() * n);
}

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
