import { getRandomValues } from 'node:crypto';
import { diffReloadable } from '../config/diff.ts';
import { listenerNames, type SluiceConfig } from '../config/schema.ts';
import { isRemote, storeName } from '../config/store-url.ts';
import { Limits } from '../guard/limits/limits.ts';
import type { Clock } from '../kernel/clock.ts';
import type { KeyValue } from '../store/ports.ts';
import { NodeLog } from '../telemetry/log.ts';
import type { MetricSource, Metrics } from '../telemetry/metrics.ts';
import { Certificates } from './certificates.ts';
import { composeAdmin } from './compose-admin.ts';
import { composeEngine, type RunningEngine } from './compose-engine.ts';
import { composeFront } from './compose-front.ts';
import type { Reads, ReadsParts } from './compose-keyspaces.ts';
import { composeRemote, type RemoteStore } from './compose-remote.ts';
import type { Writes } from './compose-write-behind.ts';
import type { FetchByUrl } from './fetch-by-url.ts';
import { listen } from './listen.ts';
import { ManagedKeyValue } from './managed-key-value.ts';
import { engineMetrics, eventLoopMetrics, journalMetrics, processMetrics } from './observe.ts';
import { keyspaceMetrics } from './observe-keyspaces.ts';
import { limitMetrics } from './observe-limits.ts';
import { remoteMetrics } from './observe-remote.ts';
import { writeBehindMetrics } from './observe-write-behind.ts';
import { openCredentials, tokensOf, usersOf } from './open-credentials.ts';
import { composeRecord } from './record.ts';
import { RemoteKeyValue } from './remote-key-value.ts';
import { RowKeyValue } from './row-key-value.ts';
import { systemClock } from './system-clock.ts';
import { version } from './version.ts';
import { WriteBehindAdmin } from './write-behind-admin.ts';

/** What a reload came to: settings now in effect, and settings that wait for a restart. */
export interface ReloadResult {
  readonly applied: readonly string[];
  readonly needRestart: readonly string[];
}

/** A node that runs. */
export interface RunningSluice {
  /** Where the listeners are bound, as HOST:PORT. */
  readonly addresses: { readonly http?: string; readonly resp?: string; readonly admin?: string };
  readonly dataDir?: string;
  /** Resolves once the data is loaded; rejects when it cannot be. */
  readonly ready: Promise<void>;
  /** The user keys. */
  readonly keys: KeyValue;
  /** Absent where nothing may be fetched by URL. */
  readonly fetchByUrl: FetchByUrl | undefined;
  reload(next: SluiceConfig): ReloadResult;
  /** Drains the listeners, makes everything durable, writes what waits while there is time, closes. */
  close(): Promise<void>;
  /** After that: rows that are still to be written; they are kept in the store. */
  readonly unwritten: number;
}

/**
 * Starts a node: engine first, then the listeners, which answer "loading" until the data is there.
 * @throws SluiceError ADDRESS_IN_USE, ADDRESS_UNAVAILABLE, CONFIG_INVALID, DATA_LOCKED, DATA_DAMAGED, DATA_VERSION, DATA_UNAVAILABLE
 */
export async function startSluice(
  config: SluiceConfig,
  options: { readonly clock?: Clock } = {},
): Promise<RunningSluice> {
  const clock = options.clock ?? systemClock;
  const log = new NodeLog(config.log);
  const record = composeRecord(config, clock, log);
  const credentials = openCredentials(config, clock, log);
  const [seed0 = 0, seed1 = 0] = getRandomValues(new Int32Array(2));
  const limits = new Limits(config.limits, () => clock.monotonic(), [seed0, seed1]);
  const storeLog = log.part('store');
  const running = await composeEngine(config, clock, (message) => storeLog.warn(message)).catch(
    async (error: unknown) => {
      await record.close();
      log.close();
      throw error;
    },
  );
  const nodeLog = log.part('node');
  const remote = isRemote(config.store)
    ? await composeRemote({ config, target: config.store, credentials, clock, log }).catch(async (error: unknown) => {
        await running.close();
        await record.close();
        log.close();
        throw error;
      })
    : undefined;
  const reads = await openReads({
    config,
    store: remote?.entries ?? running.entries,
    storeKeys: remote?.storeKeys ?? running.storeKeys,
    window: remote?.window ?? running.window,
    isShared: remote !== undefined,
    clock,
    log,
  }).catch(async (error: unknown) => {
    remote?.close();
    await running.close();
    await record.close();
    log.close();
    throw error;
  });
  const writes = await openWrites({ config, store: remote ?? running, reads, clock, log }).catch(
    async (error: unknown) => {
      await reads?.close();
      remote?.close();
      await running.close();
      await record.close();
      log.close();
      throw error;
    },
  );
  const sources: MetricSource[] =
    remote === undefined ? [engineMetrics(running), journalMetrics(running)] : [remoteMetrics(remote)];
  const eventLoop = eventLoopMetrics();
  const machine = processMetrics(clock.now() - process.uptime() * 1000);
  const certificates = new Certificates({ clock, log: log.part('tls') });
  sources.push(eventLoop.source, machine.source, limitMetrics(limits), certificates.metrics, record.metrics);
  const addresses: { http?: string; resp?: string; admin?: string } = {};
  let draining = false;
  let listening = false;
  const writeBehind = writes === undefined ? undefined : new WriteBehindAdmin({ config, writes, clock, log });
  const admin = composeAdmin({
    running,
    remote,
    reads,
    writeBehind,
    clock,
    metrics: lazyMetrics(sources),
    addresses,
    isDraining: () => draining,
  });
  if (reads !== undefined) sources.push(keyspaceMetrics(reads));
  if (writes !== undefined && writeBehind !== undefined) sources.push(writeBehindMetrics(writes, writeBehind, clock));
  const addMetrics = (source: MetricSource): void => void sources.push(source);
  const release = async (): Promise<void> => {
    eventLoop.close();
    machine.close();
    await reads?.close();
    remote?.close();
    await certificates.close();
    await record.close();
    try {
      await writes?.release();
      await running.close();
      if (listening) nodeLog.info('closed');
    } finally {
      log.close();
    }
  };
  const parts = {
    config,
    running,
    remote,
    reads,
    writes,
    credentials,
    limits,
    certificates,
    record,
    clock,
    log,
    admin,
    addMetrics,
  };
  const front = await composeFront(parts).catch(async (error: unknown) => {
    await release();
    throw error;
  });
  let current = config;

  let unwritten = 0;
  const close = async (): Promise<void> => {
    draining = true;
    if (listening) nodeLog.info('draining');
    const signal = AbortSignal.timeout(current.shutdownTimeout);
    await Promise.all([front.http?.drain(signal), front.resp?.drain(signal)]);
    await front.admin?.drain(signal);
    writeBehind?.close();
    unwritten = (await writes?.close(signal)) ?? 0;
    await release();
  };

  try {
    for (const name of listenerNames) {
      const face = front[name];
      const listener = config[name];
      if (face !== undefined && listener !== undefined) addresses[name] = await listen(name, face.server, listener);
    }
  } catch (error) {
    await close();
    throw error;
  }
  certificates.watch();
  listening = true;
  const kept = remote === undefined ? { durability: config.durability } : {};
  nodeLog.info({ version: version(), ...addresses, store: storeName(config.store), ...kept }, 'listening');
  const ready = Promise.all([running.ready, writes?.ready]).then(() => undefined);
  ready.then(
    () => {
      nodeLog.info({ keys: running.engine.user.size }, 'ready');
      writes?.start();
      void writeBehind?.watch();
    },
    (error: unknown) => nodeLog.error({ err: error }, 'the data cannot be loaded'),
  );
  let closing: Promise<void> | undefined;
  const plain = remote === undefined ? running.keys : new RemoteKeyValue(remote.keyValue, remote.reads);
  const stored = writes === undefined ? plain : new RowKeyValue(writes.rows, plain);
  return {
    addresses,
    ...(running.dataDir === undefined ? {} : { dataDir: running.dataDir }),
    ready,
    keys: reads === undefined ? stored : new ManagedKeyValue(reads.readThrough, stored),
    fetchByUrl: reads?.fetchByUrl,
    reload(next) {
      const { reloadable, needRestart, effective } = diffReloadable(current, next);
      // The first, as it may be refused.
      try {
        credentials.replace(usersOf(effective), tokensOf(effective));
      } catch (error) {
        record.audit.record({
          actor: 'operator',
          action: 'reload',
          outcome: 'refused',
          reason: (error as Error).message,
        });
        throw error;
      }
      running.engine.maxBytes = effective.maxBytes;
      remote?.reload(effective);
      limits.replace(effective.limits);
      log.reload(effective.log);
      void certificates.reload();
      void record.reopen();
      current = effective;
      record.audit.record({ actor: 'operator', action: 'reload', target: reloadable.join(' '), outcome: 'done' });
      nodeLog.info({ applied: reloadable, needRestart }, 'configuration reloaded');
      return { applied: reloadable, needRestart };
    },
    close: () => {
      closing ??= close();
      return closing;
    },
    get unwritten() {
      return unwritten;
    },
  };
}

/** The registry is loaded when somebody scrapes: many nodes never are, and it takes memory. */
function lazyMetrics(sources: readonly MetricSource[]): () => Promise<Metrics> {
  let metrics: Promise<Metrics> | undefined;
  return () => {
    metrics ??= import('../telemetry/metrics.ts').then((module) => {
      const { version: nodeVersion } = process;
      const registry = new module.Metrics();
      registry.add((sink) => {
        sink.value('sluice_build_info', 1, { version: version(), node: nodeVersion });
        for (const source of sources) source(sink);
      });
      return registry;
    });
    return metrics;
  };
}

/** What writes later is loaded where anything is. @throws SluiceError CONFIG_INVALID, NOT_SUPPORTED */
async function openWrites({
  store: { rows, records, lease },
  reads,
  ...parts
}: {
  readonly config: SluiceConfig;
  readonly store: Pick<RunningEngine | RemoteStore, 'rows' | 'records' | 'lease'>;
  readonly reads: Reads | undefined;
  readonly clock: Clock;
  readonly log: NodeLog;
}): Promise<Writes | undefined> {
  if (parts.config.keyspaces.every(({ writeBehind }) => writeBehind === undefined)) return undefined;
  const { composeWrites } = await import('./compose-write-behind.ts');
  return composeWrites({ ...parts, rows, records, lease, origins: reads?.rowOrigins ?? new Map(), apis: reads?.apis });
}

/** What asks origins is loaded where there are any: it takes time and memory. */
async function openReads(parts: ReadsParts): Promise<Reads | undefined> {
  const { keyspaces, fetch } = parts.config;
  if (keyspaces.every(({ origin }) => origin === undefined) && fetch.allow.length === 0) return undefined;
  return (await import('./compose-keyspaces.ts')).composeReads(parts);
}
