import { describe, expect, it } from 'vitest';
import { parseInfo, type ServerFacts } from './server-facts.ts';
import { promisesOf, type WantedOfServer } from './store-promises.ts';

const healthy: ServerFacts = {
  address: 'a:6379',
  flavour: 'redis',
  version: '7.0.15',
  mode: 'standalone',
  role: 'primary',
  primary: undefined,
  replicas: [{ address: 'b:6379', state: 'online', lagSeconds: 0 }],
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
  roundTripMs: 1,
  refusals: [],
};
const wanted: WantedOfServer = { kind: 'standalone', cachedKeys: 100_000, dedicated: 256 };

function said(about: string, facts: Partial<ServerFacts>, more: Partial<WantedOfServer> = {}): string | undefined {
  const promise = promisesOf({ ...healthy, ...facts }, { ...wanted, ...more }).find((one) => one.about === about);
  return promise === undefined ? undefined : `${promise.verdict} ${promise.text}`;
}

describe('promisesOf', () => {
  it('says no more than what is so', () => {
    const promises = promisesOf(healthy, wanted);
    expect(promises.map(({ about, verdict }) => [about, verdict])).toEqual([
      ['memory', 'can'],
      ['durability', 'can'],
      // Replication of Redis is asynchronous, whatever is set.
      ['replication', 'cannot'],
      ['tracking', 'can'],
      ['scripts', 'can'],
    ]);
  });

  it('tells whether rows that wait to be written are safe there, where any do', () => {
    const of = (facts: Partial<ServerFacts>): string | undefined => said('write-behind', facts, { rowsWait: true });
    expect(said('write-behind', {})).toBeUndefined();
    expect(of({})).toMatch(/^can /);
    expect(of({ maxMemory: 2 ** 30, maxMemoryPolicy: 'volatile-lru' })).toMatch(/^can /);
    expect(of({ maxMemory: 2 ** 30, maxMemoryPolicy: 'allkeys-lru' })).toMatch(/^cannot .*evicted .*noeviction/);
    expect(of({ maxMemory: undefined })).toMatch(/^unknown /);
    expect(of({ maxMemory: 1024, maxMemoryPolicy: undefined })).toMatch(/^unknown /);
  });

  it.each<[string, Partial<ServerFacts>, RegExp]>([
    [
      'memory',
      { maxMemory: 2 ** 30, maxMemoryPolicy: 'volatile-ttl' },
      /^cannot .*with a time to live may be evicted at maxmemory 1GiB/,
    ],
    ['memory', { maxMemory: undefined }, /^unknown .*CONFIG GET does not say/],
    ['memory', { maxMemory: 1024, maxMemoryPolicy: undefined }, /^unknown what happens at maxmemory 1KiB/],
    ['durability', { appendFsync: undefined }, /^unknown whether an acknowledged write survives a loss of power/],
    ['durability', { appendOnly: false, saveSeconds: undefined }, /^unknown .*appendonly is no/],
    ['durability', { appendOnly: false, saveSeconds: 0 }, /^cannot keep anything/],
    ['disk', { lastWritesOk: false }, /^cannot write to its disk/],
    [
      'writes',
      { role: 'replica', primary: 'b:1', replicas: undefined },
      /^cannot take writes: it is a replica of b:1$/,
    ],
    [
      'replication',
      { replicas: [{ address: 'b', state: 'wait_bgsave', lagSeconds: 3 }] },
      /no replica is online \(wait_bgsave\)/,
    ],
    ['replication', { minReplicas: 2 }, /fewer than 2 were heard within 10 s$/],
    ['replication', { minReplicas: undefined }, /^unknown /],
    ['tracking', { tracking: false }, /^cannot .*nothing is answered from the local cache$/],
    ['scripts', { scripts: { refused: 'NOPERM x' } }, /^cannot run scripts.*NOPERM x/],
    ['topology', { mode: 'cluster' }, /redis\+cluster/],
  ])('%s: %o', (about, facts, expected) => {
    expect(said(about, facts)).toMatch(expected);
  });

  it('tells the words of a refusal', () => {
    const refusals = [{ command: 'CONFIG GET maxmemory', reply: 'NOPERM no' }];
    expect(said('durability', { appendOnly: undefined, refusals })).toMatch(/CONFIG GET was refused: NOPERM no/);
  });

  it('does not speak of tracking where nothing is cached', () => {
    expect(said('tracking', { tracking: false }, { cachedKeys: 0 })).toBeUndefined();
  });

  it('takes a table without bound for large enough', () => {
    expect(said('tracking-table', { trackingTableKeys: 0 })).toBeUndefined();
    expect(said('tracking-table', { trackingTableKeys: 99_999 })).toMatch(/^cannot /);
  });

  it('sees a store of one server that is named as a cluster', () => {
    expect(said('topology', {}, { kind: 'cluster' })).toMatch(/name it as redis:\/\//);
  });
});

describe('parseInfo', () => {
  it('takes fields and leaves headings and empty lines', () => {
    expect([...parseInfo('# Server\r\nredis_version:7\r\n\r\nexecutable:/a:b\r\n')]).toEqual([
      ['redis_version', '7'],
      ['executable', '/a:b'],
    ]);
    expect(parseInfo(undefined).size).toBe(0);
  });
});
