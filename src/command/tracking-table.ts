import type { ByteString } from '../kernel/bytes.ts';
import { type Change, type ChangeConsumer, type ChangeStream, Op, Space } from '../store/engine/change.ts';
import type { Client, Tracking } from './client.ts';

/** Keys remembered for all clients together; beyond it the oldest is invalidated early, as Redis's tracking-table-max-keys. */
const MAX_KEYS = 1_000_000;

/**
 * Server-assisted client-side caching (Redis CLIENT TRACKING): which client read which key, and the message that a key changed.
 *
 * In the default mode a key is remembered until its first change; in broadcast mode by prefix, for ever. Messages of the client's
 * own command follow its reply: they are collected and sent by `deliver` after the command.
 */
export class TrackingTable implements ChangeConsumer {
  readonly #changes: ChangeStream;
  readonly #clients: ReadonlyMap<number, Client>;
  readonly #readers = new Map<ByteString, Set<number>>();
  readonly #broadcast = new Set<Client>();
  readonly #trackers = new Set<Client>();
  /** Messages not delivered yet: per receiving client the keys, or everything. */
  readonly #pending = new Map<Client, Set<ByteString> | 'all'>();
  /** Whose command runs; NOLOOP looks at it. */
  #current: Client | undefined;
  #unsubscribe: (() => void) | undefined;

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

  get prefixes(): number {
    let count = 0;
    for (const client of this.#broadcast) count += Math.max(1, client.tracking?.prefixes.length ?? 0);
    return count;
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
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  get active(): boolean {
    return this.#trackers.size > 0;
  }

  /** A command of `client` begins; its own changes are told or not by NOLOOP. */
  begin(client: Client | undefined): void {
    this.#current = client;
  }

  /** The client read these keys by a command that may be cached. */
  remember(client: Client, keys: readonly ByteString[]): void {
    const { tracking } = client;
    if (tracking === undefined || tracking.mode === 'broadcast') return;
    if (tracking.mode === 'optin' && tracking.caching !== 'yes') return;
    if (tracking.mode === 'optout' && tracking.caching === 'no') return;
    for (const key of keys) {
      const readers = this.#readers.get(key);
      if (readers === undefined) this.#readers.set(key, new Set([client.id]));
      else readers.add(client.id);
      if (this.#readers.size > MAX_KEYS) {
        const [oldest] = this.#readers.keys() as Iterable<ByteString> as [ByteString];
        this.#invalidate(oldest);
      }
    }
  }

  change(change: Readonly<Change>): void {
    if (change.space === Space.internal) return;
    if (change.op === Op.flush) {
      this.#readers.clear();
      for (const client of this.#trackers) this.#pending.set(client, 'all');
      return;
    }
    this.#invalidate(change.key);
    for (const client of this.#broadcast) {
      const prefixes = client.tracking?.prefixes ?? [];
      if (prefixes.length === 0 || prefixes.some((prefix) => change.key.startsWith(prefix)))
        this.#note(client, change.key);
    }
  }

  get anyPending(): boolean {
    return this.#pending.size > 0;
  }

  /** Sends what was collected, each key once. */
  deliver(): void {
    for (const [client, keys] of this.#pending) {
      const receiver = client.tracking?.redirect ? this.#clients.get(client.tracking.redirect) : client;
      if (receiver === undefined) this.#tellBroken(client);
      else send(receiver, keys, receiver !== client);
    }
    this.#pending.clear();
  }

  #invalidate(key: ByteString): void {
    const readers = this.#readers.get(key);
    if (readers === undefined) return;
    this.#readers.delete(key);
    for (const id of readers) {
      const client = this.#clients.get(id);
      if (client?.tracking !== undefined && client.tracking.mode !== 'broadcast') this.#note(client, key);
    }
  }

  #note(client: Client, key: ByteString): void {
    if (client === this.#current && client.tracking?.noLoop === true) return;
    const pending = this.#pending.get(client);
    if (pending === 'all') return;
    if (pending === undefined) this.#pending.set(client, new Set([key]));
    else pending.add(key);
  }

  #tellBroken(client: Client): void {
    if (client.reply.proto !== 3) return;
    client.reply.push(2);
    client.reply.bulk('tracking-redir-broken');
    client.reply.int(client.tracking?.redirect ?? 0);
    client.connection.flush();
  }
}

/** RESP3: a push of its own. RESP2: a pub/sub message, for a redirected receiver that subscribed to the channel. */
function send(receiver: Client, keys: ReadonlySet<ByteString> | 'all', redirected: boolean): void {
  const batches: (readonly ByteString[] | undefined)[] = keys === 'all' ? [undefined] : [...keys].map((key) => [key]);
  const { reply } = receiver;
  if (reply.proto === 2 && (!redirected || !receiver.channels.has('__redis__:invalidate'))) return;
  for (const batch of batches) {
    if (reply.proto === 3) {
      reply.push(2);
      reply.bulk('invalidate');
    } else {
      reply.array(3);
      reply.bulk('message');
      reply.bulk('__redis__:invalidate');
    }
    if (batch === undefined) {
      if (reply.proto === 3) reply.nil();
      else reply.nilArray();
    } else {
      reply.array(batch.length);
      for (const key of batch) reply.bulk(key);
    }
  }
  receiver.connection.flush();
}
