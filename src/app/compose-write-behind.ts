import { randomBytes, randomUUID } from 'node:crypto';
import type { Apis } from '../client/http/apis.ts';
import type { SluiceConfig } from '../config/schema.ts';
import { patternOf } from '../config/schema-keyspaces.ts';
import { isRemote } from '../config/store-url.ts';
import { bytesToUtf8, utf8ToBytes } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { orderPatterns } from '../kernel/compare-patterns.ts';
import { uuidV7 } from '../kernel/uuid.ts';
import type { Origin } from '../origin/origin.ts';
import { parseDatabaseUrl } from '../origin/sql/database-url.ts';
import type { Sink, TableMapping } from '../sink/sink.ts';
import type { PassTarget } from '../store/buffered/buffer.ts';
import type { DirtySet, Lease, RecordLog } from '../store/ports.ts';
import type { NodeLog } from '../telemetry/log.ts';
import { DeadLetters } from '../write-behind/dead-letters.ts';
import { Flusher, type FlusherOptions } from '../write-behind/flusher.ts';
import { type ForgottenRows, KnownSets } from '../write-behind/known-sets.ts';
import { LeasedPartitions } from '../write-behind/partition-rights.ts';
import { RecordBacklog } from '../write-behind/record-backlog.ts';
import { RowBacklog } from '../write-behind/row-backlog.ts';
import { RowLoader } from '../write-behind/row-loader.ts';
import { CAPTURE_FIELD, type RowPolicy, RowSpace, setNameOf } from '../write-behind/row-space.ts';
import { WriteBehind, type WriteSpace } from '../write-behind/write-behind.ts';
import { composeBuffer, type RowBuffer } from './compose-buffer.ts';
import { openSink } from './open-sink.ts';

/** Everything of a node that is written later. */
export interface Writes {
  readonly rows: WriteBehind;
  /** What writes each keyspace. */
  readonly flushers: ReadonlyMap<RowSpace, Flusher>;
  /** Rows that their sinks can never take. */
  readonly letters: DeadLetters;
  /** Parts of a set of rows. */
  readonly partitions: number;
  /** Resolves when what an earlier process accepted in the data folder is loaded. */
  readonly ready: Promise<void>;
  /** What waited at the start of keyspaces that are none any more. */
  readonly forgotten: readonly ForgottenRows[];
  /** Begins to write, once the store has its data. */
  start(): void;
  /** Writes what waits until the signal aborts. @returns how many rows are left in the store */
  close(deadline: AbortSignal): Promise<number>;
  /** Frees the data folder; after that, or instead. */
  release(): Promise<void>;
}

export interface WritesParts {
  readonly config: SluiceConfig;
  readonly rows: DirtySet | PassTarget;
  readonly records: RecordLog;
  readonly lease: Lease;
  /** Where rows are read, by the patterns of their keyspaces. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** APIs that values come from; those that rows are sent to share their limits. */
  readonly apis: Apis | undefined;
  readonly clock: Clock;
  readonly log: NodeLog;
}

type AnyKeyspace = SluiceConfig['keyspaces'][number];
type WriteBehindConfig = NonNullable<AnyKeyspace['writeBehind']>;

/** How long the parts of a node that is lost stay without a writer. */
const RIGHTS_TTL_MS = 10_000;

/** @throws SluiceError CONFIG_INVALID, NOT_SUPPORTED, DATA_LOCKED, DATA_DAMAGED, DATA_VERSION, DATA_UNAVAILABLE */
export async function composeWrites(parts: WritesParts): Promise<Writes> {
  const buffer = await composeBuffer(parts);
  try {
    return await composeOver({ ...parts, rows: buffer?.rows ?? parts.rows }, buffer);
  } catch (error) {
    await buffer?.release();
    throw error;
  }
}

async function composeOver(parts: WritesParts, buffer: RowBuffer | undefined): Promise<Writes> {
  const { config, rows, records, lease, origins, apis, clock, log } = parts;
  const part = log.part('write-behind');
  const sinks = new Map<string, Sink>();
  const flushers = new Map<RowSpace, Flusher>();
  const rights: LeasedPartitions[] = [];
  const all: WriteSpace[] = [];
  const spaces: RowSpace[] = [];
  const letters = new DeadLetters({ spaces, log: records, rows, clock });
  const holder = isRemote(config.store) ? randomUUID() : 'alone';
  const written = config.keyspaces.flatMap((keyspace) => {
    const { match, writeBehind } = keyspace;
    return writeBehind === undefined ? [] : [{ ...keyspace, writeBehind, pattern: patternOf(match) }];
  });
  for (const keyspace of orderPatterns(written)) {
    const { match, writeBehind, pattern, ttl, negativeTtl, timeout } = keyspace;
    const { sink: name } = writeBehind;
    const sink = sinks.get(name) ?? (await openSink(name, config, { clock, apis }));
    if (!sinks.has(name) && sink.caveat !== undefined) part.warn({ sink: name }, sink.caveat);
    sinks.set(name, sink);
    if (needsFence(config, writeBehind)) part.warn({ keyspace: match, sink: name }, UNFENCED);
    const origin = origins.get(match);
    const mapping = mappingOf(writeBehind, pattern.names);
    const policy = policyOf(keyspace, origin === undefined ? undefined : ttl);
    const buffered = buffer && (() => buffer.rows.held(setNameOf(match, writeBehind.shape)));
    const space = new RowSpace({ match, pattern, policy, mapping, clock, buffer: buffered });
    spaces.push(space);
    const held = new LeasedPartitions({
      name: `write-behind:${space.set}`,
      partitions: mapping.shape === 'record' ? 1 : rows.partitions,
      lease,
      holder,
      ttl: RIGHTS_TTL_MS,
      alone: !isRemote(config.store),
      clock,
      onTrouble: (error) => {
        if (error === undefined) part.info({ keyspace: match }, 'the rights to write are renewed again');
        else part.warn({ keyspace: match, err: error }, 'the rights to write cannot be renewed');
      },
    });
    rights.push(held);
    const common = {
      space,
      rights: held,
      deadLetters: letters,
      sink,
      clock,
      random: Math.random,
      onTrouble: ({ name: keyspaceName }, reason) => {
        if (reason === undefined) part.info({ keyspace: keyspaceName, sink: name }, 'rows are written again');
        else part.warn({ keyspace: keyspaceName, sink: name, reason }, 'rows cannot be written; they wait');
      },
      onSetAside: ({ name: keyspaceName }, key, reason) =>
        part.error(
          { keyspace: keyspaceName, key: bytesToUtf8(key), reason },
          'a row can never be written; it was set aside',
        ),
    } satisfies Omit<FlusherOptions<never>, 'backlog'>;
    if (mapping.shape === 'record') {
      const newId = (): string => uuidV7(clock.now(), randomBytes(10));
      const backlog = new RecordBacklog({ space, log: records, newId, now: () => clock.now() });
      const flusher = new Flusher({ ...common, backlog });
      flushers.set(space, flusher as unknown as Flusher);
      all.push({ space, records: backlog, writeNow: () => Promise.resolve(), writesNow: () => true });
      continue;
    }
    const flusher = new Flusher({ ...common, backlog: new RowBacklog(space, rows) });
    flushers.set(space, flusher as unknown as Flusher);
    all.push({
      space,
      loader: origin && new RowLoader({ origin, rows, clock, timeout, negativeTtl, ttl }),
      writeNow: (key, version) => flusher.writeNow(key, version),
      writesNow: () => flusher.writesNow,
    });
  }
  let forgotten: readonly ForgottenRows[] = [];
  const tellForgotten = async (): Promise<void> => {
    forgotten = await new KnownSets(rows, records).settle(spaces);
    for (const { match, rows: count } of forgotten)
      part.error(
        { keyspace: bytesToUtf8(match), rows: count },
        'rows wait of a keyspace that has no writeBehind any more; nothing writes them until it is there again, with this pattern',
      );
  };
  return {
    rows: new WriteBehind(all, rows),
    flushers,
    letters,
    partitions: rows.partitions,
    get forgotten() {
      return forgotten;
    },
    ready: buffer?.ready ?? Promise.resolve(),
    start() {
      buffer?.start().catch((error: unknown) => part.error({ err: error }, 'the buffer is not passed on'));
      for (const right of rights) right.start();
      for (const flusher of flushers.values()) flusher.start();
      tellForgotten().catch((error: unknown) =>
        part.warn({ err: error }, 'it is not known whether rows of earlier keyspaces wait'),
      );
    },
    async close(deadline) {
      await buffer?.rows.close(deadline);
      await Promise.all(rights.map((right) => right.takeFree()));
      const left = await Promise.all([...flushers.values()].map((flusher) => flusher.close(deadline)));
      await Promise.all([...sinks.values()].map((sink) => sink.close()));
      await Promise.all(rights.map((right) => right.close()));
      const rest = left.reduce((sum, one) => sum + one, 0);
      const buffered = spaces.reduce((sum, space) => sum + space.buffered.rows, 0);
      if (rest > buffered)
        part.warn({ rows: rest - buffered }, 'rows are left to be written; they are kept in the store');
      if (buffered > 0)
        part.warn(
          { rows: buffered, data: config.data },
          'rows are left that the store does not have; they are kept in data',
        );
      return rest;
    },
    release: () => buffer?.release() ?? Promise.resolve(),
  };
}

const UNFENCED =
  'a row that is removed can come back when a commit from before hangs in the network; make a fence and name it in writeBehind.fence';

/** Whether what was sent before may take effect after a removal, and nothing but a fence would keep it from that. */
function needsFence(
  { connections }: SluiceConfig,
  { shape, sink, fence, delete: deletes }: WriteBehindConfig,
): boolean {
  const connection = connections[sink];
  if (shape !== 'row' || fence !== undefined || deletes === 'ignore' || connection?.kind !== 'database') return false;
  const target = parseDatabaseUrl(connection.url);
  return 'problem' in target || target.dialect !== 'sqlite';
}

function mappingOf(
  { shape, table, key, columns, version, id, fence }: WriteBehindConfig,
  captures: readonly string[],
): TableMapping {
  const mapped = Object.entries(columns).map(([field, column]) => ({ field: utf8ToBytes(field), column }));
  if (shape !== 'record') return { shape, table, key, columns: mapped, version, fence };
  const captured = captures.map((name, i) => ({ field: CAPTURE_FIELD + name, column: key[i] as string }));
  return { shape, table, key: [id], columns: [...captured, ...mapped], version: undefined, fence };
}

function policyOf(
  { mode, writeBehind }: AnyKeyspace & { readonly writeBehind: WriteBehindConfig },
  keepFor: number | undefined,
): RowPolicy {
  const { rateLimit, delete: deletes, ack, ackReplicas: replicas, timeout } = writeBehind;
  const { rows, transactions }: RowPolicy['rate'] = { rows: undefined, transactions: undefined, ...rateLimit };
  const policy: RowPolicy = {
    ...writeBehind,
    ack: ack === 'memory' || ack === 'replica' ? ack : 'store',
    replica: ack === 'replica' ? { replicas, timeout } : undefined,
    deletes,
    rate: { rows, transactions },
    keepFor,
  };
  // What is only observed waits for nothing: each change is in the table before it is answered.
  return mode === 'observe'
    ? { ...policy, ack: 'store', replica: undefined, maxPending: 0, onFull: 'through' }
    : policy;
}
