import type { ByteString } from '../kernel/bytes.ts';
import type { TableMapping } from '../sink/sink.ts';
import { RowTraffic } from './row-traffic.ts';

/** How the rows of a keyspace wait; ms. */
export interface RowPolicy {
  /** From the first change on at least. */
  readonly minDelay: number;
  /** And at most, however often the row changes meanwhile. */
  readonly maxDelay: number;
  /** Rows in one transaction. */
  readonly maxBatch: number;
  /** Rows that wait; changes are refused beyond. */
  readonly maxPending: number;
  /** A batch, waiting for its connection included. */
  readonly timeout: number;
  /** What a write waits for: what the store promises, or nothing. */
  readonly ack: 'store' | 'memory';
}

/** What a keyspace has done; plain sums. */
export interface RowStats {
  /** Changes that were accepted. */
  accepted: number;
  /** Changes that were refused, because too many rows wait. */
  refused: number;
  /** Rows that were written; one that is written twice counts twice. */
  written: number;
  /** Transactions. */
  batches: number;
  /** Of them those that failed. */
  failures: number;
  /** Rows that were set aside, because the sink can never take them. */
  setAside: number;
}

export interface RowSpaceOptions {
  /** The pattern, which is also its name. */
  readonly match: string;
  readonly pattern: { match(key: ByteString): ReadonlyMap<string, ByteString> | undefined };
  readonly policy: RowPolicy;
  readonly mapping: TableMapping;
}

/** Keys of one pattern that are rows of one table. */
export class RowSpace {
  readonly name: string;
  /** Its name in the store, without braces. */
  readonly set: ByteString;
  readonly policy: RowPolicy;
  readonly mapping: TableMapping;
  readonly stats: RowStats = { accepted: 0, refused: 0, written: 0, batches: 0, failures: 0, setAside: 0 };
  /** Rows that waited when that was last looked at, and since when the oldest did (ms since the epoch). */
  pending = 0;
  oldest: number | undefined;
  /** Why nothing is written at present; undefined while all is well. */
  trouble: string | undefined;
  /** How they are written. */
  readonly traffic: RowTraffic;
  readonly #pattern: RowSpaceOptions['pattern'];
  readonly #fields: ReadonlySet<ByteString>;

  constructor({ match, pattern, policy, mapping }: RowSpaceOptions) {
    this.name = match;
    this.set = match.replaceAll(/[{}%]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
    this.policy = policy;
    this.mapping = mapping;
    this.traffic = new RowTraffic(policy);
    this.#pattern = pattern;
    this.#fields = new Set(mapping.columns.map(({ field }) => field));
  }

  /** What tells its rows apart: the values of the key columns; undefined: the key is none of its. */
  keyOf(key: ByteString): readonly ByteString[] | undefined {
    const captures = this.#pattern.match(key);
    return captures === undefined ? undefined : [...captures.values()];
  }

  /** Whether a column is mapped to the field. */
  has(field: ByteString): boolean {
    return this.#fields.has(field);
  }
}
