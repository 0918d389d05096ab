import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { CommandRules } from '../../src/command/command-rules.ts';
import { openUpstream, type UpstreamOptions } from '../../src/link/open-upstream.ts';
import { slotOf } from '../../src/link/slot.ts';
import type { DedicatedConnection, Upstream } from '../../src/link/upstream.ts';
import type { ReplyValue } from '../../src/resp/reply-decoder.ts';
import { fixedSequence } from '../support/command-session.ts';
import { eventually } from '../support/eventually.ts';
import { type ClusterSetup, startCluster } from '../support/redis-cluster.ts';

const rules = new CommandRules();

interface Opened extends AsyncDisposable {
  readonly upstream: Upstream;
  /** What a command is answered with, decoded. */
  readonly call: (...argv: readonly string[]) => Promise<ReplyValue>;
  /** As it goes over the wire; a failure as its code. */
  readonly raw: (...argv: readonly string[]) => Promise<string>;
  readonly changes: () => number;
  readonly heard: string[];
}

function open(cluster: ClusterSetup, options: Partial<UpstreamOptions> = {}): Opened {
  let changes = 0;
  const heard: string[] = [];
  const upstream = openUpstream({
    target: {
      kind: 'cluster',
      endpoints: cluster.nodes.slice(0, 2).map(({ host, port }) => ({ host, port })),
      database: 0,
    },
    login: { connectTimeout: 1000 },
    settings: { opsInFlight: 1000, maxQueued: 10_000, dedicated: 16, timeout: 2000, retryFor: 1000, heartbeat: 500 },
    clock: systemClock,
    random: Math.random,
    onTopologyChange: () => changes++,
    listener: {
      attached: () => undefined,
      heard: () => undefined,
      lost: () => undefined,
      invalidated: (_, key) => heard.push(`${key}`),
    },
    ...options,
  });
  return {
    upstream,
    heard,
    changes: () => changes,
    call: (...argv) => upstream.call(argv, rules.find(argv)),
    raw: (...argv) => rawOf((receiver) => upstream.send(argv, rules.find(argv), 2, receiver)),
    [Symbol.asyncDispose]: async () => upstream.close(),
  };
}

function rawOf(
  start: (receiver: { replied(frame: string): void; failed(error: { code: string }): void }) => void,
): Promise<string> {
  return new Promise((resolve) => start({ replied: resolve, failed: ({ code }) => resolve(code) }));
}

/** A connection of one client's own, with what was pushed to it. */
function dedicate(
  upstream: Upstream,
  proto: 2 | 3 = 2,
): {
  readonly link: DedicatedConnection;
  readonly pushes: string[];
  readonly lost: string[];
  readonly run: (...argv: readonly string[]) => Promise<string>;
} {
  const pushes: string[] = [];
  const lost: string[] = [];
  const link = upstream.dedicate(proto, 0, {
    pushed: (frame) => pushes.push(frame),
    lost: (error) => lost.push(error.code),
  });
  return {
    ...{ link, pushes, lost },
    run: (...argv) => rawOf((receiver) => link.send(argv, rules.find(argv), receiver)),
  };
}

/** Keys of as many slots, spread over all nodes. */
const keys = Array.from({ length: 60 }, (_, i) => `key:${i}`);
const slots = new Set(keys.map(slotOf));
/** A key of the same slot as another. */
const beside = (key: string): string => `{${key}}beside`;

let cluster: ClusterSetup;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

describe('a cluster as a store', { timeout: 60_000 }, () => {
  it('places keys as Redis does', async () => {
    const random = fixedSequence(7);
    const byte = (): string => String.fromCharCode('{}ab\0\xff'.charCodeAt(Math.floor(random() * 6)));
    for (let i = 0; i < 200; i++) {
      const key = Array.from({ length: Math.floor(random() * 8) }, byte).join('');
      expect(await cluster.nodes[0]?.ask('CLUSTER', 'KEYSLOT', key)).toBe(`:${slotOf(key)}\r\n`);
    }
  });

  it('sends each command to the node of its key, and takes apart what several nodes have', async () => {
    await using store = open(cluster);
    expect(slots.size).toBe(60);
    for (const key of keys) expect(await store.call('SET', key, `value of ${key}`)).toBe('OK');
    expect(store.upstream.nodes.map(({ counters }) => counters.commands > 0)).toEqual([true, true, true]);
    const mixed = [...keys.slice(0, 20), 'none', ...keys.slice(20), keys[3] as string];
    const values = mixed.map((key) => (key === 'none' ? null : `value of ${key}`));
    expect(await store.call('MGET', ...mixed)).toEqual(values);
    expect(await store.raw('MGET', 'key:1', 'none', 'key:2')).toBe(
      '*3\r\n$14\r\nvalue of key:1\r\n$-1\r\n$14\r\nvalue of key:2\r\n',
    );
    expect(await store.call('EXISTS', ...mixed)).toBe(61);
    expect(await store.call('TOUCH', ...keys)).toBe(60);
    expect(await store.call('MSET', ...keys.flatMap((key) => [key, `new ${key}`, beside(key), '']))).toBe('OK');
    expect(await store.call('MGET', ...keys)).toEqual(keys.map((key) => `new ${key}`));
    expect(await store.call('DEL', ...keys.slice(0, 30), 'none')).toBe(30);
    expect(await store.call('UNLINK', ...keys, ...keys.map(beside))).toBe(90);
    await store.call('SADD', 'list', 'x');
    expect(await store.call('MGET', 'list', 'key:1')).toEqual([null, null]);
    expect(await store.raw('LPUSH', 'list', 'x')).toMatch(/^-WRONGTYPE/);
    expect(await store.call('DEL', 'list')).toBe(1);
  });

  it('refuses other commands over several slots', async () => {
    await using store = open(cluster);
    const refusal = "-CROSSSLOT Keys in request don't hash to the same slot\r\n";
    expect(await store.raw('SINTER', 'a', 'b')).toBe(refusal);
    expect(await store.raw('MSETNX', 'a', '1', 'b', '2')).toBe(refusal);
    expect(await store.raw('RENAME', 'a', 'b')).toBe(refusal);
    expect(await store.raw('EVAL', 'return 1', '2', 'a', 'b')).toBe(refusal);
    expect(await store.raw('SINTER', 'a', '{a}b')).toBe('*0\r\n');
    expect(await store.raw('EVAL', 'return KEYS[2]', '2', 'a', '{a}b')).toBe('$4\r\n{a}b\r\n');
    expect(await store.raw('EVAL', 'return 7', '0')).toBe(':7\r\n');
    expect(await store.raw('MSET', 'a', '1', 'b')).toMatch(/^-/);
    expect(await store.raw('GET')).toMatch(/^-ERR wrong number of arguments/);
  });

  it('asks all primaries what concerns all of them', async () => {
    await using store = open(cluster);
    await store.call('MSET', ...keys.flatMap((key) => [key, 'x']));
    expect(await store.call('DBSIZE')).toBe(60);
    expect(new Set((await store.call('KEYS', 'key:*')) as string[])).toEqual(new Set(keys));
    const sha = (await store.call('SCRIPT', 'LOAD', "return redis.call('GET', KEYS[1])")) as string;
    for (const key of keys) expect(await store.call('EVALSHA', sha, '1', key)).toBe('x');
    expect(await store.call('SCRIPT', 'EXISTS', sha, 'f'.repeat(40))).toEqual([1, 0]);
    await cluster.nodes[1]?.ask('SCRIPT', 'FLUSH');
    expect(await store.call('SCRIPT', 'EXISTS', sha)).toEqual([0]);
    expect(await store.raw('SCRIPT', 'KILL')).toMatch(/^-NOTBUSY/);
    expect(await store.call('FLUSHALL')).toBe('OK');
    expect(await store.call('DBSIZE')).toBe(0);
    expect(await store.call('PING')).toBe('PONG');
    expect(await store.call('RANDOMKEY')).toBe(null);
  });

  it('scans all nodes, each key once while no slot moves', async () => {
    await using store = open(cluster);
    const many = Array.from({ length: 500 }, (_, i) => `scan:${i}`);
    await store.call('MSET', ...many.flatMap((key) => [key, 'x']));
    const found: string[] = [];
    let cursor = '0';
    let steps = 0;
    do {
      const [next, some] = (await store.call('SCAN', cursor, 'COUNT', '40')) as [string, string[]];
      found.push(...some);
      cursor = next;
      steps++;
    } while (cursor !== '0');
    expect(new Set(found)).toEqual(new Set(many));
    expect(steps).toBeGreaterThan(3);
    expect(await store.raw('SCAN', 'x')).toBe('-ERR invalid cursor\r\n');
    expect(await store.raw('SCAN', '0', 'COUNT', 'x')).toMatch(/^-ERR value is not an integer/);
    expect(await store.raw('SCAN', '1')).toMatch(/^-ERR the slots of the cluster have moved/);
    await store.call('FLUSHALL');
  });

  it('runs a transaction on the node of its first key', async () => {
    await using store = open(cluster);
    const own = dedicate(store.upstream);
    const key = 'tx';
    const other = 'other';
    expect(slotOf(key)).not.toBe(slotOf(other));
    expect(await own.run('MULTI')).toBe('+OK\r\n');
    expect(await own.run('PING')).toBe('+QUEUED\r\n');
    expect(await own.run('SET', key, '1')).toBe('+QUEUED\r\n');
    expect(await own.run('INCR', beside(key))).toBe('+QUEUED\r\n');
    expect(await own.run('EXEC')).toMatch(/^-CROSSSLOT|^\*3/);
    expect(await own.run('MULTI')).toBe('+OK\r\n');
    expect(await own.run('SET', key, '2')).toBe('+QUEUED\r\n');
    expect(await own.run('SET', other, '2')).toMatch(/^-CROSSSLOT/);
    expect(await own.run('EXEC')).toMatch(/^-EXECABORT/);
    expect(await own.run('GET', key)).not.toBe('$1\r\n2\r\n');
    expect(await own.run('EXEC')).toBe('-ERR EXEC without MULTI\r\n');
    // Nothing with a key.
    expect(await own.run('MULTI')).toBe('+OK\r\n');
    expect(await own.run('PING')).toBe('+QUEUED\r\n');
    expect(await own.run('EXEC')).toBe('*1\r\n+PONG\r\n');
    expect(await own.run('MULTI')).toBe('+OK\r\n');
    expect(await own.run('DISCARD')).toBe('+OK\r\n');
    own.link.release(true);
  });

  it('watches keys, and says when they cannot be watched by one transaction', async () => {
    await using store = open(cluster);
    const own = dedicate(store.upstream);
    await store.call('SET', 'w', '1');
    expect(await own.run('WATCH', 'w')).toBe('+OK\r\n');
    await store.call('SET', 'w', '2');
    expect(await own.run('MULTI')).toBe('+OK\r\n');
    expect(await own.run('SET', 'w', '3')).toBe('+QUEUED\r\n');
    expect(await own.run('EXEC')).toBe('*-1\r\n');
    expect(await own.run('GET', 'w')).toBe('$1\r\n2\r\n');
    // The state is gone: the next one runs.
    expect(await own.run('MULTI')).toBe('+OK\r\n');
    expect(await own.run('SET', 'w', '3')).toBe('+QUEUED\r\n');
    expect(await own.run('EXEC')).toBe('*1\r\n+OK\r\n');
    const elsewhere = keys.find((key) => ownerBefore(slotOf(key)) !== ownerBefore(slotOf('w'))) as string;
    expect(await own.run('WATCH', 'w')).toBe('+OK\r\n');
    expect(await own.run('MULTI')).toBe('+OK\r\n');
    expect(await own.run('SET', elsewhere, '3')).toMatch(/^-CROSSSLOT/);
    expect(await own.run('EXEC')).toMatch(/^-EXECABORT/);
    expect(await own.run('WATCH', 'w', elsewhere)).toMatch(/^-CROSSSLOT/);
    own.link.release(true);
  });

  it('blocks on the node of the key, and listens on any', async () => {
    await using store = open(cluster);
    const own = dedicate(store.upstream);
    for (const key of ['list:1', 'list:2', 'list:3']) {
      const popped = own.run('BLPOP', key, '0');
      await store.call('RPUSH', key, 'x');
      expect(await popped).toBe(`*2\r\n$6\r\n${key}\r\n$1\r\nx\r\n`);
    }
    own.link.release(true);
    const ear = dedicate(store.upstream);
    ear.link.send(['SUBSCRIBE', 'channel'], rules.find(['SUBSCRIBE', 'channel']), nobody, 0);
    await eventually(() => expect(ear.pushes).toHaveLength(1));
    for (const node of cluster.nodes.slice(0, 3)) await node.ask('PUBLISH', 'channel', 'm');
    await eventually(() => expect(ear.pushes).toHaveLength(4));
    const shard = dedicate(store.upstream, 3);
    for (const channel of ['c1', 'c2', 'c3']) {
      shard.link.send(['SSUBSCRIBE', channel], rules.find(['SSUBSCRIBE', channel]), nobody, 0);
    }
    await eventually(() => expect(shard.pushes).toHaveLength(3));
    for (const channel of ['c1', 'c2', 'c3']) expect(await store.call('SPUBLISH', channel, 'm')).toBe(1);
    await eventually(() => expect(shard.pushes).toHaveLength(6));
    ear.link.release(false);
    shard.link.release(false);
  });

  it('reads on the tracked lane of the node, and is told of changes', async () => {
    await using store = open(cluster);
    for (const key of keys.slice(0, 6)) await store.call('SET', key, '1');
    for (const key of keys.slice(0, 6)) {
      const frames: string[] = [];
      let source = 0;
      await new Promise<void>((resolve, reject) => {
        store.upstream.fetch(key, `*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n`.repeat(2), 2, {
          begun: (lane) => {
            source = lane;
          },
          replied: (frame) => {
            frames.push(frame);
            if (frames.length === 2) resolve();
          },
          failed: reject,
        });
      });
      expect(frames).toEqual(['$1\r\n1\r\n', '$1\r\n1\r\n']);
      expect(source).toBeGreaterThan(0);
    }
    for (const key of keys.slice(0, 6)) await cluster.nodes[ownerBefore(slotOf(key))]?.ask('SET', key, '2');
    const complete = await new Promise((resolve) => store.upstream.barrier(resolve));
    expect(complete).toBe(true);
    expect(new Set(store.heard)).toEqual(new Set(keys.slice(0, 6)));
  });
});

describe('a cluster whose slots move', { timeout: 60_000 }, () => {
  it('is followed by redirections', async () => {
    await using store = open(cluster);
    const key = 'moving';
    const slot = slotOf(key);
    await store.call('SET', key, 'first');
    await store.call('MSET', ...Array.from({ length: 20 }, (_, i) => [`{${key}}${i}`, `${i}`]).flat());
    const from = await cluster.ownerOf(slot);
    const to = (from + 1) % 3;
    const own = dedicate(store.upstream);
    const fetched = async (): Promise<[string, number]> => {
      let source = -1;
      const frames: string[] = [];
      await new Promise<void>((resolve) => {
        const text = `*2\r\n$3\r\nGET\r\n$${key.length}\r\n${key}\r\n*2\r\n$4\r\nPTTL\r\n$${key.length}\r\n${key}\r\n`;
        store.upstream.fetch(key, text, 2, {
          begun: (lane) => {
            source = lane;
          },
          replied: (frame) => frames.push(frame) === 2 && resolve(),
          failed: () => resolve(),
        });
      });
      return [frames.join(''), source];
    };
    await cluster.moveSlot(slot, to, {
      opened: async () => {
        // New keys are made at the target.
        expect(await store.call('SET', `{${key}}new`, 'n')).toBe('OK');
        expect(await store.call('GET', `{${key}}new`)).toBe('n');
        expect(await store.call('GET', key)).toBe('first');
        expect(await own.run('SET', `{${key}}own`, 'o')).toBe('+OK\r\n');
      },
      moved: async () => {
        expect(await store.call('GET', key)).toBe('first');
        expect(await store.call('GET', `{${key}}own`)).toBe('o');
        // Read where nobody tells of changes yet: not to be kept.
        expect(await fetched()).toEqual(['$5\r\nfirst\r\n:-1\r\n', 0]);
        expect(await store.call('SET', key, 'second')).toBe('OK');
      },
    });
    expect(store.changes()).toBe(1);
    expect(await store.call('GET', key)).toBe('second');
    expect(store.changes()).toBe(2);
    expect((await fetched())[1]).toBeGreaterThan(0);
    expect(await own.run('GET', key)).toBe('$6\r\nsecond\r\n');
    // A transaction that meets the old node is told so, and nothing of it runs.
    await cluster.moveSlot(slot, from);
    expect(await own.run('MULTI')).toBe('+OK\r\n');
    expect(await own.run('SET', key, 'third')).toMatch(/^-TRYAGAIN/);
    expect(await own.run('EXEC')).toMatch(/^-EXECABORT/);
    expect(await own.run('MULTI')).toBe('+OK\r\n');
    expect(await own.run('SET', key, 'third')).toBe('+QUEUED\r\n');
    expect(await own.run('EXEC')).toBe('*1\r\n+OK\r\n');
    expect(await store.call('MGET', key, `{${key}}7`)).toEqual(['third', '7']);
    own.link.release(true);
  });

  it('loses no acknowledged write, mixes up no reply and keeps the order of a pipeline while slots move', async () => {
    await using store = open(cluster);
    const tags = Array.from({ length: 8 }, (_, i) => `busy${i}`);
    const all = tags.flatMap((tag) => Array.from({ length: 40 }, (_, i) => `{${tag}}${i}`));
    let isOver = false;
    let written = 0;
    const last = new Map<string, string>();
    const wrong: string[] = [];
    const writer = async (mine: readonly string[]): Promise<void> => {
      for (let n = 1; !isOver; n++) {
        for (const key of mine) {
          // Written without waiting for the replies, over many turns: the last one has to stay.
          const replies: Promise<string>[] = [];
          for (let i = 0; i < 10; i++) {
            replies.push(store.raw('SET', key, `${key}=${10 * n + i}`));
            await turn();
          }
          for (const reply of await Promise.all(replies)) if (reply !== '+OK\r\n') wrong.push(reply);
          const value = `${key}=${10 * n + 9}`;
          last.set(key, value);
          const read = await store.raw('GET', key);
          if (read !== `$${value.length}\r\n${value}\r\n`) wrong.push(`${read} in place of ${value}`);
          written += 10;
        }
      }
    };
    const writers = Array.from({ length: 8 }, (_, w) => writer(all.filter((_, i) => i % 8 === w)));
    try {
      for (let round = 0; round < 4; round++) {
        for (const tag of tags) {
          const slot = slotOf(tag);
          await cluster.moveSlot(slot, ((await cluster.ownerOf(slot)) + 1) % 3);
        }
      }
    } finally {
      isOver = true;
      await Promise.all(writers);
    }
    expect(wrong).toEqual([]);
    expect(written).toBeGreaterThan(1000);
    expect(await store.call('MGET', ...all)).toEqual(all.map((key) => last.get(key) ?? null));
    await store.call('FLUSHALL');
  });
});

describe('a cluster whose nodes die', { timeout: 60_000 }, () => {
  it('goes on with the nodes there are, and with all of them after the failover', async () => {
    await using nodes = await startCluster({ args: ['--cluster-require-full-coverage', 'no'] });
    await using store = open(nodes);
    for (const key of keys) await store.call('SET', key, key);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const dead = 0;
    const lost = keys.filter((key) => ownerBefore(slotOf(key)) === dead);
    const kept = keys.filter((key) => ownerBefore(slotOf(key)) !== dead);
    const failover = nodes.failOver(dead);
    await eventually(() => expect(store.upstream.nodes.some(({ state }) => state === 'down')).toBe(true));
    for (const key of kept) expect(await store.raw('GET', key)).toBe(`$${key.length}\r\n${key}\r\n`);
    expect(await store.raw('SET', lost[0] as string, 'x')).toBe('STORE_UNAVAILABLE');
    expect(await store.raw('MGET', lost[0] as string, kept[0] as string)).toBe('STORE_UNAVAILABLE');
    // Some of it has run: that must not be called unsent.
    expect(await store.raw('DEL', lost[0] as string, kept[0] as string)).toBe('STORE_TIMEOUT');
    expect(await failover).toBe(3);
    await eventually(async () => expect(await store.raw('SET', lost[0] as string, 'y')).toBe('+OK\r\n'), {
      timeoutMs: 5000,
    });
    for (const key of lost.slice(1)) expect(await store.raw('GET', key)).toBe(`$${key.length}\r\n${key}\r\n`);
    await eventually(() => expect(store.upstream.nodes.map(({ state }) => state)).toEqual(['up', 'up', 'up']));
    // Back as a replica, and then with its old place again: two that change places tell nobody but those who ask.
    await nodes.nodes[dead]?.restart();
    await nodes.healthy();
    await nodes.switchOver(dead);
    await eventually(async () => expect(await store.raw('SET', lost[0] as string, 'z')).toBe('+OK\r\n'), {
      timeoutMs: 5000,
    });
    expect(await nodes.nodes[dead]?.ask('GET', lost[0] as string)).toBe('$1\r\nz\r\n');
  });

  it('is refused while most of its primaries are away, and is there again with them', async () => {
    await using nodes = await startCluster({ replicas: 0, keeps: 'writes' });
    await using store = open(nodes);
    for (const key of keys) await store.call('SET', key, key);
    const [key] = keys.filter((one) => ownerBefore(slotOf(one)) === 2) as [string];
    await Promise.all([nodes.nodes[0]?.kill(), nodes.nodes[1]?.kill()]);
    // The one that is left knows that it is alone, after a while.
    await eventually(async () => expect(await store.raw('SET', beside(key), 'x')).toMatch(/^-CLUSTERDOWN/), {
      timeoutMs: 10_000,
    });
    expect(await store.raw('GET', key)).toMatch(/^-CLUSTERDOWN/);
    const refused = await Promise.all(keys.map((one) => store.raw('GET', one)));
    expect(new Set(refused.map((reply) => reply.slice(0, 12)))).toEqual(new Set(['-CLUSTERDOWN', 'STORE_UNAVAI']));
    expect(await store.raw('MGET', ...keys)).toMatch(/^(-CLUSTERDOWN|STORE_UNAVAILABLE)/);
    await Promise.all([nodes.nodes[0]?.restart(), nodes.nodes[1]?.restart()]);
    await eventually(async () => expect(await store.call('MGET', ...keys)).toEqual(keys), { timeoutMs: 10_000 });
  });

  it('loses a node that hangs', async () => {
    await using nodes = await startCluster({ password: 'secret' });
    await using store = open(nodes, { login: { connectTimeout: 1000, password: 'secret' } });
    for (const key of keys) await store.call('SET', key, key);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const [key] = keys.filter((one) => ownerBefore(slotOf(one)) === 1) as [string];
    // The connection is there.
    expect(await store.raw('GET', key)).toBe(`$${key.length}\r\n${key}\r\n`);
    nodes.nodes[1]?.freeze();
    try {
      const unknown = store.raw('SET', key, 'lost');
      const kept = keys.filter((one) => ownerBefore(slotOf(one)) !== 1);
      for (const one of kept) expect(await store.raw('GET', one)).toBe(`$${one.length}\r\n${one}\r\n`);
      expect(await unknown).toBe('STORE_TIMEOUT');
      await eventually(async () => expect(await store.raw('SET', key, 'new')).toBe('+OK\r\n'), { timeoutMs: 10_000 });
    } finally {
      nodes.nodes[1]?.thaw();
    }
    // It thinks that it is the primary still, until it has heard of the other one.
    await nodes.healthy();
    expect(await store.raw('GET', key)).toBe('$3\r\nnew\r\n');
    expect(await store.raw('SET', key, 'newer')).toBe('+OK\r\n');
    expect(await nodes.nodes[4]?.ask('GET', key)).toBe('$5\r\nnewer\r\n');
    await nodes.moveSlot(slotOf(key), 0);
    expect(await store.raw('GET', key)).toBe('$5\r\nnewer\r\n');
  });

  it('is waited for when it is not there yet, and needs one of the nodes it was told of', async () => {
    const nowhere = [{ host: '127.0.0.1', port: 1 }];
    await using none = open(cluster, { target: { kind: 'cluster', endpoints: nowhere, database: 0 } });
    expect(await none.raw('GET', 'k')).toBe('STORE_UNAVAILABLE');
    expect(await none.raw('DBSIZE')).toBe('STORE_UNAVAILABLE');
    expect(none.upstream.nodes).toMatchObject([{ name: '127.0.0.1:1', state: 'down' }]);
    const [, , , , , last] = cluster.nodes;
    const endpoints = [...nowhere, { host: '127.0.0.1', port: last?.port ?? 0 }];
    await using store = open(cluster, { target: { kind: 'cluster', endpoints, database: 0 } });
    expect(await store.raw('SET', 'k', 'v')).toBe('+OK\r\n');
    expect(store.upstream.nodes).toHaveLength(3);
  });
});

const nobody = { replied: (): void => undefined, failed: (): void => undefined };

/** The primary of a slot in a new cluster. */
function ownerBefore(slot: number): number {
  return [5462, 10_923, 16_384].findIndex((end) => slot < end);
}
