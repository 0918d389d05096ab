import { fullJitter } from '../kernel/backoff.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { Canceller } from '../kernel/cancellation.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { type Sink, SinkFailure, type SinkRow } from '../sink/sink.ts';
import type { ClaimedRow, DirtySet } from '../store/ports.ts';
import type { DeadLetters, LetterRow } from './dead-letters.ts';
import type { RowSpace } from './row-space.ts';

export interface FlusherOptions {
  readonly space: RowSpace;
  readonly rows: DirtySet;
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

const RETRY = { first: 100, last: 30_000 };
/** Whether there are rows is looked at that often, at most. */
const LONGEST_LOOK_MS = 100;
const SHORTEST_LOOK_MS = 5;
/** A claim outlives the batch by so much: saying that it was written takes a moment too. */
const LEASE_MARGIN_MS = 5_000;

/** Writes the rows of one keyspace to its sink, those that wait longest first. One batch at a time, so changes of a row keep their order. */
export class Flusher {
  readonly #options: FlusherOptions;
  readonly #closing = new Canceller();
  #wake: (() => void) | undefined;
  #failures = 0;
  #done: Promise<void> | undefined;
  #checked = false;

  constructor(options: FlusherOptions) {
    this.#options = options;
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
      if (taken === 0 || failed) break;
    }
    return this.#look();
  }

  /** Writes rows as they are, beside those that wait; no more than one batch. @throws SinkFailure */
  async rewrite(letters: readonly LetterRow[]): Promise<void> {
    const { sink, space } = this.#options;
    await this.#check();
    const rows = letters.map(({ key, version, change, fields }) => {
      const values = new Map(Object.entries(fields).map(([name, value]) => [name, value ?? undefined]));
      return this.#sinkRow({ key, version, change: change as ClaimedRow['change'], fields: values });
    });
    await this.#inTime((signal) => sink.write(space.mapping, rows, signal));
    space.stats.written += letters.length;
  }

  async #run(): Promise<void> {
    const { space, clock, random } = this.#options;
    const { minDelay, maxDelay } = space.policy;
    await this.#look();
    while (!this.#closing.aborted) {
      const { taken, failed } = await this.#turn(minDelay, maxDelay);
      await this.#look();
      if (failed) {
        await this.#pause(fullJitter(RETRY, this.#failures++, random));
        continue;
      }
      if (taken > 0) continue;
      const due = space.oldest === undefined ? LONGEST_LOOK_MS : space.oldest + maxDelay - clock.now();
      await this.#pause(Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, due)));
    }
  }

  /** Writes one batch of each part, if there is one. */
  async #turn(minAge: number, maxAge: number): Promise<{ readonly taken: number; readonly failed: boolean }> {
    const { rows, space } = this.#options;
    const { maxBatch: count, timeout } = space.policy;
    let taken = 0;
    try {
      await this.#check();
      for (let partition = 0; partition < rows.partitions; partition++) {
        const claim = { count, lease: timeout + LEASE_MARGIN_MS, minAge, maxAge };
        const claimed = await rows.claim(space.set, partition, claim);
        taken += claimed.length;
        if (claimed.length > 0) await this.#write(partition, claimed);
      }
      this.#well();
      return { taken, failed: false };
    } catch (error) {
      this.#unwell(error);
      return { taken, failed: true };
    }
  }

  /** Once, before the first row is written. @throws SinkFailure */
  async #check(): Promise<void> {
    if (this.#checked) return;
    const { sink, space } = this.#options;
    const problems = await this.#inTime((signal) => sink.check(space.mapping, signal));
    if (problems.length > 0) {
      const told = problems.map(({ problem, statement }) =>
        statement === undefined ? problem : `${problem} (${statement})`,
      );
      throw new SinkFailure('schema', told.join('; '));
    }
    this.#checked = true;
  }

  /** Rows that one bad row keeps from being written are written in halves, until it is alone. */
  async #write(partition: number, claimed: readonly ClaimedRow[]): Promise<void> {
    const { rows, sink, space, clock, deadLetters } = this.#options;
    const begun = clock.monotonic();
    try {
      space.stats.batches++;
      await this.#inTime((signal) =>
        sink.write(
          space.mapping,
          claimed.map((row) => this.#sinkRow(row)),
          signal,
        ),
      );
    } catch (error) {
      space.stats.failures++;
      const isData = error instanceof SinkFailure && error.kind === 'data';
      if (!isData) {
        if (error instanceof SinkFailure && error.kind === 'schema') this.#checked = false;
        await this.#giveBack(partition, claimed);
        throw error;
      }
      if (claimed.length === 1) {
        await this.#setAside(partition, claimed[0] as ClaimedRow, error.message);
        return;
      }
      const half = claimed.length >> 1;
      const failures: unknown[] = [];
      for (const rest of [claimed.slice(0, half), claimed.slice(half)]) {
        // That bad rows cannot be set aside does not keep the good ones from being written; any other trouble does.
        if (failures.length > 0 && !deadLetters.isFull(space)) await this.#giveBack(partition, rest);
        else await this.#write(partition, rest).catch((failure: unknown) => failures.push(failure));
      }
      if (failures.length > 0) throw failures[0];
      return;
    }
    space.traffic.wrote(claimed, clock.monotonic() - begun, space.stats, clock.monotonic());
    space.stats.written += claimed.length;
    await rows.acknowledge(space.set, partition, claimed);
  }

  /** Kept in a log of its own, with what was to be written and why it was not. */
  async #setAside(partition: number, row: ClaimedRow, reason: string): Promise<void> {
    const { rows, deadLetters, space, onSetAside } = this.#options;
    try {
      const fields = Object.fromEntries([...row.fields].map(([name, value]) => [name, value ?? null]));
      await deadLetters.add(space, { key: row.key, version: row.version, change: row.change, fields }, reason);
    } catch (error) {
      await this.#giveBack(partition, [row]);
      throw error;
    }
    await rows.acknowledge(space.set, partition, [row]);
    space.stats.setAside++;
    onSetAside(space, row.key, reason);
  }

  async #giveBack(partition: number, claimed: readonly ClaimedRow[]): Promise<void> {
    const { rows, space } = this.#options;
    const keys = claimed.map(({ key }) => key);
    await rows.fail(space.set, partition, keys);
  }

  #sinkRow({ key, version, change, fields }: ClaimedRow): SinkRow {
    const { space } = this.#options;
    const values = new Map<ByteString, ByteString | null>();
    // A field whose column was taken out of the configuration is no longer written.
    for (const [field, value] of fields) if (space.has(field)) values.set(field, value ?? null);
    const changes = { merge: 'merge', replace: 'whole', delete: 'remove' } as const;
    return { key: space.keyOf(key) ?? [], version, change: changes[change], values };
  }

  async #inTime<T>(work: (signal: Canceller) => Promise<T>): Promise<T> {
    const { clock, space } = this.#options;
    const over = new Canceller();
    const late = (): void => over.abort(new SinkFailure('transient', 'it took too long', { ambiguous: true }));
    const timer = clock.setTimer(late, space.policy.timeout);
    try {
      return await work(over);
    } finally {
      timer.cancel();
    }
  }

  /** Looks at what waits. @returns how much that is */
  async #look(): Promise<number> {
    const { rows, space } = this.#options;
    try {
      let pending = 0;
      let oldest: number | undefined;
      for (let partition = 0; partition < rows.partitions; partition++) {
        const size = await rows.size(space.set, partition);
        pending += size.waiting + size.claimed;
        if (size.oldest !== undefined) oldest = Math.min(oldest ?? size.oldest, size.oldest);
      }
      space.pending = pending;
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
    const trouble = error instanceof Error ? error.message : String(error);
    const isNew = space.trouble !== trouble;
    space.trouble = trouble;
    if (isNew) onTrouble(space, trouble);
  }

  #pause(ms: number): Promise<void> {
    if (this.#closing.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const over = (): void => {
        timer?.cancel();
        this.#wake = undefined;
        resolve();
      };
      this.#wake = over;
      timer = this.#options.clock.setTimer(over, ms);
    });
  }
}
