import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fifo } from '../kernel/fifo.ts';
import { Histogram } from '../kernel/histogram.ts';
import { encodeCommand } from '../resp/encode-command.ts';
import { DedicatedPool } from './dedicated-pool.ts';
import { Lane } from './lane.ts';
import { type Endpoint, isPrimary, type LinkLogin } from './link-connection.ts';
import { Operation, type OperationOwner } from './operation.ts';
import { invalidatedKeys } from './push.ts';
import type {
  DedicatedConnection,
  DedicatedOwner,
  FetchReceiver,
  ReplyReceiver,
  TrackingListener,
  UpstreamCounters,
  UpstreamNode,
} from './upstream.ts';

/** Bounds and times of a link. Durations in ms. */
export interface LinkSettings {
  /** Operations under way at a time, over all shared connections of a node. @default 1024 */
  readonly opsInFlight: number;
  /** Operations that wait for their turn beyond those. @default 16384 */
  readonly maxQueued: number;
  /** Connections for clients of their own, per node. @default 256 */
  readonly dedicated: number;
  /** How long a reply may be owed with nothing heard before the connection counts as dead. @default 5000 */
  readonly timeout: number;
  /** How long a read may wait for a connection or be tried again. @default 1000 */
  readonly retryFor: number;
  /** Nothing cached is fresh when the tracked lane has not answered for so long. @default 1000 */
  readonly heartbeat: number;
}

/** What the shared parts of an upstream know of each other. */
export interface LinkContext {
  readonly login: LinkLogin;
  readonly database: number;
  readonly settings: LinkSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly listener: TrackingListener;
  /** Numbers for tracked lanes: 1 to 65535, then again from 1. */
  readonly nextSource: () => number;
  /** Told of every change of state of a node. */
  readonly onState?: (node: UpstreamNode, reason: string) => void;
  /** Told of faults of Sluice itself. */
  readonly onFault?: (error: unknown) => void;
  /** Reads are cached: a tracked lane is held open. */
  readonly tracking: boolean;
  /**
   * The server must be a primary for all connections (Sentinel), or for the tracked one only (Cluster, where a replica says itself
   * where its keys are now). @default it need not
   */
  readonly primary?: 'everywhere' | 'tracked';
}

const TICKS_MS = 100;
/** Heartbeats in the time that ends freshness. */
const BEATS = 4;
/** Bytes of commands under way and waiting, beyond which more are refused: their number alone does not bound them. */
const MAX_BYTES = 256 * 1024 * 1024;
const ping = encodeCommand(['PING']);
const role = encodeCommand(['ROLE']);

/** One server: its shared lanes, its tracked lane, its dedicated connections, and what bounds them. */
export class NodeLink implements UpstreamNode, OperationOwner {
  readonly name: string;
  readonly counters: UpstreamCounters = {
    reconnects: 0,
    commands: 0,
    overloaded: 0,
    unknown: 0,
    away: 0,
    retries: 0,
    invalidations: 0,
    flushes: 0,
  };
  /** Round trips of heartbeats, ms. */
  readonly roundTrips = new Histogram();
  readonly #context: LinkContext;
  readonly #lanes: Readonly<Record<'resp2' | 'resp3' | 'tracked', Lane>>;
  readonly #pool: DedicatedPool;
  #inFlight = 0;
  readonly #queue = new Fifo<{ readonly lane: Lane; readonly operation: Operation }>();
  #bytes = 0;
  /** The tracked lane's source, 0 while there is none or the server does not track. */
  #source = 0;
  #heardAt = Number.NEGATIVE_INFINITY;
  #beatSentAt: number | undefined;
  #nextBeatAt = 0;
  #timer: { cancel(): void };
  #state: UpstreamNode['state'] = 'connecting';
  #closed = false;

  constructor(name: string, locate: () => Promise<Endpoint>, context: LinkContext) {
    this.name = name;
    this.#context = context;
    const { login, clock, random, database, settings } = context;
    const primary = context.primary === 'everywhere';
    const refusedWrite = primary ? { refusedWrite: () => this.#askSoon() } : {};
    const lane = (proto: 2 | 3, tracked: boolean): Lane =>
      new Lane(
        {
          ...login,
          ...refusedWrite,
          ...{ proto, database, tracking: tracked && context.tracking, clock, random, locate },
          primary: primary || (tracked && context.primary !== undefined),
        },
        this.#laneEvents(tracked),
      );
    this.#lanes = { resp2: lane(2, false), resp3: lane(3, false), tracked: lane(3, true) };
    this.#pool = new DedicatedPool({
      ...login,
      ...refusedWrite,
      primary,
      clock,
      locate,
      limit: settings.dedicated,
      onFault: (error) => this.#context.onFault?.(error),
    });
    this.#timer = clock.setTimer(() => this.#tick(), TICKS_MS);
    // Held open whether or not anybody reads: its state is the node's.
    this.#lanes.tracked.open();
  }

  get state(): UpstreamNode['state'] {
    return this.#state;
  }

  get tracking(): boolean {
    return this.#source !== 0 && this.#context.clock.monotonic() - this.#heardAt <= this.#context.settings.heartbeat;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** A shared connection stands. */
  get isReachable(): boolean {
    return Object.values(this.#lanes).some(({ state }) => state === 'up');
  }

  get dedicated(): number {
    return this.#pool.size;
  }

  /** @param text one command as RESP */
  send(text: ByteString, idempotent: boolean, proto: 2 | 3, receiver: ReplyReceiver, replies = 1): void {
    const operation = new Operation(this, text, replies, idempotent, this.#deadline(), receiver);
    this.#admit(proto === 2 ? this.#lanes.resp2 : this.#lanes.resp3, operation);
  }

  fetch(commands: ByteString, replies: number, receiver: FetchReceiver): void {
    this.#admit(
      this.#lanes.tracked,
      new Operation(this, commands, replies, true, this.#deadline(), receiver, receiver),
    );
  }

  barrier(done: (complete: boolean) => void): void {
    const source = this.#source;
    const answer = (complete: boolean): void => done(complete && source !== 0 && source === this.#source);
    const sent =
      source !== 0 && this.#lanes.tracked.sendNow(ping, { replied: () => answer(true), failed: () => answer(false) });
    if (!sent) queueMicrotask(() => done(false));
  }

  /** @throws SluiceError OVERLOADED */
  dedicate(proto: 2 | 3, database: number, owner: DedicatedOwner): DedicatedConnection {
    return this.#pool.take(proto, database, owner);
  }

  /** The server is elsewhere now. @param to where, when it is known: connections to there stay */
  move(reason: string, to?: Endpoint): void {
    for (const lane of Object.values(this.#lanes)) lane.move(reason, to);
    this.#pool.close(reason, to);
  }

  /** Gives back what waits for a connection: it belongs to another node now. */
  giveBack(): void {
    for (const lane of Object.values(this.#lanes)) lane.giveBack();
  }

  close(): void {
    this.#closed = true;
    this.#timer.cancel();
    for (const { operation } of this.#queue.drain()) {
      operation.refuse(new SluiceError('STORE_UNAVAILABLE', 'Sluice closes; the command was not sent'));
    }
    for (const lane of Object.values(this.#lanes)) lane.close();
    this.#pool.close('Sluice closes');
  }

  finished({ text }: Operation): void {
    this.#inFlight--;
    this.#bytes -= text.length;
    while (this.#inFlight < this.#context.settings.opsInFlight) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#start(next.lane, next.operation);
    }
  }

  countFailure({ code }: SluiceError): void {
    if (code === 'OVERLOADED') this.counters.overloaded++;
    else if (code === 'STORE_TIMEOUT') this.counters.unknown++;
    else this.counters.away++;
  }

  retry(operation: Operation): boolean {
    const { clock } = this.#context;
    if (this.#closed || operation.deadline <= clock.monotonic()) return false;
    this.counters.retries++;
    operation.lane?.resubmit(operation);
    return operation.lane !== undefined;
  }

  #admit(lane: Lane, operation: Operation): void {
    const { opsInFlight, maxQueued } = this.#context.settings;
    const { length } = operation.text;
    operation.lane = lane;
    // One alone may be of any size: it is here already.
    const isTooMuch = this.#bytes > 0 && this.#bytes + length > MAX_BYTES;
    if (isTooMuch || (this.#inFlight >= opsInFlight && this.queued >= maxQueued)) {
      const what = isTooMuch ? `${MAX_BYTES} bytes of commands` : `${maxQueued} commands`;
      const error = new SluiceError('OVERLOADED', `${what} wait for ${this.name} already; the command was not sent`);
      queueMicrotask(() => operation.refuse(error));
      return;
    }
    this.#bytes += length;
    if (this.#inFlight < opsInFlight) this.#start(lane, operation);
    else this.#queue.push({ lane, operation });
  }

  #start(lane: Lane, operation: Operation): void {
    this.#inFlight++;
    this.counters.commands++;
    lane.submit(operation);
  }

  #deadline(): number {
    return this.#context.clock.monotonic() + this.#context.settings.retryFor;
  }

  #laneEvents(tracked: boolean): ConstructorParameters<typeof Lane>[1] {
    let wasEverUp = false;
    return {
      up: (tracking) => {
        if (wasEverUp) this.counters.reconnects++;
        wasEverUp = true;
        for (const lane of Object.values(this.#lanes)) lane.hasten();
        if (!tracked) return 0;
        this.#attach(tracking);
        return this.#source;
      },
      down: (reason) => {
        if (!tracked) return;
        this.#detach();
        // One failed attempt after a loss is how a restart looks; the state says what clients meet.
        this.#setState(this.#lanes.tracked.state === 'down' ? 'down' : 'connecting', reason);
      },
      pushed: (frame) => {
        if (tracked) this.#pushed(frame);
      },
      fault: (error) => this.#context.onFault?.(error),
    };
  }

  #attach(tracking: boolean): void {
    const { clock, listener, nextSource } = this.#context;
    this.#beatSentAt = undefined;
    if (tracking && this.#context.tracking) {
      this.#source = nextSource();
      this.#heardAt = clock.monotonic();
      listener.attached(this.#source);
      listener.heard(this.#source, this.#heardAt);
    }
    this.#setState('up', '');
  }

  #detach(): void {
    this.#beatSentAt = undefined;
    if (this.#source === 0) return;
    const source = this.#source;
    this.#source = 0;
    this.#context.listener.lost(source);
  }

  #pushed(frame: ByteString): void {
    if (this.#source === 0) return;
    const keys = invalidatedKeys(frame);
    if (keys === undefined) return;
    const { listener } = this.#context;
    if (keys === null) {
      this.counters.flushes++;
      listener.invalidated(this.#source, null);
      return;
    }
    for (const key of keys) {
      this.counters.invalidations++;
      listener.invalidated(this.#source, key);
    }
  }

  /** Asks the tracked lane whether it still tells; what was changed before the question is told before the answer. */
  #beat(now: number): void {
    const { tracked } = this.#lanes;
    if (tracked.state !== 'up' || this.#beatSentAt !== undefined || now < this.#nextBeatAt) return;
    const { heartbeat } = this.#context.settings;
    const sentAt = now;
    this.#nextBeatAt = now + heartbeat / BEATS;
    this.#beatSentAt = sentAt;
    const { primary } = this.#context;
    // A primary that is made a replica may keep its connections; what it tells from then on comes late.
    tracked.sendNow(primary === undefined ? ping : role, {
      replied: (frame) => {
        this.#beatSentAt = undefined;
        if (primary !== undefined && !isPrimary(frame)) {
          if (primary === 'everywhere') this.move('the server is not a primary any more');
          else tracked.move('the server is not a primary any more');
          return;
        }
        this.roundTrips.record(this.#context.clock.monotonic() - sentAt);
        if (this.#source === 0) return;
        this.#heardAt = sentAt;
        this.#context.listener.heard(this.#source, sentAt);
      },
      failed: () => {
        this.#beatSentAt = undefined;
      },
    });
  }

  /** It behaves as a replica does: what it is is asked at once. */
  #askSoon(): void {
    this.#nextBeatAt = 0;
  }

  #tick(): void {
    if (this.#closed) return;
    const { clock, settings } = this.#context;
    const now = clock.monotonic();
    for (const lane of Object.values(this.#lanes)) lane.tick(now, settings.timeout);
    this.#pool.tick(now, settings.timeout);
    this.#beat(now);
    this.#timer = clock.setTimer(() => this.#tick(), TICKS_MS);
  }

  #setState(state: UpstreamNode['state'], reason: string): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#context.onState?.(this, reason);
  }
}
