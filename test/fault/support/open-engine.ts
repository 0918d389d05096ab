import { systemClock } from '../../../src/app/system-clock.ts';
import {
  type DurableEngineOptions,
  type OpenEngine,
  openDurableEngine,
} from '../../../src/store/engine/durable-engine.ts';

export interface OpenedEngine extends OpenEngine, AsyncDisposable {
  readonly warnings: readonly string[];
}

/** A durable engine on the machine's clock that has loaded its data; closed when disposed, whatever state it is in. */
export async function openEngine(dataDir: string, options: Partial<DurableEngineOptions> = {}): Promise<OpenedEngine> {
  const warnings: string[] = [];
  const opened = await openDurableEngine({
    clock: systemClock,
    random: Math.random,
    maxBytes: 2 ** 40,
    dataDir,
    minFreeBytes: 0,
    onWarning: (text) => warnings.push(text),
    ...options,
  });
  const dispose = async (): Promise<void> => {
    await opened.close().catch(() => {});
  };
  try {
    await opened.ready;
  } catch (error) {
    await dispose();
    throw error;
  }
  return { ...opened, warnings, [Symbol.asyncDispose]: dispose };
}

/** One turn of a client: resolves when its writes are durable. */
export function write({ engine, journal }: OpenEngine, work: (engine: OpenEngine['engine']) => void): Promise<void> {
  engine.begin();
  engine.requireWritable();
  work(engine);
  const { revealed } = engine;
  return new Promise((resolve, reject) => {
    if (revealed <= journal.committed) resolve();
    else journal.onCommitted(revealed, { committed: (error) => (error === undefined ? resolve() : reject(error)) });
  });
}

export function read({ engine }: OpenEngine, key: string): string | undefined {
  engine.begin();
  return engine.user.strings.get(key);
}
