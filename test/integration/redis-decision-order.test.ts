import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { isSluiceError } from '../../src/errors.ts';
import type { ReplyValue } from '../../src/resp/reply-decoder.ts';
import { putDirty } from '../../src/store/decisions/put-dirty.ts';
import { RedisDirtySet } from '../../src/store/redis/dirty-set.ts';
import { RedisCalls } from '../../src/store/redis/redis-calls.ts';
import type { RedisCommands } from '../../src/store/redis/redis-commands.ts';
import { eventually } from '../support/eventually.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { openRedisPorts } from '../support/redis-ports.ts';
import { startRedis } from '../support/redis-server.ts';

/** Commands go out at once; replies come in their order when they are let through, as on a slow line. */
class SlowWay implements RedisCommands {
  readonly scan: RedisCommands['scan'];
  readonly subscribe: RedisCommands['subscribe'];
  /** Replies that the server has given since. */
  answered = 0;
  readonly #inner: RedisCommands;
  #gate: Promise<void> = Promise.resolve();

  constructor(inner: RedisCommands) {
    this.#inner = inner;
    this.scan = (...args) => inner.scan(...args);
    this.subscribe = (...args) => inner.subscribe(...args);
  }

  /** @returns lets everything through */
  hold(): () => void {
    this.answered = 0;
    let release = (): void => {};
    this.#gate = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  async call(...args: Parameters<RedisCommands['call']>): Promise<ReplyValue> {
    const gate = this.#gate;
    const reply = this.#inner.call(...args).finally(() => this.answered++);
    await Promise.allSettled([reply]);
    await gate;
    return reply;
  }
}

interface Bench extends AsyncDisposable {
  readonly way: SlowWay;
  readonly raw: RawResp;
  put(value: number, key?: string): Promise<unknown>;
  read(): Promise<string | undefined>;
}

async function bench(): Promise<Bench> {
  const redis = await startRedis();
  const { host, port } = redis;
  const ports = openRedisPorts({ kind: 'standalone', endpoints: [{ host, port }], database: 0 });
  const way = new SlowWay(ports.calls.commands);
  const rows = new RedisDirtySet(new RedisCalls(way, ports.calls.keys));
  const raw = await connectRaw({ port });
  return {
    way,
    raw,
    put: (value, key = 'row') => {
      const fields = [{ do: 'set', field: 'v', value: String(value) }] as const;
      return rows.put('set', key, { kind: 'merge', fields }, { ack: 'store', limit: 1e6 });
    },
    read: async () => (await rows.read('set', 'row'))?.fields.get('v'),
    async [Symbol.asyncDispose]() {
      await raw[Symbol.asyncDispose]();
      await ports[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}

describe.skipIf(findProgram('redis-server') === undefined)('changes of one row that are under way together', () => {
  it('take effect in their order when the server has lost the script', async () => {
    await using one = await bench();
    await one.put(0);
    await one.read();
    await one.raw.command('SCRIPT', 'FLUSH');
    const release = one.way.hold();
    const works = [one.put(1), one.put(2, 'other'), one.put(3), one.read(), one.put(4), one.read()];
    await eventually(() => expect(one.way.answered).toBe(works.length));
    release();
    const [, , , third, , fourth] = await Promise.all(works);
    expect([third, fourth]).toEqual(['3', '4']);
    expect(await one.read()).toBe('4');
  });

  it('are not refused because of a script that this node has sent itself', async () => {
    await using one = await bench();
    const releaseFirst = one.way.hold();
    const other = one.put(1, 'other');
    const releaseSecond = one.way.hold();
    const first = one.put(1);
    await eventually(() => expect(one.way.answered).toBe(2));
    // The script would be sent now, and then be found by the second one.
    releaseFirst();
    await sleep(50);
    const second = one.put(2);
    await sleep(50);
    releaseSecond();
    await Promise.all([other, first, second]);
    expect(await one.read()).toBe('2');
  });

  it('are refused when a later one has found the script that they did not find', async () => {
    await using one = await bench();
    await one.put(0);
    await one.raw.command('SCRIPT', 'FLUSH');
    const release = one.way.hold();
    const first = one.put(1);
    await eventually(() => expect(one.way.answered).toBe(1));
    await one.raw.command('SCRIPT', 'LOAD', putDirty.lua);
    const second = one.put(2);
    await eventually(() => expect(one.way.answered).toBe(2));
    release();
    await expect(first).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await second;
    expect(await one.read()).toBe('2');
  });

  it('keep their order while another program loads the script and takes it away all the time', async () => {
    await using one = await bench();
    let isOver = false;
    const trouble = (async () => {
      let flushes = 0;
      for (; !isOver; flushes++)
        await one.raw.pipeline([['SCRIPT', 'FLUSH'], ['PING'], ['SCRIPT', 'LOAD', putDirty.lua], ['PING']]);
      return flushes;
    })();
    let accepted = 0;
    let last = 0;
    let refused = 0;
    const works: Promise<void>[] = [];
    for (let value = 1; value <= 3000; value++) {
      works.push(one.put(value, `other-${value % 7}`).then(ignore, ignore));
      works.push(
        one.put(value).then(
          () => {
            accepted++;
            last = Math.max(last, value);
          },
          (error: unknown) => {
            if (!isSluiceError(error, 'STORE_UNAVAILABLE')) throw error;
            refused++;
          },
        ),
      );
      const before = last;
      if (value % 3 === 0)
        works.push(one.read().then((read) => expect(Number(read ?? 0)).toBeGreaterThanOrEqual(before)));
      if (value % 5 === 0) await turn();
      if (value % 100 !== 0) continue;
      await Promise.all(works.splice(0));
      expect(await one.read()).toBe(String(last));
    }
    isOver = true;
    expect(await trouble).toBeGreaterThan(100);
    expect(accepted + refused).toBe(3000);
    expect(accepted).toBeGreaterThan(1500);
  }, 60_000);
});

const ignore = (): void => undefined;
