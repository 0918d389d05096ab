/**
 * What may happen to an entry when memory runs short.
 *
 * - `data`: never evicted; at the bound writes are refused.
 * - `cached`: evicted by policy, not journalled.
 * - `internal`: Sluice's own bookkeeping; a reserved budget of its own, journalled, reachable by no face.
 */
export const EntryClass = { data: 0, cached: 1, internal: 2 } as const;
export type EntryClass = (typeof EntryClass)[keyof typeof EntryClass];
