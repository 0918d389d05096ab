import type { ByteString } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Rate } from '../kernel/token-bucket.ts';
import type { SinkShape, TableMapping } from '../sink/sink.ts';
import type { PutAck, ReplicaWait } from '../store/ports.ts';
import { Room } from './room.ts';
import { RowTraffic } from './row-traffic.ts';

/** What the field of a capture begins with, as no field of a client may. */
export const CAPTURE_FIELD = '\0';

/** How the rows of a keyspace wait; ms. */
export interface RowPolicy {
  /** From the first change on at least. */
  readonly minDelay: number;
  /** And at most, however often the row changes meanwhile. */
  readonly maxDelay: number;
  /** Rows in one transaction. */
  readonly maxBatch: number;
  /** Rows that wait; what becomes of more, `onFull` says. */
  readonly maxPending: number;
  /**
   * At the bound. `shed`: refused. `block`: waits for room, as long as a batch may take. `through`: written at once, and answered when it is.
   * `drop-oldest`: the records that wait longest are given up.
   */
  readonly onFull: 'shed' | 'block' | 'through' | 'drop-oldest';
  /** Rows that are set aside; beyond, such rows wait. */
  readonly maxDeadLetters: number;
  /** A batch, waiting for its connection included. */
  readonly timeout: number;
  /** What a write waits for: what the store promises, nothing, or replicas. */
  readonly ack: PutAck;
  /** With `replica`. */
  readonly replica?: ReplicaWait | undefined;
  /** What the database gets at most, of this node's share. */
  readonly rate: { readonly rows: Rate | undefined; readonly transactions: Rate | undefined };
  /** Whether removed rows are removed from the table too. */
  readonly deletes: 'remove' | 'ignore';
  /** How long rows that are written are kept, ms; undefined: for ever, as they can be read nowhere else. */
  readonly keepFor: number | undefined;
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
  /** Records that were given up, because too many wait. */
  dropped: number;
  /** Rows that were read where they are written to. */
  loaded: number;
}

export interface RowSpaceOptions {
  /** The pattern, which is also its name. */
  readonly match: string;
  readonly pattern: { match(key: ByteString): ReadonlyMap<string, ByteString> | undefined };
  readonly policy: RowPolicy;
  readonly mapping: TableMapping;
  readonly clock: Clock;
  /** Rows that are accepted on this node alone, as the store is away. @default none ever */
  readonly buffer?: (() => BufferedRows) | undefined;
}

/** What the store does not have yet. */
export interface BufferedRows {
  readonly rows: number;
  /** Since when the oldest waits, ms since the epoch. */
  readonly oldest: number | undefined;
}

const NOTHING: BufferedRows = { rows: 0, oldest: undefined };

/** Keys of one pattern that are rows of one table. */
export class RowSpace {
  readonly name: string;
  /** Its name in the store, without braces. */
  readonly set: ByteString;
  readonly policy: RowPolicy;
  readonly mapping: TableMapping;
  readonly stats: RowStats = {
    accepted: 0,
    refused: 0,
    written: 0,
    batches: 0,
    failures: 0,
    setAside: 0,
    dropped: 0,
    loaded: 0,
  };
  /** Where changes wait at the bound. */
  readonly room: Room;
  /** Since when the oldest in the store waited when that was last looked at, ms since the epoch. */
  oldest: number | undefined;
  /** Why nothing is written at present; undefined while all is well. */
  trouble: string | undefined;
  /** By partition: rows that wait, and that are being written, as of the last change or look. */
  readonly #waiting: number[] = [];
  readonly #claimed: number[] = [];
  /** How they are written. */
  readonly traffic: RowTraffic;
  readonly #pattern: RowSpaceOptions['pattern'];
  readonly #buffer: (() => BufferedRows) | undefined;
  readonly #fields: ReadonlySet<ByteString>;

  constructor({ match, pattern, policy, mapping, clock, buffer }: RowSpaceOptions) {
    this.name = match;
    this.set = setNameOf(match, mapping.shape);
    this.policy = policy;
    this.mapping = mapping;
    this.room = new Room(clock);
    this.traffic = new RowTraffic(policy);
    this.#pattern = pattern;
    this.#buffer = buffer;
    const fields = mapping.columns.map(({ field }) => field);
    this.#fields = new Set(fields.filter((field) => !field.startsWith(CAPTURE_FIELD)));
  }

  /** Rows that wait or are being written, those in the buffer included. */
  get pending(): number {
    return sumOf(this.#waiting) + sumOf(this.#claimed) + this.buffered.rows;
  }

  /** Rows that the store does not have yet. */
  get buffered(): BufferedRows {
    return this.#buffer?.() ?? NOTHING;
  }

  /** Since when the oldest of all waits, as far as is known; ms since the epoch. */
  get waitsSince(): number | undefined {
    const { oldest } = this.buffered;
    if (oldest === undefined || this.oldest === undefined) return oldest ?? this.oldest;
    return Math.min(oldest, this.oldest);
  }

  /** Rows that are being written. */
  get claimed(): number {
    return sumOf(this.#claimed);
  }

  /** A change was accepted. @param waiting undefined: of a row that waited already */
  waits(partition: number, waiting: number | undefined): void {
    this.#waiting[partition] = waiting ?? Math.max(1, this.#waiting[partition] ?? 0);
  }

  /** Rows that waited are being written. */
  claims(partition: number, rows: number): void {
    this.#waiting[partition] = Math.max(0, (this.#waiting[partition] ?? 0) - rows);
    this.#claimed[partition] = (this.#claimed[partition] ?? 0) + rows;
  }

  /** It was looked at what there is. */
  counted(partition: number, waiting: number, claimed: number): void {
    this.#waiting[partition] = waiting;
    this.#claimed[partition] = claimed;
  }

  /** What its pattern captures; undefined: the key is none of its. */
  capturesOf(key: ByteString): ReadonlyMap<string, ByteString> | undefined {
    return this.#pattern.match(key);
  }

  /** What tells its rows apart: the values of the key columns; undefined: the key is none of its. */
  keyOf(key: ByteString): readonly ByteString[] | undefined {
    const captures = this.#pattern.match(key);
    return captures === undefined ? undefined : [...captures.values()];
  }

  /** Of counters of one column: its field. */
  get onlyField(): ByteString | undefined {
    const { shape, columns } = this.mapping;
    return shape === 'counter' && columns.length === 1 ? columns[0]?.field : undefined;
  }

  /** Whether a column is mapped to the field. */
  has(field: ByteString): boolean {
    return this.#fields.has(field);
  }
}

/** What the rows of a pattern are called in the store, without braces. What waits as a counter cannot be written as a row. */
export function setNameOf(match: string, shape: SinkShape): ByteString {
  const name = match.replaceAll(/[{}%]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
  return shape === 'counter' ? `${name}%counter` : name;
}

function sumOf(counts: readonly (number | undefined)[]): number {
  let sum = 0;
  for (const count of counts) sum += count ?? 0;
  return sum;
}
