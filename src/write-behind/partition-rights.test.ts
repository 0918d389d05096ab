import { afterEach, describe, expect, it } from 'vitest';
import { SluiceError } from '../errors.ts';
import { EmbeddedTurn } from '../store/embedded/embedded-turn.ts';
import { EmbeddedLease } from '../store/embedded/lease.ts';
import { openMemoryEngine } from '../store/engine/durable-engine.ts';
import type { Lease } from '../store/ports.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { LeasedPartitions } from './partition-rights.ts';

const TTL = 9_000;
/** Tokens go by the clock. */
const FIRST = new FakeClock().now();
const PARTITIONS = 16;

interface Node {
  readonly rights: LeasedPartitions;
  /** The store does not answer this node any more. */
  cut(): void;
  mend(): void;
  readonly troubles: unknown[];
}

function world(clock = new FakeClock()) {
  const { engine, journal } = openMemoryEngine({ clock, random: () => 0.5, maxBytes: 1e8 });
  const store = new EmbeddedLease(new EmbeddedTurn(engine, journal));
  let asked = 0;
  const node = (holder: string, alone = false): Node => {
    let isCut = false;
    const troubles: unknown[] = [];
    const reach = async <T>(work: () => Promise<T>): Promise<T> => {
      asked++;
      if (isCut) throw new SluiceError('STORE_UNAVAILABLE', 'cut');
      return work();
    };
    const lease: Lease = {
      acquire: (...args) => reach(() => store.acquire(...args)),
      release: (...args) => reach(() => store.release(...args)),
    };
    const rights = new LeasedPartitions({
      name: 'scooter:*',
      partitions: PARTITIONS,
      lease,
      holder,
      ttl: TTL,
      alone,
      clock,
      onTrouble: (error) => troubles.push(error),
    });
    opened.push(rights);
    return { rights, cut: () => void (isCut = true), mend: () => void (isCut = false), troubles };
  };
  return { clock, node, asked: () => asked };
}

const opened: LeasedPartitions[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((rights) => rights.close()));
});

/** Time passes, and what falls due is done to its end. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left >= 0; left -= 500) {
    clock.advance(Math.min(500, left));
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  }
}

const partitionsOf = ({ rights }: Node): number[] => rights.held().map(({ partition }) => partition);
const everyPartition = Array.from({ length: PARTITIONS }, (_, i) => i);
const allOf = (...nodes: readonly Node[]): number[] => nodes.flatMap(partitionsOf).sort((one, other) => one - other);

describe('the parts of a set', () => {
  it('are all of the only node, as soon as it has asked', async () => {
    const { clock, node } = world();
    const one = node('one');
    expect(one.rights.held()).toEqual([]);
    one.rights.start();
    await pass(clock, 0);
    expect(partitionsOf(one)).toEqual(everyPartition);
    expect(one.rights.epochOf(3)).toBe(FIRST);
    await pass(clock, 10 * TTL);
    expect(partitionsOf(one)).toEqual(everyPartition);
    expect(one.rights.epochOf(3)).toBe(FIRST);
  });

  it('are shared by the nodes within one time of the lease, and then stay where they are', async () => {
    const { clock, node } = world();
    const nodes = [node('one'), node('two'), node('three')];
    for (const { rights } of nodes) {
      rights.start();
      await pass(clock, 700);
    }
    await pass(clock, TTL);
    expect(allOf(...nodes)).toEqual(everyPartition);
    expect(nodes.map((one) => partitionsOf(one).length).sort()).toEqual([5, 5, 6]);
    const before = nodes.map(({ rights }) => rights.held());
    await pass(clock, 5 * TTL);
    expect(nodes.map(({ rights }) => rights.held())).toEqual(before);
  });

  it('are never of two nodes at once, whoever comes, goes, or is cut off', async () => {
    const { clock, node } = world();
    const nodes: Node[] = [];
    const check = async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= 100) {
        await pass(clock, 100);
        const held = allOf(...nodes);
        expect(new Set(held).size).toBe(held.length);
      }
    };
    for (const holder of ['one', 'two', 'three']) {
      const next = node(holder);
      nodes.push(next);
      next.rights.start();
      await check(1_300);
    }
    nodes[0]?.cut();
    await check(2 * TTL);
    expect(allOf(...nodes.slice(1))).toEqual(everyPartition);
    nodes[0]?.mend();
    await nodes[1]?.rights.close();
    await check(TTL);
    expect(allOf(...nodes)).toEqual(everyPartition);
  });

  it('of a node that is lost are written by another within two times of the lease, with a higher epoch', async () => {
    const { clock, node } = world();
    const [lost, other] = [node('lost'), node('other')];
    lost.rights.start();
    other.rights.start();
    await pass(clock, TTL);
    const [theirs] = lost.rights.held();
    expect(theirs).toBeDefined();
    lost.cut();
    await pass(clock, 2 * TTL);
    expect(partitionsOf(other)).toEqual(everyPartition);
    expect(other.rights.epochOf(theirs?.partition ?? -1)).toBeGreaterThan(theirs?.epoch ?? Number.POSITIVE_INFINITY);
  });

  it('of a node that leaves are asked for at the next look of the others', async () => {
    const { clock, node } = world();
    const [one, other] = [node('one'), node('other')];
    one.rights.start();
    other.rights.start();
    await pass(clock, TTL);
    await one.rights.close();
    expect(one.rights.held()).toEqual([]);
    await pass(clock, TTL / 3 + 500);
    expect(partitionsOf(other)).toEqual(everyPartition);
  });

  it('are no longer held by a node that cannot prove it, before another can have them', async () => {
    const { clock, node } = world();
    const one = node('one');
    one.rights.start();
    await pass(clock, 0);
    one.cut();
    // Stopped for so long that nothing of it ran: its own clock says so.
    clock.advance(TTL - 1);
    expect(one.rights.held()).toEqual([]);
    expect(one.rights.epochOf(0)).toBeUndefined();
    await pass(clock, TTL);
    expect(one.troubles).toHaveLength(1);
    one.mend();
    await pass(clock, TTL);
    expect(partitionsOf(one)).toEqual(everyPartition);
    expect(one.troubles).toHaveLength(2);
    expect(one.troubles[1]).toBeUndefined();
  });

  it('can be taken anew with a higher epoch', async () => {
    const { clock, node } = world();
    const one = node('one');
    one.rights.start();
    await pass(clock, 0);
    expect(await one.rights.advance(7)).toBe(FIRST + 1);
    expect(one.rights.epochOf(7)).toBe(FIRST + 1);
    expect(one.rights.epochOf(8)).toBe(FIRST);
    one.cut();
    expect(await one.rights.advance(7)).toBeUndefined();
    expect(one.rights.epochOf(7)).toBeUndefined();
  });

  it('that nobody has are taken by a node that is about to end', async () => {
    const { clock, node } = world();
    const [one, other] = [node('one'), node('other')];
    one.rights.start();
    other.rights.start();
    await pass(clock, TTL);
    const theirs = partitionsOf(other);
    await one.rights.takeFree();
    expect(partitionsOf(other)).toEqual(theirs);
    expect(allOf(one, other)).toEqual(everyPartition);
    await other.rights.close();
    await one.rights.takeFree();
    expect(partitionsOf(one)).toEqual(everyPartition);
    await pass(clock, TTL);
    expect(partitionsOf(one)).toEqual(everyPartition);
    const late = node('late', true);
    await late.rights.takeFree();
    expect(partitionsOf(late)).toEqual([]);
    await one.rights.close();
    await late.rights.takeFree();
    expect(partitionsOf(late)).toEqual(everyPartition);
  });

  it('pass from one node to the next within a twelfth of the time of the lease', async () => {
    const { clock, node } = world();
    const [one, other] = [node('one'), node('other')];
    one.rights.start();
    await pass(clock, 0);
    other.rights.start();
    let unheld = 0;
    for (let i = 0; i < TTL / 50; i++) {
      await pass(clock, 50);
      if (allOf(one, other).length < PARTITIONS) unheld += 50;
    }
    expect(allOf(one, other)).toEqual(everyPartition);
    expect(unheld).toBeLessThanOrEqual(TTL / 12 + 100);
  });

  it('are at once those of a node that is alone, with a higher epoch at every start', async () => {
    const { clock, node, asked } = world();
    const before = node('node', true);
    before.rights.start();
    await pass(clock, 0);
    expect(before.rights.epochOf(0)).toBe(FIRST);
    // It ends without a word.
    before.cut();
    const after = node('node', true);
    after.rights.start();
    const count = asked();
    await pass(clock, 0);
    expect(partitionsOf(after)).toEqual(everyPartition);
    expect(after.rights.epochOf(0)).toBe(FIRST + 1);
    expect(asked() - count).toBe(2 * PARTITIONS);
  });

  it('leave a node beyond their number with nothing to do until there is a seat', async () => {
    const { clock, node } = world();
    const nodes = Array.from({ length: PARTITIONS + 1 }, (_, i) => node(`node-${i}`));
    for (const { rights } of nodes) {
      rights.start();
      await pass(clock, 100);
    }
    for (let i = 0; i < (2 * TTL) / 100; i++) await pass(clock, 100);
    expect(allOf(...nodes)).toEqual(everyPartition);
    expect(nodes.filter((one) => partitionsOf(one).length === 0)).toHaveLength(1);
  });
});
