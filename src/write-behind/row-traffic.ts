import type { ByteString } from '../kernel/bytes.ts';
import { DistinctCount } from '../kernel/distinct-count.ts';
import { Histogram } from '../kernel/histogram.ts';
import { SizeHistogram } from '../kernel/size-histogram.ts';

/** How rows wait. */
interface Delays {
  readonly minDelay: number;
  readonly maxDelay: number;
  readonly maxBatch: number;
}

/** What waiting saves the database, as of the last minute or two. */
export interface Reduction {
  /** What it is the reduction of, s. */
  readonly seconds: number;
  /** Different rows that were written, about. */
  readonly rows: number;
  /** Changes of one row, a second. */
  readonly rate: number;
  /** Changes for each row that is written, if they come at random: 1 + rate x the time that rows wait by the settings. */
  readonly predicted: number;
  /** Changes for each row that was written. */
  readonly achieved: number;
}

interface Span {
  readonly from: number;
  readonly accepted: number;
  readonly written: number;
  readonly rows: DistinctCount;
}

/** Of {@link Reduction}, ms: long enough for most rows to have come by. */
const SPAN_MS = 60_000;
/** So many waits at least. */
const SPAN_WAITS = 4;
const SHORTEST_WAITS = 2;

/** How a keyspace's rows are written: how many at a time, how long that takes, what it saves. Costs nothing where changes are accepted. */
export class RowTraffic {
  readonly batchRows = new SizeHistogram();
  /** Of writing a batch. */
  readonly duration = new Histogram();
  readonly #delays: Delays;
  readonly #spanMs: number;
  #last: Span | undefined;
  #current: Span | undefined;

  constructor(delays: Delays) {
    this.#delays = delays;
    this.#spanMs = Math.max(SPAN_MS, SPAN_WAITS * delays.maxDelay);
  }

  /**
   * A batch was written.
   * @param ms how long that took @param sums of the keyspace, this batch not counted @param now monotonic, ms
   */
  wrote(
    keys: Iterable<{ readonly key: ByteString }>,
    ms: number,
    sums: { readonly accepted: number; readonly written: number },
    now: number,
  ): void {
    this.#turn(sums, now);
    const { rows } = this.#current as Span;
    let size = 0;
    for (const { key } of keys) {
      rows.add(key);
      size++;
    }
    this.batchRows.record(size);
    this.duration.record(ms);
  }

  /** Undefined before there is something to tell. @param partitions parts of the set, each with batches of its own @param now monotonic, ms */
  reduction(
    sums: { readonly accepted: number; readonly written: number },
    partitions: number,
    now: number,
  ): Reduction | undefined {
    const span = this.#last ?? this.#current;
    if (span === undefined) return undefined;
    const seconds = (now - span.from) / 1000;
    const accepted = sums.accepted - span.accepted;
    const written = sums.written - span.written;
    const rows = span.rows.estimate;
    // Of less, a figure would say nothing.
    if (now - span.from < SHORTEST_WAITS * this.#delays.maxDelay || written <= 0 || rows < 0.5) return undefined;
    const rate = accepted / seconds / rows;
    return {
      seconds,
      rows: Math.round(rows),
      rate,
      predicted: 1 + rate * (meanWait(this.#delays, rows, rate, partitions) / 1000),
      achieved: accepted / written,
    };
  }

  #turn({ accepted, written }: { readonly accepted: number; readonly written: number }, now: number): void {
    if (this.#current !== undefined && now - this.#current.from < this.#spanMs) return;
    // The first batch was accepted while it waited.
    const begun =
      this.#current === undefined
        ? { from: now - mostWait(this.#delays), accepted: 0, written: 0 }
        : { from: now, accepted, written };
    // What is told of goes back one span or two, so there is always enough of it.
    this.#last = this.#current;
    this.#current = { ...begun, rows: new DistinctCount() };
  }
}

/**
 * How long a row waits on average, ms. One that is ripe (minDelay) waits for the batch to be full of ripe ones, or for one of them to be overdue
 * (maxDelay), then all go: on average for half of that time. With n rows, of which n x rate / (1 + rate x wait) a second begin to wait, that is
 * solved for the wait.
 */
export function meanWait(
  { minDelay, maxDelay, maxBatch }: Delays,
  rows: number,
  ratePerSecond: number,
  partitions: number,
): number {
  const most = mostWait({ minDelay, maxDelay });
  const share = (maxBatch * partitions) / (2 * rows);
  if (share >= 1 || ratePerSecond <= 0) return most;
  return Math.min(most, (minDelay + (1000 * share) / ratePerSecond) / (1 - share));
}

/** On average, where batches do not fill up. */
function mostWait({ minDelay, maxDelay }: Pick<Delays, 'minDelay' | 'maxDelay'>): number {
  return (minDelay + maxDelay) / 2;
}
