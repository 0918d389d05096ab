import { startSluice } from '../../src/app/compose.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import type { Clock } from '../../src/kernel/clock.ts';

/** A node in this process, with whatever listeners the configuration names; quiet, in memory unless told otherwise. */
export interface TestNode extends AsyncDisposable {
  readonly http: string;
  readonly resp: string;
  readonly admin: string;
  readonly close: () => Promise<void>;
}

export async function startNode(config: SluiceConfigInput = {}, clock?: Clock): Promise<TestNode> {
  const { value } = parseConfig(
    { store: 'memory', log: { level: 'silent' }, ...config },
    { cwd: process.cwd(), memoryBytes: 8 * 1024 ** 3, env: {} },
  );
  const node = await startSluice(value, clock === undefined ? {} : { clock });
  await node.ready;
  const { http = '', resp = '', admin = '' } = node.addresses;
  return { http, resp, admin, close: () => node.close(), [Symbol.asyncDispose]: () => node.close() };
}
