import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { EmbeddedChannel } from '../../src/store/embedded/channel.ts';
import { EmbeddedCounter } from '../../src/store/embedded/counter.ts';
import { EmbeddedDirtySet } from '../../src/store/embedded/dirty-set.ts';
import { EmbeddedTurn } from '../../src/store/embedded/embedded-turn.ts';
import { EmbeddedFields } from '../../src/store/embedded/fields.ts';
import { EmbeddedKeyValue } from '../../src/store/embedded/key-value.ts';
import { EmbeddedLease } from '../../src/store/embedded/lease.ts';
import { EmbeddedRecordLog } from '../../src/store/embedded/record-log.ts';
import { EmbeddedWindow } from '../../src/store/embedded/window.ts';
import { openDurableEngine, openMemoryEngine } from '../../src/store/engine/durable-engine.ts';
import { PubSub } from '../../src/store/engine/pub-sub.ts';
import {
  type ConformanceCase,
  channelSuite,
  counterSuite,
  dirtySetSuite,
  FakeClock,
  fieldsSuite,
  keyValueSuite,
  leaseSuite,
  type OpenForTest,
  recordLogSuite,
  windowSuite,
} from '../../src/testing/index.ts';
import { tempDir } from '../support/temp-dir.ts';

const options = { random: Math.random, maxBytes: 1024 ** 3 };

/** The same ports on an engine in memory and on one that commits to disk. */
const stores = {
  memory:
    <Port>(make: (turn: EmbeddedTurn) => Port): OpenForTest<Port> =>
    async () => {
      const clock = new FakeClock();
      const { engine, journal, close } = openMemoryEngine({ ...options, clock });
      return { port: make(new EmbeddedTurn(engine, journal)), clock, [Symbol.asyncDispose]: close };
    },
  disk:
    <Port>(make: (turn: EmbeddedTurn) => Port): OpenForTest<Port> =>
    async () => {
      const clock = new FakeClock();
      const folder = await tempDir();
      const { engine, journal, ready, close } = await openDurableEngine({
        ...options,
        clock,
        dataDir: folder.path,
        minFreeBytes: 0,
      });
      await ready;
      return {
        port: make(new EmbeddedTurn(engine, journal)),
        clock,
        async [Symbol.asyncDispose]() {
          await close();
          await folder[Symbol.asyncDispose]();
        },
      };
    },
};

function suite<Port>(name: string, cases: readonly ConformanceCase<Port>[], open: OpenForTest<Port>): void {
  describe(name, () => {
    for (const { name: promise, run } of cases) it(promise, () => run(open));
  });
}

for (const [store, on] of Object.entries(stores) as [string, (typeof stores)['memory']][]) {
  describe(`embedded store, ${store}`, () => {
    suite(
      'KeyValue',
      keyValueSuite,
      on((turn) => new EmbeddedKeyValue(turn, turn.engine.user)),
    );
    suite(
      'Fields',
      fieldsSuite,
      on((turn) => new EmbeddedFields(turn)),
    );
    suite(
      'Counter',
      counterSuite,
      on((turn) => new EmbeddedCounter(turn)),
    );
    suite(
      'Window',
      windowSuite,
      on((turn) => new EmbeddedWindow(turn)),
    );
    suite(
      'RecordLog',
      recordLogSuite,
      on((turn) => new EmbeddedRecordLog(turn)),
    );
    suite(
      'DirtySet',
      dirtySetSuite,
      on((turn) => new EmbeddedDirtySet(turn)),
    );
    suite(
      'Lease',
      leaseSuite,
      on((turn) => new EmbeddedLease(turn)),
    );
    suite(
      'Channel',
      channelSuite,
      on(() => new EmbeddedChannel(new PubSub())),
    );
  });
}

describe('embedded store', () => {
  it('serves many calls under one signal without a warning of Node', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await using opened = await stores.disk((turn) => new EmbeddedKeyValue(turn, turn.engine.user))();
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 50 }, (_, i) => opened.port.set(`k${i}`, 'x', { signal })));
    await nextTurn();
    expect(warn).not.toHaveBeenCalled();
  });
});
