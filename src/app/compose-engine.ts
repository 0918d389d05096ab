import { randomInt } from 'node:crypto';
import type { SluiceConfig } from '../config/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Durability, nothingToCommit } from '../store/engine/durability.ts';
import { Engine } from '../store/engine/engine.ts';
import { PubSub } from '../store/engine/pub-sub.ts';
import { Sweeper } from './sweeper.ts';

/** An engine with what keeps it durable and tidy. */
export interface RunningEngine {
  readonly engine: Engine;
  readonly durability: Durability;
  readonly pubSub: PubSub;
  readonly dataDir: string | undefined;
  /** Resolves when the data is loaded; rejects when it cannot be. */
  readonly ready: Promise<void>;
  /** Everything accepted is durable, the files are closed. */
  close(): Promise<void>;
}

/** @throws SluiceError DATA_LOCKED, DATA_DAMAGED, DATA_VERSION, DATA_UNAVAILABLE */
export async function composeEngine(config: SluiceConfig, clock: Clock): Promise<RunningEngine> {
  const engine = new Engine({
    clock,
    seed: [randomInt(2 ** 32), randomInt(2 ** 32)],
    maxBytes: config.maxBytes,
    random: Math.random,
  });
  const sweeper = new Sweeper(engine, clock);
  return {
    engine,
    durability: nothingToCommit,
    pubSub: new PubSub(),
    dataDir: undefined,
    ready: Promise.resolve(),
    close: () => {
      sweeper.close();
      return Promise.resolve();
    },
  };
}
