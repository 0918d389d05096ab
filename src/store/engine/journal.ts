import { SluiceError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Change, ChangeConsumer } from './change.ts';
import type { CommitWaiter, Durability } from './durability.ts';
import type { Engine } from './engine.ts';
import { GroupEncoder } from './journal-encoder.ts';
import type { Piece } from './journal-file.ts';
import type { JournalReply, Loaded } from './journal-messages.ts';
import type { JournalListener, JournalThread } from './journal-thread.ts';

/**
 * What an acknowledged write survives: nothing certain (`memory`, written behind the acknowledgement), the end of the process
 * however it comes (`commit`), also a loss of power (`fsync`).
 */
export type DurabilityLevel = 'memory' | 'commit' | 'fsync';

/** Counters since the start; sizes as they are now. */
export interface JournalStats {
  /** Group commits and what was in them. */
  readonly groups: number;
  readonly effects: number;
  readonly bytes: number;
  /** Bytes that wait for their commit. */
  readonly pendingBytes: number;
  readonly logBytes: number;
  readonly imageBytes: number;
  /** Complete passes of the checkpoint. */
  readonly checkpoints: number;
  readonly checkpointFailures: number;
  /** Commits that failed, retries not counted. */
  readonly failures: number;
  /** Times that writes were refused because the disk did not keep up. */
  readonly overloads: number;
  /** Why writes are refused now; '' when they are not. */
  readonly problem: string;
}

/** The way of the engine's changes to the disk. */
export interface Journal extends Durability {
  stats(): JournalStats;
  /** Called with the time from handing over a group to its acknowledgement, in ms. */
  observeCommit: ((milliseconds: number) => void) | undefined;
  /** Resolves when all changes so far are on disk. @throws SluiceError STORE_READ_ONLY */
  drain(): Promise<void>;
  /** Drains, ends the thread, frees the data folder. Idempotent. @throws SluiceError STORE_READ_ONLY when changes are lost. */
  close(): Promise<void>;
}

export interface JournalOptions {
  readonly engine: Engine;
  readonly thread: JournalThread;
  readonly clock: Clock;
  readonly durability: DurabilityLevel;
  /** Bytes waiting for the disk above which writes are refused until half of them are written. */
  readonly maxPendingBytes: number;
  readonly onWarning: (message: string) => void;
}

interface InFlight {
  readonly last: number;
  readonly bytes: number;
  readonly since: number;
}

/** From so many waiting at once on a group may wait for more. */
const SIBLINGS_TO_WAIT_FOR = 8;
/** What is kept of the former number of siblings with each group that had fewer. */
const SIBLINGS_KEPT = 0.75;
const MAX_GATHER_MS = 1;
/** A group of this size gains nothing by more. */
const GROUP_BYTES_ENOUGH = 64 * 1024;

/**
 * Gathers the changes of the engine and hands them to the worker in groups, at most one at a time: while one is being written the
 * next gathers. A group ends with a turn of the event loop, so what one client did in one turn is never torn apart.
 *
 * When a group cannot be committed, everybody who waits gets an error, the engine takes no more writes, and memory is ahead of
 * the disk by a known amount: the worker keeps the bytes and tries again. Reads then go on and wait for nothing.
 */
export class WorkerJournal implements Journal, ChangeConsumer, JournalListener {
  observeCommit: ((milliseconds: number) => void) | undefined;
  readonly #engine: Engine;
  readonly #thread: JournalThread;
  readonly #clock: Clock;
  readonly #waits: boolean;
  readonly #maxPendingBytes: number;
  readonly #onWarning: (message: string) => void;
  #unsubscribe: (() => void) | undefined;
  #gathering = new GroupEncoder(1);
  #committed = 0;
  #inFlight: InFlight | undefined;
  /** Those who wait for the group in flight, and for the one that gathers. */
  #flightWaiters: CommitWaiter[] = [];
  #gatherWaiters: CommitWaiter[] = [];
  #scheduled = false;
  /** How many waited at once of late. */
  #siblings = 0;
  /** A timer of the event loop, as `setImmediate` is: grouping is no matter of the injected clock. */
  #straggler: NodeJS.Timeout | undefined;
  #failure = '';
  #lost: SluiceError | undefined;
  #overloaded = false;
  #diskProblem = '';
  #closing: Promise<void> | undefined;
  #closed: { resolve(): void; reject(error: SluiceError): void } | undefined;
  #stored: ((failure: string | undefined) => void) | undefined;
  #trimmed: (() => void) | undefined;
  #groups = 0;
  #effects = 0;
  #bytes = 0;
  #logBytes = 0;
  #imageBytes = 0;
  #failures = 0;
  #overloads = 0;
  /** Set by the checkpointer. */
  checkpoints = 0;
  checkpointFailures = 0;
  /** Called when the log has grown. */
  onGrowth: (() => void) | undefined;

  constructor(options: JournalOptions) {
    this.#engine = options.engine;
    this.#thread = options.thread;
    this.#clock = options.clock;
    this.#waits = options.durability !== 'memory';
    this.#maxPendingBytes = options.maxPendingBytes;
    this.#onWarning = options.onWarning;
  }

  /** To be called when the engine holds what is on disk. */
  start(loaded: Loaded): void {
    this.#gathering = new GroupEncoder(loaded.first);
    this.#committed = this.#engine.changes.seq;
    this.#logBytes = loaded.logBytes;
    this.#imageBytes = loaded.imageBytes;
    this.#thread.listen(this);
    this.#unsubscribe = this.#engine.changes.subscribe(this);
  }

  /** Infinity while commits fail: reads then go on and tell what may be lost; writes are refused. */
  get committed(): number {
    if (!this.#waits || this.#failure !== '') return Number.POSITIVE_INFINITY;
    return this.#isIdle ? this.#engine.changes.seq : this.#committed;
  }

  /** The newest change that is on disk, whatever the durability and the state. */
  get durableSeq(): number {
    return this.#isIdle ? this.#engine.changes.seq : this.#committed;
  }

  get logBytes(): number {
    return this.#logBytes;
  }

  get imageBytes(): number {
    return this.#imageBytes;
  }

  change(change: Readonly<Change>): void {
    if (!change.durable) return;
    this.#gathering.add(change);
    this.#effects++;
    if (this.#inFlight === undefined && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#endGroup();
      });
    }
    if (this.#gathering.length > this.#maxPendingBytes && !this.#overloaded) this.#setOverloaded(true);
  }

  onCommitted(seq: number, waiter: CommitWaiter): void {
    if (seq <= this.committed) waiter.committed();
    else this.#wait(seq, waiter);
  }

  drain(): Promise<void> {
    return this.whenDurable(this.#engine.changes.seq);
  }

  /** Unlike `onCommitted` this waits under every durability. @throws SluiceError STORE_READ_ONLY */
  whenDurable(seq: number): Promise<void> {
    if (seq <= this.durableSeq) return Promise.resolve();
    if (this.#failure !== '') return Promise.reject(this.#failedError());
    return new Promise((resolve, reject) => {
      this.#wait(seq, { committed: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  }

  /** One piece at a time. @returns why it could not be stored, or undefined. */
  storePiece(piece: Piece): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#stored = resolve;
      this.#thread.post({ kind: 'piece', ...piece });
    });
  }

  /** Drops the log up to `seq`, in slices; the image must have it. */
  trim(seq: number): Promise<void> {
    return new Promise((resolve) => {
      this.#trimmed = resolve;
      this.#thread.post({ kind: 'trim', upto: seq });
    });
  }

  stats(): JournalStats {
    return {
      groups: this.#groups,
      effects: this.#effects,
      bytes: this.#bytes,
      pendingBytes: this.#pendingBytes,
      logBytes: this.#logBytes,
      imageBytes: this.#imageBytes,
      checkpoints: this.checkpoints,
      checkpointFailures: this.checkpointFailures,
      failures: this.#failures,
      overloads: this.#overloads,
      problem: this.#problem,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  reply(reply: JournalReply): void {
    if (typeof reply === 'number') {
      this.#acknowledged(reply);
      return;
    }
    switch (reply.kind) {
      case 'failed':
        this.#failed(reply.reason);
        return;
      case 'stored': {
        this.#imageBytes = reply.imageBytes;
        const stored = this.#stored;
        this.#stored = undefined;
        stored?.(reply.failure);
        return;
      }
      case 'trimmed':
        this.#logBytes -= reply.bytes;
        if (reply.done) this.#trimmed?.();
        return;
      case 'disk':
        if (reply.problem !== '' && this.#diskProblem === '')
          this.#onWarning(`the store is read-only: ${reply.problem}`);
        this.#diskProblem = reply.problem;
        this.#updateState();
        return;
      case 'closed':
        if (reply.failure === undefined) this.#closed?.resolve();
        else
          this.#closed?.reject(
            new SluiceError('STORE_READ_ONLY', `the last changes could not be written: ${reply.failure}`),
          );
        return;
      default: // The others answer a start.
    }
  }

  ended(error: SluiceError): void {
    this.#lost = error;
    this.#stored?.(error.message);
    this.#trimmed?.();
    this.#failed(error.message);
    this.#closed?.reject(error);
  }

  get #isIdle(): boolean {
    return this.#inFlight === undefined && this.#gathering.length === 0;
  }

  get #pendingBytes(): number {
    return this.#gathering.length + (this.#inFlight?.bytes ?? 0);
  }

  get #problem(): string {
    if (this.#failure !== '') return `the journal cannot write: ${this.#failure}`;
    if (this.#diskProblem !== '') return this.#diskProblem;
    return this.#overloaded ? 'the disk does not keep up with the writes' : '';
  }

  #wait(seq: number, waiter: CommitWaiter): void {
    const inFlight = this.#inFlight !== undefined && seq <= this.#inFlight.last;
    (inFlight ? this.#flightWaiters : this.#gatherWaiters).push(waiter);
  }

  /**
   * Posts what has gathered, unless many clients write at once and most of them are about to: a group costs two thread wake-ups
   * whatever its size, so it waits, a millisecond at most, until half as many wait as did of late (PostgreSQL's commit_siblings).
   */
  #endGroup(): void {
    if (this.#inFlight !== undefined || this.#gathering.length === 0) return;
    const few = this.#gatherWaiters.length * 2 < this.#siblings;
    if (this.#siblings < SIBLINGS_TO_WAIT_FOR || !few || this.#gathering.length > GROUP_BYTES_ENOUGH) this.#post();
    else this.#straggler ??= setTimeout(() => this.#post(), MAX_GATHER_MS);
  }

  #post(): void {
    clearTimeout(this.#straggler);
    this.#straggler = undefined;
    const bytes = this.#gathering.length;
    if (bytes === 0 || this.#inFlight !== undefined) return;
    const last = this.#engine.changes.seq;
    const rows = this.#gathering.take(last);
    this.#inFlight = { last, bytes, since: this.#clock.monotonic() };
    const waiters = this.#flightWaiters;
    this.#flightWaiters = this.#gatherWaiters;
    this.#gatherWaiters = waiters;
    this.#thread.post({ kind: 'group', rows });
  }

  #acknowledged(last: number): void {
    const group = this.#inFlight;
    if (group === undefined) return;
    this.#inFlight = undefined;
    this.#committed = last;
    this.#groups++;
    this.#bytes += group.bytes;
    this.#logBytes += group.bytes;
    this.observeCommit?.(this.#clock.monotonic() - group.since);
    const waiters = this.#flightWaiters;
    this.#flightWaiters = [];
    if (this.#failure !== '') {
      this.#failure = '';
      this.#updateState();
      this.#onWarning('the journal writes again; what was held in memory is on disk');
    }
    this.#siblings = Math.max(waiters.length + this.#gatherWaiters.length, this.#siblings * SIBLINGS_KEPT);
    if (this.#gathering.length === 0) for (const waiter of this.#gatherWaiters.splice(0)) waiters.push(waiter);
    if (this.#overloaded && this.#pendingBytes <= this.#maxPendingBytes / 2) this.#setOverloaded(false);
    for (const waiter of waiters) waiter.committed();
    this.#endGroup();
    this.onGrowth?.();
  }

  #failed(reason: string): void {
    const first = this.#failure === '';
    this.#failure = reason;
    this.#updateState();
    if (!first) return;
    this.#failures++;
    this.#onWarning(`the journal cannot write, the store is read-only: ${reason}`);
    const error = this.#failedError();
    const waiters = [...this.#flightWaiters.splice(0), ...this.#gatherWaiters.splice(0)];
    for (const waiter of waiters) waiter.committed(error);
  }

  #failedError(): SluiceError {
    return new SluiceError(
      'STORE_READ_ONLY',
      `the write could not be made durable: ${this.#failure}; it may or may not be there after a restart`,
    );
  }

  #setOverloaded(overloaded: boolean): void {
    this.#overloaded = overloaded;
    if (overloaded) this.#overloads++;
    this.#updateState();
  }

  #updateState(): void {
    if (this.#closing !== undefined) return;
    const problem = this.#problem;
    if (problem === '') this.#engine.setState('ready');
    else this.#engine.setState('read-only', problem);
  }

  async #close(): Promise<void> {
    this.#engine.setState('read-only', 'the store is closed');
    // A retry that waits for its time is hurried by `close`, so a failure here is no reason to give up.
    await this.drain().catch(() => {});
    this.#unsubscribe?.();
    if (this.#lost !== undefined) throw this.#lost;
    const closed = new Promise<void>((resolve, reject) => {
      this.#closed = { resolve, reject };
    });
    this.#thread.listen(this);
    this.#thread.expectEnd();
    this.#thread.post({ kind: 'close' });
    try {
      await Promise.race([closed, this.#thread.exited()]);
    } finally {
      await this.#thread.exited();
    }
    if (this.#gathering.length > 0)
      throw new SluiceError('STORE_READ_ONLY', `the last changes could not be written: ${this.#failure}`);
  }
}
