import type { Limits } from '../guard/limits/limits.ts';
import type { MetricSource } from '../telemetry/metrics.ts';

/** What clients take up, and how often they met a limit. */
export function limitMetrics(limits: Limits): MetricSource {
  return (sink) => {
    sink.value('sluice_limit_connections', limits.connections);
    sink.value('sluice_limit_addresses', limits.addresses);
    sink.value('sluice_limit_requests_in_flight', limits.requests);
    for (const direction of ['input', 'output'] as const) {
      const { total, most, limit, shed } = limits[direction];
      sink.value('sluice_limit_held_bytes', total, { direction });
      sink.value('sluice_limit_held_bytes_most', most, { direction });
      sink.value('sluice_limit_held_bytes_max', limit, { direction });
      sink.value('sluice_limit_shed_total', shed, { direction });
    }
    for (const [kind, of] of [
      ['perUser', 'user'],
      ['perAddress', 'address'],
    ] as const) {
      const buckets = limits.rates.bucketsOf(kind);
      if (buckets === undefined) continue;
      sink.value('sluice_limit_rate_buckets', limits.rates.inUse(kind), { of });
      sink.value('sluice_limit_rate_buckets_taken_over_total', buckets.takenOver, { of });
    }
    for (const { face, hits } of limits.gates)
      for (const [limit, count] of hits) sink.value('sluice_limit_hits_total', count, { face, limit });
  };
}
