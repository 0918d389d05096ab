import { setTimeout as sleep } from 'node:timers/promises';
import { startProxyFace } from '../../support/proxy-face.ts';
import { connectRaw, type RawResp } from '../../support/raw-resp.ts';
import { startRedis } from '../../support/redis-server.ts';
import { startRelay } from '../../support/tcp-relay.ts';

export interface CoherenceOptions {
  readonly durationMs: number;
  /** Cuts the links and kills the server meanwhile. */
  readonly faults: boolean;
  readonly seed: number;
  /** Nodes forget to look at the marks of fills and of invalidations: the checker must see that. @default none */
  readonly mutant?: 'deaf' | 'late';
}

export interface CoherenceReport {
  reads: number;
  hits: number;
  writes: number;
  unknownWrites: number;
  failedReads: number;
  barriers: number;
  cuts: number;
  kills: number;
  /** Reads older than what a heartbeat had proven, or than the reader's own write. */
  readonly violations: string[];
}

const KEYS = 12;
const HEARTBEAT_MS = 300;

/** What is known of one key: writers take turns, so versions grow in the order of their writes. */
interface Register {
  /** Version of the newest write that was acknowledged, and of the newest that was tried. */
  acknowledged: number;
  tried: number;
  busy: boolean;
}

/** Ends what was opened, last first; Node 20 has no AsyncDisposableStack. */
class Opened implements AsyncDisposable {
  readonly #all: AsyncDisposable[] = [];

  add<T extends AsyncDisposable>(one: T): T {
    this.#all.push(one);
    return one;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#all.reverse()) await one[Symbol.asyncDispose]();
  }
}

/** A sawtooth of pseudo-random numbers in [0, 1): runs can be repeated. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * Three nodes and a plain client write and read versioned values at random, while links are cut and the server is killed.
 *
 * Checked for every read: it gives no version older than the newest that was acknowledged before a PING was sent on that node's
 * invalidation link, of which the answer had come before the read began; and none older than the reader's own last acknowledged write.
 */
export async function runCoherence(options: CoherenceOptions): Promise<CoherenceReport> {
  const { durationMs, faults, seed } = options;
  const random = randomOf(seed);
  const pick = (n: number): number => Math.floor(random() * n);
  await using redis = await startRedis({ keeps: 'writes' });
  await using opened = new Opened();
  const report: CoherenceReport = {
    reads: 0,
    hits: 0,
    writes: 0,
    unknownWrites: 0,
    failedReads: 0,
    barriers: 0,
    cuts: 0,
    kills: 0,
    violations: [],
  };
  const registers: Register[] = Array.from({ length: KEYS }, () => ({ acknowledged: 0, tried: 0, busy: false }));
  const deadline = performance.now() + durationMs;
  const running = (): boolean => performance.now() < deadline;

  const nodes = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const relay = opened.add(await startRelay({ target: { port: redis.port } }));
      const proxy = opened.add(
        await startProxyFace({
          port: relay.port,
          cache: {},
          settings: { heartbeat: HEARTBEAT_MS, timeout: 600, retryFor: 200 },
        }),
      );
      const { reads } = proxy;
      if (reads === undefined) throw new Error('the node has a cache');
      if (options.mutant === 'deaf') reads.invalidated = () => undefined;
      if (options.mutant === 'late') {
        const tell = reads.invalidated.bind(reads);
        reads.invalidated = (source, key) => void setTimeout(() => tell(source, key), 20);
      }
      return { relay, proxy, reads, proven: registers.map(() => 0) };
    }),
  );
  type Node = (typeof nodes)[number];

  /** Asks the invalidation link, and notes what its answer proves. */
  const prove = async (node: Node): Promise<void> => {
    while (running()) {
      const before = registers.map(({ acknowledged }) => acknowledged);
      const complete = await new Promise<boolean>((resolve) => node.proxy.upstream.barrier(resolve));
      if (complete) {
        report.barriers++;
        node.proven = before;
      }
      await sleep(pick(20));
    }
  };

  const write = async (client: RawResp, own: number[] | undefined): Promise<void> => {
    const key = pick(KEYS);
    const register = registers[key] as Register;
    if (register.busy) return;
    register.busy = true;
    const version = ++register.tried;
    try {
      const how = pick(4);
      const reply =
        how === 0
          ? (await client.pipeline([['MULTI'], ['SET', `k${key}`, `${version}`], ['EXEC']])).at(-1)
          : how === 1
            ? await client.command('EVAL', "return redis.call('SET', KEYS[1], ARGV[1])", '1', `k${key}`, `${version}`)
            : how === 2
              ? await client.command('MSET', `k${key}`, `${version}`)
              : await client.command('SET', `k${key}`, `${version}`);
      if (reply === '+OK\r\n' || reply === '*1\r\n+OK\r\n') {
        report.writes++;
        register.acknowledged = version;
        if (own !== undefined) own[key] = version;
      } else {
        report.unknownWrites++;
      }
    } catch {
      report.unknownWrites++;
    } finally {
      register.busy = false;
    }
  };

  const read = async (node: Node, client: RawResp, own: number[]): Promise<void> => {
    const key = pick(KEYS);
    const atLeast = Math.max(node.proven[key] as number, own[key] as number);
    const { hits } = node.reads.stats;
    const reply = await client.command('GET', `k${key}`);
    report.hits += node.reads.stats.hits > hits ? 1 : 0;
    if (reply.startsWith('-')) {
      report.failedReads++;
      return;
    }
    report.reads++;
    const version = reply === '$-1\r\n' ? 0 : Number(reply.split('\r\n')[1]);
    if (version < atLeast) {
      report.violations.push(
        `k${key}: read ${version}, at least ${atLeast} was due (proven ${node.proven[key]}, own ${own[key]})`,
      );
    }
  };

  const client = async (node: Node): Promise<void> => {
    const own = registers.map(() => 0);
    await using connection = await connectRaw({ port: node.proxy.port });
    while (running()) {
      if (random() < 0.2) await write(connection, own);
      else await read(node, connection, own);
      if (random() < 0.3) await sleep(pick(4));
    }
  };

  const plainClient = async (): Promise<void> => {
    while (running()) {
      try {
        await using connection = await connectRaw({ port: redis.port });
        while (running()) {
          await write(connection, undefined);
          await sleep(pick(6));
        }
      } catch {
        await sleep(10);
      }
    }
  };

  const breakThings = async (): Promise<void> => {
    while (faults && running()) {
      await sleep(100 + pick(400));
      const { relay } = nodes[pick(nodes.length)] as Node;
      const what = pick(6);
      report.cuts++;
      if (what === 0) relay.cut('reset');
      else if (what === 1) relay.cut('end');
      else if (what === 2) relay.halfClose(random() < 0.5 ? 'up' : 'down');
      else if (what === 3) {
        relay.set({ kind: 'delay', ms: 50 + pick(100) }, 'down');
        await sleep(pick(400));
        relay.set('pass');
      } else if (what === 4) {
        relay.set('swallow');
        await sleep(pick(800));
        relay.set('pass');
        relay.cut();
      } else if (random() < 0.5) {
        report.kills++;
        await redis.kill();
        await sleep(pick(200));
        await redis.restart();
      } else {
        redis.freeze();
        await sleep(pick(500));
        redis.thaw();
      }
    }
  };

  await Promise.all([
    ...nodes.flatMap((node) => [prove(node), client(node), client(node)]),
    plainClient(),
    breakThings(),
  ]);
  return report;
}
