import { SluiceError } from '../errors.ts';
import { backoff } from '../kernel/backoff.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { type Endpoint, LinkConnection, type LinkConnectionOptions, nameOf } from './link-connection.ts';
import type { Operation } from './operation.ts';

const RETRY = { first: 20, last: 1000 };
/** A connection that stood for so long was a good one. */
const STOOD_MS = 1000;

export interface LaneOptions extends Omit<LinkConnectionOptions, 'endpoint'> {
  /** Where the server is now; asked at every attempt. */
  readonly locate: () => Promise<Endpoint>;
  /** 0 to 1. */
  readonly random: () => number;
}

export interface LaneEvents {
  /** @param tracking whether the server tracks what is read here; @returns the source that operations are told of */
  up(tracking: boolean): number;
  /** @param wasUp the connection had been usable; @param reason for a person */
  down(reason: string, wasUp: boolean): void;
  pushed(frame: ByteString): void;
  /** A receiver threw. */
  fault(error: unknown): void;
}

/**
 * One shared connection to a server that is made again for ever. Opened when first used, or by `open`.
 *
 * What cannot be sent waits while the first attempt after a loss runs. Once an attempt has failed the server counts as away: then
 * writes are refused at once, and reads wait until their deadline.
 */
export class Lane {
  state: 'idle' | 'connecting' | 'up' | 'down' = 'idle';
  /** Why the last attempt failed. */
  reason = '';
  readonly #options: LaneOptions;
  readonly #events: LaneEvents;
  #connection: LinkConnection | undefined;
  #waiting: Operation[] = [];
  #source = 0;
  #failures = 0;
  #upAt = 0;
  #retry: { cancel(): void } | undefined;
  #attempt = 0;
  #closed = false;
  #where = '';

  constructor(options: LaneOptions, events: LaneEvents) {
    this.#options = options;
    this.#events = events;
  }

  get inFlight(): number {
    return this.#connection?.inFlight ?? 0;
  }

  open(): void {
    if (this.state !== 'idle' || this.#closed) return;
    this.#connect();
  }

  submit(operation: Operation): void {
    if (this.state === 'up') {
      this.#write(operation);
      return;
    }
    this.open();
    if (this.#mayWait(operation)) this.#waiting.push(operation);
    else queueMicrotask(() => this.#refuse(operation));
  }

  /** Takes back what was lost with a connection, to be sent first on the next one. */
  resubmit(operation: Operation): void {
    this.#waiting.push(operation);
  }

  /** Sends what needs no operation of its own. @returns false when there is no connection */
  sendNow(text: ByteString, receiver: Parameters<LinkConnection['send']>[1]): boolean {
    if (this.state !== 'up') return false;
    this.#connection?.send(text, receiver);
    return true;
  }

  /** Ends connections that owe a reply for too long, and operations that have waited for too long. */
  tick(now: number, timeout: number): void {
    const connection = this.#connection;
    if (connection !== undefined && connection.silentFor(now) > timeout)
      connection.destroy(`no answer within ${timeout} ms`);
    if (this.#waiting.length === 0 || !this.#waiting.some(({ deadline }) => deadline <= now)) return;
    const late = this.#waiting.filter(({ deadline }) => deadline <= now);
    this.#waiting = this.#waiting.filter(({ deadline }) => deadline > now);
    for (const operation of late) this.#refuse(operation);
  }

  /** Goes to where the server is now. @param to where that is, when it is known: a connection to there stays */
  move(reason: string, to?: Endpoint): void {
    if (to !== undefined && this.#connection !== undefined && this.#where === nameOf(to)) return;
    this.#failures = 0;
    if (this.#connection !== undefined) this.#connection.destroy(reason);
    else if (this.state === 'connecting' || this.state === 'down') this.#connect();
  }

  /** The server is there again, as another lane has found: no waiting for the next attempt. */
  hasten(): void {
    if (this.state !== 'down' || this.#closed) return;
    this.#failures = 0;
    this.state = 'connecting';
    if (this.#retry !== undefined) this.#connect();
  }

  /** What waits for a connection is not to be sent here any more. */
  giveBack(): void {
    for (const operation of this.#waiting.splice(0)) operation.giveBack(this.#away());
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#connection?.destroy('Sluice closes');
    for (const operation of this.#waiting.splice(0)) this.#refuse(operation);
  }

  #mayWait({ idempotent, deadline }: Operation): boolean {
    if (this.#closed) return false;
    return (idempotent || this.state === 'connecting') && deadline > this.#options.clock.monotonic();
  }

  #refuse(operation: Operation): void {
    operation.failed(this.#away());
  }

  #away(): SluiceError {
    return new SluiceError(
      'STORE_UNAVAILABLE',
      `${this.#where === '' ? 'the server' : this.#where} is away${this.reason === '' ? '' : ` (${this.reason})`}; the command was not sent, it is safe to try again`,
    );
  }

  #write(operation: Operation): void {
    operation.begin(this.#source);
    (this.#connection as LinkConnection).send(operation.text, operation, operation.replies);
  }

  #connect(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    if (this.#failures === 0) this.state = 'connecting';
    const attempt = ++this.#attempt;
    this.#options.locate().then(
      (endpoint) => {
        if (attempt === this.#attempt && !this.#closed) this.#connectTo(endpoint);
      },
      (error: unknown) => {
        if (attempt === this.#attempt && !this.#closed) this.#lost((error as Error).message, false);
      },
    );
  }

  #connectTo(endpoint: Endpoint): void {
    this.#where = nameOf(endpoint);
    const connection = new LinkConnection(
      { ...this.#options, endpoint },
      {
        ready: (tracking) => {
          this.state = 'up';
          this.reason = '';
          this.#upAt = this.#options.clock.monotonic();
          this.#source = this.#events.up(tracking);
          for (const operation of this.#waiting.splice(0)) this.#write(operation);
        },
        pushed: (frame) => this.#events.pushed(frame),
        fault: (error) => this.#events.fault(error),
        closed: (reason, wasReady) => {
          if (this.#connection !== connection) return;
          this.#connection = undefined;
          this.#lost(reason, wasReady);
        },
      },
    );
    this.#connection = connection;
  }

  #lost(reason: string, wasUp: boolean): void {
    this.reason = reason;
    // One that is always closed right after it was made must not be made as fast as that goes.
    const stood = wasUp && this.#options.clock.monotonic() - this.#upAt >= STOOD_MS;
    if (stood) this.#failures = 0;
    else this.#failures++;
    const isFirst = wasUp && this.#failures <= 1;
    this.state = wasUp ? 'connecting' : 'down';
    this.#events.down(reason, wasUp);
    if (this.#closed) return;
    if (isFirst) {
      this.#connect();
      return;
    }
    const away = wasUp ? [] : this.#waiting.filter((operation) => !operation.idempotent);
    if (away.length > 0) {
      this.#waiting = this.#waiting.filter((operation) => operation.idempotent);
      for (const operation of away) this.#refuse(operation);
    }
    const { clock, random } = this.#options;
    this.#retry = clock.setTimer(() => this.#connect(), backoff(RETRY, this.#failures, random));
  }
}
