import type { Clock } from '../kernel/clock.ts';
import type { MetricSource } from '../telemetry/metrics.ts';
import type { WriteBehindAdmin, WritesForOperators } from './write-behind-admin.ts';
import { alarmNames, lagOf } from './write-behind-alarms.ts';

/** What waits to be written, and what became of the rest. */
export function writeBehindMetrics(
  { rows, letters, partitions }: WritesForOperators,
  admin: WriteBehindAdmin,
  clock: Clock,
): MetricSource {
  return (sink) => {
    for (const space of rows.spaces) {
      const { name, stats, pending, buffered, trouble, traffic } = space;
      const labels = { keyspace: name };
      sink.value('sluice_write_behind_accepted_total', stats.accepted, labels);
      sink.value('sluice_write_behind_refused_total', stats.refused, labels);
      sink.value('sluice_write_behind_rows_written_total', stats.written, labels);
      sink.value('sluice_write_behind_batches_total', stats.batches, labels);
      sink.value('sluice_write_behind_failures_total', stats.failures, labels);
      sink.value('sluice_write_behind_set_aside_total', stats.setAside, labels);
      sink.value('sluice_write_behind_dropped_total', stats.dropped, labels);
      sink.value('sluice_write_behind_loaded_total', stats.loaded, labels);
      sink.value('sluice_write_behind_pending', pending, labels);
      sink.value('sluice_write_behind_buffered', buffered.rows, labels);
      sink.value('sluice_write_behind_lag_seconds', lagOf(space, clock.now()) / 1000, labels);
      sink.value('sluice_write_behind_dead_letters', letters.count(space), labels);
      const raised = admin.alarms(space).map(({ name: alarm }) => alarm);
      for (const alarm of alarmNames)
        sink.value('sluice_write_behind_alarm', raised.includes(alarm) ? 1 : 0, { ...labels, alarm });
      const reduction = traffic.reduction(stats, partitions, clock.monotonic());
      for (const kind of ['predicted', 'achieved'] as const)
        if (reduction !== undefined) sink.value('sluice_write_behind_reduction', reduction[kind], { ...labels, kind });
      sink.sizes('sluice_write_behind_batch_rows', traffic.batchRows, labels);
      sink.histogram('sluice_write_behind_flush_duration_seconds', traffic.duration, labels);
      sink.value('sluice_write_behind_stopped', trouble === undefined ? 0 : 1, labels);
    }
  };
}
