import type { Socket } from 'node:net';
import { Client } from 'undici';
import { SluiceError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Connector } from './connector.ts';
import { Exchange, type ExchangeLine, type OutgoingRequest, type OutgoingResponse } from './exchange.ts';

export interface ConnectionsOptions {
  /** `https://api.example.com:8443`; also its name in messages. */
  readonly api: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly connect: Connector;
  /** An idle connection is closed after that, ms. A server that says sooner is believed. */
  readonly keepAlive: number;
  /** Whether one more connection may be opened now. */
  readonly mayOpen: () => boolean;
  /** Told of each that is open or being opened, and of its end. */
  readonly onChange: (change: 1 | -1) => void;
}

/** Sent where a request has no others: what is kept is the value, not one coding of it. */
export const defaultHeaders = { 'accept-encoding': 'identity', 'user-agent': 'sluice' } as const;
const defaults = Object.entries(defaultHeaders);

/** @param headers names in lower case and values, in turn */
function withDefaults(headers: readonly string[]): string[] {
  let all = headers as string[];
  for (const [name, value] of defaults) if (!headers.includes(name)) all = [...all, name, value];
  return all;
}

/** One connection at a time, and the request on it. */
class Line implements ExchangeLine {
  readonly client: Client;
  readonly api: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  answers = 0;
  failure: Error | undefined;
  #connecting: Socket | undefined;
  readonly #release: (line: Line) => void;

  constructor({ api, clock, connect, keepAlive }: ConnectionsOptions, release: (line: Line) => void) {
    this.api = api;
    this.clock = clock;
    this.#release = release;
    this.client = new Client(api, {
      pipelining: 1,
      // The signal of each request ends the whole of it.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: keepAlive,
      keepAliveMaxTimeout: keepAlive,
      keepAliveTimeoutThreshold: 500,
      connect: (options, callback) => {
        this.answers = 0;
        this.failure = undefined;
        this.#connecting = connect(options, (error, socket) => {
          this.#connecting = undefined;
          if (error || !socket) {
            callback(error ?? new Error('no connection'), null);
            return;
          }
          // Before anybody else hears of it.
          socket.once('error', (failure) => {
            this.failure = failure;
          });
          callback(null, socket);
        });
      },
    });
  }

  release(answered: boolean): void {
    if (answered) this.answers++;
    this.#release(this);
  }

  abandon(): void {
    this.#connecting?.destroy(new Error('given up'));
  }
}

/** The connections to one API. Whoever sends sees to it that not too many do at a time. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #lines = new Set<Line>();
  /** The one used last is used next: the others come to their end. */
  readonly #idle: Line[] = [];
  #isClosed = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** Connections, open or about to be. */
  get size(): number {
    return this.#lines.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  /**
   * Sends a request; follows no redirect.
   * @throws SluiceError ORIGIN_FAILED (with {@link TransportDetails}), VALUE_TOO_LARGE, FORBIDDEN (the guard), ORIGIN_OVERLOADED (no more
   * connections may be opened), CLOSED. Rejects with the signal's reason when it aborts.
   */
  send(request: OutgoingRequest): Promise<OutgoingResponse> {
    const { signal, method, target, headers, body } = request;
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    let line: Line;
    try {
      line = this.#idle.pop() ?? this.#open();
    } catch (error) {
      return Promise.reject(error);
    }
    const exchange = new Exchange(request, line);
    line.client.dispatch({ method, path: target, headers: withDefaults(headers), body: body ?? null }, exchange);
    return exchange.response;
  }

  /** Closes the connection that has been idle for longest. @returns false when none is */
  closeIdle(): boolean {
    const line = this.#idle[0];
    if (line === undefined) return false;
    void this.#drop(line);
    return true;
  }

  /** Ends all of it; requests under way fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#lines].map((line) => this.#drop(line)));
  }

  #open(): Line {
    const { api, mayOpen, onChange } = this.#options;
    if (this.#isClosed) throw new SluiceError('CLOSED', 'the node is shutting down');
    if (!mayOpen()) {
      throw new SluiceError('ORIGIN_OVERLOADED', `no more connections may be opened, not even to ${api}`, {
        details: { retryAfter: 1_000 },
      });
    }
    const line = new Line(this.#options, (freed) => {
      if (this.#lines.has(freed)) this.#idle.push(freed);
    });
    // A line without a connection is of no use to anybody but who waits for it.
    const gone = (): void => {
      if (this.#idle.includes(line)) void this.#drop(line);
    };
    line.client.on('disconnect', gone).on('connectionError', gone);
    this.#lines.add(line);
    onChange(1);
    return line;
  }

  async #drop(line: Line): Promise<void> {
    if (!this.#lines.delete(line)) return;
    const at = this.#idle.indexOf(line);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#options.onChange(-1);
    await line.client.destroy();
  }
}
