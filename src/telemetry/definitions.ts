/** One metric: what the reference page and the registry are made of. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
}

/** Every metric of a node, by its name on `/metrics`. Counters and histograms add up over nodes. */
export const metricDefinitions = {
  sluice_requests_total: {
    type: 'counter',
    help: 'Requests answered, by face, command or method, and outcome (ok, error; HTTP: the class of the status, as 2xx).',
    labels: ['face', 'operation', 'outcome'],
  },
  sluice_request_duration_seconds: {
    type: 'histogram',
    help: 'From the request in hand to its answer made; waiting for durability is in sluice_journal_commit_duration_seconds. What a store behind answers: until it is sent on. RESP commands of one name in a row, up to 16, share theirs evenly.',
    labels: ['face', 'operation'],
  },
  sluice_connections: { type: 'gauge', help: 'Open client connections.', labels: ['face'] },
  sluice_connections_rejected_total: {
    type: 'counter',
    help: 'Connections refused; sluice_limit_hits_total tells at which limit.',
    labels: ['face'],
  },
  sluice_connections_closed_total: {
    type: 'counter',
    help: 'RESP connections that were closed, by reason: output (more left unread than the limit), protocol (broken, or a limit of it), http, idle, login (not authenticated in time), overloaded (all clients together had too much waiting).',
    labels: ['face', 'reason'],
  },
  sluice_limit_hits_total: {
    type: 'counter',
    help: 'How often clients met a limit, by the setting below limits; http.timeout is headerTimeout or requestTimeout, tls.handshake a handshake that took too long.',
    labels: ['face', 'limit'],
  },
  sluice_limit_connections: { type: 'gauge', help: 'Open connections of all listeners, handshakes included.' },
  sluice_limit_addresses: { type: 'gauge', help: 'Addresses they come from; an IPv6 /64 is one.' },
  sluice_limit_requests_in_flight: {
    type: 'gauge',
    help: 'HTTP requests being answered, without those whose body is still coming; bound: limits.inFlight.requests.',
  },
  sluice_limit_held_bytes: {
    type: 'gauge',
    help: 'Bytes held for clients, as last reported: input (bodies and commands that are not complete), output (answers not taken). Less than 16 KiB of a connection is not counted.',
    labels: ['direction'],
  },
  sluice_limit_held_bytes_most: {
    type: 'gauge',
    help: 'The most of them since the start.',
    labels: ['direction'],
  },
  sluice_limit_held_bytes_max: {
    type: 'gauge',
    help: 'The settings limits.inFlight.bytes and limits.outputBytes; 0: no bound.',
    labels: ['direction'],
  },
  sluice_limit_shed_total: {
    type: 'counter',
    help: 'Connections that lost what was held for them because all together held too much.',
    labels: ['direction'],
  },
  sluice_limit_rate_buckets: {
    type: 'gauge',
    help: 'Users and addresses that have used some of their rate; 65536 of each are told apart.',
    labels: ['of'],
  },
  sluice_limit_rate_buckets_taken_over_total: {
    type: 'counter',
    help: 'Times one of them had to go on with what another had used, because their places were full.',
    labels: ['of'],
  },
  sluice_engine_state: { type: 'gauge', help: '1 for the state the engine is in.', labels: ['state'] },
  sluice_engine_keys: { type: 'gauge', help: 'Keys held, by entry class and dictionary.', labels: ['class', 'space'] },
  sluice_engine_bytes: {
    type: 'gauge',
    help: 'Bytes of the keys held, by entry class and dictionary.',
    labels: ['class', 'space'],
  },
  sluice_engine_expiring_keys: { type: 'gauge', help: 'Keys with an expiry.', labels: ['space'] },
  sluice_engine_expired_total: {
    type: 'counter',
    help: 'Keys that left because their time had come.',
    labels: ['space'],
  },
  sluice_engine_evicted_total: { type: 'counter', help: 'Cached keys that left to make room.', labels: ['space'] },
  sluice_engine_used_bytes: { type: 'gauge', help: 'Bytes that count against sluice_engine_max_bytes.' },
  sluice_engine_max_bytes: { type: 'gauge', help: 'The setting maxBytes.' },
  sluice_engine_reserved_bytes: { type: 'gauge', help: 'Memory taken for string values, free cells included.' },
  sluice_engine_changes_total: { type: 'counter', help: 'Effects on the change stream.' },
  sluice_keyspace_hits_total: { type: 'counter', help: 'Look-ups by RESP commands that found the key.' },
  sluice_keyspace_misses_total: { type: 'counter', help: 'Look-ups by RESP commands that did not.' },
  sluice_blocked_clients: { type: 'gauge', help: 'Clients in a blocking command.' },
  sluice_tracking_clients: { type: 'gauge', help: 'Clients with CLIENT TRACKING on.' },
  sluice_journal_groups_total: { type: 'counter', help: 'Group commits.' },
  sluice_journal_effects_total: { type: 'counter', help: 'Effects committed.' },
  sluice_journal_bytes_total: { type: 'counter', help: 'Bytes of effects committed.' },
  sluice_journal_commit_duration_seconds: { type: 'histogram', help: 'From a group sent to the disk to its commit.' },
  sluice_journal_pending_bytes: { type: 'gauge', help: 'Bytes of effects that wait for their commit.' },
  sluice_journal_log_bytes: { type: 'gauge', help: 'Bytes of the log since the last checkpoint.' },
  sluice_journal_image_bytes: { type: 'gauge', help: 'Bytes of the last checkpoint.' },
  sluice_journal_checkpoints_total: { type: 'counter', help: 'Checkpoints finished.' },
  sluice_journal_checkpoint_failures_total: { type: 'counter', help: 'Checkpoints given up; the log stays longer.' },
  sluice_journal_failures_total: { type: 'counter', help: 'Commits that failed and were tried again.' },
  sluice_journal_overloads_total: {
    type: 'counter',
    help: 'Times writes were refused because the disk did not keep up.',
  },
  sluice_upstream_up: { type: 'gauge', help: '1 while the server behind is reached.', labels: ['upstream'] },
  sluice_upstream_tracking: {
    type: 'gauge',
    help: '1 while the server tells of changes; otherwise nothing is answered from the cache.',
    labels: ['upstream'],
  },
  sluice_upstream_in_flight: {
    type: 'gauge',
    help: 'Commands under way over shared connections.',
    labels: ['upstream'],
  },
  sluice_upstream_queued: { type: 'gauge', help: 'Commands that wait for upstream.opsInFlight.', labels: ['upstream'] },
  sluice_upstream_dedicated: {
    type: 'gauge',
    help: 'Connections of single clients, idle ones included; bound: upstream.dedicated.',
    labels: ['upstream'],
  },
  sluice_upstream_reconnects_total: {
    type: 'counter',
    help: 'Shared connections made again after a loss.',
    labels: ['upstream'],
  },
  sluice_upstream_commands_total: {
    type: 'counter',
    help: 'Commands sent over shared connections.',
    labels: ['upstream'],
  },
  sluice_upstream_retries_total: { type: 'counter', help: 'Reads sent again.', labels: ['upstream'] },
  sluice_upstream_failures_total: {
    type: 'counter',
    help: 'Commands that got an error of Sluice, by reason: overloaded (queue full), unknown (sent, outcome unknown), away (never sent).',
    labels: ['upstream', 'reason'],
  },
  sluice_upstream_invalidations_total: {
    type: 'counter',
    help: 'Keys that the server told to have changed.',
    labels: ['upstream'],
  },
  sluice_upstream_flushes_total: {
    type: 'counter',
    help: 'Times the server told that all keys have changed.',
    labels: ['upstream'],
  },
  sluice_upstream_round_trip_seconds: {
    type: 'histogram',
    help: 'Round trips of heartbeats to the server.',
    labels: ['upstream'],
  },
  sluice_keyspace_reads_total: {
    type: 'counter',
    help: 'Reads of read-through keys, by keyspace and how they were answered: hit, stale (past its time), miss (fetched for it), collapsed (waited for a fetch under way).',
    labels: ['keyspace', 'answer'],
  },
  sluice_keyspace_negative_hits_total: {
    type: 'counter',
    help: 'Of the hits, those that it was remembered that the origin has none.',
    labels: ['keyspace'],
  },
  sluice_keyspace_fetches_total: {
    type: 'counter',
    help: 'Values asked of the origin, by outcome: value, absent, unchanged (what was kept is still true), failed.',
    labels: ['keyspace', 'outcome'],
  },
  sluice_keyspace_refreshes_total: {
    type: 'counter',
    help: 'Of the fetches, those in the background, for which nobody waits.',
    labels: ['keyspace'],
  },
  sluice_keyspace_unkept_total: {
    type: 'counter',
    help: 'Values that were given out and could not be kept: the store was full or away, or the key was purged meanwhile.',
    labels: ['keyspace'],
  },
  sluice_keyspace_purges_total: { type: 'counter', help: 'Keys purged through this node.', labels: ['keyspace'] },
  sluice_keyspace_fetch_duration_seconds: {
    type: 'histogram',
    help: 'How long the origin took, waiting for its turn included.',
    labels: ['keyspace'],
  },
  sluice_write_behind_accepted_total: {
    type: 'counter',
    help: 'Changes of rows that were accepted.',
    labels: ['keyspace'],
  },
  sluice_write_behind_refused_total: {
    type: 'counter',
    help: 'Changes of rows that were refused, because too many rows wait to be written.',
    labels: ['keyspace'],
  },
  sluice_write_behind_rows_written_total: {
    type: 'counter',
    help: 'Rows written to the database.',
    labels: ['keyspace'],
  },
  sluice_write_behind_batches_total: {
    type: 'counter',
    help: 'Transactions begun to write rows.',
    labels: ['keyspace'],
  },
  sluice_write_behind_failures_total: { type: 'counter', help: 'Of them those that failed.', labels: ['keyspace'] },
  sluice_write_behind_set_aside_total: {
    type: 'counter',
    help: 'Rows that the database can never take, kept as dead letters.',
    labels: ['keyspace'],
  },
  sluice_write_behind_dropped_total: {
    type: 'counter',
    help: 'Records that were given up, because too many wait (onFull: drop-oldest).',
    labels: ['keyspace'],
  },
  sluice_write_behind_loaded_total: {
    type: 'counter',
    help: 'Rows that were read from where they are written to.',
    labels: ['keyspace'],
  },
  sluice_write_behind_pending: { type: 'gauge', help: 'Rows that wait to be written.', labels: ['keyspace'] },
  sluice_write_behind_buffered: {
    type: 'gauge',
    help: 'Of them those that are on this node alone, until the store has them.',
    labels: ['keyspace'],
  },
  sluice_write_behind_lag_seconds: {
    type: 'gauge',
    help: 'How long the row has waited that waits longest.',
    labels: ['keyspace'],
  },
  sluice_write_behind_dead_letters: {
    type: 'gauge',
    help: 'Rows that were set aside and are there still.',
    labels: ['keyspace'],
  },
  sluice_write_behind_alarm: {
    type: 'gauge',
    help: '1 while something of a keyspace needs a look: trouble, lag, pending, dead_letters, full.',
    labels: ['keyspace', 'alarm'],
  },
  sluice_write_behind_reduction: {
    type: 'gauge',
    help: 'Changes for each row written in the last minute or two: achieved, and predicted as 1 + rate x wait.',
    labels: ['keyspace', 'kind'],
  },
  sluice_write_behind_batch_rows: {
    type: 'histogram',
    help: 'Rows of a batch that was written.',
    labels: ['keyspace'],
  },
  sluice_write_behind_flush_duration_seconds: {
    type: 'histogram',
    help: 'How long writing a batch took, of those that were written.',
    labels: ['keyspace'],
  },
  sluice_write_behind_stopped: {
    type: 'gauge',
    help: '1 while rows cannot be written.',
    labels: ['keyspace'],
  },
  sluice_api_requests_total: {
    type: 'counter',
    help: 'Requests sent to an HTTP origin, by scheme, host and port.',
    labels: ['api'],
  },
  sluice_api_retries_total: { type: 'counter', help: 'Of them those that repeated another.', labels: ['api'] },
  sluice_api_failures_total: {
    type: 'counter',
    help: 'Of them those without a whole answer, or with a status from 500.',
    labels: ['api'],
  },
  sluice_api_broken_total: {
    type: 'counter',
    help: 'Requests not sent because the origin failed all the time.',
    labels: ['api'],
  },
  sluice_api_breaker_open: {
    type: 'gauge',
    help: '1 while the origin is left alone for its failures.',
    labels: ['api'],
  },
  sluice_api_in_flight: { type: 'gauge', help: 'Requests under way; bound: concurrency.', labels: ['api'] },
  sluice_api_waiting: {
    type: 'gauge',
    help: 'Requests that wait for concurrency or rate; bound: queue.',
    labels: ['api'],
  },
  sluice_api_waited_total: { type: 'counter', help: 'Requests that had to wait.', labels: ['api'] },
  sluice_api_refused_total: { type: 'counter', help: 'Requests refused because the queue was full.', labels: ['api'] },
  sluice_fetches_in_flight: { type: 'gauge', help: 'Values being fetched from origins, waiting ones included.' },
  sluice_cache_entries: { type: 'gauge', help: 'Keys of the store kept here.' },
  sluice_cache_bytes: { type: 'gauge', help: 'Bytes they take, counted against cache.maxBytes.' },
  sluice_cache_max_bytes: { type: 'gauge', help: 'The setting cache.maxBytes.' },
  sluice_cache_hits_total: { type: 'counter', help: 'Reads answered from the cache.' },
  sluice_cache_misses_total: { type: 'counter', help: 'Reads that went to the store.' },
  sluice_cache_stale_total: { type: 'counter', help: 'Reads answered with a value that could not be proven.' },
  sluice_cache_fills_total: { type: 'counter', help: 'Reads sent to the store to fill the cache.' },
  sluice_cache_fills_joined_total: { type: 'counter', help: 'Reads that waited for one already under way.' },
  sluice_cache_fills_failed_total: { type: 'counter', help: 'Fills that failed.' },
  sluice_cache_fills_unkept_total: {
    type: 'counter',
    help: 'Values read and not kept: changed meanwhile, too large, of another type, no room.',
  },
  sluice_cache_removed_total: {
    type: 'counter',
    help: 'Keys that left the cache, by cause: entries and bytes (no room), expired, idle, dead (the link was lost), invalidated, written.',
    labels: ['cause'],
  },
  sluice_access_log_dropped_total: {
    type: 'counter',
    help: 'Lines of the access log that were not written: the disk or the reader was too slow, or failed.',
  },
  sluice_tls_certificate_expiry_seconds: {
    type: 'gauge',
    help: 'Time until the certificate of a listener ends; below 0: it has ended.',
    labels: ['face'],
  },
  sluice_event_loop_lag_seconds: {
    type: 'gauge',
    help: 'Delay of the event loop since the last scrape.',
    labels: ['quantile'],
  },
  process_cpu_seconds_total: { type: 'counter', help: 'CPU time of the process, all threads.', labels: ['mode'] },
  process_start_time_seconds: { type: 'gauge', help: 'When the process started, in seconds since the epoch.' },
  process_resident_memory_bytes: { type: 'gauge', help: 'Resident memory of the process.' },
  nodejs_heap_used_bytes: {
    type: 'gauge',
    help: 'JavaScript heap in use: hashes, lists, sets and sorted sets live there.',
  },
  nodejs_heap_limit_bytes: { type: 'gauge', help: 'Size the JavaScript heap may have.' },
  nodejs_external_memory_bytes: {
    type: 'gauge',
    help: 'Memory outside the heap that it refers to: string values live there.',
  },
  nodejs_gc_duration_seconds_total: { type: 'counter', help: 'Time the main thread stood for garbage collection.' },
  sluice_build_info: { type: 'gauge', help: 'Always 1.', labels: ['version', 'node'] },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof metricDefinitions;
