import type { ByteString } from '../kernel/bytes.ts';
import { type Change, type ChangeConsumer, type ChangeStream, Op, Space } from '../store/engine/change.ts';
import type { Client, Tracking } from './client.ts';

/** Keys remembered for all clients together; beyond it the oldest is invalidated early, as Redis's tracking-table-max-keys. */
const MAX_KEYS = 1_000_000;

/** What waits to be told to one client. `all` stands for every key: the keyspace was flushed. */
interface Pending {
  all: boolean;
  /** Default mode: one message for each. */
  readonly keys: Set<ByteString>;
  /** Broadcast mode: one message for each prefix, with all its keys. */
  readonly byPrefix: Map<ByteString, Set<ByteString>>;
}

/**
 * Server-assisted client-side caching (Redis CLIENT TRACKING): which client read which key, and the message that a key changed.
 *
 * In the default mode a key is remembered until its first change; in broadcast mode by prefix, for ever. Messages of the client's
 * own command follow its reply: they are collected and sent by `deliver` after the command, or at the end of the turn where no
 * command made the change.
 */
export class TrackingTable implements ChangeConsumer {
  readonly #changes: ChangeStream;
  readonly #clients: ReadonlyMap<number, Client>;
  readonly #readers = new Map<ByteString, Set<number>>();
  readonly #broadcast = new Set<Client>();
  readonly #trackers = new Set<Client>();
  readonly #pending = new Map<Client, Pending>();
  /** Whose command runs; NOLOOP looks at it. */
  #current: Client | undefined;
  #unsubscribe: (() => void) | undefined;
  #items = 0;

  constructor(changes: ChangeStream, clients: ReadonlyMap<number, Client>) {
    this.#changes = changes;
    this.#clients = clients;
  }

  get clients(): number {
    return this.#trackers.size;
  }

  get keys(): number {
    return this.#readers.size;
  }

  /** Keys counted once for each client that read them. */
  get items(): number {
    return this.#items;
  }

  get prefixes(): number {
    const prefixes = new Set<ByteString>();
    for (const client of this.#broadcast) for (const prefix of client.tracking?.prefixes ?? []) prefixes.add(prefix);
    return prefixes.size;
  }

  enable(client: Client, tracking: Tracking): void {
    client.tracking = tracking;
    this.#trackers.add(client);
    if (tracking.mode === 'broadcast') this.#broadcast.add(client);
    this.#unsubscribe ??= this.#changes.subscribe(this);
  }

  /** Tracking off, RESET, or the connection is gone. Ids left behind in the table are skipped when their key changes. */
  forget(client: Client): void {
    client.tracking = undefined;
    this.#pending.delete(client);
    this.#broadcast.delete(client);
    if (!this.#trackers.delete(client) || this.#trackers.size > 0) return;
    this.#readers.clear();
    this.#items = 0;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  get active(): boolean {
    return this.#trackers.size > 0;
  }

  /** A command of `client` begins, or (undefined) has ended; its own changes are told or not by NOLOOP. */
  begin(client: Client | undefined): void {
    this.#current = client;
  }

  /**
   * The client read these keys by a command that may be cached.
   * @param caching what CLIENT CACHING said before that command
   */
  remember(client: Client, keys: readonly ByteString[], caching = client.tracking?.caching): void {
    const { tracking } = client;
    if (tracking === undefined || tracking.mode === 'broadcast') return;
    if (tracking.mode === 'optin' && caching !== 'yes') return;
    if (tracking.mode === 'optout' && caching === 'no') return;
    for (const key of keys) {
      let readers = this.#readers.get(key);
      if (readers === undefined) {
        readers = new Set();
        this.#readers.set(key, readers);
      }
      if (!readers.has(client.id)) this.#items++;
      readers.add(client.id);
      if (this.#readers.size > MAX_KEYS) {
        const [oldest] = this.#readers.keys() as Iterable<ByteString> as [ByteString];
        this.#invalidate(oldest, undefined);
      }
    }
  }

  change(change: Readonly<Change>): void {
    if (change.space === Space.internal) return;
    if (change.op === Op.flush) {
      if (change.space !== Space.user) return;
      this.#readers.clear();
      this.#items = 0;
      for (const client of this.#trackers) this.#pendingOf(client).all = true;
      return;
    }
    this.touch(change.space, change.key);
  }

  /** A key changed, or a command wrote to it without changing anything. */
  touch(space: Space, key: ByteString): void {
    this.#invalidate(key, space);
    for (const client of this.#broadcast) {
      if (!this.#concerns(client, key, space)) continue;
      for (const prefix of client.tracking?.prefixes ?? [])
        if (key.startsWith(prefix)) addTo(this.#pendingOf(client).byPrefix, prefix, key);
    }
  }

  get anyPending(): boolean {
    return this.#pending.size > 0;
  }

  /** Sends what was collected, each key once. */
  deliver(): void {
    for (const [client, pending] of this.#pending) {
      const { tracking } = client;
      if (tracking === undefined) continue;
      const receiver = tracking.redirect === 0 ? client : this.#clients.get(tracking.redirect);
      if (receiver === undefined) tellBroken(client, tracking);
      else send(receiver, pending, receiver !== client);
    }
    this.#pending.clear();
  }

  /** @param space of the change; undefined when the table itself forgets the key. */
  #invalidate(key: ByteString, space: Space | undefined): void {
    const readers = this.#readers.get(key);
    if (readers === undefined) return;
    this.#readers.delete(key);
    this.#items -= readers.size;
    for (const id of readers) {
      const client = this.#clients.get(id);
      if (client?.tracking === undefined || client.tracking.mode === 'broadcast') continue;
      if (this.#concerns(client, key, space)) this.#pendingOf(client).keys.add(key);
    }
  }

  /** Whether the change is of the key that this name means to the client, and not one it asked not to hear of. */
  #concerns(client: Client, key: ByteString, space: Space | undefined): boolean {
    if (client === this.#current && client.tracking?.noLoop === true) return false;
    return space === undefined || client.keyspace(key).space === space;
  }

  #pendingOf(client: Client): Pending {
    const pending = this.#pending.get(client);
    if (pending !== undefined) return pending;
    // Where a command made the change, it delivers before this; an expiry or another face's write has nobody else to do it.
    if (this.#pending.size === 0) queueMicrotask(() => this.deliver());
    const created: Pending = { all: false, keys: new Set(), byPrefix: new Map() };
    this.#pending.set(client, created);
    return created;
  }
}

function addTo(batches: Map<ByteString, Set<ByteString>>, prefix: ByteString, key: ByteString): void {
  const keys = batches.get(prefix);
  if (keys === undefined) batches.set(prefix, new Set([key]));
  else keys.add(key);
}

function tellBroken(client: Client, tracking: Tracking): void {
  tracking.brokenRedirect = true;
  if (client.reply.proto !== 3) return;
  client.reply.push(2);
  client.reply.bulk('tracking-redir-broken');
  client.reply.int(tracking.redirect);
  client.connection.flush();
}

/** RESP3: a push of its own. RESP2: a pub/sub message, for a receiver that others redirect to and that subscribed to something. */
function send(receiver: Client, { all, keys, byPrefix }: Pending, redirected: boolean): void {
  if (receiver.reply.proto === 2 && (!redirected || !receiver.subscribed)) return;
  if (all) sendOne(receiver, undefined);
  else {
    for (const key of keys) sendOne(receiver, [key]);
    // Redis keeps both in radix trees, so they come in the order of their bytes.
    for (const prefix of [...byPrefix.keys()].sort()) sendOne(receiver, [...(byPrefix.get(prefix) ?? [])].sort());
  }
  receiver.connection.flush();
}

function sendOne({ reply }: Client, keys: readonly ByteString[] | undefined): void {
  if (reply.proto === 3) {
    reply.push(2);
    reply.bulk('invalidate');
  } else {
    reply.array(3);
    reply.bulk('message');
    reply.bulk('__redis__:invalidate');
  }
  if (keys === undefined) {
    reply.nil();
  } else {
    reply.array(keys.length);
    for (const key of keys) reply.bulk(key);
  }
}
