import type { Keyspace } from './keyspace.ts';

/** Whether a keyspace is worth having, in figures and words. */
export interface Advice {
  readonly keyspace: string;
  readonly mode: 'read' | 'observe';
  readonly verdict: 'worth it' | 'not needed' | 'not enough seen yet';
  /** Why, in a sentence. */
  readonly reason: string;
  readonly reads: number;
  /** Since the node started, s. */
  readonly seconds: number;
  /** Share of the reads for which no origin was asked, or would not have been, 0 to 1. */
  readonly hitRatio: number;
  readonly callsSavedPerHour: number;
  /** Time that readers do not wait for the origin, or would not have to, s. */
  readonly secondsSavedPerHour: number;
  /** How long the origin takes, ms. */
  readonly originMs: number;
  /** Memory that the values would take; undefined where they are kept already. */
  readonly bytes: number | undefined;
  /** The share of hits with other times to live; none where values are kept already. */
  readonly otherTtls: readonly { readonly ttl: number; readonly hitRatio: number; readonly bytes: number }[];
}

/** Fewer reads say nothing. */
const ENOUGH_READS = 100;
const LEAST_HIT_RATIO = 0.2;
const LEAST_CALLS_PER_HOUR = 60;
/** An origin that answers within that is no slower than a store on another machine. */
const FAST_MS = 1;
/** What an entry takes beside its key and value, about. */
const BYTES_PER_ENTRY = 250;

/**
 * What is known of a keyspace by now.
 * @param seconds since it began to be counted @param now monotonic, ms
 */
export function advise(keyspace: Keyspace, seconds: number, now: number): Advice {
  const { name, observer, stats, durations } = keyspace;
  const reads = stats.hits + stats.stale + stats.misses;
  const [configured, ...others] = observer?.estimates(now) ?? [];
  const spared = stats.hits + stats.stale + stats.collapsed;
  const hitRatio = configured?.hitRatio ?? (reads === 0 ? 0 : spared / reads);
  const originMs = stats.fetches === 0 ? 0 : durations.sumMs / stats.fetches;
  const callsSavedPerHour = seconds === 0 ? 0 : (hitRatio * reads * 3600) / seconds;
  const meanBytes = BYTES_PER_ENTRY + (stats.values === 0 ? 0 : stats.valueBytes / stats.values);
  const figures = {
    keyspace: name,
    mode: observer === undefined ? ('read' as const) : ('observe' as const),
    reads,
    seconds,
    hitRatio,
    callsSavedPerHour,
    secondsSavedPerHour: (callsSavedPerHour * originMs) / 1000,
    originMs,
    bytes: configured === undefined ? undefined : Math.round(configured.keys * meanBytes),
    otherTtls: others.map(({ ttl, hitRatio: ratio, keys }) => ({
      ttl,
      hitRatio: ratio,
      bytes: Math.round(keys * meanBytes),
    })),
  };
  return { ...figures, ...judge(figures) };
}

function judge({
  reads,
  hitRatio,
  callsSavedPerHour,
  originMs,
}: Pick<Advice, 'reads' | 'hitRatio' | 'callsSavedPerHour' | 'originMs'>): Pick<Advice, 'verdict' | 'reason'> {
  const percent = `${Math.round(hitRatio * 100)} %`;
  if (reads < ENOUGH_READS)
    return { verdict: 'not enough seen yet', reason: `${reads} of ${ENOUGH_READS} reads were seen` };
  if (hitRatio < LEAST_HIT_RATIO)
    return { verdict: 'not needed', reason: `only ${percent} of the reads find a value that was fetched before` };
  if (callsSavedPerHour < LEAST_CALLS_PER_HOUR)
    return { verdict: 'not needed', reason: `it saves fewer than ${LEAST_CALLS_PER_HOUR} calls an hour` };
  if (originMs < FAST_MS) return { verdict: 'not needed', reason: 'the origin answers as fast as a cache would' };
  return {
    verdict: 'worth it',
    reason: `${percent} of the reads need no call, ${Math.round(callsSavedPerHour)} calls an hour`,
  };
}
