import type { SluiceError } from '../errors.ts';
import type { CommandAccess, Permissions } from '../guard/acl/permissions.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Reply } from '../resp/reply.ts';
import type { Engine } from '../store/engine/engine.ts';
import type { Keyspace } from '../store/engine/keyspace.ts';
import type { Subscriber } from '../store/engine/pub-sub.ts';
import { isCompatName } from '../store/keys.ts';
import type { Context } from './command.ts';
import type { PreparedCommand } from './prepared-command.ts';
import type { Server } from './server.ts';

/** Who a client is once it has authenticated, or the default user where no credentials are configured. */
export interface ClientUser {
  readonly name: string;
  /** May reach the keys that other programs agree on. */
  readonly compat: boolean;
  /** What it is allowed, as it stands at the moment; undefined: everything. */
  readonly permissions?: Permissions | undefined;
}

/** What the face gives a client: the way out, and what only the socket knows. */
export interface Connection {
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** Sends what the reply holds, as soon as the writes it reveals are durable. Called for output made outside the client's own turn. */
  flush(): void;
  /** Goes on with commands that arrived while the client was blocked. */
  resume(): void;
  /** Closes at once; output not sent yet is lost. */
  kill(): void;
  /** Bytes read and not yet executed. */
  readonly queryBytes: number;
  /** Bytes of output not yet taken by the kernel. */
  readonly outputBytes: number;
}

export interface QueuedCommand {
  readonly command: PreparedCommand;
  readonly argv: readonly ByteString[];
}

/** State between MULTI and EXEC. */
export interface Transaction {
  readonly queue: QueuedCommand[];
  /** A command was refused while queueing: EXEC will abort. */
  refused: boolean;
  /** EXEC runs the queue: blocking commands must not block, and messages wait for the end of the reply. */
  running: boolean;
  /** Bytes of the words queued. */
  bytes: number;
}

/** A client that waits for a list to get an element. */
export interface BlockedState {
  /** Keys it waits for, in order of preference. */
  readonly keys: readonly ByteString[];
  /** Tries again now that `key` may have something; writes the reply and returns true when it was served. */
  readonly serve: (key: ByteString) => boolean;
  /** Writes the reply for "nothing came in time". */
  readonly timedOut: () => void;
}

/** How CLIENT REPLY stands: `skip-next` becomes `skip` for one command, which then becomes `on`. */
export type ReplyMode = 'on' | 'off' | 'skip-next' | 'skip';

/** State of CLIENT TRACKING. */
export interface Tracking {
  readonly mode: 'default' | 'optin' | 'optout' | 'broadcast';
  readonly noLoop: boolean;
  readonly prefixes: readonly ByteString[];
  /** Client id that gets the messages, 0 = this one. */
  readonly redirect: number;
  /** CLIENT CACHING was given for the next command. */
  caching: 'yes' | 'no' | undefined;
  /** The client that should get the messages is gone. */
  brokenRedirect: boolean;
}

/** The part of a client whose commands are answered elsewhere: what the connection has to know of it. */
export interface RemoteSession {
  /** Replies still to come. */
  readonly owed: number;
  /** The next commands have to wait; `Connection.resume` says when no longer. */
  readonly stalled: boolean;
  /** Messages may come at any time. */
  readonly listening: boolean;
  /** A command waits for something that may never come. */
  readonly blocking: boolean;
  /** Runs one command. @returns its row in the table, where it has one */
  run(argv: readonly ByteString[], sameInstant: boolean): PreparedCommand | undefined;
  /** An error behind all replies so far. */
  error(message: string): void;
  /**
   * Asked by the execution of a command that may run here: whether it is answered otherwise, now or later.
   * @throws SluiceError MANAGED_KEY
   */
  intercept?(command: PreparedCommand, argv: readonly ByteString[]): boolean;
  /** What is asked about a command of the server behind; undefined where this node has it itself. */
  accessOf?(argv: readonly ByteString[]): CommandAccess | undefined;
  /** The connection is gone. */
  closed(): void;
}

/** One RESP connection as the commands see it. Pub/sub messages arrive through `message`. */
export class Client implements Subscriber {
  readonly id: number;
  readonly reply: Reply;
  readonly connection: Connection;
  /** ms since the epoch. */
  readonly createdAt: number;
  lastActiveAt: number;
  name: ByteString = '';
  libName: ByteString = '';
  libVersion: ByteString = '';
  /** Undefined until AUTH where credentials are configured. */
  user: ClientUser | undefined;
  lastCommand = 'NULL';
  transaction: Transaction | undefined;
  /** Keys under WATCH, and whether each was there then; `watchBroken` once one of them changed. */
  readonly watched = new Map<ByteString, boolean>();
  watchBroken = false;
  readonly channels = new Set<ByteString>();
  readonly patterns = new Set<ByteString>();
  tracking: Tracking | undefined;
  blocked: BlockedState | undefined;
  replyMode: ReplyMode = 'on';
  /** Where its commands are passed on, when they are. */
  remote: RemoteSession | undefined;
  noEvict = false;
  noTouch = false;
  /** The next command is refused with it: the face found it to be one too many. */
  refusal: SluiceError | undefined;
  /** The face closes the connection once the output so far is sent. */
  closing = false;
  /** Newest write that the pending output reveals; the face resets it when it takes the output. */
  revealed = 0;
  readonly #engine: Engine;
  #context: Context | undefined;
  /** Messages that came while EXEC was writing its reply. */
  #deferred: (() => void)[] = [];

  constructor(id: number, engine: Engine, connection: Connection, reply: Reply, user: ClientUser | undefined) {
    this.id = id;
    this.#engine = engine;
    this.connection = connection;
    this.reply = reply;
    this.user = user;
    this.createdAt = engine.clock.now();
    this.lastActiveAt = this.createdAt;
  }

  /** The dictionary a key name means to this client. */
  keyspace(key: ByteString): Keyspace {
    return this.user?.compat === true && isCompatName(key) ? this.#engine.compat : this.#engine.user;
  }

  /** In RESP2 a subscribed client may only manage its subscriptions. */
  get subscribed(): boolean {
    return this.channels.size + this.patterns.size > 0 || this.remote?.listening === true;
  }

  /** What commands of this client get as their first argument; one object for all of them. */
  contextOf(server: Server): Context {
    this.#context ??= { server, client: this };
    return this.#context;
  }

  message(channel: ByteString, payload: ByteString, pattern?: ByteString): void {
    if (this.transaction?.running === true) {
      this.#deferred.push(() => this.message(channel, payload, pattern));
      return;
    }
    const { reply } = this;
    // The publisher may have written in the same turn; its message must not be seen before that is durable.
    if (this.#engine.revealed > this.revealed) this.revealed = this.#engine.revealed;
    if (pattern === undefined) {
      reply.push(3);
      reply.bulk('message');
    } else {
      reply.push(4);
      reply.bulk('pmessage');
      reply.bulk(pattern);
    }
    reply.bulk(channel);
    reply.bulk(payload);
    this.connection.flush();
  }

  /** Writes the messages held back during EXEC, after its reply. */
  endDeferral(): void {
    const deferred = this.#deferred;
    if (deferred.length === 0) return;
    this.#deferred = [];
    for (const write of deferred) write();
  }
}
