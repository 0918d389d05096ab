import type { SluiceConfigInput } from '../../../src/index.ts';
import { startRedis } from '../../support/redis-server.ts';
import { tempDir } from '../../support/temp-dir.ts';
import type { Endpoint } from './sides.ts';

export interface Target extends AsyncDisposable {
  readonly endpoint: Endpoint;
}

/**
 * The server under test: Sluice in this process with its journal on disk, or what `SLUICE_DIFF_TARGET` names: `host:port`, or `redis` for a second redis-server, with which
 * the test itself is tested.
 */
export async function startTarget({
  config = {},
  redisArgs = [],
}: {
  /** More of Sluice's configuration, and what is the same for a redis-server. */
  readonly config?: SluiceConfigInput;
  readonly redisArgs?: readonly string[];
} = {}): Promise<Target> {
  const given = process.env['SLUICE_DIFF_TARGET'];
  if (given === 'redis') {
    const server = await startRedis({ args: ['--databases', '1', ...redisArgs] });
    return { endpoint: server, [Symbol.asyncDispose]: () => server.stop() };
  }
  if (given) {
    const [, host = '', port = ''] = /^(?:(.*):)?(\d+)$/.exec(given) ?? [];
    if (port === '') throw new Error(`SLUICE_DIFF_TARGET=${given} is neither host:port nor redis`);
    return { endpoint: { host: host || '127.0.0.1', port: Number(port) }, [Symbol.asyncDispose]: async () => {} };
  }
  // Only now: the test tests itself without it.
  const { openSluice } = await import('../../../src/index.ts');
  const folder = await tempDir('sluice-differential-');
  const sluice = await openSluice({ data: folder.path, resp: '127.0.0.1:0', log: { level: 'warn' }, ...config });
  const [, port = ''] = /:(\d+)$/.exec(sluice.addresses.resp ?? '') ?? [];
  return {
    endpoint: { host: '127.0.0.1', port: Number(port) },
    [Symbol.asyncDispose]: async () => {
      await sluice.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}
