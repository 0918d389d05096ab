import type { MetricSource } from '../telemetry/metrics.ts';
import type { RowSpace } from '../write-behind/row-space.ts';

/** What waits to be written, and what became of the rest. */
export function writeBehindMetrics(spaces: readonly RowSpace[], now: () => number): MetricSource {
  return (sink) => {
    for (const { name, stats, pending, oldest, trouble } of spaces) {
      const labels = { keyspace: name };
      sink.value('sluice_write_behind_accepted_total', stats.accepted, labels);
      sink.value('sluice_write_behind_refused_total', stats.refused, labels);
      sink.value('sluice_write_behind_rows_written_total', stats.written, labels);
      sink.value('sluice_write_behind_batches_total', stats.batches, labels);
      sink.value('sluice_write_behind_failures_total', stats.failures, labels);
      sink.value('sluice_write_behind_set_aside_total', stats.setAside, labels);
      sink.value('sluice_write_behind_pending', pending, labels);
      sink.value(
        'sluice_write_behind_lag_seconds',
        oldest === undefined ? 0 : Math.max(0, now() - oldest) / 1000,
        labels,
      );
      sink.value('sluice_write_behind_stopped', trouble === undefined ? 0 : 1, labels);
    }
  };
}
