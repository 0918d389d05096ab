import { SluiceError } from '../../errors.ts';
import type { Cancellation } from '../../kernel/cancellation.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { Database, DatabaseStats, QueryOptions, SqlDialect, SqlResult } from './database.ts';
import { type SqlDriver, SqlFailure, type SqlSession } from './sql-session.ts';

export interface SessionPoolOptions {
  /** As in the configuration: for messages. */
  readonly name: string;
  readonly driver: SqlDriver;
  readonly clock: Clock;
  readonly maxConnections: number;
  /** ms */
  readonly connectTimeout: number;
  /** Queries that may wait for a connection; more are refused with ORIGIN_OVERLOADED. */
  readonly maxWaiting: number;
  /** A connection that nobody has used for so long is closed, ms. */
  readonly idleTimeout: number;
}

/** How long a pool makes do with the connections it has after the server refused it another, ms. */
const RETRY_AFTER = 1000;

interface Held {
  readonly session: SqlSession;
  /** It has served before: the server may have ended it meanwhile. */
  isReused: boolean;
  /** Monotonic ms. */
  idleSince: number;
}

interface Waiter {
  readonly give: (held: Held) => void;
  readonly fail: (error: SluiceError) => void;
}

/**
 * A bounded pool of connections with a bounded queue before it. Connections are opened when there is demand, by nobody in particular: who
 * gives up while one is being opened leaves it to the next. While the database is away one attempt at a time is made, and all who wait
 * share its outcome; nothing is tried without demand.
 */
export class SessionPool implements Database {
  readonly name: string;
  readonly dialect: SqlDialect;
  readonly #options: SessionPoolOptions;
  readonly #max: number;
  /** Last used last. */
  #idle: Held[] = [];
  readonly #waiters = new Set<Waiter>();
  /** Connections that exist: idle, in use, or being ended. */
  #size = 0;
  #opening = 0;
  #lastOpenFailed = false;
  /** Monotonic ms before which no further connection is tried beside those there are. */
  #noMoreUntil = 0;
  #queries = 0;
  #failures = 0;
  /** How long a connection is in use for one query, ms; a moving average. */
  #meanUse = 0;
  #isClosed = false;
  #sweep: Timer | undefined;
  readonly #endOpening = new AbortController();
  #allGone: () => void = () => {};
  #closing: Promise<void> | undefined;

  constructor(options: SessionPoolOptions) {
    this.#options = options;
    this.name = options.name;
    this.dialect = options.driver.dialect;
    this.#max = Math.min(options.maxConnections, options.driver.maxConnections);
  }

  get stats(): DatabaseStats {
    return {
      connections: this.#size + this.#opening,
      idle: this.#idle.length,
      waiting: this.#waiters.size,
      queries: this.#queries,
      failures: this.#failures,
    };
  }

  async query(text: string, params: readonly string[], options: QueryOptions): Promise<SqlResult> {
    for (let attempt = 1; ; attempt++) {
      const held = await this.#take(options.signal);
      const { isReused } = held;
      held.isReused = true;
      try {
        return await this.#run(held, text, params, options);
      } catch (error) {
        if (!(error instanceof SqlFailure)) throw error;
        // Reading twice does no harm. What lay idle while the server was restarted is of no use to anybody.
        if (isReused && attempt === 1 && (error.kind === 'lost' || error.kind === 'stale') && !this.#isClosed) {
          if (error.kind === 'lost') for (const idle of this.#idle.splice(0)) void this.#end(idle, 'close');
          continue;
        }
        this.#failures++;
        throw this.#told(error);
      }
    }
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((done) => {
      this.#allGone = done;
      this.#isClosed = true;
      this.#sweep?.cancel();
      this.#endOpening.abort();
      this.#failWaiters(this.#closedError());
      for (const held of this.#idle.splice(0)) void this.#end(held, 'close');
      if (this.#size + this.#opening === 0) done();
    });
    return this.#closing;
  }

  async #run(held: Held, text: string, params: readonly string[], options: QueryOptions): Promise<SqlResult> {
    const { signal, maxRows, maxBytes } = options;
    const startedAt = this.#options.clock.monotonic();
    this.#queries++;
    let onAbort: () => void = () => {};
    const aborted = new Promise<'aborted'>((resolve) => {
      onAbort = () => resolve('aborted');
      signal.addEventListener('abort', onAbort, { once: true });
    });
    let isAborted = false;
    try {
      const outcome = await Promise.race([held.session.query(text, params, { maxRows, maxBytes }), aborted]);
      if (outcome !== 'aborted') return outcome;
      isAborted = true;
      this.#failures++;
      throw this.#timeout('the query was cancelled: its time was over');
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#meanUse += (this.#options.clock.monotonic() - startedAt - this.#meanUse) / 8;
      // What runs on the server counts against the bound until it has ended there.
      if (isAborted) void this.#end(held, 'cancel');
      else this.#release(held);
    }
  }

  #take(signal: Cancellation): Promise<Held> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(this.#closedError());
      if (signal.aborted) return reject(this.#timeout('there was no time left to ask it'));
      const idle = this.#idle.pop();
      if (idle !== undefined) return resolve(idle);
      if (this.#waiters.size >= this.#options.maxWaiting) return reject(this.#overloaded());
      const leave = (): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', giveUp);
      };
      const waiter: Waiter = {
        give: (held) => {
          leave();
          resolve(held);
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      const giveUp = (): void => waiter.fail(this.#timeout('no connection became free in time'));
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiters.add(waiter);
      this.#grow();
    });
  }

  /** Opens what those who wait need and the bound allows. */
  #grow(): void {
    if (this.#size > 0 && this.#options.clock.monotonic() < this.#noMoreUntil) return;
    const most = this.#lastOpenFailed ? 1 : this.#waiters.size;
    while (
      !this.#isClosed &&
      this.#opening < Math.min(most, this.#waiters.size) &&
      this.#size + this.#opening < this.#max
    )
      void this.#open();
  }

  async #open(): Promise<void> {
    const { driver, clock, connectTimeout } = this.#options;
    this.#opening++;
    const late = new AbortController();
    const timer = clock.setTimer(() => late.abort(), connectTimeout);
    try {
      const session = await driver.open(AbortSignal.any([late.signal, this.#endOpening.signal]));
      this.#opening--;
      this.#size++;
      this.#lastOpenFailed = false;
      const held: Held = { session, isReused: false, idleSince: 0 };
      session.onLost = () => this.#lost(held);
      this.#release(held);
    } catch (error) {
      this.#opening--;
      this.#lastOpenFailed = true;
      const failure = late.signal.aborted
        ? new SqlFailure('lost', `no connection within ${connectTimeout} ms`)
        : error instanceof SqlFailure
          ? error
          : new SqlFailure('lost', 'no connection could be made');
      // With a connection left, those who wait are served by it in turn; the server may only have no more of them to give.
      if (this.#size > 0) this.#noMoreUntil = clock.monotonic() + RETRY_AFTER;
      else if (this.#opening === 0) this.#failWaiters(this.#told(failure));
    } finally {
      timer.cancel();
      // Not tried again at once: by the next who asks, or when a connection ends.
      this.#tellClosed();
    }
  }

  /** Gives the connection to who waits longest, or keeps it. */
  #release(held: Held): void {
    if (!held.session.isUsable || this.#isClosed) {
      void this.#end(held, 'close');
      return;
    }
    const [waiter] = this.#waiters;
    if (waiter !== undefined) {
      waiter.give(held);
      return;
    }
    held.idleSince = this.#options.clock.monotonic();
    this.#idle.push(held);
    this.#watchIdle();
  }

  /** One that lies idle is forgotten at once; one in use fails its query, which gives it back. */
  #lost(held: Held): void {
    const at = this.#idle.indexOf(held);
    if (at < 0) return;
    this.#idle.splice(at, 1);
    void this.#end(held, 'close');
  }

  async #end(held: Held, how: 'cancel' | 'close'): Promise<void> {
    try {
      await (how === 'cancel' ? held.session.cancel() : held.session.close());
    } catch {
      // It is given up either way.
    }
    this.#size--;
    this.#grow();
    this.#tellClosed();
  }

  #tellClosed(): void {
    if (this.#isClosed && this.#size + this.#opening === 0) this.#allGone();
  }

  #watchIdle(): void {
    const { clock, idleTimeout } = this.#options;
    this.#sweep ??= clock.setTimer(() => {
      this.#sweep = undefined;
      const before = clock.monotonic() - idleTimeout;
      const old = this.#idle.filter(({ idleSince }) => idleSince <= before);
      this.#idle = this.#idle.filter(({ idleSince }) => idleSince > before);
      for (const held of old) void this.#end(held, 'close');
      if (this.#idle.length > 0) this.#watchIdle();
    }, idleTimeout);
  }

  #failWaiters(error: SluiceError): void {
    this.#failures += this.#waiters.size;
    for (const waiter of [...this.#waiters]) waiter.fail(error);
  }

  // The driver's error is no `cause`: it may hold parameters and values, and a log may print it.
  #told(failure: SqlFailure): SluiceError {
    const code = failure.kind === 'too-large' ? 'VALUE_TOO_LARGE' : 'ORIGIN_FAILED';
    return new SluiceError(code, `connection ${this.name}: ${failure.message}`);
  }

  #timeout(why: string): SluiceError {
    return new SluiceError('ORIGIN_TIMEOUT', `connection ${this.name}: ${why}`);
  }

  #overloaded(): SluiceError {
    const retryAfter = Math.max(100, Math.ceil((this.#meanUse * this.#waiters.size) / this.#max));
    return new SluiceError('ORIGIN_OVERLOADED', `connection ${this.name}: ${this.#waiters.size} queries wait already`, {
      details: { retryAfter },
    });
  }

  #closedError(): SluiceError {
    return new SluiceError('CLOSED', `connection ${this.name} has been closed`);
  }
}
