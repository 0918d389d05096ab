import { Client, type ClientUser } from '../../src/command/client.ts';
import { execute } from '../../src/command/execute.ts';
import { Server, type ServerOptions } from '../../src/command/server.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { Reply } from '../../src/resp/reply.ts';
import { nothingToCommit } from '../../src/store/engine/durability.ts';
import { Engine } from '../../src/store/engine/engine.ts';
import { PubSub } from '../../src/store/engine/pub-sub.ts';

/** A clock that only moves when told; due timers run in the order of their instants. */
class ManualClock implements Clock {
  time = 1_700_000_000_000;
  readonly #timers = new Map<object, { readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time;
  }

  setTimer(run: () => void, delayMs: number): { cancel(): void } {
    const timer = { cancel: () => void this.#timers.delete(timer) };
    this.#timers.set(timer, { at: this.time + delayMs, run });
    return timer;
  }

  advance(ms: number): void {
    this.time += ms;
    const due = [...this.#timers].filter(([, { at }]) => at <= this.time).sort((a, b) => a[1].at - b[1].at);
    for (const [timer, { run }] of due) {
      this.#timers.delete(timer);
      run();
    }
  }
}

/** One client without a socket. */
export class TestClient {
  readonly client: Client;
  readonly #server: Server;

  constructor(server: Server, proto: 2 | 3, user: ClientUser) {
    const reply = new Reply();
    reply.proto = proto;
    const connection = {
      remoteAddress: '127.0.0.1:1',
      localAddress: '127.0.0.1:2',
      queryBytes: 0,
      outputBytes: 0,
      flush: () => undefined,
      resume: () => undefined,
      kill: () => undefined,
    };
    this.#server = server;
    this.client = new Client(server.nextClientId(), server.engine, connection, reply, user);
    server.add(this.client);
  }

  /** Runs one command; the reply as it would go over the wire, with `|` for every end of line. */
  send(...argv: readonly string[]): string {
    execute(this.#server, this.client, argv);
    return this.received();
  }

  /** The same for a command without spaces inside its words. */
  do(line: string): string {
    return this.send(...line.split(' '));
  }

  /** What came since the last command. */
  received(): string {
    return this.client.reply.take().replaceAll('\r\n', '|');
  }
}

/** The command table over an engine in memory, without sockets and with a clock that stands still. */
export class CommandSession {
  readonly clock = new ManualClock();
  readonly engine: Engine;
  readonly server: Server;

  /**
   * @param random in [0, 1). @default a fixed sequence
   * @param options in the place of: no users, no settings, bugs thrown
   */
  constructor(random: () => number = fixedSequence(), options: Partial<ServerOptions> = {}) {
    this.engine = new Engine({ clock: this.clock, seed: [1, 2], maxBytes: 2 ** 40, random });
    this.server = new Server({
      engine: this.engine,
      durability: nothingToCommit,
      pubSub: new PubSub(),
      authenticator: { required: false, authenticate: () => undefined },
      settings: { get: () => undefined, names: () => [], set: () => undefined },
      facts: { version: '0.0.0', port: 0, configFile: '', persistence: () => [] },
      onBug: (error) => {
        throw error;
      },
      ...options,
    });
  }

  client(proto: 2 | 3 = 2, user: ClientUser = { name: 'default', compat: false }): TestClient {
    return new TestClient(this.server, proto, user);
  }
}

/** Numbers that look random and are the same in every run (mulberry32). */
export function fixedSequence(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
