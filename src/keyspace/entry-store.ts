import type { ByteString } from '../kernel/bytes.ts';

/** What a store has of a read-through key. */
export interface KeptEntry {
  /** Undefined: a mark that the origin has none. */
  readonly value: ByteString | undefined;
  /** What was kept beside it ({@link Beside}, encoded); '' beside a value that somebody else wrote. */
  readonly beside: ByteString;
  /** SHA-1 of the value in hexadecimal; '' for a mark. */
  readonly tag: string;
  /** What is left of its life in the store, ms; Infinity when nothing ends it. Of a mark it is not told: see {@link Beside.until}. */
  readonly left: number;
  /** False: the store is away, and this is what the node had of it. */
  readonly proven: boolean;
}

/** What becomes of a fetch: a value, or a mark that there is none, to be kept for so long; or nothing, not even what was kept before. */
export interface Outcome {
  readonly value: ByteString | undefined;
  readonly beside: ByteString;
  /** Whole ms; 0: nothing is to be kept any more. */
  readonly life: number;
}

/** The right to fetch a key. */
export interface FetchRight {
  /**
   * Ends the fetch: keeps its outcome, if there is one, and gives the right back. A right that is gone (the key was purged, or its life was
   * over) changes nothing.
   * @returns whether there is something kept now
   * @throws SluiceError OUT_OF_MEMORY, STORE_UNAVAILABLE, STORE_TIMEOUT
   */
  settle(key: ByteString, outcome: Outcome | undefined): boolean | Promise<boolean>;
}

/** Where read-through keys are kept: the local cache before the store, as one. */
export interface EntryStore {
  /** At once where it can. @throws SluiceError STORE_UNAVAILABLE, WRONG_TYPE … when it cannot be known */
  read(key: ByteString): KeptEntry | undefined | Promise<KeptEntry | undefined>;
  /**
   * The right to fetch a key, which one node has at a time; given at once where there is one node.
   * @param life after which it is free again whatever happened, ms
   * @param seen what is known to be kept, which led to the wish
   * @throws SluiceError STORE_UNAVAILABLE, STORE_TIMEOUT …
   */
  claim(key: ByteString, life: number, seen: KeptEntry | undefined): Claimed | Promise<Claimed>;
  /** Drops what is kept of the keys, marks too, and ends the rights to fetch them. @returns how many had a value */
  purge(keys: readonly ByteString[]): Promise<number>;
  /** Every key that has a value or a mark from start to end comes at least once, with keys of no keyspace among them. */
  keys(): AsyncIterable<ByteString>;
}

/** What came of the wish to fetch a key: the right; what is kept by now, which is not what was seen; or another node has the right. */
export type Claimed = FetchRight | KeptEntry | 'taken';
