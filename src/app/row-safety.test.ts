import { describe, expect, it } from 'vitest';
import { SluiceError } from '../errors.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import type { StoreReport } from './inspect-store.ts';
import { RowSafety } from './row-safety.ts';
import type { ServerFacts } from './server-facts.ts';
import { promisesOf } from './store-promises.ts';

const facts: ServerFacts = {
  address: '10.0.0.1:6379',
  flavour: 'redis',
  version: '7.0.15',
  mode: 'standalone',
  role: 'primary',
  primary: undefined,
  replicas: [],
  maxMemory: 0,
  maxMemoryPolicy: 'noeviction',
  appendOnly: true,
  appendFsync: 'always',
  saveSeconds: 0,
  lastWritesOk: true,
  minReplicas: 0,
  minReplicasMaxLag: 10,
  tracking: true,
  trackingTableKeys: 1_000_000,
  scripts: 'any',
  maxClients: 10_000,
  connectedClients: 1,
  clockDifferenceMs: 0,
  roundTripMs: 0.1,
  refusals: [],
};

function reportOf(some: Partial<ServerFacts>): StoreReport {
  const all = { ...facts, ...some };
  const promises = promisesOf(all, { kind: 'standalone', cachedKeys: 0, dedicated: 8 });
  return { store: 'redis://10.0.0.1:6379', kind: 'standalone', promises: [], servers: [{ facts: all, promises }] };
}

function safety(first: Partial<ServerFacts> | Error) {
  const clock = new FakeClock();
  const lines: string[] = [];
  let now = first;
  const line = (_: object, text: string): void => void lines.push(text);
  const rows = new RowSafety({
    inspect: async () => {
      if (now instanceof Error) throw now;
      return reportOf(now);
    },
    clock,
    log: { info: line, warn: line, error: line } as unknown as ConstructorParameters<typeof RowSafety>[0]['log'],
  });
  return {
    rows,
    lines,
    async becomes(next: Partial<ServerFacts> | Error, ms = 60_000) {
      now = next;
      clock.advance(ms);
      for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    },
  };
}

describe('rows in a store of other servers', () => {
  it('are accepted where nothing is evicted, and what the server promises of them is told once', async () => {
    const { rows, lines, becomes } = safety({});
    await rows.start();
    expect(rows.refusal).toBeUndefined();
    expect(lines.join('\n')).toContain('it can keep an acknowledged write through a loss of power');
    const told = lines.length;
    await becomes({});
    expect(lines).toHaveLength(told);
    await becomes({ appendFsync: 'everysec' });
    expect(lines.slice(told).join('\n')).toContain('about 1 s may be lost');
    rows.close();
  });

  it.each([
    ['allkeys-lru', 1024, true],
    ['allkeys-random', undefined, true],
    ['allkeys-lru', 0, false],
    ['volatile-lru', 1024, false],
    ['noeviction', 1024, false],
    [undefined, undefined, false],
  ])('with %s and maxmemory %s: refused: %s', async (maxMemoryPolicy, maxMemory, refused) => {
    const { rows } = safety({ maxMemoryPolicy, maxMemory });
    const started = rows.start();
    if (refused) await expect(started).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    else await started;
    rows.close();
  });

  it('are refused from when the server is set up otherwise until that is mended', async () => {
    const { rows, lines, becomes } = safety(new SluiceError('STORE_UNAVAILABLE', 'away'));
    await rows.start();
    await becomes({ maxMemory: 1024, maxMemoryPolicy: 'allkeys-lfu' }, 2_000);
    expect(rows.refusal?.message).toContain('maxmemory-policy is allkeys-lfu');
    expect(lines.join('\n')).toContain('rows are refused');
    await becomes({});
    expect(rows.refusal).toBeUndefined();
    rows.close();
  });
});
