import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { SluiceError } from '../errors.ts';
import type { AdminSources, ComponentHealth } from '../face/admin/admin-routes.ts';
import { Problem } from '../face/http/problem.ts';
import { utf8ToBytes } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { compileGlob } from '../kernel/glob.ts';
import { advise } from '../keyspace/advise.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RunningEngine } from './compose-engine.ts';
import type { Reads } from './compose-keyspaces.ts';
import type { RemoteStore } from './compose-remote.ts';
import { backupDataFolder } from './offline.ts';
import { version } from './version.ts';
import type { WriteBehindAdmin } from './write-behind-admin.ts';

export interface AdminParts {
  readonly running: RunningEngine;
  readonly remote: RemoteStore | undefined;
  /** What comes from origins; absent where nothing does. */
  readonly reads: Reads | undefined;
  /** What is written later; absent where nothing is. */
  readonly writeBehind: WriteBehindAdmin | undefined;
  readonly clock: Clock;
  /** Made when first asked for. */
  readonly metrics: () => Promise<Metrics>;
  readonly addresses: Readonly<Record<string, string | undefined>>;
  readonly isDraining: () => boolean;
}

/** Share of maxBytes from which the memory is worth a look. */
const FULL = 0.9;

/** What the admin face tells, gathered from the parts of the node. */
export function composeAdmin({
  running,
  remote,
  reads,
  writeBehind,
  clock,
  metrics,
  addresses,
  isDraining,
}: AdminParts): AdminSources {
  const { engine, journal } = running;
  const startedAt = clock.now();
  let backups = 0;
  return {
    version: version(),
    notReady: () => {
      if (isDraining()) return 'shutting down';
      if (engine.state === 'loading') return 'loading the data';
      return remote?.seen === false ? 'the store was not reached yet' : '';
    },
    health: () => ({
      ...(remote === undefined
        ? { engine: engineHealth(running), journal: journalHealth(running), memory: memoryHealth(running) }
        : remoteHealth(remote)),
      ...writeBehind?.health(),
    }),
    writeBehind,
    async metrics() {
      const registry = await metrics();
      return { contentType: registry.contentType, page: await registry.page() };
    },
    status: () => ({
      version: version(),
      node: process.version,
      pid: process.pid,
      uptimeSeconds: Math.round((clock.now() - startedAt) / 1000),
      addresses,
      ...(remote === undefined ? {} : { upstream: remoteStatus(remote) }),
      state: engine.state,
      ...(engine.reason === '' ? {} : { reason: engine.reason }),
      dataDir: running.dataDir ?? null,
      memory: { usedBytes: engine.usedBytes, maxBytes: engine.maxBytes, rssBytes: process.memoryUsage.rss() },
      keys: { user: engine.user.size, compat: engine.compat.size, internal: engine.internal.size },
      classes: Object.fromEntries(
        (['data', 'cached', 'internal'] as const).map((name, i) => [
          name,
          {
            entries: sum(running, (usage) => usage[i]?.entries ?? 0),
            bytes: sum(running, (usage) => usage[i]?.bytes ?? 0),
          },
        ]),
      ),
      journal: journal.stats(),
    }),
    advise() {
      const { keyspaces } = (reads ?? nothingRead()).readThrough;
      const seconds = (clock.now() - startedAt) / 1000;
      return keyspaces.map((keyspace) => advise(keyspace, seconds, clock.monotonic()));
    },
    async purge(what) {
      const { readThrough } = reads ?? nothingRead();
      if ('match' in what) return readThrough.purgeMatching(compileGlob(utf8ToBytes(what.match)));
      const target = readThrough.find(utf8ToBytes(what.key));
      if (target !== undefined) return readThrough.purge([target]);
      throw new SluiceError(
        'INVALID_ARGUMENT',
        `the key ${JSON.stringify(what.key.slice(0, 100))} belongs to no keyspace`,
      );
    },
    async backup() {
      if (backups > 0) {
        throw new Problem(503, 'A backup is under way', 'one is made at a time; try again when it is finished', {
          headers: ['Retry-After', '10'],
        });
      }
      backups++;
      return backupStream(running.dataDir, () => backups--);
    },
  };
}

/** @throws SluiceError NOT_SUPPORTED */
function nothingRead(): never {
  throw new SluiceError('NOT_SUPPORTED', 'nothing is read through on this node; configure keyspaces');
}

function engineHealth({ engine }: RunningEngine): ComponentHealth {
  if (engine.state === 'ready') return { status: 'pass' };
  return { status: engine.state === 'loading' ? 'fail' : 'warn', output: engine.reason || engine.state };
}

/** One component per server. A store that is away fails what needs it, but this node still serves what it has. */
function remoteHealth({ upstream, reasons, reads }: RemoteStore): Record<string, ComponentHealth> {
  const checks: Record<string, ComponentHealth> = {};
  for (const node of upstream.nodes) {
    const reason = reasons.get(node.name) ?? '';
    checks[`store:${node.name}`] =
      node.state === 'up'
        ? node.tracking || reads === undefined
          ? { status: 'pass' }
          : { status: 'warn', output: 'it does not tell of changes: nothing is answered from the cache' }
        : { status: 'warn', output: reason === '' ? node.state : `${node.state}: ${reason}` };
  }
  return checks;
}

function remoteStatus({ upstream, reads }: RemoteStore): Record<string, unknown> {
  return {
    nodes: upstream.nodes.map(({ name, state, tracking, inFlight, queued, dedicated, counters }) => ({
      name,
      state,
      tracking,
      inFlight,
      queued,
      dedicated,
      ...counters,
    })),
    ...(reads === undefined
      ? {}
      : {
          cache: {
            entries: reads.cache.size,
            maxEntries: reads.cache.maxEntries,
            bytes: reads.cache.usedBytes,
            maxBytes: reads.cache.maxBytes,
            ...reads.stats,
            ...reads.cache.stats,
          },
        }),
  };
}

function journalHealth({ journal, dataDir }: RunningEngine): ComponentHealth {
  if (dataDir === undefined) return { status: 'pass', output: 'in memory only' };
  const { problem } = journal.stats();
  return problem === '' ? { status: 'pass' } : { status: 'warn', output: problem };
}

function memoryHealth({ engine }: RunningEngine): ComponentHealth {
  const share = engine.usedBytes / engine.maxBytes;
  const output = `${Math.round(share * 100)} % of maxBytes`;
  return { status: share < FULL ? 'pass' : 'warn', output };
}

function sum({ engine }: RunningEngine, of: (usage: typeof engine.user.usage) => number): number {
  return of(engine.user.usage) + of(engine.compat.usage) + of(engine.internal.usage);
}

/** The copy is made beside the data, sent, and removed, however the sending ends; then `done` is called. */
async function backupStream(dataDir: string | undefined, done: () => void): Promise<Readable> {
  try {
    if (dataDir === undefined)
      throw new SluiceError('NOT_SUPPORTED', 'a store in memory has nothing to back up; use the embedded store');
    const file = join(dataDir, `backup-${randomUUID()}.tmp`);
    const remove = (): Promise<void> => rm(file, { force: true });
    await backupDataFolder(dataDir, file).catch((error: unknown) => remove().then(() => Promise.reject(error)));
    const stream = createReadStream(file);
    stream.once('close', () => void remove().finally(done));
    return stream;
  } catch (error) {
    done();
    throw error;
  }
}
