import { fullJitter } from '../kernel/backoff.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { type Cancellation, Canceller } from '../kernel/cancellation.ts';
import type { Timer } from '../kernel/clock.ts';
import type { BacklogClaim, BacklogSize } from './backlog.ts';
import { BatchWriter, type BatchWriterOptions, type FlushedItem, isOf, textOf } from './batch-writer.ts';
import type { LetterRow } from './dead-letters.ts';
import { Allowance } from './pace.ts';
import type { PartitionRight } from './partition-rights.ts';
import type { RowSpace } from './row-space.ts';
import { Urgent } from './urgent.ts';

export interface FlusherOptions<Item extends FlushedItem> extends BatchWriterOptions<Item> {
  /** In [0, 1). */
  readonly random: () => number;
  /** Told when rows cannot be written any more, and when they can again (undefined). */
  readonly onTrouble: (space: RowSpace, trouble: string | undefined) => void;
}

/** What came of one round through the parts. */
interface Turn {
  readonly taken: number;
  /** Of some part. */
  readonly failed: boolean;
}

/** Somebody who waits until what waited when he came is written. */
interface Hurry {
  /** When he came: here, monotonic ms; and by the clock of the store, of each part. */
  readonly begun: number;
  readonly before: readonly number[];
  readonly done: (isWritten: boolean) => void;
}

const RETRY = { first: 100, last: 30_000 };
/** Whether there are rows is looked at that often, at most. */
const LONGEST_LOOK_MS = 100;
const SHORTEST_LOOK_MS = 5;
/** So much of maxDelay a row may be late, and 50 ms at most, so that those that are due a moment later go with it. */
const LATENESS = 0.02;
const MOST_LATE_MS = 50;
/** A claim outlives the batch by so much: saying that it was written takes a moment too. */
const LEASE_MARGIN_MS = 5_000;

/**
 * Writes what waits of one keyspace to its sink, what waits longest first. One batch at a time, so that changes of a row keep their order.
 */
export class Flusher<Item extends FlushedItem = FlushedItem> {
  readonly #options: FlusherOptions<Item>;
  readonly #writer: BatchWriter<Item>;
  readonly #allowance: Allowance;
  readonly #closing = new Canceller();
  readonly #hurried = new Set<Hurry>();
  readonly #urgent = new Urgent();
  /** Of each part as it was last looked at. */
  readonly #sizes: BacklogSize[] = [];
  /** The part that is first in turn: the one that the rate kept from being looked at. */
  #first = 0;
  /** The epochs of parts as of their last claim. */
  readonly #tenures = new Map<number, number>();
  #wake: (() => void) | undefined;
  #failures = 0;
  #done: Promise<void> | undefined;

  constructor(options: FlusherOptions<Item>) {
    this.#options = options;
    this.#writer = new BatchWriter(options, this.#urgent);
    this.#allowance = new Allowance(options.space.policy.rate);
  }

  /** Begins to write. */
  start(): void {
    this.#done ??= this.#run();
  }

  /**
   * Writes what waits, whatever its age, until there is nothing left or the signal aborts; then writes no more.
   * @returns how many rows are left, which stay in the store
   */
  async close(deadline: AbortSignal): Promise<number> {
    const { space, rights, random, clock } = this.#options;
    this.#closing.abort(new Error('closing'));
    this.#wake?.();
    await this.#done;
    while (!deadline.aborted) {
      const { taken, failed } = await this.#turn(0, 0);
      if (taken > 0 && !failed) continue;
      const wait = failed
        ? fullJitter(RETRY, this.#failures++, random)
        : this.#allowance.wait(space.policy.maxBatch, clock.monotonic());
      if (wait === 0) break;
      await this.#sleep(wait, deadline);
    }
    for (const { done } of this.#hurried) done(false);
    this.#urgent.lapse(Number.POSITIVE_INFINITY, 'the node ends');
    await this.#look();
    // What other nodes hold is theirs to write.
    const held = rights.held();
    if (held.length === 0) return space.pending;
    return held.reduce((sum, { partition }) => sum + this.#leftIn(partition), space.buffered.rows);
  }

  /** Writes what waits now, whatever its age, until the signal aborts. @returns how much of all there is is left */
  async flush(deadline: AbortSignal): Promise<{ readonly left: number; readonly isWritten: boolean }> {
    const { clock } = this.#options;
    await this.#look();
    const before = this.#sizes.map(({ now }) => now);
    const isWritten = await new Promise<boolean>((resolve) => {
      const hurry = { begun: clock.monotonic(), before, done: resolve };
      if (deadline.aborted || this.#closing.aborted) {
        resolve(false);
        return;
      }
      const over = (): void => {
        this.#hurried.delete(hurry);
        resolve(false);
      };
      deadline.addEventListener('abort', over, { once: true });
      this.#hurried.add(hurry);
      this.#wake?.();
    });
    return { left: await this.#look(), isWritten };
  }

  /** The statements that the next batches would run. Nothing is claimed, nothing is written. */
  async explain(): Promise<readonly string[]> {
    const { backlog, rights, space } = this.#options;
    const statements: string[] = [];
    for (const { partition } of rights.held())
      statements.push(...this.#writer.explain(await backlog.waiting(partition, space.policy.maxBatch)));
    return statements;
  }

  /** Whether {@link writeNow} has a chance at present. */
  get writesNow(): boolean {
    return this.#options.space.trouble === undefined && !this.#urgent.isFull;
  }

  /**
   * Writes a change before those that wait; resolves when it, or a later one of its row, is written.
   * @throws SluiceError STORE_TIMEOUT when that takes longer than a batch may (it goes on waiting), INVALID_ARGUMENT when it can never be
   */
  writeNow(key: ByteString, version: number): Promise<void> {
    const { space, clock } = this.#options;
    const waits = this.#urgent.wait(key, version, clock.monotonic() + space.policy.timeout);
    this.#wake?.();
    return waits;
  }

  /** Writes rows as they are, beside those that wait; no more than one batch. @throws SinkFailure */
  rewrite(letters: readonly LetterRow[]): Promise<void> {
    return this.#writer.rewrite(letters);
  }

  async #run(): Promise<void> {
    const { space, clock, random } = this.#options;
    const { minDelay, maxDelay } = space.policy;
    await this.#look();
    while (!this.#closing.aborted) {
      const [...hurried] = this.#hurried;
      // What waited when the last of them came, and whatever is due anyway.
      const age = Math.max(0, clock.monotonic() - (hurried.at(-1)?.begun ?? Number.NEGATIVE_INFINITY));
      const { taken, failed } = await this.#turn(Math.min(age, minDelay), Math.min(age, maxDelay));
      await this.#look();
      this.#urgent.lapse(clock.monotonic(), space.trouble);
      for (const hurry of hurried) {
        if (!this.#isWritten(hurry)) continue;
        this.#hurried.delete(hurry);
        hurry.done(true);
      }
      if (failed) {
        const wait = fullJitter(RETRY, this.#failures++, random);
        // Whoever waits is told in time.
        await this.#pause(this.#urgent.size > 0 ? Math.min(wait, LONGEST_LOOK_MS) : wait);
        continue;
      }
      if (taken > 0) continue;
      const due = space.oldest === undefined ? LONGEST_LOOK_MS : space.oldest + maxDelay - clock.now();
      const least = Math.max(SHORTEST_LOOK_MS, Math.min(MOST_LATE_MS, maxDelay * LATENESS));
      const isAwaited = this.#urgent.size > 0 || this.#hurried.size > 0;
      const wait = isAwaited ? SHORTEST_LOOK_MS : Math.max(least, Math.min(LONGEST_LOOK_MS, due));
      await this.#pause(Math.max(this.#allowance.wait(space.policy.maxBatch, clock.monotonic()), wait));
    }
  }

  /** Writes one batch of each part, if there is one. What fails of one part does not hold up the others, unless the sink fails as a whole. */
  async #turn(minAge: number, maxAge: number): Promise<Turn> {
    const { space, rights, deadLetters, clock } = this.#options;
    let taken = 0;
    let trouble: unknown;
    try {
      await this.#writer.check();
      const held = rights.held();
      const inTurn = [...held.slice(this.#first), ...held.slice(0, this.#first)];
      this.#first = 0;
      if (this.#urgent.size > 0) taken += await this.#writeUrgent(inTurn);
      for (const right of inTurn) {
        const count = this.#allowance.take(space.policy.maxBatch, clock.monotonic());
        if (count === 0) {
          // It comes first the next time.
          this.#first = held.indexOf(right);
          break;
        }
        try {
          const claimed = await this.#claimOf(right, this.#claim(count, minAge, maxAge));
          this.#allowance.giveBack(count - claimed.length, claimed.length === 0);
          taken += claimed.length;
          if (claimed.length > 0) await this.#writer.write(right, claimed);
        } catch (error) {
          if (!isOf(error, 'fenced') && !deadLetters.isFull(space)) throw error;
          trouble = error;
        }
      }
    } catch (error) {
      trouble = error;
    }
    if (trouble === undefined) this.#well();
    else this.#unwell(trouble);
    return { taken, failed: trouble !== undefined };
  }

  /** Rows that somebody waits for, before the others. @returns how many */
  async #writeUrgent(held: readonly PartitionRight[]): Promise<number> {
    const { backlog, space, clock } = this.#options;
    let taken = 0;
    const keys = this.#urgent.keys();
    for (const right of held) {
      const own = keys.filter((key) => backlog.partitionOf(key) === right.partition);
      const count =
        own.length === 0 ? 0 : this.#allowance.take(Math.min(own.length, space.policy.maxBatch), clock.monotonic());
      const claimed: Item[] = [];
      for (const only of own.slice(0, count))
        claimed.push(...(await this.#claimOf(right, { ...this.#claim(1, 0, 0), only })));
      this.#allowance.giveBack(count - claimed.length, claimed.length === 0 && count > 0);
      taken += claimed.length;
      if (claimed.length > 0) await this.#writer.write(right, claimed);
    }
    // Others may have written them.
    for (const key of this.#urgent.keys()) {
      const version = this.#urgent.versionOf(key);
      if (await backlog.isWritten(key)) this.#urgent.written([{ key, version }]);
    }
    return taken;
  }

  /** With a right that is new, what was claimed before is nobody's any more. */
  async #claimOf({ partition, epoch }: PartitionRight, claim: BacklogClaim): Promise<Item[]> {
    const { backlog, space } = this.#options;
    const takeOver = this.#tenures.get(partition) !== epoch;
    const claimed = await backlog.claim(partition, { ...claim, takeOver });
    this.#tenures.set(partition, epoch);
    space.claims(partition, claimed.length);
    return claimed;
  }

  #claim(count: number, minAge: number, maxAge: number): BacklogClaim {
    const lease = this.#options.space.policy.timeout + LEASE_MARGIN_MS;
    return { count, lease, minAge, maxAge, takeOver: false };
  }

  /** What waited when he came is no more. */
  #isWritten({ before }: Hurry): boolean {
    return this.#sizes.every(
      ({ claimed, oldest }, part) => claimed === 0 && (oldest === undefined || oldest > (before[part] as number)),
    );
  }

  #leftIn(partition: number): number {
    const size = this.#sizes[partition];
    return size === undefined ? 0 : size.waiting + size.claimed;
  }

  /** Looks at what waits. @returns how much that is */
  async #look(): Promise<number> {
    const { backlog, space, clock } = this.#options;
    try {
      let longest: number | undefined;
      for (let partition = 0; partition < backlog.partitions; partition++) {
        const size = await backlog.size(partition);
        this.#sizes[partition] = size;
        space.counted(partition, size.waiting, size.claimed);
        if (size.oldest !== undefined) longest = Math.max(longest ?? 0, size.now - size.oldest);
      }
      space.oldest = longest === undefined ? undefined : clock.now() - longest;
      space.room.freed();
    } catch (error) {
      this.#unwell(error);
    }
    return space.pending;
  }

  #well(): void {
    const { space, onTrouble } = this.#options;
    this.#failures = 0;
    if (space.trouble === undefined) return;
    space.trouble = undefined;
    onTrouble(space, undefined);
  }

  #unwell(error: unknown): void {
    const { space, onTrouble } = this.#options;
    const trouble = textOf(error);
    const isNew = space.trouble !== trouble;
    space.trouble = trouble;
    if (isNew) onTrouble(space, trouble);
  }

  /** Until something is to be done, at most so long. */
  async #pause(ms: number): Promise<void> {
    if (this.#closing.aborted) return;
    await this.#sleep(ms, this.#closing, (wake) => {
      this.#wake = wake;
    });
    this.#wake = undefined;
  }

  #sleep(ms: number, signal: Cancellation, given?: (wake: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const over = (): void => {
        timer?.cancel();
        signal.removeEventListener('abort', over);
        resolve();
      };
      given?.(over);
      signal.addEventListener('abort', over, { once: true });
      timer = this.#options.clock.setTimer(over, ms);
    });
  }
}
