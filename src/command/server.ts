import type { ByteString } from '../kernel/bytes.ts';
import type { Engine } from '../store/engine/engine.ts';
import type { PubSub } from '../store/engine/pub-sub.ts';
import { BlockedClients } from './blocked-clients.ts';
import type { Client, ClientUser } from './client.ts';
import { TrackingTable } from './tracking-table.ts';
import { WatchTable } from './watch-table.ts';

/** Who may come in; made from the configured users. */
export interface Authenticator {
  /** True when credentials are configured: then a client must authenticate first. */
  readonly required: boolean;
  /** Compares in constant time. @returns undefined when name or secret are wrong. */
  authenticate(name: string, secret: ByteString): ClientUser | undefined;
}

/** Settings that CONFIG GET shows and CONFIG SET changes, under Redis's names. */
export interface Settings {
  get(name: string): string | undefined;
  names(): readonly string[];
  /** @throws CommandError when the name is unknown, not settable here, or the value is bad. */
  set(name: string, value: string): void;
}

/** What INFO says beyond what the engine knows, by section. */
export interface ServerFacts {
  readonly version: string;
  readonly port: number;
  readonly configFile: string;
  /** Lines `name:value` of the persistence section. */
  persistence(): readonly (readonly [string, string | number])[];
}

export interface ServerOptions {
  readonly engine: Engine;
  readonly pubSub: PubSub;
  readonly authenticator: Authenticator;
  readonly settings: Settings;
  readonly facts: ServerFacts;
}

/** Counters that only grow. */
export interface CommandCounters {
  connections: number;
  rejectedConnections: number;
  commands: number;
  hits: number;
  misses: number;
  errors: number;
}

/** What all RESP clients of a node share. */
export class Server {
  readonly engine: Engine;
  readonly pubSub: PubSub;
  readonly authenticator: Authenticator;
  readonly settings: Settings;
  readonly facts: ServerFacts;
  readonly startedAt: number;
  readonly clients = new Map<number, Client>();
  readonly watches: WatchTable;
  readonly blocked: BlockedClients;
  readonly tracking: TrackingTable;
  readonly counters: CommandCounters = {
    connections: 0,
    rejectedConnections: 0,
    commands: 0,
    hits: 0,
    misses: 0,
    errors: 0,
  };
  #lastId = 0;

  constructor(options: ServerOptions) {
    this.engine = options.engine;
    this.pubSub = options.pubSub;
    this.authenticator = options.authenticator;
    this.settings = options.settings;
    this.facts = options.facts;
    this.startedAt = options.engine.clock.now();
    this.watches = new WatchTable(options.engine.changes);
    this.blocked = new BlockedClients(options.engine);
    this.tracking = new TrackingTable(options.engine.changes, this.clients);
  }

  nextClientId(): number {
    return ++this.#lastId;
  }

  add(client: Client): void {
    this.clients.set(client.id, client);
    this.counters.connections++;
  }

  /** The connection is gone: nothing may point at the client any more. */
  remove(client: Client): void {
    this.clients.delete(client.id);
    this.watches.forget(client);
    this.blocked.forget(client);
    this.tracking.forget(client);
    for (const channel of client.channels) this.pubSub.unsubscribe(channel, client);
    for (const pattern of client.patterns) this.pubSub.unsubscribePattern(pattern, client);
  }
}
