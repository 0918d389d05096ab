import type { SluiceConfig } from '../config/schema.ts';
import { patternOf } from '../config/schema-keyspaces.ts';
import { bytesToUtf8, utf8ToBytes } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { orderPatterns } from '../kernel/compare-patterns.ts';
import type { Sink } from '../sink/sink.ts';
import type { DirtySet, RecordLog } from '../store/ports.ts';
import type { NodeLog } from '../telemetry/log.ts';
import { DeadLetters } from '../write-behind/dead-letters.ts';
import { Flusher } from '../write-behind/flusher.ts';
import { RowSpace } from '../write-behind/row-space.ts';
import { WriteBehind } from '../write-behind/write-behind.ts';
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
  /** Begins to write, once the store has its data. */
  start(): void;
  /** Writes what waits until the signal aborts. @returns how many rows are left in the store */
  close(deadline: AbortSignal): Promise<number>;
}

export interface WritesParts {
  readonly config: SluiceConfig;
  readonly rows: DirtySet;
  readonly deadLetters: RecordLog;
  readonly clock: Clock;
  readonly log: NodeLog;
}

type WriteBehindConfig = NonNullable<SluiceConfig['keyspaces'][number]['writeBehind']>;

/** @throws SluiceError CONFIG_INVALID, NOT_SUPPORTED */
export async function composeWrites(parts: WritesParts): Promise<Writes> {
  const { config, rows, deadLetters, clock, log } = parts;
  const part = log.part('write-behind');
  const sinks = new Map<string, Sink>();
  const flushers = new Map<RowSpace, Flusher>();
  const spaces: RowSpace[] = [];
  const letters = new DeadLetters({ spaces, log: deadLetters, rows, clock });
  const written = config.keyspaces.flatMap(({ match, writeBehind }) =>
    writeBehind === undefined ? [] : [{ match, writeBehind, pattern: patternOf(match) }],
  );
  for (const { match, writeBehind, pattern } of orderPatterns(written)) {
    const space = new RowSpace({ match, pattern, policy: writeBehind, mapping: mappingOf(writeBehind) });
    const { sink: name } = writeBehind;
    const sink = sinks.get(name) ?? (await openSink(name, config, { clock }));
    sinks.set(name, sink);
    spaces.push(space);
    flushers.set(
      space,
      new Flusher({
        space,
        rows,
        deadLetters: letters,
        sink,
        clock,
        random: Math.random,
        onTrouble: ({ name: keyspace }, reason) => {
          if (reason === undefined) part.info({ keyspace, sink: name }, 'rows are written again');
          else part.warn({ keyspace, sink: name, reason }, 'rows cannot be written; they wait');
        },
        onSetAside: ({ name: keyspace }, key, reason) =>
          part.error({ keyspace, key: bytesToUtf8(key), reason }, 'a row can never be written; it was set aside'),
      }),
    );
  }
  return {
    rows: new WriteBehind(spaces, rows),
    flushers,
    letters,
    partitions: rows.partitions,
    start() {
      for (const flusher of flushers.values()) flusher.start();
    },
    async close(deadline) {
      const left = await Promise.all([...flushers.values()].map((flusher) => flusher.close(deadline)));
      await Promise.all([...sinks.values()].map((sink) => sink.close()));
      const rest = left.reduce((sum, one) => sum + one, 0);
      if (rest > 0) part.warn({ rows: rest }, 'rows are left to be written; they are kept in the store');
      return rest;
    },
  };
}

function mappingOf({ table, key, columns, version }: WriteBehindConfig): RowSpace['mapping'] {
  const mapped = Object.entries(columns).map(([field, column]) => ({ field: utf8ToBytes(field), column }));
  return { shape: 'row', table, key, columns: mapped, version, fence: undefined };
}
