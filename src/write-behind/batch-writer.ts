import type { ByteString } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Sink, SinkFailure, type SinkRow, type WriteRight } from '../sink/sink.ts';
import type { Backlog } from './backlog.ts';
import type { DeadLetters, LetterRow } from './dead-letters.ts';
import type { PartitionRight, PartitionRights } from './partition-rights.ts';
import type { RowSpace } from './row-space.ts';
import { SinkWriter } from './sink-writer.ts';
import type { Urgent } from './urgent.ts';

/** What waits; records have no version. */
export interface FlushedItem {
  readonly key: ByteString;
  readonly version?: number;
}

export interface BatchWriterOptions<Item extends FlushedItem> {
  readonly space: RowSpace;
  readonly backlog: Backlog<Item>;
  /** Which parts of it this node writes. */
  readonly rights: Pick<PartitionRights, 'held' | 'epochOf' | 'advance'>;
  /** Where rows go that the sink can never take. */
  readonly deadLetters: Pick<DeadLetters, 'add' | 'isFull'>;
  readonly sink: Sink;
  readonly clock: Clock;
  /** Told of each row that was set aside. */
  readonly onSetAside: (space: RowSpace, key: ByteString, reason: string) => void;
}

/** Rows that were set aside and are not acknowledged yet. */
const MAX_ASIDE = 10_000;

/** Writes what was claimed of one part, and sees to it that each row is acknowledged, set aside or given back. */
export class BatchWriter<Item extends FlushedItem> {
  readonly #options: BatchWriterOptions<Item>;
  readonly #writer: SinkWriter;
  readonly #urgent: Urgent;
  /** Rows that were set aside, and are not acknowledged: by key, their versions. */
  readonly #aside = new Map<ByteString, number>();

  /** @param urgent told of what is written */
  constructor(options: BatchWriterOptions<Item>, urgent: Urgent) {
    this.#options = options;
    this.#writer = new SinkWriter(options);
    this.#urgent = urgent;
  }

  /** Whether the table is as the mapping needs it. @throws SinkFailure */
  check(): Promise<void> {
    return this.#writer.check();
  }

  /** Rows that one bad row keeps from being written are written in halves, until it is alone. @throws SinkFailure */
  async write(right: PartitionRight, claimed: readonly Item[]): Promise<void> {
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
    for (const item of items) {
      const problem = backlog.problemOf(item);
      if (problem !== undefined) throw new SinkFailure('data', problem);
    }
    if (epoch === undefined) throw new SinkFailure('fenced', 'another node writes these rows now');
    try {
      await this.#writer.write(this.#sinkRows(items), this.#rightOf({ partition, epoch }));
    } catch (error) {
      // What was sent may still be under way and must not come after what is sent next; or the fence knows of a higher right than this one.
      if (
        space.mapping.fence !== undefined &&
        (isOf(error, 'fenced') || (error instanceof SinkFailure && error.ambiguous))
      )
        await rights.advance(partition);
      throw error;
    }
    space.traffic.wrote(items, clock.monotonic() - begun, space.stats, clock.monotonic());
    space.stats.written += items.length;
    this.#urgent.written(items);
    await backlog.acknowledge(partition, items);
  }

  /** Kept in a log of its own, with what was to be written and why it was not. */
  async #setAside(partition: number, item: Item, reason: string): Promise<void> {
    const { backlog, deadLetters, space, onSetAside } = this.#options;
    const { version = 0 } = item;
    // Once, also when the acknowledgement has to be tried again.
    if (this.#aside.get(item.key) !== version) await deadLetters.add(space, backlog.letter(item), reason);
    if (this.#aside.size < MAX_ASIDE) this.#aside.set(item.key, version);
    await backlog.acknowledge(partition, [item]);
    this.#aside.delete(item.key);
    this.#urgent.setAside(item, reason);
    space.stats.setAside++;
    onSetAside(space, item.key, reason);
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

  /** The statements that `write` would run. */
  explain(items: readonly Item[]): readonly string[] {
    const rows = this.#sinkRows(items);
    return rows.length === 0 ? [] : this.#writer.explain(rows);
  }

  #sinkRows(items: readonly Item[]): SinkRow[] {
    return items.flatMap((item) => this.#options.backlog.sinkRow(item) ?? []);
  }

  #rightOf({ partition, epoch }: PartitionRight): WriteRight | undefined {
    const { set, mapping } = this.#options.space;
    return mapping.fence === undefined ? undefined : { name: `${set}:${partition}`, epoch };
  }
}

export function isOf(error: unknown, kind: SinkFailure['kind']): boolean {
  return error instanceof SinkFailure && error.kind === kind;
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
