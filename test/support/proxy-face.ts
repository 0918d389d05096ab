import { systemClock } from '../../src/app/system-clock.ts';
import { CommandRules } from '../../src/command/command-rules.ts';
import { ProxySession } from '../../src/face/resp/proxy-session.ts';
import { openUpstream, type UpstreamOptions } from '../../src/link/open-upstream.ts';
import type { Upstream } from '../../src/link/upstream.ts';
import { startRespFace, type TestFace } from './resp-face.ts';

export interface ProxyFace extends TestFace {
  readonly upstream: Upstream;
}

/** The RESP listener that passes everything on to the server at `port`, without a cache. */
export async function startProxyFace({
  port,
  settings = {},
}: {
  readonly port: number;
  readonly settings?: Partial<UpstreamOptions['settings']>;
}): Promise<ProxyFace> {
  const upstream = openUpstream({
    target: { kind: 'standalone', endpoints: [{ host: '127.0.0.1', port }], database: 0 },
    login: { connectTimeout: 1000 },
    settings: {
      opsInFlight: 1024,
      maxQueued: 16_384,
      dedicated: 64,
      timeout: 5000,
      retryFor: 1000,
      heartbeat: 1000,
      ...settings,
    },
    clock: systemClock,
    random: Math.random,
  });
  const rules = new CommandRules();
  const face = await startRespFace({
    connectRemote: (client, server) =>
      new ProxySession(
        {
          server,
          upstream,
          rules,
          reads: undefined,
          database: 0,
          checkKeys: () => undefined,
          now: () => systemClock.monotonic(),
        },
        client,
      ),
  });
  return {
    ...face,
    upstream,
    async [Symbol.asyncDispose]() {
      upstream.close();
      await face[Symbol.asyncDispose]();
    },
  };
}
