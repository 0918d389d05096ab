import type { Context } from './command.ts';

/** Counts what a reading command found under one key as a hit or a miss (INFO keyspace_hits, keyspace_misses) and passes it on. */
export function counted<T>({ server }: Context, found: T | undefined): T | undefined {
  if (found === undefined) server.counters.misses++;
  else server.counters.hits++;
  return found;
}
