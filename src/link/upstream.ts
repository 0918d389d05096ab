import type { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Histogram } from '../kernel/histogram.ts';
import type { ReplyValue } from '../resp/reply-decoder.ts';

/** Who waits for replies. Called once for every reply frame that was asked for, or once `failed` in place of those still missing. */
export interface ReplyReceiver {
  /** @param frame one whole reply as it came, latin1, in the protocol of the lane @param source where from, if one server gave it */
  replied(frame: ByteString, source?: ReplySource): void;
  /** STORE_TIMEOUT (it was sent and may have run), STORE_UNAVAILABLE (it was never sent), OVERLOADED (the queue is full). */
  failed(error: SluiceError): void;
}

/** The connection that a reply came over. Whatever comes over one is from one process, from its first byte to its last. */
export interface ReplySource {
  /** HOST:PORT of its other end. */
  readonly name: string;
  /** Asks something after all that was sent over it. */
  send(text: ByteString, receiver: ReplyReceiver): void;
  /** One more connection to the same address, its caller's own; what is sent before it stands waits for it. */
  another(events: { closed(reason: string): void }): OwnConnection;
}

/** A connection that is not shared, without time limits. */
export interface OwnConnection {
  /** @param text whole commands as RESP, `replies` of them */
  send(text: ByteString, receiver: ReplyReceiver, replies: number): void;
  destroy(reason: string): void;
}

/** What has to be known of a command to send it. */
export interface Route {
  /** Reads only: may be sent again when its outcome is unknown. */
  readonly idempotent: boolean;
  /** May take as long as it likes: BLPOP and its like. @default false */
  readonly blocking?: boolean;
  /** Positions of its keys in `argv`; empty when it has none. Asked for only where the place of a key matters (Cluster). */
  keyPositions(argv: readonly ByteString[]): readonly number[];
}

/** Told of what happens on the tracked lanes. `source` names a lane; its number is never used again while the process lives. */
export interface TrackingListener {
  /** Tracking is on: what is read on this lane from now on is told of when it changes. */
  attached(source: number): void;
  /** Something was heard from the server: everything told before is in. @param at monotonic ms */
  heard(source: number, at: number): void;
  /** Nothing more will be told. */
  lost(source: number): void;
  /** The key changed, or all keys did. */
  invalidated(source: number, key: ByteString | null): void;
}

/** A connection of one client's own. Commands are answered in order; what answers none goes to `onPush`. */
export interface DedicatedConnection {
  /** @param replies frames it is answered by. @default 1 */
  send(argv: readonly ByteString[], route: Route, receiver: ReplyReceiver, replies?: number): void;
  /** Gives it back. `clean`: it holds no state (no MULTI, WATCH, subscription, tracking …) and may serve another client. */
  release(clean: boolean): void;
}

export interface DedicatedOwner {
  /** A push (RESP3), or on a RESP2 connection in subscribed mode any frame beyond those asked for. */
  pushed(frame: ByteString): void;
  /** The connection is gone; what was in flight has been told `failed` before. */
  lost(error: SluiceError): void;
}

/** The servers behind Sluice, whatever their topology. Every method is asynchronous in effect: no receiver is called before it returns. */
export interface Upstream {
  /** Numbered as metrics and health show them. */
  readonly nodes: readonly UpstreamNode[];
  /** Sends a plain command over a shared connection of that protocol. */
  send(argv: readonly ByteString[], route: Route, proto: 2 | 3, receiver: ReplyReceiver): void;
  /**
   * Reads on the tracked lane of the node that has `key`: the commands' replies come in order to `receiver`.
   * @param commands whole commands as RESP, `replies` of them
   */
  fetch(key: ByteString, commands: string, replies: number, receiver: FetchReceiver): void;
  /** Calls back once everything that was changed before this call is told to the tracking listener; false when that cannot be known. */
  barrier(done: (complete: boolean) => void): void;
  /** A connection of one's own, opened when first used. @throws SluiceError OVERLOADED when the pool is used up */
  dedicate(proto: 2 | 3, database: number, owner: DedicatedOwner): DedicatedConnection;
  /**
   * One command, decoded, for the ports. Error replies are values.
   * @param answered told before where the reply came from, if one server gave it
   * @throws SluiceError STORE_TIMEOUT, STORE_UNAVAILABLE, OVERLOADED
   */
  call(
    argv: readonly ByteString[],
    route: Route,
    signal?: AbortSignal,
    answered?: (source: ReplySource) => void,
  ): Promise<ReplyValue>;
  close(): void;
}

export interface FetchReceiver extends ReplyReceiver {
  /** Called just before the commands are written: `source` is the tracked lane they go over; its state is as of now. */
  begun(source: number): void;
}

/** What can be seen of a node. */
export interface UpstreamNode {
  /** HOST:PORT as configured or discovered. */
  readonly name: string;
  readonly state: 'connecting' | 'up' | 'down';
  /** Tracking is on and its lane has been heard within the heartbeat. */
  readonly tracking: boolean;
  readonly inFlight: number;
  readonly queued: number;
  readonly dedicated: number;
  readonly counters: UpstreamCounters;
  /** Of heartbeats, ms. */
  readonly roundTrips: Histogram;
}

/** Counters that only grow. */
export interface UpstreamCounters {
  /** Connections established again after one was lost. */
  reconnects: number;
  commands: number;
  /** Refused because the queue was full. */
  overloaded: number;
  /** Outcome unknown. */
  unknown: number;
  /** Never sent, since the node was away. */
  away: number;
  /** Reads sent again. */
  retries: number;
  /** Keys named by invalidations; `flushes`: times all keys were. */
  invalidations: number;
  flushes: number;
}
