import type { Audit } from '../guard/audit.ts';
import type { Credentials } from '../guard/credentials.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Durability } from '../store/engine/durability.ts';
import type { Engine } from '../store/engine/engine.ts';
import type { Keyspace } from '../store/engine/keyspace.ts';
import type { PubSub } from '../store/engine/pub-sub.ts';
import { BlockedClients } from './blocked-clients.ts';
import type { Client, ClientUser } from './client.ts';
import { errorClass } from './command-error.ts';
import { unsubscribeAll } from './leave.ts';
import { OperationRate } from './operation-rate.ts';
import { endRevoked } from './revoked.ts';
import { commandNamed, commandTable, findCommand } from './table.ts';
import { TrackingTable } from './tracking-table.ts';
import { WatchTable } from './watch-table.ts';

/** Who may come in; made from the configured users. */
export interface Authenticator {
  /** True when credentials are configured: then a client must authenticate first. */
  readonly required: boolean;
  /** Compares in constant time. @returns undefined when name or secret are wrong. */
  authenticate(name: ByteString, secret: ByteString): ClientUser | undefined;
  /** Who connections begin as where nobody must authenticate. @default a user who may do everything */
  readonly guest?: ClientUser;
  /** The users themselves, for the commands about them; absent: these are refused. */
  readonly acl?: Credentials;
}

/** Settings that CONFIG GET shows and CONFIG SET changes, under Redis's lower case names. */
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
  readonly durability: Durability;
  readonly pubSub: PubSub;
  readonly authenticator: Authenticator;
  readonly settings: Settings;
  readonly facts: ServerFacts;
  /** Where commands that change the node are written down. @default nowhere */
  readonly audit?: Audit;
  /** Told about an exception that is no refusal but a bug; its client gets `ERR internal error`. @default does nothing */
  readonly onBug?: (error: unknown) => void;
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

const MAX_ERROR_CLASSES = 128;

/** What all RESP clients of a node share. */
export class Server {
  readonly engine: Engine;
  /** When the outcome of a write may be told. */
  readonly durability: Durability;
  readonly pubSub: PubSub;
  readonly authenticator: Authenticator;
  readonly settings: Settings;
  readonly facts: ServerFacts;
  readonly audit: Audit | undefined;
  /** ms since the epoch. */
  readonly startedAt: number;
  /** The command table, for the commands that tell about commands. */
  readonly commands = { all: commandTable, named: commandNamed, find: findCommand } as const;
  readonly clients = new Map<number, Client>();
  readonly watches: WatchTable;
  readonly blocked: BlockedClients;
  readonly tracking: TrackingTable;
  /** Who runs a command that may close connections: it gets its reply first. */
  acting: Client | undefined;
  readonly counters: CommandCounters = {
    connections: 0,
    rejectedConnections: 0,
    commands: 0,
    hits: 0,
    misses: 0,
    errors: 0,
  };
  /** Error replies by the first word of their text. */
  readonly errors = new Map<string, number>();
  readonly #rate = new OperationRate();
  readonly #onBug: (error: unknown) => void;
  #lastId = 0;

  constructor(options: ServerOptions) {
    this.engine = options.engine;
    this.durability = options.durability;
    this.pubSub = options.pubSub;
    this.authenticator = options.authenticator;
    this.settings = options.settings;
    this.facts = options.facts;
    this.audit = options.audit;
    this.#onBug = options.onBug ?? (() => undefined);
    this.startedAt = options.engine.clock.now();
    this.watches = new WatchTable(options.engine.changes);
    this.blocked = new BlockedClients(options.engine);
    this.tracking = new TrackingTable(options.engine.changes, this.clients);
    options.authenticator.acl?.watch((user, change, before) => endRevoked(this, user, change, before));
  }

  /** Commands per second over the last one to two seconds. */
  get commandsPerSecond(): number {
    return this.#rate.perSecond(this.engine.clock.now(), this.counters.commands);
  }

  /** @param time of the turn, ms since the epoch. */
  countCommand(time: number): void {
    this.#rate.note(time, this.counters.commands);
    this.counters.commands++;
  }

  /** An error reply is about to be written; one that no command meant to give is a bug. */
  countError(error: unknown): void {
    this.counters.errors++;
    const name = errorClass(error);
    if (name === undefined) this.#onBug(error);
    const known = name ?? 'ERR';
    // The words come from our own texts, yet a bound keeps a slip there from growing the table.
    if (this.errors.has(known) || this.errors.size < MAX_ERROR_CLASSES)
      this.errors.set(known, (this.errors.get(known) ?? 0) + 1);
  }

  /** A command wrote to a key without changing anything, which Redis tells as a change: LTRIM of nothing, APPEND of ''. */
  touch(space: Keyspace, key: ByteString): void {
    this.watches.touch(space.space, key);
    if (this.tracking.active) this.tracking.touch(space.space, key);
  }

  resetStatistics(): void {
    for (const name of Object.keys(this.counters) as (keyof CommandCounters)[]) this.counters[name] = 0;
    this.errors.clear();
    this.#rate.reset();
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
    unsubscribeAll(this, client);
  }
}
