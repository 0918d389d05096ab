import type { ReadThrough } from '../keyspace/read-through.ts';
import type { MetricSource } from '../telemetry/metrics.ts';

/** What read-through keys come to. */
export function keyspaceMetrics({ keyspaces, fetches }: ReadThrough): MetricSource {
  return (sink) => {
    sink.value('sluice_fetches_in_flight', fetches.size);
    for (const { name, stats, durations } of keyspaces) {
      const labels = { keyspace: name };
      const reads = {
        hit: stats.hits,
        stale: stats.stale,
        miss: stats.misses - stats.collapsed,
        collapsed: stats.collapsed,
      };
      for (const [answer, count] of Object.entries(reads))
        sink.value('sluice_keyspace_reads_total', count, { ...labels, answer });
      const fetched = {
        value: stats.values,
        absent: stats.absences,
        unchanged: stats.unchanged,
        failed: stats.failures,
      };
      for (const [outcome, count] of Object.entries(fetched))
        sink.value('sluice_keyspace_fetches_total', count, { ...labels, outcome });
      sink.value('sluice_keyspace_negative_hits_total', stats.negativeHits, labels);
      sink.value('sluice_keyspace_refreshes_total', stats.refreshes, labels);
      sink.value('sluice_keyspace_unkept_total', stats.unkept, labels);
      sink.value('sluice_keyspace_purges_total', stats.purged, labels);
      sink.histogram('sluice_keyspace_fetch_duration_seconds', durations, labels);
    }
  };
}
