import { randomInt } from 'node:crypto';
import { SluiceError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Checkpointer } from './checkpoint.ts';
import { nothingToCommit } from './durability.ts';
import { Engine } from './engine.ts';
import { type DurabilityLevel, type Journal, type JournalStats, WorkerJournal } from './journal.ts';
import type { Meta } from './journal-file.ts';
import { JournalThread } from './journal-thread.ts';
import { Loader } from './recovery.ts';

export interface MemoryEngineOptions {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Bound on the bytes of user and compatibility keys. */
  readonly maxBytes: number;
  /** Bound on the bytes of collections. @default none */
  readonly maxHeapBytes?: number;
}

export interface DurableEngineOptions extends MemoryEngineOptions {
  /** Made where it is missing. */
  readonly dataDir: string;
  /** @default 'commit' */
  readonly durability?: DurabilityLevel;
  /** The log is folded into the image when it is longer than this and than the image. @default 64 MiB */
  readonly checkpointLogBytes?: number;
  /** Bytes waiting for the disk above which writes are refused. @default 64 MiB */
  readonly maxPendingBytes?: number;
  /** Length of SQLite's write-ahead log. @default 4 MiB */
  readonly walBytes?: number;
  /** Free bytes on the disk below which writes are refused. @default 2 x walBytes + 16 MiB */
  readonly minFreeBytes?: number;
  /** Told what an operator should know and no caller gets as an error. */
  readonly onWarning?: (message: string) => void;
}

/** An engine with what is behind it. */
export interface OpenEngine {
  readonly engine: Engine;
  readonly journal: Journal;
  /**
   * Resolves when the data is in memory; the engine's state is `loading` until then.
   * @throws SluiceError DATA_DAMAGED, DATA_UNAVAILABLE
   */
  readonly ready: Promise<void>;
  /** Writes what is left, ends the thread, frees the data folder. Idempotent. */
  close(): Promise<void>;
}

const MIB = 1024 * 1024;

/** An engine that keeps nothing on disk, in the shape of one that does. */
export function openMemoryEngine(options: MemoryEngineOptions): OpenEngine {
  const engine = new Engine({ ...options, seed: randomSeed() });
  return { engine, journal: new NoJournal(), ready: Promise.resolve(), close: () => Promise.resolve() };
}

/**
 * An engine whose changes go to a data folder. Resolves when the folder is locked and its header read; the data is then loaded
 * in the background.
 * @throws SluiceError DATA_LOCKED, DATA_DAMAGED, DATA_VERSION, DATA_UNAVAILABLE
 */
export async function openDurableEngine(options: DurableEngineOptions): Promise<OpenEngine> {
  const { clock, durability = 'commit', walBytes = 4 * MIB, onWarning = () => {} } = options;
  const thread = new JournalThread({
    dataDir: options.dataDir,
    sync: durability === 'fsync',
    meta: { seed: randomSeed(), created: clock.now() },
    walBytes,
    minFreeBytes: options.minFreeBytes ?? 2 * walBytes + 16 * MIB,
  });
  const meta = await opened(thread);
  const engine = new Engine({ ...options, seed: meta.seed });
  engine.setState('loading');
  const maxPendingBytes = options.maxPendingBytes ?? 64 * MIB;
  const journal = new WorkerJournal({ engine, thread, clock, durability, maxPendingBytes, onWarning });
  const loader = new Loader(engine, thread, clock);
  let checkpointer: Checkpointer | undefined;
  const load = async (): Promise<void> => {
    const loaded = await loader.load();
    journal.start(loaded);
    checkpointer = new Checkpointer({
      engine,
      journal,
      clock,
      logBytes: options.checkpointLogBytes ?? 64 * MIB,
      generation: loaded.generation,
      onWarning,
    });
    engine.setState('ready');
    if (loaded.head > loaded.seq) {
      onWarning(
        `${loaded.head - loaded.seq} changes that had been acknowledged are missing from the data folder ${options.dataDir}: it ends at change ${loaded.seq}, ${loaded.head} had been written. A file of the folder was cut or replaced`,
      );
    }
  };
  const ready = load();
  // Whoever awaits `ready` gets the error; nobody else needs to.
  ready.catch(() => {});
  const close = (): Promise<void> => {
    loader.abort();
    checkpointer?.stop();
    return journal.close();
  };
  return { engine, journal, ready, close };
}

function opened(thread: JournalThread): Promise<Meta> {
  return new Promise((resolve, reject) => {
    thread.listen({
      reply: (reply) => {
        if (typeof reply === 'number') return;
        if (reply.kind === 'opened') resolve(reply.meta);
        if (reply.kind !== 'refused') return;
        thread.expectEnd();
        const { code, message, details } = reply;
        void thread
          .exited()
          .then(() => reject(new SluiceError(code, message, details === undefined ? {} : { details })));
      },
      ended: reject,
    });
  });
}

/** Not from `random`: who can guess the key of the hash tables can fill them with collisions. */
function randomSeed(): [number, number] {
  return [randomInt(2 ** 32), randomInt(2 ** 32)];
}

const NO_STATS: JournalStats = {
  groups: 0,
  effects: 0,
  bytes: 0,
  pendingBytes: 0,
  logBytes: 0,
  imageBytes: 0,
  checkpoints: 0,
  checkpointFailures: 0,
  failures: 0,
  overloads: 0,
  problem: '',
};

/** The journal of an engine that has none. */
class NoJournal implements Journal {
  readonly committed = Number.POSITIVE_INFINITY;
  readonly onCommitted = nothingToCommit.onCommitted;
  observeCommit: ((milliseconds: number) => void) | undefined;

  stats(): JournalStats {
    return NO_STATS;
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
