import { Histogram } from '../kernel/histogram.ts';

/** Requests of one operation. */
export interface OperationStats {
  readonly outcomes: Map<string, number>;
  readonly duration: Histogram;
}

/** Operations beyond this share one row: a stranger's names must not become labels without end. */
const MAX_OPERATIONS = 400;
const OTHER = 'other';

/** Requests of one face by operation and outcome. */
export class RequestStats {
  readonly operations = new Map<string, OperationStats>();

  record(operation: string, outcome: string, ms: number): void {
    let stats = this.operations.get(operation);
    if (stats === undefined) {
      const name = this.operations.size < MAX_OPERATIONS ? operation : OTHER;
      stats = this.operations.get(name) ?? { outcomes: new Map(), duration: new Histogram() };
      this.operations.set(name, stats);
    }
    stats.outcomes.set(outcome, (stats.outcomes.get(outcome) ?? 0) + 1);
    stats.duration.record(ms);
  }
}
