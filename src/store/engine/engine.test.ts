import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../../testing/fake-clock.ts';
import { applyEffect } from './apply.ts';
import { Cause, type Change, Op } from './change.ts';
import { EffectWriter, readEffects } from './effect-codec.ts';
import { Engine } from './engine.ts';
import { EntryClass } from './entry-class.ts';

function newEngine(clock = new FakeClock(), maxBytes = 1e9): Engine {
  return new Engine({ clock, seed: [11, 22], maxBytes, random: Math.random });
}

/** Everything a dictionary holds, comparable. */
function contents(engine: Engine): Record<string, unknown> {
  engine.begin();
  const all: Record<string, unknown> = {};
  for (const name of ['user', 'compat', 'internal'] as const) {
    const space = engine[name];
    let cursor = 0;
    do {
      cursor = space.scan(cursor, 100, (key) => {
        all[`${name} ${key}`] = [space.typeName(key), space.expiresAt(key), held(engine, name, key)];
      });
    } while (cursor !== 0);
  }
  return all;
}

function held(engine: Engine, name: 'user' | 'compat' | 'internal', key: string): unknown {
  const space = engine[name];
  switch (space.typeName(key)) {
    case 'string':
      return [space.strings.get(key), space.strings.contentType(key)];
    case 'hash': {
      const fields = space.hashes.read(key);
      return Object.fromEntries((fields?.keys() ?? []).map((field) => [field, fields?.get(field)]));
    }
    case 'list': {
      const list = space.lists.read(key);
      return [...(list?.range(0, list.length - 1) ?? [])];
    }
    case 'set':
      return [...(space.sets.read(key)?.keys() ?? [])].sort();
    default: {
      const set = space.sortedSets.read(key);
      return [...(set?.range(0, set.size) ?? [])].map(({ member, score }) => [member, score]);
    }
  }
}

const key = fc.constantFrom('a', 'b', 'c', '\0\xff', '');
const text = fc.oneof(
  fc.constantFrom('', 'x', 'yy', '\0'),
  fc.string({ maxLength: 300, unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)) }),
);
const member = fc.constantFrom('m1', 'm2', 'm3');
const spaceName = fc.constantFrom('user' as const, 'user' as const, 'internal' as const);

/** One random operation on an engine; those that the key's type does not allow do nothing. */
const operation = fc.oneof(
  fc.tuple(key, text, fc.option(fc.integer({ min: -10, max: 3000 }))).map(
    ([k, v, ttl]) =>
      (engine: Engine, space: Engine['user']) =>
        space.strings.set(k, v, {
          expiresAt: ttl === null ? 0 : engine.turn.time + ttl,
          contentType: v.length % 2 === 0 ? 'text/x' : '',
        }),
  ),
  fc.tuple(key, text).map(
    ([k, v]) =>
      (_: Engine, space: Engine['user']) =>
        void space.strings.append(k, v),
  ),
  fc.tuple(key, fc.nat({ max: 500 }), text).map(
    ([k, at, v]) =>
      (_: Engine, space: Engine['user']) =>
        void (v.length > 0 && space.strings.setRange(k, at, v)),
  ),
  fc.tuple(key, member, text).map(
    ([k, f, v]) =>
      (_: Engine, space: Engine['user']) =>
        void space.hashes.set(k, f, v),
  ),
  fc.tuple(key, member).map(
    ([k, f]) =>
      (_: Engine, space: Engine['user']) =>
        void space.hashes.delete(k, f),
  ),
  fc.tuple(key, text).map(
    ([k, v]) =>
      (_: Engine, space: Engine['user']) =>
        void space.lists.pushLeft(k, v),
  ),
  fc.tuple(key, text).map(
    ([k, v]) =>
      (_: Engine, space: Engine['user']) =>
        void space.lists.pushRight(k, v),
  ),
  key.map((k) => (_: Engine, space: Engine['user']) => void space.lists.popLeft(k)),
  key.map((k) => (_: Engine, space: Engine['user']) => void space.lists.popRight(k)),
  fc.tuple(key, fc.nat({ max: 3 }), fc.nat({ max: 6 })).map(
    ([k, from, to]) =>
      (_: Engine, space: Engine['user']) =>
        space.lists.trim(k, from, to),
  ),
  fc.tuple(key, fc.nat(), text).map(([k, at, v]) => (_: Engine, space: Engine['user']) => {
    const length = space.lists.read(k)?.length ?? 0;
    if (length > 0) {
      space.lists.insert(k, at % (length + 1), v);
      space.lists.set(k, at % length, v);
      if (at % 3 === 0) space.lists.removeAt(k, at % length);
    }
  }),
  fc.tuple(key, member).map(
    ([k, m]) =>
      (_: Engine, space: Engine['user']) =>
        void space.sets.add(k, m),
  ),
  fc.tuple(key, member).map(
    ([k, m]) =>
      (_: Engine, space: Engine['user']) =>
        void space.sets.remove(k, m),
  ),
  fc.tuple(key, member, fc.constantFrom(0, -1.5, 2, 1e300, Number.POSITIVE_INFINITY)).map(
    ([k, m, score]) =>
      (_: Engine, space: Engine['user']) =>
        void space.sortedSets.add(k, m, score),
  ),
  fc.tuple(key, member).map(
    ([k, m]) =>
      (_: Engine, space: Engine['user']) =>
        void space.sortedSets.remove(k, m),
  ),
  fc.tuple(key, key).map(
    ([from, to]) =>
      (_: Engine, space: Engine['user']) =>
        void space.rename(from, to),
  ),
  key.map((k) => (_: Engine, space: Engine['user']) => void space.delete(k)),
  fc.tuple(key, fc.integer({ min: -10, max: 3000 })).map(
    ([k, ttl]) =>
      (engine: Engine, space: Engine['user']) =>
        void space.expire(k, ttl === 0 ? 0 : engine.turn.time + ttl),
  ),
  fc.constant((_: Engine, space: Engine['user']) => void (Math.abs(space.size) > 3 && space.flush())),
);
const step = fc.tuple(spaceName, operation, fc.nat({ max: 400 }));

function ignoringWrongType(work: () => void): void {
  try {
    work();
  } catch (error) {
    if ((error as { code?: string }).code !== 'WRONG_TYPE') throw error;
  }
}

describe('Engine', () => {
  it('can be rebuilt from its effects, whatever happened', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const clock = new FakeClock();
        const engine = newEngine(clock);
        const writer = new EffectWriter(16);
        engine.changes.subscribe({ change: (change) => writer.write(change) });
        for (const [name, work, ms] of steps) {
          clock.advance(ms);
          engine.begin();
          ignoringWrongType(() => work(engine, engine[name]));
          if (ms % 5 === 0) engine.sweep();
        }
        const copy = newEngine(clock);
        copy.turn.time = 0;
        readEffects(writer.take(), (effect) => {
          copy.turn.time = 0;
          applyEffect(copy, effect);
        });
        expect(contents(copy)).toEqual(contents(engine));
        for (const name of ['user', 'internal'] as const) {
          let cursor = 0;
          do cursor = engine[name].scan(cursor, 100, () => undefined);
          while (cursor !== 0);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('accounts for every byte: an emptied engine weighs nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const clock = new FakeClock();
        const engine = newEngine(clock);
        for (const [name, work] of steps) {
          engine.begin();
          ignoringWrongType(() => work(engine, engine[name]));
        }
        for (const k of ['a', 'b', 'c', '\0\xff', '']) {
          engine.user.delete(k);
          engine.internal.delete(k);
        }
        for (const space of [engine.user, engine.internal]) {
          expect(space.size).toBe(0);
          expect(space.expiring).toBe(0);
          const nothing = { entries: 0, bytes: 0, heapBytes: 0 };
          expect(space.usage).toEqual([nothing, nothing, nothing]);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('hides a key from its instant on, and gives the memory back by sweeps of a bounded size', () => {
    const clock = new FakeClock();
    const engine = newEngine(clock);
    engine.begin();
    for (let i = 0; i < 10_000; i++)
      engine.user.strings.set(`k${i}`, 'x'.repeat(50), { expiresAt: clock.now() + 1000 });
    const full = engine.user.bytes;
    clock.advance(1000);
    engine.begin();
    expect(engine.user.strings.get('k0')).toBeUndefined();
    expect(engine.user.has('k1')).toBe(false);
    expect(engine.user.size).toBe(9998);
    clock.advance(200);
    const before = engine.user.size;
    expect(engine.sweep()).toBe(false);
    expect(before - engine.user.size).toBeLessThanOrEqual(2000);
    while (!engine.sweep());
    expect(engine.user.size).toBe(0);
    expect(engine.user.bytes).toBeLessThan(full / 10);
    expect(engine.user.expired).toBe(10_000);
  });

  it('tells of every expiry as a change with its cause', () => {
    const clock = new FakeClock();
    const engine = newEngine(clock);
    engine.begin();
    engine.user.strings.set('k', 'v', { expiresAt: clock.now() + 10 });
    const seen: Pick<Change, 'op' | 'cause' | 'key'>[] = [];
    engine.changes.subscribe({ change: ({ op, cause, key: name }) => void seen.push({ op, cause, key: name }) });
    clock.advance(10);
    engine.begin();
    engine.user.has('k');
    expect(seen).toEqual([{ op: Op.delete, cause: Cause.expired, key: 'k' }]);
    expect(engine.revealed, 'an expiry is told without waiting for its commit').toBe(1);
  });

  it('refuses data at maxBytes, and takes it again after a delete', () => {
    const engine = newEngine(new FakeClock(), 500_000);
    engine.begin();
    const fill = (): number => {
      for (let i = 0; ; i++) {
        engine.requireMemory();
        engine.user.strings.set(`k${i}`, 'x'.repeat(1000));
      }
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
    expect(engine.usedBytes).toBeLessThan(502_000);
    expect(engine.user.strings.get('k0')).toHaveLength(1000);
    engine.user.delete('k0');
    engine.user.delete('k1');
    expect(() => engine.requireMemory()).not.toThrow();
  });

  it('refuses collections that would fill the heap of the process', () => {
    const engine = new Engine({
      clock: new FakeClock(),
      seed: [1, 2],
      maxBytes: 1e9,
      maxHeapBytes: 200_000,
      random: Math.random,
    });
    engine.begin();
    const fill = (): void => {
      for (let i = 0; ; i++) {
        engine.requireMemory();
        engine.user.hashes.set('h', `f${i}`, 'value');
      }
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
    engine.user.delete('h');
    expect(engine.heapBytes).toBe(0);
    expect(() => engine.requireMemory()).not.toThrow();
  });

  it('evicts cached entries, oldest first but for those read since, and never data', () => {
    const engine = newEngine(new FakeClock(), 300_000);
    engine.begin();
    for (let i = 0; i < 50; i++) engine.user.strings.set(`data${i}`, 'x'.repeat(1000));
    for (let i = 0; i < 1000; i++) {
      engine.requireMemory();
      engine.user.strings.set(`cached${i}`, 'x'.repeat(1000), { entryClass: EntryClass.cached });
      engine.user.strings.get('cached0');
    }
    expect(engine.usedBytes).toBeLessThan(302_000);
    for (let i = 0; i < 50; i++) expect(engine.user.has(`data${i}`)).toBe(true);
    expect(engine.user.has('cached0')).toBe(true);
    expect(engine.user.has('cached1')).toBe(false);
    expect(engine.user.has('cached999')).toBe(true);
    expect(engine.user.evicted).toBeGreaterThan(700);
  });

  it('keeps cached entries out of the journal', () => {
    const engine = newEngine();
    engine.begin();
    const durable: boolean[] = [];
    engine.changes.subscribe({ change: (change) => void durable.push(change.durable) });
    engine.user.strings.set('c', 'x', { entryClass: EntryClass.cached });
    engine.user.delete('c');
    engine.user.strings.set('d', 'x');
    expect(durable).toEqual([false, false, true]);
  });

  it('refuses to rename to a key that is too long, and loses nothing', () => {
    const engine = newEngine();
    engine.begin();
    engine.user.strings.set('s', 'value');
    engine.user.hashes.set('h', 'field', 'value');
    const before = contents(engine);
    for (const from of ['s', 'h', 'none']) {
      expect(() => engine.user.rename(from, 'k'.repeat(65_536))).toThrow(
        expect.objectContaining({ code: 'KEY_TOO_LONG' }),
      );
    }
    expect(contents(engine)).toEqual(before);
    expect(engine.user.rename('s', 'k'.repeat(65_535))).toBe(true);
  });

  it.each([300, 70_000])(
    'refuses a content type of %i bytes also where the value would stay in its place',
    (length) => {
      const engine = newEngine();
      engine.begin();
      engine.user.strings.set('k', 'v'.repeat(length + 1000));
      const replace = (): void => engine.user.strings.set('k', 'w'.repeat(1000), { contentType: 'x'.repeat(length) });
      expect(replace).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
      expect(engine.user.strings.get('k')).toBe('v'.repeat(length + 1000));
    },
  );

  it('keeps the old value when there is no memory for the new one', () => {
    const engine = newEngine();
    engine.begin();
    engine.user.strings.set('k', 'old', { expiresAt: engine.turn.time + 1000 });
    const before = contents(engine);
    const seq = engine.changes.seq;
    const create = vi.spyOn(engine.user.records, 'create').mockImplementation(() => {
      throw new RangeError('Array buffer allocation failed');
    });
    expect(() => engine.user.strings.set('k', 'x'.repeat(1000))).toThrow(RangeError);
    expect(() => engine.user.strings.append('k', 'x'.repeat(1000))).toThrow(RangeError);
    create.mockRestore();
    expect(contents(engine)).toEqual(before);
    expect(engine.changes.seq).toBe(seq);
  });

  it('keeps the dictionaries apart: a flush of user keys leaves the others', () => {
    const engine = newEngine();
    engine.begin();
    for (const space of [engine.user, engine.compat, engine.internal]) space.strings.set('apikey-x', 'v');
    engine.user.flush();
    expect([engine.user.size, engine.compat.size, engine.internal.size]).toEqual([0, 1, 1]);
    engine.user.strings.set('apikey-x', 'forged');
    expect(engine.compat.strings.get('apikey-x')).toBe('v');
  });

  it('knows which write a read reveals, and that another key reveals none', () => {
    const engine = newEngine();
    engine.begin();
    engine.user.strings.set('a', '1');
    engine.user.strings.set('b', '2');
    expect(engine.revealed).toBe(2);
    engine.begin();
    engine.user.strings.get('a');
    expect(engine.revealed).toBe(1);
    engine.begin();
    engine.user.strings.get('never written');
    expect(engine.revealed).toBe(0);
  });

  it('grows a string by appends without copying it each time', () => {
    const engine = newEngine();
    engine.begin();
    for (let i = 0; i < 20_000; i++) engine.user.strings.append('log', 'line\n');
    expect(engine.user.strings.length('log')).toBe(100_000);
    expect(engine.user.strings.slice('log', 99_995, 100_000)).toBe('line\n');
  });
});
