import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Server } from '../command/server.ts';
import type { ClosedCounts } from '../face/resp/resp-limits.ts';
import { Histogram } from '../kernel/histogram.ts';
import type { MetricSource } from '../telemetry/metrics.ts';
import type { OperationStats } from '../telemetry/request-stats.ts';
import type { RunningEngine } from './compose-engine.ts';

const SPACES = ['user', 'compat', 'internal'] as const;
const CLASSES = ['data', 'cached', 'internal'] as const;
const STATES = ['loading', 'ready', 'read-only'] as const;

/** Keys, bytes and what became of them. */
export function engineMetrics({ engine }: RunningEngine): MetricSource {
  return (sink) => {
    for (const state of STATES) sink.value('sluice_engine_state', engine.state === state ? 1 : 0, { state });
    let reserved = 0;
    for (const space of SPACES) {
      const keyspace = engine[space];
      for (const [i, name] of CLASSES.entries()) {
        sink.value('sluice_engine_keys', keyspace.usage[i]?.entries ?? 0, { class: name, space });
        sink.value('sluice_engine_bytes', keyspace.usage[i]?.bytes ?? 0, { class: name, space });
      }
      sink.value('sluice_engine_expiring_keys', keyspace.expiring, { space });
      sink.value('sluice_engine_expired_total', keyspace.expired, { space });
      sink.value('sluice_engine_evicted_total', keyspace.evicted, { space });
      reserved += keyspace.reservedBytes;
    }
    sink.value('sluice_engine_used_bytes', engine.usedBytes);
    sink.value('sluice_engine_max_bytes', engine.maxBytes);
    sink.value('sluice_engine_reserved_bytes', reserved);
    sink.value('sluice_engine_changes_total', engine.changes.seq);
  };
}

/** Commits and what waits for them. */
export function journalMetrics({ journal }: RunningEngine): MetricSource {
  const commits = new Histogram();
  journal.observeCommit = (ms) => commits.record(ms);
  return (sink) => {
    const stats = journal.stats();
    sink.value('sluice_journal_groups_total', stats.groups);
    sink.value('sluice_journal_effects_total', stats.effects);
    sink.value('sluice_journal_bytes_total', stats.bytes);
    sink.value('sluice_journal_pending_bytes', stats.pendingBytes);
    sink.value('sluice_journal_log_bytes', stats.logBytes);
    sink.value('sluice_journal_image_bytes', stats.imageBytes);
    sink.value('sluice_journal_checkpoints_total', stats.checkpoints);
    sink.value('sluice_journal_checkpoint_failures_total', stats.checkpointFailures);
    sink.value('sluice_journal_failures_total', stats.failures);
    sink.value('sluice_journal_overloads_total', stats.overloads);
    sink.histogram('sluice_journal_commit_duration_seconds', commits);
  };
}

/** What RESP clients do. */
export function commandMetrics(server: Server, face: { readonly closed: ClosedCounts }): MetricSource {
  return (sink) => {
    sink.value('sluice_keyspace_hits_total', server.counters.hits);
    sink.value('sluice_keyspace_misses_total', server.counters.misses);
    sink.value('sluice_connections_rejected_total', server.counters.rejectedConnections, { face: 'resp' });
    for (const [reason, count] of Object.entries(face.closed))
      sink.value('sluice_connections_closed_total', count, { face: 'resp', reason });
    sink.value('sluice_blocked_clients', server.blocked.size);
    sink.value('sluice_tracking_clients', server.tracking.clients);
  };
}

/** Requests and connections of a face. */
export function faceMetrics(
  face: string,
  stats: { readonly operations: ReadonlyMap<string, OperationStats> },
  listener: { readonly connections: number },
): MetricSource {
  return (sink) => {
    sink.value('sluice_connections', listener.connections, { face });
    for (const [operation, { outcomes, duration }] of stats.operations) {
      for (const [outcome, count] of outcomes) sink.value('sluice_requests_total', count, { face, operation, outcome });
      sink.histogram('sluice_request_duration_seconds', duration, { face, operation });
    }
  };
}

const LAG_SAMPLE_MS = 20;

/** How late the event loop runs. @returns the source and how to stop measuring. */
export function eventLoopMetrics(): { readonly source: MetricSource; readonly close: () => void } {
  const delay = monitorEventLoopDelay({ resolution: LAG_SAMPLE_MS });
  delay.enable();
  return {
    source: (sink) => {
      for (const quantile of [50, 99, 100]) {
        // What is recorded is the time between two samples, the interval included.
        const lag = Math.max(0, delay.percentile(quantile) / 1e9 - LAG_SAMPLE_MS / 1000);
        sink.value('sluice_event_loop_lag_seconds', lag, {
          quantile: String(quantile / 100),
        });
      }
      delay.reset();
    },
    close: () => delay.disable(),
  };
}

/** What the process takes of the machine. @returns the source and how to stop measuring. */
export function processMetrics(startedAt: number): { readonly source: MetricSource; readonly close: () => void } {
  let collectedMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collectedMs += duration;
  });
  observer.observe({ entryTypes: ['gc'] });
  return {
    source: (sink) => {
      const { user, system } = process.cpuUsage();
      const { rss, heapUsed, external } = process.memoryUsage();
      sink.value('process_cpu_seconds_total', user / 1e6, { mode: 'user' });
      sink.value('process_cpu_seconds_total', system / 1e6, { mode: 'system' });
      sink.value('process_start_time_seconds', startedAt / 1000);
      sink.value('process_resident_memory_bytes', rss);
      sink.value('nodejs_heap_used_bytes', heapUsed);
      sink.value('nodejs_heap_limit_bytes', getHeapStatistics().heap_size_limit);
      sink.value('nodejs_external_memory_bytes', external);
      sink.value('nodejs_gc_duration_seconds_total', collectedMs / 1000);
    },
    close: () => observer.disconnect(),
  };
}
