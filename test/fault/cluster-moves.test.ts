import { describe, expect, it } from 'vitest';
import { fixedSequence } from '../support/command-session.ts';
import { startNode } from '../support/node.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { type ClusterSetup, startCluster } from '../support/redis-cluster.ts';

const CLIENTS = 20;
const KEYS_EACH = 6;

/** What a key may hold: the last acknowledged value, and those whose writes nobody knows the outcome of. */
interface Expected {
  known: number;
  possible: number[];
}

/**
 * Clients that each write keys of their own and read them back, through the cache, while slots move and primaries change places with
 * their replicas. Nothing of that loses a write: what was acknowledged has to be there, and every value names its key.
 */
async function run(cluster: ClusterSetup, port: number, until: Promise<unknown>): Promise<Outcome> {
  const outcome: Outcome = { wrong: [], replies: 0, errors: new Map() };
  let isOver = false;
  void until.finally(() => {
    isOver = true;
  });
  await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i)));
  return outcome;

  async function client(id: number): Promise<void> {
    const random = fixedSequence(id + 1);
    await using raw = await connectRaw({ port });
    const keys = Array.from({ length: KEYS_EACH }, (_, i) => `client:${id}:${i}`);
    const expected = new Map<string, Expected>(keys.map((key) => [key, { known: 0, possible: [] }]));
    for (let n = 1; !isOver; n++) {
      const key = keys[Math.floor(random() * KEYS_EACH)] as string;
      const state = expected.get(key) as Expected;
      const isWrite = random() < 0.4;
      const commands = isWrite ? [['SET', key, `${key}=${n}`]] : [];
      const mixed = random() < 0.2;
      commands.push(mixed ? ['MGET', ...keys] : ['GET', key]);
      const replies = await raw.pipeline(commands);
      outcome.replies += replies.length;
      if (isWrite) {
        const written = replies.shift() as string;
        if (written === '+OK\r\n') {
          state.known = n;
          state.possible = [];
        } else if (written.startsWith('-ERR SLUICE_UPSTREAM_UNKNOWN')) {
          state.possible.push(n);
        }
        if (written !== '+OK\r\n') note(written);
      }
      const [read] = replies as [string];
      if (read.startsWith('-')) note(read);
      else if (mixed) check(keys, read);
      else check([key], `*1\r\n${read}`);
    }

    function check(asked: readonly string[], reply: string): void {
      const values = [...reply.matchAll(/\$(?:-1|\d+\r\n([^\r]*))\r\n/g)].map(([, value]) => value);
      for (const [i, key] of asked.entries()) {
        const { known, possible } = expected.get(key) as Expected;
        const may = [known, ...possible].map((number) => (number === 0 ? undefined : `${key}=${number}`));
        if (!may.includes(values[i])) outcome.wrong.push(`${key}: ${values[i]} in place of ${may.join(' or ')}`);
      }
    }

    function note(error: string): void {
      const word = error.split(' ').slice(0, 2).join(' ');
      outcome.errors.set(word, (outcome.errors.get(word) ?? 0) + 1);
    }
  }
}

interface Outcome {
  readonly wrong: string[];
  replies: number;
  readonly errors: Map<string, number>;
}

describe('clients of a proxy over a cluster', { timeout: 90_000 }, () => {
  it('lose nothing while slots move and primaries change places with their replicas', async () => {
    // Long: on a busy machine a node must not be held for dead, since the failover that follows may lose writes.
    await using cluster = await startCluster({ nodeTimeout: 5000 });
    const store = `redis+cluster://${cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
    await using node = await startNode({
      store,
      cache: { enabled: true },
      resp: { address: '127.0.0.1:0' },
      upstream: { timeout: '2s', retryFor: '2s' },
    });
    const random = fixedSequence(99);
    const moves = (async () => {
      const primaries = [0, 1, 2];
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 10; i++) {
          const key = `client:${Math.floor(random() * CLIENTS)}:${Math.floor(random() * KEYS_EACH)}`;
          await cluster.moveSlot(await cluster.slotOf(key), primaries[Math.floor(random() * 3)] as number);
        }
        const place = round % 3;
        const replica = ((primaries[place] as number) + 3) % 6;
        await cluster.switchOver(replica);
        primaries[place] = replica;
        await cluster.healthy();
      }
    })();
    const outcome = await run(cluster, Number(node.resp.split(':').at(-1)), moves);
    await moves;
    expect(outcome.wrong).toEqual([]);
    expect(outcome.replies).toBeGreaterThan(5000);
    // What is refused is refused in words that clients know.
    for (const word of outcome.errors.keys())
      expect(word).toMatch(/^-(LOADING |ERR SLUICE_UPSTREAM_UNKNOWN$|CLUSTERDOWN |TRYAGAIN )/);
  });
});
