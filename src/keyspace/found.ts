import { type Beside, decodeBeside } from './beside.ts';
import type { KeptEntry } from './entry-store.ts';

/** What is kept of a key, judged by the time it has left. */
export interface Found {
  readonly entry: KeptEntry;
  readonly beside: Pick<Beside, 'contentType' | 'validators' | 'identity'>;
  /** ms; 0 or less: past its time. */
  readonly freshFor: number;
  /** Whole seconds since the origin gave it; undefined for what somebody else wrote. */
  readonly age: number | undefined;
}

const foreign: Found['beside'] = { contentType: '', validators: { etag: '', lastModified: '' }, identity: '' };

/**
 * Judges what a store has of a key.
 * @param now ms since the epoch
 * @returns undefined when that says nothing
 */
export function judge(entry: KeptEntry, now: number): Found | undefined {
  const beside = decodeBeside(entry.beside);
  if (beside === undefined) {
    // Written straight into the store by somebody else: true for as long as they said.
    return entry.value === undefined ? undefined : { entry, beside: foreign, freshFor: entry.left, age: undefined };
  }
  const freshFor = entry.value === undefined ? beside.until - now : entry.left - beside.grace;
  return { entry, beside, freshFor, age: Math.max(0, Math.floor((now - beside.fetchedAt) / 1000)) };
}
