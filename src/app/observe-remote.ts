import type { MetricSource } from '../telemetry/metrics.ts';
import type { RemoteStore } from './compose-remote.ts';

/** The servers behind, and what is kept of them. */
export function remoteMetrics({ upstream, reads }: RemoteStore): MetricSource {
  return (sink) => {
    for (const node of upstream.nodes) {
      const { counters } = node;
      const labels = { upstream: node.name };
      sink.value('sluice_upstream_up', node.state === 'up' ? 1 : 0, labels);
      sink.value('sluice_upstream_tracking', node.tracking ? 1 : 0, labels);
      sink.value('sluice_upstream_in_flight', node.inFlight, labels);
      sink.value('sluice_upstream_queued', node.queued, labels);
      sink.value('sluice_upstream_dedicated', node.dedicated, labels);
      sink.value('sluice_upstream_reconnects_total', counters.reconnects, labels);
      sink.value('sluice_upstream_commands_total', counters.commands, labels);
      sink.value('sluice_upstream_retries_total', counters.retries, labels);
      for (const reason of ['overloaded', 'unknown', 'away'] as const)
        sink.value('sluice_upstream_failures_total', counters[reason], { ...labels, reason });
      sink.value('sluice_upstream_invalidations_total', counters.invalidations, labels);
      sink.value('sluice_upstream_flushes_total', counters.flushes, labels);
      sink.histogram('sluice_upstream_round_trip_seconds', node.roundTrips, labels);
    }
    if (reads === undefined) return;
    const { cache, stats } = reads;
    sink.value('sluice_cache_entries', cache.size);
    sink.value('sluice_cache_bytes', cache.usedBytes);
    sink.value('sluice_cache_max_bytes', cache.maxBytes);
    sink.value('sluice_cache_hits_total', stats.hits);
    sink.value('sluice_cache_misses_total', stats.misses);
    sink.value('sluice_cache_stale_total', stats.stale);
    sink.value('sluice_cache_fills_total', stats.fills);
    sink.value('sluice_cache_fills_joined_total', stats.joined);
    sink.value('sluice_cache_fills_failed_total', stats.failures);
    sink.value('sluice_cache_fills_unkept_total', stats.unkept);
    const { evictedForEntries, evictedForBytes, expired, idle, dead, invalidated, written } = cache.stats;
    const removed = { entries: evictedForEntries, bytes: evictedForBytes, expired, idle, dead, invalidated, written };
    for (const [cause, count] of Object.entries(removed)) sink.value('sluice_cache_removed_total', count, { cause });
  };
}
