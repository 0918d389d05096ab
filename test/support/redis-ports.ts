import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/app/system-clock.ts';
import { openUpstream, type UpstreamTarget } from '../../src/link/open-upstream.ts';
import type { Upstream } from '../../src/link/upstream.ts';
import { StoreKeys } from '../../src/store/keys.ts';
import { LinkCommands } from '../../src/store/redis/link-commands.ts';
import { RedisCalls } from '../../src/store/redis/redis-calls.ts';
import type { TestClock } from '../../src/testing/index.ts';

/** The time of servers on this machine. */
export const realClock: TestClock = {
  slack: 100,
  now: () => Date.now(),
  async advance(ms) {
    // Redis lets a key live through its last millisecond.
    const until = Date.now() + ms + 2;
    while (Date.now() < until) await sleep(until - Date.now());
  },
};

export interface RedisPorts extends AsyncDisposable {
  readonly upstream: Upstream;
  readonly calls: RedisCalls;
}

/** What the ports over Redis need, connected to servers. */
export function openRedisPorts(target: UpstreamTarget, namespace?: string): RedisPorts {
  const upstream = openUpstream({
    target,
    login: { connectTimeout: 1000 },
    settings: {
      opsInFlight: 1024,
      maxQueued: 16_384,
      dedicated: 64,
      timeout: 5000,
      retryFor: 2000,
      heartbeat: 1000,
    },
    clock: systemClock,
    random: Math.random,
  });
  const { database } = target;
  const commands = new LinkCommands({ upstream, database, clock: systemClock, random: Math.random });
  return {
    upstream,
    calls: new RedisCalls(commands, new StoreKeys(namespace)),
    [Symbol.asyncDispose]: () => {
      commands.close();
      upstream.close();
      return Promise.resolve();
    },
  };
}
