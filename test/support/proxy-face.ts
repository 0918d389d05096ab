import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/app/system-clock.ts';
import { CachedReads } from '../../src/cache/cached-reads.ts';
import { Coherence } from '../../src/cache/coherence.ts';
import type { CachePolicy } from '../../src/cache/eviction-policy.ts';
import { LocalCache } from '../../src/cache/local-cache.ts';
import { SyncTokens } from '../../src/cache/sync-token.ts';
import { CommandRules } from '../../src/command/command-rules.ts';
import { ProxySession } from '../../src/face/resp/proxy-session.ts';
import { openUpstream, type UpstreamOptions } from '../../src/link/open-upstream.ts';
import type { Upstream } from '../../src/link/upstream.ts';
import { startRespFace, type TestFace } from './resp-face.ts';

export interface ProxyFace extends TestFace {
  readonly upstream: Upstream;
  readonly rules: CommandRules;
  /** Undefined without a cache. */
  readonly reads: CachedReads | undefined;
}

export interface TestCache {
  readonly maxEntries?: number;
  readonly maxBytes?: number;
  readonly policy?: CachePolicy;
  readonly idle?: number;
  readonly ttl?: number;
  readonly grace?: number;
  readonly silentGrace?: number;
}

const roomySettings = {
  opsInFlight: 1024,
  maxQueued: 16_384,
  dedicated: 64,
  timeout: 5000,
  retryFor: 1000,
  heartbeat: 1000,
};

/** The RESP listener that passes everything on to the server at `port`; with `cache` it answers reads from one. */
export async function startProxyFace({
  port,
  settings = {},
  cache,
  isReserved = () => false,
}: {
  readonly port: number;
  /** @default none */
  readonly cache?: TestCache;
  readonly settings?: Partial<UpstreamOptions['settings']>;
  /** Keys that no client may name. @default none */
  readonly isReserved?: (key: string) => boolean;
}): Promise<ProxyFace> {
  const heartbeat = settings.heartbeat ?? roomySettings.heartbeat;
  const reads = cache === undefined ? undefined : openReads(cache, heartbeat, () => upstream);
  const upstream: Upstream = openUpstream({
    target: { kind: 'standalone', endpoints: [{ host: '127.0.0.1', port }], database: 0 },
    login: { connectTimeout: 1000 },
    settings: { ...roomySettings, ...settings },
    clock: systemClock,
    random: Math.random,
    ...(reads === undefined ? {} : { listener: reads }),
  });
  const rules = new CommandRules();
  const tokens =
    reads === undefined
      ? undefined
      : new SyncTokens({ nodeId: randomUUID(), barrier: (done) => upstream.barrier(done) });
  // As the app does once the server is there.
  upstream.call(['COMMAND'], { idempotent: true, keyPositions: () => [] }).then(
    (reply) => rules.learn(reply),
    () => undefined,
  );
  const face = await startRespFace({
    connectRemote: (client, server) =>
      new ProxySession(
        {
          server,
          upstream,
          rules,
          reads,
          database: 0,
          tokens,
          managed: undefined,
          rows: undefined,
          isReserved: (_, key) => isReserved(key),
          now: () => systemClock.monotonic(),
        },
        client,
      ),
  });
  return {
    ...face,
    upstream,
    rules,
    reads,
    async [Symbol.asyncDispose]() {
      upstream.close();
      await face[Symbol.asyncDispose]();
    },
  };
}

function openReads(options: TestCache, heartbeat: number, upstream: () => Upstream): CachedReads {
  const coherence = new Coherence(heartbeat);
  const cache = new LocalCache({
    maxEntries: 10_000,
    maxBytes: 2 ** 26,
    policy: 's3-fifo',
    idle: 0,
    random: Math.random,
    isDead: () => false,
    ...options,
  });
  return new CachedReads({
    random: Math.random,
    cache,
    coherence,
    source: { fetch: (key, commands, replies, receiver) => upstream().fetch(key, commands, replies, receiver) },
    metaKeys: { metaKeyOf: () => undefined, keyOfMetaKey: () => undefined },
    ttl: options.ttl ?? Number.POSITIVE_INFINITY,
    grace: options.grace ?? 0,
    silentGrace: options.silentGrace ?? 0,
    unprovenFor: options.grace ?? 0,
    maxEntryBytes: 2 ** 20,
    now: () => systemClock.monotonic(),
  });
}
