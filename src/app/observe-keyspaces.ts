import type { Apis } from '../client/http/apis.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { ReadThrough } from '../keyspace/read-through.ts';
import type { MetricSource } from '../telemetry/metrics.ts';

interface ObservedReads {
  readonly readThrough: ReadThrough;
  readonly keyspaces: readonly Keyspace[];
  readonly apis: Apis;
}

/** What read-through keys come to, and what the APIs behind them have to bear. */
export function keyspaceMetrics({ keyspaces, readThrough: { fetches }, apis }: ObservedReads): MetricSource {
  return (sink) => {
    sink.value('sluice_fetches_in_flight', fetches.size);
    for (const { name, gate, stats, breaker } of apis) {
      const labels = { api: name };
      sink.value('sluice_api_requests_total', stats.requests, labels);
      sink.value('sluice_api_retries_total', stats.retries, labels);
      sink.value('sluice_api_failures_total', stats.failures, labels);
      sink.value('sluice_api_broken_total', stats.broken, labels);
      sink.value('sluice_api_breaker_open', breaker.state === 'closed' ? 0 : 1, labels);
      sink.value('sluice_api_in_flight', gate.active, labels);
      sink.value('sluice_api_waiting', gate.waiting, labels);
      sink.value('sluice_api_waited_total', gate.stats.waited, labels);
      sink.value('sluice_api_refused_total', gate.stats.refused, labels);
    }
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
