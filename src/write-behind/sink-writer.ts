import { Canceller } from '../kernel/cancellation.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Sink, SinkFailure, type SinkRow, type WriteRight } from '../sink/sink.ts';
import type { RowSpace } from './row-space.ts';

/** Writes rows of one keyspace to its sink, each time within the time that a batch has; what it is told is counted. */
export class SinkWriter {
  readonly #space: RowSpace;
  readonly #sink: Sink;
  readonly #clock: Clock;
  #checked = false;

  constructor({ space, sink, clock }: { readonly space: RowSpace; readonly sink: Sink; readonly clock: Clock }) {
    this.#space = space;
    this.#sink = sink;
    this.#clock = clock;
  }

  /** Whether the table is as the mapping needs it; once, and again after it was not. @throws SinkFailure */
  async check(): Promise<void> {
    if (this.#checked) return;
    const problems = await this.#inTime((signal) => this.#sink.check(this.#space.mapping, signal));
    if (problems.length > 0) {
      const told = problems.map(({ problem, statement }) =>
        statement === undefined ? problem : `${problem} (${statement})`,
      );
      throw new SinkFailure('schema', told.join('; '));
    }
    this.#checked = true;
  }

  /** All of them or none. @throws SinkFailure */
  async write(rows: readonly SinkRow[], right: WriteRight | undefined): Promise<void> {
    if (rows.length === 0) return;
    const { stats, mapping } = this.#space;
    stats.batches++;
    try {
      await this.#inTime((signal) => this.#sink.write(mapping, rows, signal, right));
    } catch (error) {
      stats.failures++;
      if (error instanceof SinkFailure && error.kind === 'schema') this.#checked = false;
      throw error;
    }
  }

  /** What `write` would do. */
  explain(rows: readonly SinkRow[]): readonly string[] {
    return this.#sink.explain(this.#space.mapping, rows);
  }

  async #inTime<T>(work: (signal: Canceller) => Promise<T>): Promise<T> {
    const over = new Canceller();
    const late = (): void => over.abort(new SinkFailure('transient', 'it took too long', { ambiguous: true }));
    const timer = this.#clock.setTimer(late, this.#space.policy.timeout);
    try {
      return await work(over);
    } finally {
      timer.cancel();
    }
  }
}
