import type { ByteString } from '../kernel/bytes.ts';

/** What is known of a key. */
export const EntryKind = {
  /** Its value is the string in the payload. */
  string: 0,
  /** There is no such key. */
  absent: 1,
  /** It is a hash, and the payload has all its fields. */
  hash: 2,
  /** It is a hash, and the payload has some of its fields, each with its value or known to be absent. */
  fields: 3,
} as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

/** One key's value as it was read from the store, whatever the protocol that asked. All instants in ms, on the clock of the caller. */
export interface CacheEntry {
  readonly kind: EntryKind;
  /** Who vouches for the value: the link it was read over, 0..65535. */
  readonly source: number;
  /** The state of that source when the value was read; a signed 32-bit integer. */
  readonly epoch: number;
  readonly storedAt: number;
  /** Fresh up to here; `Infinity` is allowed. */
  readonly staleAt: number;
  /** Kept up to here, exclusive; `Infinity` is allowed. */
  readonly deleteAt: number;
  /** What else is known of the value, such as its media type; undefined where that was not asked. At most 65,534 bytes. */
  readonly meta: ByteString | undefined;
  /** The string, or fields as hash-fields.ts lays them out. */
  readonly payload: ByteString;
}

/** Names an entry until the cache next changes. Positive; -1 stands for none where it is looked up. */
export type Slot = number;
