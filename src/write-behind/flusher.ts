import { SluiceError } from '../errors.ts';
import { fullJitter } from '../kernel/backoff.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { type Cancellation, Canceller } from '../kernel/cancellation.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { type Sink, SinkFailure, type SinkRow, type WriteRight } from '../sink/sink.ts';
import type { Backlog, BacklogClaim } from './backlog.ts';
import type { DeadLetters, LetterRow } from './dead-letters.ts';
import { Pace } from './pace.ts';
import type { PartitionRight, PartitionRights } from './partition-rights.ts';
import type { RowSpace } from './row-space.ts';
import { SinkWriter } from './sink-writer.ts';

export interface FlusherOptions<Item extends { readonly key: ByteString }> {
  readonly space: RowSpace;
  readonly backlog: Backlog<Item>;
  /** Which parts of it this node writes. */
  readonly rights: Pick<PartitionRights, 'held' | 'epochOf' | 'advance'>;
  /** Where rows go that the sink can never take. */
  readonly deadLetters: Pick<DeadLetters, 'add' | 'isFull'>;
  readonly sink: Sink;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Told when rows cannot be written any more, and when they can again (undefined). */
  readonly onTrouble: (space: RowSpace, trouble: string | undefined) => void;
  /** Told of each row that was set aside. */
  readonly onSetAside: (space: RowSpace, key: ByteString, reason: string) => void;
}

/** What came of one round through the parts. */
interface Turn {
  readonly taken: number;
  readonly failed: boolean;
}

/** Somebody who waits until what waited at an instant is written. */
interface Hurry {
  readonly before: number;
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
export class Flusher<Item extends { readonly key: ByteString } = { readonly key: ByteString }> {
  readonly #options: FlusherOptions<Item>;
  readonly #writer: SinkWriter;
  readonly #rowPace: Pace | undefined;
  readonly #transactionPace: Pace | undefined;
  readonly #closing = new Canceller();
  readonly #hurried: Hurry[] = [];
  /** The epochs of parts as of their last claim. */
  readonly #tenures = new Map<number, number>();
  #wake: (() => void) | undefined;
  #failures = 0;
  #done: Promise<void> | undefined;

  constructor(options: FlusherOptions<Item>) {
    this.#options = options;
    this.#writer = new SinkWriter(options);
    const { rows, transactions } = options.space.policy.rate;
    this.#rowPace = rows === undefined ? undefined : new Pace(rows);
    this.#transactionPace = transactions === undefined ? undefined : new Pace(transactions);
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
    this.#closing.abort(new Error('closing'));
    this.#wake?.();
    await this.#done;
    while (!deadline.aborted) {
      const { taken, failed } = await this.#turn(0, 0);
      if (failed) break;
      if (taken > 0) continue;
      const wait = this.#paced();
      if (wait === 0) break;
      await this.#sleep(wait, deadline);
    }
    for (const { done } of this.#hurried.splice(0)) done(false);
    return this.#look();
  }

  /** Writes what waits now, whatever its age, until the signal aborts. @returns how much of all there is is left */
  async flush(deadline: AbortSignal): Promise<{ readonly left: number; readonly isWritten: boolean }> {
    const before = this.#options.clock.now();
    const isWritten = await new Promise<boolean>((resolve) => {
      if (deadline.aborted || this.#closing.aborted) resolve(false);
      deadline.addEventListener('abort', () => resolve(false), { once: true });
      this.#hurried.push({ before, done: resolve });
      this.#wake?.();
    });
    return { left: await this.#look(), isWritten };
  }

  /** The statements that the next batches would run. Nothing is claimed, nothing is written. */
  async explain(): Promise<readonly string[]> {
    const { backlog, rights, space } = this.#options;
    const statements: string[] = [];
    for (const { partition } of rights.held()) {
      const rows = this.#sinkRows(await backlog.waiting(partition, space.policy.maxBatch));
      if (rows.length > 0) statements.push(...this.#writer.explain(rows));
    }
    return statements;
  }

  /**
   * Writes one row now, beside what waits; resolves when it, or a later state of it, is written.
   * @throws SluiceError OVERLOADED when that takes longer than a batch may; it goes on waiting
   */
  async writeNow(key: ByteString, partition: number): Promise<void> {
    const { backlog, space, clock } = this.#options;
    const deadline = clock.monotonic() + space.policy.timeout;
    let trouble = '';
    while (clock.monotonic() < deadline && !this.#closing.aborted) {
      const right = this.#options.rights.held().find((one) => one.partition === partition);
      const claimed = right === undefined ? [] : await backlog.claim(partition, { ...this.#claim(1, 0, 0), only: key });
      if (right !== undefined && claimed.length > 0) {
        try {
          await this.#writer.check();
          await this.#write(right, claimed);
          return;
        } catch (error) {
          trouble = `: ${textOf(error)}`;
        }
      }
      // It is being written already, or by another node.
      await this.#sleep(SHORTEST_LOOK_MS, this.#closing);
    }
    space.stats.refused++;
    const table = space.mapping.table;
    throw new SluiceError(
      'OVERLOADED',
      `the row was accepted and is not in ${table} yet${trouble}; too many others wait`,
    );
  }

  /** Writes rows as they are, beside those that wait; no more than one batch. @throws SinkFailure */
  async rewrite(letters: readonly LetterRow[]): Promise<void> {
    const { backlog, space, rights } = this.#options;
    await this.#writer.check();
    for (let partition = 0; partition < backlog.partitions; partition++) {
      const rows = letters.flatMap((letter) =>
        backlog.partitionOf(letter.key) === partition ? (backlog.rowOf(letter) ?? []) : [],
      );
      // Of a part that is another node's the versions alone guard.
      const right = rights.held().find((one) => one.partition === partition);
      await this.#writer.write(rows, right === undefined ? undefined : this.#rightOf(right));
    }
    space.stats.written += letters.length;
  }

  async #run(): Promise<void> {
    const { space, clock, random } = this.#options;
    const { minDelay, maxDelay } = space.policy;
    await this.#look();
    while (!this.#closing.aborted) {
      const hurry = this.#hurried.at(-1);
      const age = hurry === undefined ? undefined : Math.max(0, clock.now() - hurry.before);
      const { taken, failed } = await this.#turn(age ?? minDelay, age ?? maxDelay);
      await this.#look();
      if (failed) {
        await this.#pause(fullJitter(RETRY, this.#failures++, random));
        continue;
      }
      if (taken > 0) continue;
      const paced = this.#paced();
      if (hurry !== undefined && paced === 0 && this.#isWritten(hurry.before)) {
        for (const { done } of this.#hurried.splice(0, this.#hurried.indexOf(hurry) + 1)) done(true);
        continue;
      }
      const due = space.oldest === undefined ? LONGEST_LOOK_MS : space.oldest + maxDelay - clock.now();
      const least = Math.max(SHORTEST_LOOK_MS, Math.min(MOST_LATE_MS, maxDelay * LATENESS));
      await this.#pause(Math.max(paced, least, Math.min(LONGEST_LOOK_MS, due)));
    }
  }

  /** Writes one batch of each part, if there is one. */
  async #turn(minAge: number, maxAge: number): Promise<Turn> {
    const { backlog, space, rights } = this.#options;
    let taken = 0;
    try {
      await this.#writer.check();
      for (const right of rights.held()) {
        const count = this.#take(space.policy.maxBatch);
        if (count === 0) break;
        const takeOver = this.#tenures.get(right.partition) !== right.epoch;
        const claimed = await backlog.claim(right.partition, { ...this.#claim(count, minAge, maxAge), takeOver });
        this.#tenures.set(right.partition, right.epoch);
        space.claims(right.partition, claimed.length);
        this.#giveBack(count - claimed.length, claimed.length === 0);
        taken += claimed.length;
        if (claimed.length > 0) await this.#write(right, claimed);
      }
      this.#well();
      return { taken, failed: false };
    } catch (error) {
      this.#unwell(error);
      return { taken, failed: true };
    }
  }

  /** Rows that one bad row keeps from being written are written in halves, until it is alone. @throws SinkFailure */
  async #write(right: PartitionRight, claimed: readonly Item[]): Promise<void> {
    const { backlog, deadLetters, space } = this.#options;
    const { partition } = right;
    const parts: (readonly Item[])[] = [claimed];
    let full: unknown;
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      try {
        await this.#attempt(right, part);
      } catch (error) {
        if (isOf(error, 'data') && part.length > 1) {
          const half = part.length >> 1;
          parts.push(part.slice(half), part.slice(0, half));
          continue;
        }
        try {
          if (!isOf(error, 'data')) throw error;
          await this.#setAside(partition, part[0] as Item, textOf(error));
        } catch (trouble) {
          // That bad rows cannot be set aside does not keep the good ones from being written; any other trouble does.
          const goesOn = isOf(error, 'data') && deadLetters.isFull(space);
          await backlog.fail(partition, goesOn ? part : [part, ...parts].flat());
          full = trouble;
          if (!goesOn) break;
        }
      }
    }
    if (full !== undefined) throw full;
  }

  /** @throws SinkFailure: nothing was written, or it is not known */
  async #attempt({ partition }: PartitionRight, items: readonly Item[]): Promise<void> {
    const { backlog, space, rights, clock } = this.#options;
    const begun = clock.monotonic();
    // The right may have ended while the rows were claimed.
    const epoch = rights.epochOf(partition);
    if (epoch === undefined) throw new SinkFailure('fenced', 'another node writes these rows now');
    try {
      await this.#writer.write(this.#sinkRows(items), this.#rightOf({ partition, epoch }));
    } catch (error) {
      // What was sent may still be under way: it must not be there before what is sent next.
      if (error instanceof SinkFailure && error.ambiguous && space.mapping.fence !== undefined)
        await rights.advance(partition);
      throw error;
    }
    space.traffic.wrote(items, clock.monotonic() - begun, space.stats, clock.monotonic());
    space.stats.written += items.length;
    await backlog.acknowledge(partition, items);
    space.room.freed();
  }

  /** Kept in a log of its own, with what was to be written and why it was not. */
  async #setAside(partition: number, item: Item, reason: string): Promise<void> {
    const { backlog, deadLetters, space, onSetAside } = this.#options;
    await deadLetters.add(space, backlog.letter(item), reason);
    await backlog.acknowledge(partition, [item]);
    space.stats.setAside++;
    onSetAside(space, item.key, reason);
  }

  #claim(count: number, minAge: number, maxAge: number): BacklogClaim {
    const lease = this.#options.space.policy.timeout + LEASE_MARGIN_MS;
    return { count, lease, minAge, maxAge, takeOver: false };
  }

  #sinkRows(items: readonly Item[]): SinkRow[] {
    return items.flatMap((item) => this.#options.backlog.sinkRow(item) ?? []);
  }

  #rightOf({ partition, epoch }: PartitionRight): WriteRight | undefined {
    const { set, mapping } = this.#options.space;
    return mapping.fence === undefined ? undefined : { name: `${set}:${partition}`, epoch };
  }

  /** How many rows may go in one transaction now, 0 for none. */
  #take(most: number): number {
    const now = this.#options.clock.monotonic();
    if (this.#transactionPace !== undefined && this.#transactionPace.take(1, now) === 0) return 0;
    const count = this.#rowPace === undefined ? most : this.#rowPace.take(most, now);
    if (count === 0) this.#transactionPace?.giveBack(1);
    return count;
  }

  #giveBack(rows: number, transaction: boolean): void {
    if (rows > 0) this.#rowPace?.giveBack(rows);
    if (transaction) this.#transactionPace?.giveBack(1);
  }

  /** Until the next batch may go, ms. */
  #paced(): number {
    const now = this.#options.clock.monotonic();
    const { maxBatch } = this.#options.space.policy;
    return Math.max(this.#rowPace?.wait(maxBatch, now) ?? 0, this.#transactionPace?.wait(1, now) ?? 0);
  }

  /** What waited at the instant is no more. */
  #isWritten(before: number): boolean {
    const { claimed, waitsSince } = this.#options.space;
    return claimed === 0 && (waitsSince === undefined || waitsSince > before);
  }

  /** Looks at what waits. @returns how much that is */
  async #look(): Promise<number> {
    const { backlog, space } = this.#options;
    try {
      let oldest: number | undefined;
      for (let partition = 0; partition < backlog.partitions; partition++) {
        const size = await backlog.size(partition);
        space.counted(partition, size.waiting, size.claimed);
        if (size.oldest !== undefined) oldest = Math.min(oldest ?? size.oldest, size.oldest);
      }
      space.oldest = oldest;
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

function isOf(error: unknown, kind: SinkFailure['kind']): boolean {
  return error instanceof SinkFailure && error.kind === kind;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
