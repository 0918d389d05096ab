import { SluiceError } from '../../errors.ts';
import type { Cancellation } from '../../kernel/cancellation.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import { Fifo } from '../../kernel/fifo.ts';
import type { Rate } from '../../kernel/token-bucket.ts';

/** A rate that several nodes share. */
export interface SharedRate {
  /** Counts a call in the window if it has room. Rejects when the answer is not to be had. */
  take(): Promise<{
    readonly allowed: boolean;
    /** When it may have room again, ms since the epoch. */
    readonly retryAt: number;
  }>;
}

export interface GateOptions {
  readonly clock: Clock;
  /** Whose gate, for messages. */
  readonly name: string;
  /** Calls at a time. */
  readonly concurrency: number;
  /** At most so many calls in any window of that length, by the clock of whoever is called. */
  readonly rate?: Rate | undefined;
  /** Callers that may wait; one more is refused. */
  readonly queue: number;
  /** Asked for every call that the limits of this node allow. */
  readonly shared?: SharedRate | undefined;
}

/** What a gate has done; plain sums. */
export interface GateStats {
  /** Calls let through. */
  passed: number;
  /** Of them those that had to wait. */
  waited: number;
  refused: number;
  /** Waiters that left. */
  left: number;
}

/** The right to make one call now. */
export interface Pass {
  /** The call has ended, however it did. Idempotent. */
  leave(): void;
  /** The call was never made: it does not count. */
  giveBack(): void;
}

class OnePass implements Pass {
  #end: ((counts: boolean) => void) | undefined;

  constructor(end: (counts: boolean) => void) {
    this.#end = end;
  }

  leave(): void {
    this.#over(true);
  }

  giveBack(): void {
    this.#over(false);
  }

  #over(counts: boolean): void {
    const end = this.#end;
    this.#end = undefined;
    end?.(counts);
  }
}

interface Waiter {
  readonly admit: () => void;
  readonly refuse: (error: SluiceError) => void;
  /** It certainly waits no longer than that; monotonic, ms. */
  readonly until: number;
}

/** Clocks differ in speed, and a window may include both its ends. */
const CLOCK_ERROR = 1 / 1000;
const CLOCK_STEP_MS = 1;
/** What is told to whoever is refused where nothing says when it may be better. */
const UNKNOWN_WAIT_MS = 1_000;
/** No API is left alone for longer than that, whatever it asks for. */
const LONGEST_PAUSE_MS = 3_600_000;
/** A shared rate that was away is asked again after that. */
const SHARED_AWAY_MS = 1_000;
/** A shared rate that does not answer for so long is away. */
const SHARED_PATIENCE_MS = 1_000;

/**
 * Lets so many calls to one API pass at a time and per time, and has the others wait in the order they came.
 *
 * A rate of N per `per` is N places. A call takes one when it is sent and gives it back `per` after it has *ended*: it arrived at some
 * moment in between, so the next call of the same place arrives at least `per` after it, however long either was under way. So the API
 * sees at most N calls in any window of `per` by its own clock. What it costs: an API that takes a long time to answer is called more
 * seldom than it allows. Of calls that were given up before an answer the arrival cannot be known; that is the one exception.
 */
export class Gate {
  readonly stats: GateStats = { passed: 0, waited: 0, refused: 0, left: 0 };
  readonly #options: GateOptions;
  /** In the order they came; those that leave are taken out. */
  readonly #waiters = new Set<Waiter>();
  /** When places that were given back are free again, ascending. */
  readonly #cooling = new Fifo<number>();
  #concurrency: number;
  #queue: number;
  #rate: Rate | undefined;
  #shared: SharedRate | undefined;
  #active = 0;
  #pausedUntil = 0;
  #timer: { readonly at: number; readonly timer: Timer } | undefined;
  #askingShared = false;
  #sharedAwayUntil = 0;
  /** The shared rate has no room before that. */
  #sharedFullUntil = 0;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency;
    this.#queue = options.queue;
    this.#rate = options.rate;
    this.#shared = options.shared;
  }

  /** Calls under way. */
  get active(): number {
    return this.#active;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  get rate(): Rate | undefined {
    return this.#rate;
  }

  /** Nothing is under way, waits or counts: nobody would notice if it were made anew. */
  get isIdle(): boolean {
    if (this.#active > 0 || this.#waiters.size > 0) return false;
    const now = this.#options.clock.monotonic();
    this.#warm(now);
    return this.#cooling.length === 0 && now >= this.#pausedUntil;
  }

  /** Holds to these limits too; of concurrency and queue the smaller counts. A rate is set once. */
  narrow({ concurrency, queue, rate, shared }: Omit<GateOptions, 'clock' | 'name'>): void {
    this.#concurrency = Math.min(this.#concurrency, concurrency);
    this.#queue = Math.min(this.#queue, queue);
    this.#rate ??= rate;
    this.#shared ??= shared;
  }

  /**
   * The right to make a call, at once where there is room.
   * @param patience ms; who would certainly wait for longer is refused at once
   * @throws SluiceError ORIGIN_OVERLOADED with `details.retryAfter`, ms. Rejects with the signal's reason when it aborts.
   */
  enter(signal: Cancellation, patience = Number.POSITIVE_INFINITY): Pass | Promise<Pass> {
    signal.throwIfAborted();
    const now = this.#options.clock.monotonic();
    const mustAsk = this.#shared !== undefined && now >= this.#sharedAwayUntil;
    const isNext = this.#waiters.size === 0 && this.#freeAt(now) <= now;
    if (isNext && !mustAsk) return this.#pass();
    const wait = this.#leastWait(now);
    const isFull = this.#waiters.size >= this.#queue && !isNext;
    if (isFull || wait > patience) throw this.#refuse(isFull ? 'full' : 'late', wait);
    return this.#wait(signal, now, now + patience);
  }

  /** Lets nobody pass for a while, because whoever is called asked for that. */
  pauseFor(ms: number): void {
    const until = this.#options.clock.monotonic() + Math.min(ms, LONGEST_PAUSE_MS);
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
  }

  #wait(signal: Cancellation, since: number, until: number): Promise<Pass> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiters.delete(waiter);
        this.stats.left++;
        if (this.#waiters.size === 0) this.#disarm();
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        until,
        refuse: (error) => {
          signal.removeEventListener('abort', leave);
          this.#waiters.delete(waiter);
          reject(error);
        },
        admit: () => {
          signal.removeEventListener('abort', leave);
          if (this.#options.clock.monotonic() > since) this.stats.waited++;
          resolve(this.#pass());
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiters.add(waiter);
      this.#pump();
    });
  }

  #pass(): Pass {
    this.stats.passed++;
    this.#active++;
    return new OnePass(this.#end);
  }

  /** Of a call that was let through. @param counts it was made */
  readonly #end = (counts: boolean): void => {
    this.#active--;
    const rate = this.#rate;
    if (counts && rate !== undefined) {
      this.#cooling.push(this.#options.clock.monotonic() + rate.per * (1 + CLOCK_ERROR) + CLOCK_STEP_MS);
    }
    if (!counts) this.stats.passed--;
    if (this.#waiters.size > 0) this.#pump();
    else if (rate !== undefined) this.#warm(this.#options.clock.monotonic());
  };

  /** Lets those pass for whom there is room, and sees to it that it is called again when there is more. */
  #pump(): void {
    const { clock } = this.#options;
    const shared = this.#shared;
    while (this.#waiters.size > 0 && !this.#askingShared) {
      const now = clock.monotonic();
      const at = this.#freeAt(now);
      if (at > now) {
        this.#arm(at, now);
        return;
      }
      if (shared !== undefined && now >= this.#sharedAwayUntil) {
        this.#askingShared = true;
        void this.#askShared(shared);
        return;
      }
      this.#admitFirst();
    }
  }

  #admitFirst(): void {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      waiter.admit();
      return;
    }
  }

  /** One question at a time: the order of the waiters holds. What was allowed and is used by nobody lapses. */
  async #askShared(shared: SharedRate): Promise<void> {
    const { clock } = this.#options;
    let retryAt: number | undefined;
    try {
      const { allowed, retryAt: at } = await withPatience(clock, SHARED_PATIENCE_MS, shared.take());
      if (!allowed) retryAt = at;
    } catch {
      this.#sharedAwayUntil = clock.monotonic() + SHARED_AWAY_MS;
    }
    if (retryAt === undefined) {
      this.#askingShared = false;
      // A pause may have begun meanwhile.
      const now = clock.monotonic();
      if (this.#freeAt(now) <= now) this.#admitFirst();
      this.#pump();
      return;
    }
    const next = (): void => {
      this.#askingShared = false;
      this.#pump();
    };
    const wait = Math.max(1, retryAt - clock.now());
    this.#sharedFullUntil = clock.monotonic() + wait;
    for (const waiter of this.#waiters) {
      if (waiter.until < this.#sharedFullUntil) waiter.refuse(this.#refuse('late', wait));
    }
    clock.setTimer(next, Math.min(wait, UNKNOWN_WAIT_MS));
  }

  /** When a call may be made as far as is known now; `Infinity`: when another has ended. */
  #freeAt(now: number): number {
    if (this.#active >= this.#concurrency) return Number.POSITIVE_INFINITY;
    let at = this.#pausedUntil;
    const rate = this.#rate;
    if (rate !== undefined) {
      this.#warm(now);
      if (this.#active + this.#cooling.length >= rate.count) {
        at = Math.max(at, this.#cooling.peek() ?? Number.POSITIVE_INFINITY);
      }
    }
    return at;
  }

  /** Forgets the places that are free again. */
  #warm(now: number): void {
    for (let at = this.#cooling.peek(); at !== undefined && at <= now; at = this.#cooling.peek()) this.#cooling.shift();
  }

  /** How long one more waiter waits at least, ms. */
  #leastWait(now: number): number {
    const paused = Math.max(0, this.#pausedUntil - now, this.#sharedFullUntil - now);
    const rate = this.#rate;
    if (rate === undefined) return paused;
    this.#warm(now);
    const missing = this.#waiters.size + 1 - (rate.count - this.#active - this.#cooling.length);
    if (missing <= 0) return paused;
    const first = Math.min(this.#cooling.peek() ?? Number.POSITIVE_INFINITY, now + rate.per) - now;
    return Math.max(paused, first + Math.floor((missing - 1) / rate.count) * rate.per);
  }

  #refuse(why: 'full' | 'late', wait: number): SluiceError {
    const { name } = this.#options;
    this.stats.refused++;
    const retryAfter = Math.ceil(wait > 0 ? wait : UNKNOWN_WAIT_MS);
    const problem =
      why === 'full'
        ? `${this.#waiters.size} requests wait for ${name} already`
        : `${name} may not be asked for another ${retryAfter} ms, which is longer than the request may take`;
    return new SluiceError('ORIGIN_OVERLOADED', problem, { details: { retryAfter } });
  }

  #arm(at: number, now: number): void {
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#disarm();
    if (at === Number.POSITIVE_INFINITY) return;
    const run = (): void => {
      this.#timer = undefined;
      this.#pump();
    };
    // Timers count whole ms, and may fire a little early.
    this.#timer = { at, timer: this.#options.clock.setTimer(run, Math.ceil(at - now)) };
  }

  #disarm(): void {
    this.#timer?.timer.cancel();
    this.#timer = undefined;
  }
}

function withPatience<T>(clock: Clock, ms: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => reject(new Error('no answer')), ms);
    answer.then(resolve, reject).finally(() => timer.cancel());
  });
}
