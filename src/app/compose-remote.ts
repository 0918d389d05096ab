import { randomUUID } from 'node:crypto';
import { CachedReads } from '../cache/cached-reads.ts';
import { Coherence, Trust } from '../cache/coherence.ts';
import { LocalCache } from '../cache/local-cache.ts';
import { SyncTokens } from '../cache/sync-token.ts';
import type { Client, RemoteSession } from '../command/client.ts';
import { CommandRules } from '../command/command-rules.ts';
import type { Server } from '../command/server.ts';
import type { SluiceConfig } from '../config/schema.ts';
import type { StoreTarget } from '../config/store-url.ts';
import type { OtherKeys } from '../face/resp/engine-session.ts';
import { ProxySession } from '../face/resp/proxy-session.ts';
import type { Credentials } from '../guard/credentials.ts';
import { type ByteString, utf8ToBytes } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { compileGlob } from '../kernel/glob.ts';
import { openUpstream } from '../link/open-upstream.ts';
import type { Route, Upstream, UpstreamNode } from '../link/upstream.ts';
import { ReplyError } from '../resp/reply-decoder.ts';
import type { PassTarget } from '../store/buffered/buffer.ts';
import { isCompatName, StoreKeys } from '../store/keys.ts';
import type { KeyValue, Lease, RecordLog, Window } from '../store/ports.ts';
import { RedisDirtySet } from '../store/redis/dirty-set.ts';
import { RedisKeptEntries } from '../store/redis/kept-entries.ts';
import { RedisKeyValue } from '../store/redis/key-value.ts';
import { RedisLease } from '../store/redis/lease.ts';
import { LinkCommands } from '../store/redis/link-commands.ts';
import { RedisRecordLog } from '../store/redis/record-log.ts';
import { RedisCalls } from '../store/redis/redis-calls.ts';
import { ReplicaBarrier } from '../store/redis/replica-barrier.ts';
import { RedisWindow } from '../store/redis/window.ts';
import type { NodeLog } from '../telemetry/log.ts';
import { inspectStore } from './inspect-store.ts';
import { RemoteEntries } from './remote-entries.ts';
import { describeValue, RemoteKeys } from './remote-keys.ts';
import { RowSafety } from './row-safety.ts';
import { credentialsOf, loginOf } from './upstream-login.ts';

/** How long values that cannot be proven may be given out over HTTP, which can say so, where `cache.grace` is not set. */
const HTTP_GRACE_MS = 60_000;
const SWEEPS_MS = 100;
/** The whole cache is looked through in about this time. */
const ROUND_MS = 60_000;

/** The store behind Sluice, with what is kept of it here. */
export interface RemoteStore {
  readonly upstream: Upstream;
  /** Absent where nothing is cached. */
  readonly reads: CachedReads | undefined;
  readonly rules: CommandRules;
  readonly tokens: SyncTokens;
  readonly storeKeys: StoreKeys;
  /** The keys of clients. */
  readonly keyValue: KeyValue;
  /** The same keys for the HTTP face, through the cache. */
  readonly keys: RemoteKeys;
  /** Whether the store was ever reached. */
  readonly seen: boolean;
  /** Why nodes are not up, by their names. */
  readonly reasons: ReadonlyMap<string, string>;
  /** Takes over the settings that need no restart. */
  reload(config: SluiceConfig): void;
  /** Read-through entries. */
  readonly entries: RemoteEntries;
  /** Rates that all nodes share. */
  readonly window: Window;
  /** Rows that wait to be written. */
  readonly rows: PassTarget;
  /** Whether they are kept; asked once it is started. */
  readonly rowSafety: RowSafety;
  readonly records: RecordLog;
  readonly lease: Lease;
  /** @param keys that are not simply those of the store */
  session(server: Server, keys: OtherKeys): (client: Client) => RemoteSession;
  close(): void;
}

export interface RemoteParts {
  readonly config: SluiceConfig;
  readonly target: StoreTarget;
  readonly credentials: Pick<Credentials, 'required' | 'catalog'>;
  readonly clock: Clock;
  readonly log: NodeLog;
}

/** @throws SluiceError CONFIG_INVALID when a file of upstream.tls cannot be read, or when rows that wait could be evicted */
export async function composeRemote({ config, target, credentials, clock, log }: RemoteParts): Promise<RemoteStore> {
  const { upstream: settings } = config;
  const storeKeys = new StoreKeys(utf8ToBytes(settings.namespace));
  const rules = new CommandRules(credentials.catalog);
  const storeLog = log.part('store');
  const reasons = new Map<string, string>();
  let seen = false;
  let closing = false;
  let learned = false;
  const { reads: kept, sweeper } = composeCache(config, clock, storeKeys, () => upstream);
  // Read-through keys are always cached; they say for themselves how long.
  const reads = config.cache.enabled ? kept : undefined;
  const upstream: Upstream = openUpstream({
    target,
    login: await loginOf(config, target),
    sentinelLogin: credentialsOf(settings.sentinel),
    settings,
    clock,
    random: Math.random,
    ...(config.cache.enabled || readsThrough(config) ? { listener: kept } : {}),
    onState: (node, reason) => {
      if (node.state === 'up') {
        reasons.delete(node.name);
        seen = true;
        if (!learned) {
          learnCommands(upstream, rules, storeLog, () => {
            learned = true;
          });
        }
        setUpServer(upstream, config, storeLog);
      } else {
        reasons.set(node.name, reason);
      }
      if (!closing) logState(storeLog, node, reason);
    },
    onFault: (error) => storeLog.error({ err: error }, 'a reply of the store met a fault of Sluice'),
    onTopologyChange: () => kept.coherence.doubtAll(clock.monotonic()),
  });
  const nodeId = randomUUID();
  const tokens = new SyncTokens({ nodeId, barrier: (done) => upstream.barrier(done) });
  const commands = new LinkCommands({ upstream, database: target.database, clock, random: Math.random });
  const calls = new RedisCalls(commands, storeKeys);
  const replicas = new ReplicaBarrier(clock);
  const keyValue = new RedisKeyValue(calls);
  const rowSafety = new RowSafety({ inspect: () => inspectStore(config, clock), clock, log: storeLog });
  const typeOf = async (key: ByteString): Promise<string | undefined> => {
    const reply = await commands.call(['TYPE', key], { keys: [1], idempotent: true });
    return typeof reply === 'string' ? reply : undefined;
  };
  const now = (): number => clock.monotonic();
  // Sluice's own keys are no client's business; those other programs agree on need a grant where clients have names.
  const isReserved = (key: ByteString, compat: boolean): boolean =>
    storeKeys.isOwn(key) || (!compat && credentials.required && isCompatName(key));
  const close = (): void => {
    closing = true;
    rowSafety.close();
    sweeper.cancel();
    commands.close();
    replicas.close();
    upstream.close();
  };
  if (config.keyspaces.some(({ writeBehind }) => writeBehind !== undefined)) {
    await rowSafety.start().catch((error: unknown) => {
      close();
      throw error;
    });
  }
  return {
    upstream,
    reads,
    keyValue,
    keys: new RemoteKeys({ store: keyValue, typeOf, reads, isReserved: (key) => isReserved(key, false), tokens, now }),
    window: new RedisWindow(calls),
    rows: rowSafety.guard(new RedisDirtySet(calls, replicas)),
    records: rowSafety.guardRecords(new RedisRecordLog(calls, replicas)),
    rowSafety,
    lease: new RedisLease(calls),
    entries: new RemoteEntries({
      entries: new RedisKeptEntries(calls, nodeId, () => clock.now()),
      reads: kept,
      now,
    }),
    rules,
    tokens,
    storeKeys,
    reasons,
    get seen() {
      return seen;
    },
    session:
      (server, { managed, rows }) =>
      (client) =>
        new ProxySession(
          {
            server,
            upstream,
            rules,
            reads,
            managed,
            rows,
            database: target.database,
            tokens: reads === undefined ? undefined : tokens,
            isReserved: ({ user }, key) => isReserved(key, user?.compat === true),
            now,
          },
          client,
        ),
    reload: (nextConfig) => {
      const { cache: next } = nextConfig;
      kept.cache.maxEntries = next.maxEntries;
      kept.cache.maxBytes = next.maxBytes;
      kept.cache.idle = next.idle;
      Object.assign(kept.options, timesOf(nextConfig));
    },
    close,
  };
}

function composeCache(
  config: SluiceConfig,
  clock: Clock,
  storeKeys: StoreKeys,
  upstream: () => Upstream,
): { readonly reads: CachedReads; readonly sweeper: { cancel(): void } } {
  const { cache: settings } = config;
  const coherence = new Coherence(config.upstream.heartbeat);
  const cache: LocalCache = new LocalCache({
    maxEntries: settings.maxEntries,
    maxBytes: settings.maxBytes,
    policy: settings.policy,
    idle: settings.idle,
    random: Math.random,
    isDead: (source, epoch) =>
      coherence.trust(source, epoch, clock.monotonic(), reads.options.unprovenFor) === Trust.none,
  });
  const matches = settings.match.includes('*') ? undefined : anyOf(settings.match);
  const reads: CachedReads = new CachedReads({
    random: Math.random,
    cache,
    coherence,
    source: { fetch: (key, commands, replies, receiver) => upstream().fetch(key, commands, replies, receiver) },
    metaKeys: storeKeys,
    describe: describeValue,
    ...(matches === undefined ? {} : { matches }),
    ...timesOf(config),
    maxEntryBytes: settings.maxEntryBytes,
    now: () => clock.monotonic(),
  });
  let timer: { cancel(): void };
  const sweep = (): void => {
    cache.sweep(clock.monotonic(), Math.ceil((cache.size * SWEEPS_MS) / ROUND_MS) + 10);
    timer = clock.setTimer(sweep, SWEEPS_MS);
  };
  timer = clock.setTimer(sweep, SWEEPS_MS);
  return { reads, sweeper: { cancel: () => timer.cancel() } };
}

function timesOf({ cache: { ttl, grace }, keyspaces, fetch }: SluiceConfig): {
  ttl: number;
  grace: number;
  silentGrace: number;
  unprovenFor: number;
} {
  return {
    ttl: ttl === 0 ? Number.POSITIVE_INFINITY : ttl,
    grace: grace ?? HTTP_GRACE_MS,
    silentGrace: grace ?? 0,
    unprovenFor: Math.max(grace ?? HTTP_GRACE_MS, ...[...keyspaces, fetch].map((one) => one.ttl + one.grace)),
  };
}

function readsThrough({ keyspaces, fetch }: SluiceConfig): boolean {
  return keyspaces.length + fetch.allow.length > 0;
}

function anyOf(patterns: readonly string[]): (key: ByteString) => boolean {
  const globs = patterns.map((pattern) => compileGlob(utf8ToBytes(pattern)));
  return (key) => globs.some((matches) => matches(key));
}

const plainRead: Route = { idempotent: true, keyPositions: () => [] };

/** The server knows best which commands it has and where their keys are; until it is heard, Sluice's own table does. */
function learnCommands(
  upstream: Upstream,
  rules: CommandRules,
  log: ReturnType<NodeLog['part']>,
  done: () => void,
): void {
  upstream.call(['COMMAND'], plainRead).then(
    (reply) => {
      done();
      rules.learn(reply instanceof ReplyError ? [] : reply);
      if (reply instanceof ReplyError)
        log.warn(
          { reply: reply.message },
          'the server does not tell its commands: those Sluice does not know get connections of their own',
        );
    },
    // At the next connection.
    () => undefined,
  );
}

/** What the operator asked to have set on the server. */
function setUpServer(upstream: Upstream, { cache }: SluiceConfig, log: ReturnType<NodeLog['part']>): void {
  const { maxMemory, maxMemoryPolicy } = cache.server;
  const wanted = [
    ...(maxMemory === undefined ? [] : ['maxmemory', String(maxMemory)]),
    ...(maxMemoryPolicy === undefined ? [] : ['maxmemory-policy', maxMemoryPolicy]),
  ];
  if (wanted.length === 0) return;
  upstream.call(['CONFIG', 'SET', ...wanted], plainRead).then(
    (reply) => {
      if (reply instanceof ReplyError) log.error({ wanted, reply: reply.message }, 'the server refused CONFIG SET');
      else log.info({ wanted }, 'the server was set up as cache.server says');
    },
    (error: unknown) => log.warn({ wanted, err: error }, 'the server could not be set up'),
  );
}

function logState(log: ReturnType<NodeLog['part']>, node: UpstreamNode, reason: string): void {
  const fields = { node: node.name, ...(reason === '' ? {} : { reason }) };
  if (node.state === 'up') log.info(fields, 'connected to the store');
  else if (node.state === 'down') log.error(fields, 'the store is away; Sluice goes on trying to reach it');
  else log.warn(fields, 'the connection to the store was lost');
}
