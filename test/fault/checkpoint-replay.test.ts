import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { isSluiceError } from '../../src/errors.ts';
import { ImageDump } from '../../src/store/engine/checkpoint-dump.ts';
import { DataFolder } from '../../src/store/engine/data-folder.ts';
import { Engine } from '../../src/store/engine/engine.ts';
import { EntryClass } from '../../src/store/engine/entry-class.ts';
import { GroupEncoder } from '../../src/store/engine/journal-encoder.ts';
import { createDatabase, JournalFile, JournalReader } from '../../src/store/engine/journal-file.ts';
import { Replay } from '../../src/store/engine/recovery.ts';
import { loadSqlite, type OpenDatabase } from '../../src/store/engine/sqlite.ts';
import { stateOf } from './support/engine-state.ts';

type Action =
  | { readonly do: 'command'; readonly run: (engine: Engine) => void; readonly text: string }
  | { readonly do: 'commit' | 'slice' | 'abort' | 'restart' }
  | { readonly do: 'tick'; readonly ms: number };

const START = 1_700_000_000_000;
const key = fc.constantFrom('a', 'b', 'c', '');
const spaceNumber = fc.constantFrom(0, 0, 0, 0, 0, 2) as fc.Arbitrary<0 | 2>;
const word = fc.constantFrom('x', 'y', 'z', '', 'abc', '\xff\x00', '1', '2');
const entryClass = fc.constantFrom(
  EntryClass.data,
  EntryClass.data,
  EntryClass.data,
  EntryClass.cached,
  EntryClass.internal,
);
const small = fc.nat(6);

function command<T>(
  arbitrary: fc.Arbitrary<T>,
  name: string,
  run: (space: Engine['user'], args: T, engine: Engine) => void,
) {
  return fc.record({ number: spaceNumber, args: arbitrary }).map(
    ({ number, args }): Action => ({
      do: 'command',
      text: `${name} ${number} ${JSON.stringify(args)}`,
      run: (engine) => run(engine.space(number), args, engine),
    }),
  );
}

const commands = fc.oneof(
  command(fc.tuple(key, word, entryClass, fc.constantFrom(0, 0, 50, 500)), 'set', (space, [k, v, c, ttl], engine) =>
    space.strings.set(k, v, {
      entryClass: c,
      contentType: ttl > 100 ? 'text/plain' : '',
      expiresAt: ttl && engine.clock.now() + ttl,
    }),
  ),
  command(fc.tuple(key, word), 'append', (space, [k, v]) => space.strings.append(k, v)),
  command(fc.tuple(key, small, word), 'setRange', (space, [k, at, v]) => space.strings.setRange(k, at, v)),
  command(key, 'delete', (space, k) => space.delete(k)),
  command(fc.tuple(key, fc.constantFrom(0, 30, 300, 3000)), 'expire', (space, [k, ttl], engine) =>
    space.expire(k, ttl && engine.clock.now() + ttl),
  ),
  command(fc.tuple(key, key), 'rename', (space, [a, b]) => space.rename(a, b)),
  command(fc.tuple(key, word, word, entryClass), 'hset', (space, [k, f, v, c]) => space.hashes.set(k, f, v, c)),
  command(fc.tuple(key, word), 'hdel', (space, [k, f]) => space.hashes.delete(k, f)),
  command(fc.tuple(key, word, fc.boolean()), 'push', (space, [k, v, left]) =>
    left ? space.lists.pushLeft(k, v) : space.lists.pushRight(k, v),
  ),
  command(fc.tuple(key, word), 'push if there', (space, [k, v]) => {
    if (space.typeName(k) === 'list') space.lists.pushRight(k, v);
  }),
  command(fc.tuple(key, fc.boolean()), 'pop', (space, [k, left]) =>
    left ? space.lists.popLeft(k) : space.lists.popRight(k),
  ),
  command(fc.tuple(key, small, word), 'lset', (space, [k, at, v]) => {
    if ((space.lists.read(k)?.length ?? 0) > at) space.lists.set(k, at, v);
  }),
  command(fc.tuple(key, small, word), 'linsert', (space, [k, at, v]) => {
    if ((space.lists.read(k)?.length ?? 0) > at) space.lists.insert(k, at, v);
  }),
  command(fc.tuple(key, small), 'lremove', (space, [k, at]) => {
    if ((space.lists.read(k)?.length ?? 0) > at) space.lists.removeAt(k, at);
  }),
  command(fc.tuple(key, small, small), 'ltrim', (space, [k, from, to]) => space.lists.trim(k, from, to)),
  command(fc.tuple(key, word), 'sadd', (space, [k, m]) => space.sets.add(k, m)),
  command(fc.tuple(key, word), 'srem', (space, [k, m]) => space.sets.remove(k, m)),
  command(fc.tuple(key, word, small), 'zadd', (space, [k, m, score]) => space.sortedSets.add(k, m, score / 2)),
  command(fc.tuple(key, word), 'zrem', (space, [k, m]) => space.sortedSets.remove(k, m)),
  command(fc.tuple(key, fc.constantFrom('hash', 'list', 'set', 'zset')), 'fill', (space, [k, type]) => {
    space.delete(k);
    for (let i = 0; i < 14; i++) {
      if (type === 'hash') space.hashes.set(k, `f${i}`, `v${i}`);
      else if (type === 'list') space.lists.pushRight(k, `e${i}`);
      else if (type === 'set') space.sets.add(k, `m${i}`);
      else space.sortedSets.add(k, `m${i}`, i);
    }
  }),
  command(fc.tuple(key, fc.nat(8)), 'drop one of a fill', (space, [k, i]) => {
    const type = space.typeName(k);
    if (type === 'hash') space.hashes.delete(k, `f${i}`);
    else if (type === 'set') space.sets.remove(k, `m${i}`);
    else if (type === 'zset') space.sortedSets.remove(k, `m${i}`);
  }),
);

const actions = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: commands },
    { weight: 1, arbitrary: command(fc.constant(0), 'flush', (space) => space.flush()) },
    { weight: 20, arbitrary: fc.constant<Action>({ do: 'slice' }) },
    { weight: 2, arbitrary: fc.constant<Action>({ do: 'commit' }) },
    { weight: 1, arbitrary: fc.constantFrom<Action>({ do: 'abort' }, { do: 'restart' }) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 200 }).map((ms): Action => ({ do: 'tick', ms })) },
  ),
  { minLength: 1, maxLength: 200, size: 'max' },
);

/** A store on a real database, but all in one thread and step by step. */
class Bench {
  readonly folder: DataFolder;
  readonly #open: OpenDatabase;
  now = START;
  #steps = 0;
  readonly clock = { now: () => this.now, monotonic: () => this.#steps++, setTimer: () => ({ cancel() {} }) };
  engine: Engine;
  #encoder: GroupEncoder;
  #file: JournalFile;
  #dump: ImageDump | undefined;
  #begun = 0;
  #generation: number;
  passes = 0;
  #isOpen = true;

  constructor(open: OpenDatabase, path: string) {
    this.#open = open;
    this.folder = new DataFolder(path);
    createDatabase(open, this.folder, { seed: [7, 9], created: START });
    ({ engine: this.engine, encoder: this.#encoder, file: this.#file } = this.#start());
    this.#generation = this.#file.generation;
  }

  act(action: Action): void {
    switch (action.do) {
      case 'command':
        this.engine.begin();
        try {
          action.run(this.engine);
        } catch (error) {
          if (!isSluiceError(error, 'WRONG_TYPE')) throw error;
        }
        return;
      case 'tick':
        this.now += action.ms;
        this.engine.sweep();
        return;
      case 'commit':
        if (this.#encoder.length > 0) this.#file.append(this.#encoder.take(this.engine.changes.seq));
        return;
      case 'abort':
        this.#dump?.stop();
        this.#dump = undefined;
        return;
      case 'slice':
        this.#slice();
        return;
      case 'restart':
        this.restart();
    }
  }

  restart(): void {
    this.act({ do: 'commit' });
    this.act({ do: 'abort' });
    const before = stateOf(this.engine);
    this.close();
    ({ engine: this.engine, encoder: this.#encoder, file: this.#file } = this.#start());
    this.#isOpen = true;
    this.#generation = this.#file.generation;
    expect(stateOf(this.engine)).toEqual(before);
  }

  close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }

  #slice(): void {
    if (this.#dump === undefined) {
      this.#generation++;
      this.#begun = this.engine.changes.seq;
      const limits = { clock: this.clock, sliceMs: 3, pieceBytes: 150, largeBytes: 600, elementsPerLook: 1 };
      this.#dump = new ImageDump(this.engine, limits);
    }
    const piece = this.#dump.next();
    if (piece !== undefined) {
      this.act({ do: 'commit' });
      this.#file.putPiece({ generation: this.#generation, ...piece });
      return;
    }
    this.#dump = undefined;
    this.passes++;
    while (!this.#file.trim(this.#begun).done);
  }

  #start(): { engine: Engine; encoder: GroupEncoder; file: JournalFile } {
    const reader = new JournalReader(this.#open, this.folder.database);
    const { seed } = reader.meta();
    const engine = new Engine({ clock: this.clock, random: () => 0.5, maxBytes: 1e9, seed });
    engine.turn.time = 0;
    const image = reader.image();
    const replay = new Replay(engine, image.ranges);
    const contents = reader.contents(image);
    let next = contents.next();
    for (; next.done !== true; next = contents.next()) {
      replay.begin(next.value);
      while (replay.step(3));
    }
    reader.close();
    engine.changes.seq = Math.max(next.value.seq, replay.newest);
    engine.turn.forgetWrites();
    const encoder = new GroupEncoder(next.value.first);
    engine.changes.subscribe({ change: (change) => change.durable && encoder.add(change) });
    const file = new JournalFile(this.#open, this.folder.database, image, { sync: false, walBytes: 1 << 20 });
    return { engine, encoder, file };
  }
}

describe('a checkpoint between other work', () => {
  let open: OpenDatabase;
  beforeAll(async () => {
    open = await loadSqlite();
  });

  it('together with the log gives back exactly the state at a restart', () => {
    let passes = 0;
    fc.assert(
      fc.property(actions, (list) => {
        const path = mkdtempSync(join(tmpdir(), 'sluice-replay-'));
        const bench = new Bench(open, path);
        try {
          for (const action of list) bench.act(action);
          bench.restart();
          bench.restart();
          passes += bench.passes;
        } finally {
          bench.close();
          rmSync(path, { recursive: true });
        }
      }),
      {
        numRuns: Number(process.env['SLUICE_TEST_RUNS'] ?? 100),
        ...(process.env['SLUICE_TEST_SEED'] ? { seed: Number(process.env['SLUICE_TEST_SEED']) } : {}),
      },
    );
    // Otherwise the property would say little.
    expect(passes).toBeGreaterThan(10);
  }, 300_000);

  it.each([
    ['list', (engine: Engine, i: number) => engine.user.lists.pushRight('large', `${i}`)],
    ['hash', (engine: Engine, i: number) => engine.user.hashes.set('large', `${i}`, `${i}`)],
    ['set', (engine: Engine, i: number) => engine.user.sets.add('large', `${i}`)],
    ['sorted set', (engine: Engine, i: number) => engine.user.sortedSets.add('large', `${i}`, -i)],
  ])('holds a large %s that changes while it is dumped', (_type, add) => {
    const path = mkdtempSync(join(tmpdir(), 'sluice-replay-'));
    const bench = new Bench(open, path);
    const act = (run: (engine: Engine) => void): void => bench.act({ do: 'command', text: '', run });
    try {
      act((engine) => {
        for (let i = 0; i < 300; i++) add(engine, i);
        engine.user.expire('large', START + 1e6);
      });
      for (let i = 300; bench.passes === 0; i++) {
        bench.act({ do: 'slice' });
        act((engine) => {
          add(engine, i);
          engine.user.hashes.delete('large', `${i - 7}`);
        });
        if (i % 50 === 0) bench.act({ do: 'commit' });
      }
      bench.restart();
    } finally {
      bench.close();
      rmSync(path, { recursive: true });
    }
  });

  it('takes every key once although the tables grow and shrink under it', () => {
    const path = mkdtempSync(join(tmpdir(), 'sluice-replay-'));
    const bench = new Bench(open, path);
    const push = (engine: Engine, from: number, to: number): void => {
      for (let i = from; i < to; i++) engine.user.lists.pushRight(`list ${i}`, 'once');
    };
    const drop = (engine: Engine, from: number, to: number): void => {
      for (let i = from; i < to; i++) engine.user.delete(`list ${i}`);
    };
    const act = (run: (engine: Engine) => void): void => bench.act({ do: 'command', text: '', run });
    try {
      act((engine) => push(engine, 0, 6000));
      for (let round = 0; round < 16; round++) {
        for (let i = 0; i < 5; i++) bench.act({ do: 'slice' });
        act((engine) => (round % 2 === 0 ? drop(engine, 500, 6000) : push(engine, 500, 6000)));
      }
      bench.restart();
    } finally {
      bench.close();
      rmSync(path, { recursive: true });
    }
  });
});
