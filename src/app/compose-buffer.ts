import { randomUUID } from 'node:crypto';
import { getHeapStatistics } from 'node:v8';
import type { SluiceConfig } from '../config/schema.ts';
import { bytesToUtf8, fromBuffer } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import type { BufferedSets, PassTarget } from '../store/buffered/buffer.ts';
import { BufferedDirtySet } from '../store/buffered/buffered-dirty-set.ts';
import { EmbeddedDirtySet } from '../store/embedded/dirty-set.ts';
import { EmbeddedTurn } from '../store/embedded/embedded-turn.ts';
import { EmbeddedFields } from '../store/embedded/fields.ts';
import { openDurableEngine } from '../store/engine/durable-engine.ts';
import type { DirtySet } from '../store/ports.ts';
import type { NodeLog } from '../telemetry/log.ts';
import { setNameOf } from '../write-behind/row-space.ts';
import { Sweeper } from './sweeper.ts';

/** Rows that are accepted in the data folder of this node while the store is away. */
export interface RowBuffer {
  readonly rows: BufferedDirtySet;
  /** Resolves when what was left there is loaded. */
  readonly ready: Promise<void>;
  /** Begins to pass on; after that. */
  start(): Promise<void>;
  /** Frees the data folder. */
  release(): Promise<void>;
}

/** What the collections of the buffer may take of the JavaScript heap. */
const HEAP_SHARE = 0.6;
/** Where the name is kept by which the store knows this node again. */
const NAME_RECORD = 'row-buffer';

/** Undefined where no keyspace asks for it. @throws SluiceError DATA_LOCKED, DATA_DAMAGED, DATA_VERSION, DATA_UNAVAILABLE */
export async function composeBuffer({
  config,
  rows: remote,
  clock,
  log,
}: {
  readonly config: SluiceConfig;
  readonly rows: DirtySet | PassTarget;
  readonly clock: Clock;
  readonly log: NodeLog;
}): Promise<RowBuffer | undefined> {
  const sets = bufferedSets(config);
  // Of the embedded store, which is never away, the configuration asks for none.
  if (sets.size === 0 || !('pass' in remote)) return undefined;
  const part = log.part('write-behind');
  const open = await openDurableEngine({
    clock,
    random: Math.random,
    maxBytes: config.maxBytes,
    maxHeapBytes: getHeapStatistics().heap_size_limit * HEAP_SHARE,
    dataDir: config.data,
    durability: config.durability,
    checkpointLogBytes: config.checkpoint.logBytes,
    onWarning: (message) => part.warn(message),
  });
  // It keeps nothing else.
  open.engine.internalBytes = config.maxBytes;
  const sweeper = new Sweeper(open.engine, clock);
  const turn = new EmbeddedTurn(open.engine, open.journal);
  const rows = new BufferedDirtySet({
    remote,
    buffer: new EmbeddedDirtySet(turn),
    sets,
    clock,
    random: Math.random,
    onRefused: (set, key, error) =>
      part.error({ set, key: bytesToUtf8(key), err: error }, 'the store refuses a row of the buffer; it stays there'),
  });
  return {
    rows,
    ready: open.ready,
    async start() {
      rows.start(await nameOf(new EmbeddedFields(turn)));
      for (const set of sets.keys()) {
        const held = rows.held(set).rows;
        if (held > 0) part.info({ set, rows: held }, 'rows are in the buffer; they are passed on to the store');
      }
    },
    release() {
      sweeper.close();
      return open.close();
    },
  };
}

function bufferedSets({ keyspaces }: SluiceConfig): BufferedSets {
  return new Map(
    keyspaces.flatMap(({ match, writeBehind }) =>
      writeBehind?.buffer === 'local'
        ? [[setNameOf(match, writeBehind.shape), { counts: writeBehind.shape === 'counter' }]]
        : [],
    ),
  );
}

/** The same for as long as there is the data folder. */
async function nameOf(fields: EmbeddedFields): Promise<string> {
  const known = (await fields.get(NAME_RECORD))?.get('name');
  if (known !== undefined) return fromBuffer(known);
  const name = randomUUID();
  await fields.set(NAME_RECORD, { name });
  return name;
}
