import { getHeapStatistics } from 'node:v8';
import type { SluiceConfig } from '../config/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { EmbeddedDirtySet } from '../store/embedded/dirty-set.ts';
import { EmbeddedTurn } from '../store/embedded/embedded-turn.ts';
import { EmbeddedKeptEntries } from '../store/embedded/kept-entries.ts';
import { EmbeddedKeyValue } from '../store/embedded/key-value.ts';
import { EmbeddedLease } from '../store/embedded/lease.ts';
import { EmbeddedRecordLog } from '../store/embedded/record-log.ts';
import { EmbeddedWindow } from '../store/embedded/window.ts';
import { type OpenEngine, openDurableEngine, openMemoryEngine } from '../store/engine/durable-engine.ts';
import { PubSub } from '../store/engine/pub-sub.ts';
import { StoreKeys } from '../store/keys.ts';
import { Sweeper } from './sweeper.ts';

/** An engine with what keeps it tidy and connects its clients. */
export interface RunningEngine extends OpenEngine {
  /** The user keys as a port. */
  readonly keys: EmbeddedKeyValue;
  /** Read-through entries. */
  readonly entries: EmbeddedKeptEntries;
  /** What outlives a restart; undefined where nothing does. */
  readonly window: EmbeddedWindow | undefined;
  readonly rows: EmbeddedDirtySet;
  readonly records: EmbeddedRecordLog;
  readonly lease: EmbeddedLease;
  readonly storeKeys: StoreKeys;
  readonly pubSub: PubSub;
  /** Absent unless the store is embedded. */
  readonly dataDir: string | undefined;
}

/** How much of the JavaScript heap the collections may take; the rest is for requests, and for the collector to work in. */
const HEAP_SHARE = 0.6;

/** @throws SluiceError DATA_LOCKED, DATA_DAMAGED, DATA_VERSION, DATA_UNAVAILABLE */
export async function composeEngine(
  config: SluiceConfig,
  clock: Clock,
  onWarning: (message: string) => void,
): Promise<RunningEngine> {
  const maxHeapBytes = getHeapStatistics().heap_size_limit * HEAP_SHARE;
  const common = { clock, random: Math.random, maxBytes: config.maxBytes, maxHeapBytes };
  const open =
    // Over another store an empty engine in memory serves what concerns the connections themselves.
    config.store !== 'embedded'
      ? openMemoryEngine(common)
      : await openDurableEngine({
          ...common,
          dataDir: config.data,
          durability: config.durability,
          checkpointLogBytes: config.checkpoint.logBytes,
          onWarning,
        });
  const sweeper = new Sweeper(open.engine, clock);
  const turn = new EmbeddedTurn(open.engine, open.journal);
  const storeKeys = new StoreKeys();
  return {
    ...open,
    keys: new EmbeddedKeyValue(turn, open.engine.user),
    entries: new EmbeddedKeptEntries(turn, storeKeys),
    storeKeys,
    rows: new EmbeddedDirtySet(turn),
    records: new EmbeddedRecordLog(turn),
    lease: new EmbeddedLease(turn),
    window: config.store === 'embedded' ? new EmbeddedWindow(turn) : undefined,
    pubSub: new PubSub(),
    dataDir: config.store === 'embedded' ? config.data : undefined,
    close: () => {
      sweeper.close();
      return open.close();
    },
  };
}
