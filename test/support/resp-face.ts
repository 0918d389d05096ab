import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { TlsOptions } from 'node:tls';
import { systemClock } from '../../src/app/system-clock.ts';
import type { Client, RemoteSession } from '../../src/command/client.ts';
import { Catalog } from '../../src/command/command-catalog.ts';
import { Server } from '../../src/command/server.ts';
import { SluiceError } from '../../src/errors.ts';
import { RespFace } from '../../src/face/resp/resp-face.ts';
import type { RespLimits } from '../../src/face/resp/resp-limits.ts';
import { Credentials } from '../../src/guard/credentials.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { type CommitWaiter, type Durability, nothingToCommit } from '../../src/store/engine/durability.ts';
import { Engine } from '../../src/store/engine/engine.ts';
import { PubSub } from '../../src/store/engine/pub-sub.ts';

/** A disk whose commits happen when the test says so. */
export class SteppedDurability implements Durability {
  committed = 0;
  #waiters: { readonly seq: number; readonly waiter: CommitWaiter }[] = [];

  onCommitted(seq: number, waiter: CommitWaiter): void {
    this.#waiters.push({ seq, waiter });
  }

  /** Those who wait. */
  get waiting(): number {
    return this.#waiters.length;
  }

  commit(upTo = Number.POSITIVE_INFINITY): void {
    this.committed = Math.max(this.committed, upTo);
    const done = this.#waiters.filter(({ seq }) => seq <= upTo);
    this.#waiters = this.#waiters.filter(({ seq }) => seq > upTo);
    for (const { waiter } of done) waiter.committed();
  }

  fail(reason: string): void {
    this.committed = Number.POSITIVE_INFINITY;
    for (const { waiter } of this.#waiters.splice(0)) waiter.committed(new SluiceError('STORE_READ_ONLY', reason));
  }
}

export interface TestFace extends AsyncDisposable {
  readonly port: number;
  readonly face: RespFace;
  readonly server: Server;
  readonly engine: Engine;
}

const roomy: RespLimits = {
  bulkBytes: 64 * 2 ** 20,
  arguments: 1_048_576,
  queryBytes: 256 * 2 ** 20,
  outputBytes: 256 * 2 ** 20,
  pubsubOutputBytes: 32 * 2 ** 20,
  idleTimeout: 0,
};

/** The RESP listener over an engine in memory, with the parts a test wants to hold in its hand. */
export async function startRespFace({
  limits = {},
  maxConnections = 1000,
  durability = nothingToCommit,
  clock = systemClock,
  maxBytes = 2 ** 40,
  users = {},
  tls,
  connectRemote,
}: {
  readonly limits?: Partial<RespLimits>;
  readonly maxConnections?: number;
  readonly durability?: Durability;
  readonly clock?: Clock;
  readonly maxBytes?: number;
  /** Secret and rights by name; none: nobody needs to authenticate. */
  readonly users?: Readonly<Record<string, { readonly secret: string; readonly compat?: boolean }>>;
  readonly tls?: TlsOptions;
  /** Passes the commands of a client on. */
  readonly connectRemote?: (client: Client, server: Server) => RemoteSession;
} = {}): Promise<TestFace> {
  const engine = new Engine({ clock, seed: [1, 2], maxBytes, random: Math.random });
  const authenticator = new Credentials({
    users: Object.entries(users).map(([name, { secret, compat = false }]) => ({
      name,
      compat,
      secrets: [{ kind: 'sha256', digest: createHash('sha256').update(secret, 'latin1').digest() }],
    })),
    catalog: new Catalog(),
    monotonic: () => clock.monotonic(),
  });
  const server = new Server({
    engine,
    durability,
    pubSub: new PubSub(),
    authenticator,
    settings: { get: () => undefined, names: () => [], set: () => undefined },
    facts: { version: '0.0.0', port: 0, configFile: '', persistence: () => [] },
  });
  const face = new RespFace({
    server,
    limits: { ...roomy, ...limits },
    maxConnections,
    ...(tls === undefined ? {} : { tls }),
    ...(connectRemote === undefined ? {} : { connectRemote: (client: Client) => connectRemote(client, server) }),
  });
  face.server.listen(0, '127.0.0.1');
  await once(face.server, 'listening');
  const address = face.server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has an address');
  return {
    port: address.port,
    face,
    server,
    engine,
    [Symbol.asyncDispose]: () => face.drain(AbortSignal.abort()),
  };
}
