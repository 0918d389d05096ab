import type { PreparedCommand } from '../../command/prepared-command.ts';
import { Histogram } from '../../kernel/histogram.ts';
import type { OperationStats } from '../../telemetry/request-stats.ts';

interface Row {
  ok: number;
  failed: number;
  readonly duration: Histogram;
}

/** What a word that is no command is counted as. */
const UNKNOWN = 'unknown';

/** Commands by name and outcome; made for being told a few hundred thousand times a second. */
export class CommandStats {
  readonly #rows = new Map<PreparedCommand | undefined, Row>();
  #last: PreparedCommand | undefined;
  #lastRow: Row = { ok: 0, failed: 0, duration: new Histogram() };

  constructor() {
    this.#rows.set(undefined, this.#lastRow);
  }

  /**
   * @param command undefined when there is none of that name
   * @param count how many of them ran one after the other
   * @param ms that they took together; shared out evenly
   */
  record(command: PreparedCommand | undefined, count: number, failed: number, ms: number): void {
    const row = command === this.#last ? this.#lastRow : this.#rowOf(command);
    row.ok += count - failed;
    row.failed += failed;
    row.duration.record(ms / count, count);
  }

  /** In the shape of the other faces. */
  get operations(): ReadonlyMap<string, OperationStats> {
    const operations = new Map<string, OperationStats>();
    for (const [command, { ok, failed, duration }] of this.#rows) {
      if (ok + failed === 0) continue;
      const outcomes = new Map<string, number>();
      if (ok > 0) outcomes.set('ok', ok);
      if (failed > 0) outcomes.set('error', failed);
      operations.set(command?.name ?? UNKNOWN, { outcomes, duration });
    }
    return operations;
  }

  #rowOf(command: PreparedCommand | undefined): Row {
    let row = this.#rows.get(command);
    if (row === undefined) {
      row = { ok: 0, failed: 0, duration: new Histogram() };
      this.#rows.set(command, row);
    }
    this.#last = command;
    this.#lastRow = row;
    return row;
  }
}
