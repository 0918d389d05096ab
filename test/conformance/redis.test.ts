import { afterAll, beforeAll, describe, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import type { UpstreamTarget } from '../../src/link/open-upstream.ts';
import { BufferedDirtySet } from '../../src/store/buffered/buffered-dirty-set.ts';
import { EmbeddedDirtySet } from '../../src/store/embedded/dirty-set.ts';
import { EmbeddedTurn } from '../../src/store/embedded/embedded-turn.ts';
import { nothingToCommit } from '../../src/store/engine/durability.ts';
import { openMemoryEngine } from '../../src/store/engine/durable-engine.ts';
import { RedisChannel } from '../../src/store/redis/channel.ts';
import { RedisCounter } from '../../src/store/redis/counter.ts';
import { RedisDirtySet } from '../../src/store/redis/dirty-set.ts';
import { RedisFields } from '../../src/store/redis/fields.ts';
import { RedisKeyValue } from '../../src/store/redis/key-value.ts';
import { RedisLease } from '../../src/store/redis/lease.ts';
import { RedisRecordLog } from '../../src/store/redis/record-log.ts';
import type { RedisCalls } from '../../src/store/redis/redis-calls.ts';
import { RedisWindow } from '../../src/store/redis/window.ts';
import {
  type ConformanceCase,
  channelSuite,
  counterSuite,
  dirtySetSuite,
  fieldsSuite,
  keyValueSuite,
  leaseSuite,
  recordLogSuite,
  windowSuite,
} from '../../src/testing/index.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { openRedisPorts, type RedisPorts, realClock } from '../support/redis-ports.ts';
import { startSentinel } from '../support/redis-sentinel.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { startRespFace } from '../support/resp-face.ts';

/** Servers that the driver is pointed at. */
interface Servers extends AsyncDisposable {
  readonly target: UpstreamTarget;
  /** Ports of all that hold keys. */
  readonly primaries: readonly number[];
}

function conforms(name: string, start: () => Promise<Servers>, can = true): void {
  describe.skipIf(!can)(`Redis driver on ${name}`, () => {
    let servers: Servers;
    let ports: RedisPorts;
    beforeAll(async () => {
      servers = await start();
      ports = openRedisPorts(servers.target);
    }, 60_000);
    afterAll(async () => {
      await ports?.[Symbol.asyncDispose]();
      await servers?.[Symbol.asyncDispose]();
    });

    const suite = <Port>(
      port: string,
      cases: readonly ConformanceCase<Port>[],
      make: (calls: RedisCalls) => Port,
    ): void => {
      describe(port, () => {
        for (const { name: promise, run } of cases) {
          it(promise, () =>
            run(async () => {
              for (const primary of servers.primaries) await empty(primary);
              return {
                port: make(ports.calls),
                clock: realClock,
                [Symbol.asyncDispose]: () => Promise.resolve(),
              };
            }),
          );
        }
      });
    };
    suite('KeyValue', keyValueSuite, (calls) => new RedisKeyValue(calls));
    suite('Fields', fieldsSuite, (calls) => new RedisFields(calls));
    suite('Counter', counterSuite, (calls) => new RedisCounter(calls));
    suite('Window', windowSuite, (calls) => new RedisWindow(calls));
    suite('RecordLog', recordLogSuite, (calls) => new RedisRecordLog(calls));
    suite('DirtySet', dirtySetSuite, (calls) => new RedisDirtySet(calls));
    suite('DirtySet beside a buffer', dirtySetSuite, buffered);
    suite('Lease', leaseSuite, (calls) => new RedisLease(calls));
    suite('Channel', channelSuite, (calls) => new RedisChannel(calls));
  });
}

/** With a buffer of its own, where nothing should go while the servers answer. */
function buffered(calls: RedisCalls): BufferedDirtySet {
  const { engine } = openMemoryEngine({ clock: systemClock, random: Math.random, maxBytes: 2 ** 24 });
  return new BufferedDirtySet({
    remote: new RedisDirtySet(calls),
    buffer: new EmbeddedDirtySet(new EmbeddedTurn(engine, nothingToCommit)),
    sets: new Map([['s', { counts: false }]]),
    clock: systemClock,
    random: Math.random,
    onRefused: (_, key, error) => {
      throw new Error(`${key} was refused`, { cause: error });
    },
  });
}

async function empty(port: number): Promise<void> {
  await using client = await connectRaw({ port });
  await client.command('FLUSHALL');
}

function single(server: AsyncDisposable & { readonly port: number }): Servers {
  const { port } = server;
  return {
    target: { kind: 'standalone', endpoints: [{ host: '127.0.0.1', port }], database: 0 },
    primaries: [port],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const placesOf = (servers: readonly RedisServer[]): UpstreamTarget['endpoints'] =>
  servers.map(({ host, port }) => ({ host, port }));

async function sentinel(): Promise<Servers> {
  const setup = await startSentinel();
  return {
    target: { kind: 'sentinel', endpoints: placesOf(setup.sentinels), primaryName: setup.name, database: 0 },
    primaries: [(await setup.primary()).port],
    [Symbol.asyncDispose]: () => setup[Symbol.asyncDispose](),
  };
}

async function cluster(): Promise<Servers> {
  const setup = await startCluster();
  return {
    target: { kind: 'cluster', endpoints: placesOf(setup.nodes.slice(0, 2)), database: 0 },
    primaries: setup.nodes.slice(0, 3).map(({ port }) => port),
    [Symbol.asyncDispose]: () => setup[Symbol.asyncDispose](),
  };
}

const hasRedis = findProgram('redis-server') !== undefined;

conforms('redis-server', async () => single(await startRedis()), hasRedis);
conforms("Sluice's own RESP face", async () => single(await startRespFace()));
conforms('a primary behind Sentinels', sentinel, hasRedis);
conforms('a Redis Cluster', cluster, hasRedis);
