import { startSluice } from '../../src/app/compose.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import type { Clock } from '../../src/kernel/clock.ts';

/** A node in this process, with whatever listeners the configuration names; quiet, in memory unless told otherwise. */
export interface TestNode extends AsyncDisposable {
  readonly http: string;
  readonly resp: string;
  readonly admin: string;
  /** Resolves when the data is loaded; awaited already by {@link startNode}. */
  readonly ready: Promise<void>;
  readonly close: () => Promise<void>;
}

export async function startNode(config: SluiceConfigInput = {}, clock?: Clock): Promise<TestNode> {
  const node = await startLoading(config, clock);
  await node.ready;
  return node;
}

/** The same as soon as its listeners are bound: the data may still be loading. */
export async function startLoading(config: SluiceConfigInput = {}, clock?: Clock): Promise<TestNode> {
  const { value } = parseConfig(
    { store: 'memory', log: { level: 'silent' }, ...config },
    { cwd: process.cwd(), memoryBytes: 8 * 1024 ** 3, env: {} },
  );
  const node = await startSluice(value, clock === undefined ? {} : { clock });
  const { http = '', resp = '', admin = '' } = node.addresses;
  const { ready } = node;
  return { http, resp, admin, ready, close: () => node.close(), [Symbol.asyncDispose]: () => node.close() };
}
