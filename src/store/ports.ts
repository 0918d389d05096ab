/**
 * What Sluice's features need of a store, as small interfaces: a driver implements those it can, a feature asks for those it
 * uses. Every driver passes the suites of `sluice/testing`.
 *
 * Absent is `undefined` or `false`. A store that is away or too slow is an error (STORE_UNAVAILABLE, STORE_TIMEOUT), never an
 * absence. Keys are text or bytes (text means its UTF-8); values given out are the caller's own copies. Durations are
 * milliseconds, greater than 0 (else INVALID_ARGUMENT), instants milliseconds since the epoch. Every call takes an AbortSignal and
 * rejects with its reason; an aborted write may still happen.
 */

import type { ByteString } from '../kernel/bytes.ts';

export type KeyInput = string | Uint8Array;

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** A value with what is stored beside it. */
export interface Entry {
  readonly value: Uint8Array;
  /** Changes whenever the bytes change, and only then: the SHA-1 of the value in hexadecimal. */
  readonly tag: string;
  /** Media type given with the value, '' when none was. */
  readonly contentType: string;
  /** Undefined when it never expires. */
  readonly expiresAt: number | undefined;
}

/** A condition on a write, checked in the same step: absent, present, or present with one of these tags. */
export type OnlyIf = 'absent' | 'present' | { readonly tags: readonly string[] };

export interface SetOptions extends CallOptions {
  /** Time to live; absent = for ever. Replaces any former one. */
  readonly ttl?: number;
  readonly contentType?: string;
  readonly onlyIf?: OnlyIf;
}

/** `created` and `replaced` were written; `refused` means the condition did not hold and nothing changed. */
export type SetOutcome = 'created' | 'replaced' | 'refused';

export interface ScanOptions extends CallOptions {
  /** Redis glob. */
  readonly match?: KeyInput;
  /** Keys looked at per step, about; a whole number greater than 0, else INVALID_ARGUMENT. @default 100 */
  readonly count?: number;
}

/** Single values by key. @throws WRONG_TYPE where the key holds another type, OUT_OF_MEMORY, STORE_READ_ONLY, KEY_TOO_LONG */
export interface KeyValue {
  get(key: KeyInput, options?: CallOptions): Promise<Entry | undefined>;
  /** In the order asked. */
  getMany(keys: readonly KeyInput[], options?: CallOptions): Promise<(Entry | undefined)[]>;
  set(key: KeyInput, value: KeyInput, options?: SetOptions): Promise<SetOutcome>;
  /** Deletes a key of any type. @returns false when it was absent or the condition did not hold. */
  delete(
    key: KeyInput,
    options?: CallOptions & { readonly onlyIf?: { readonly tags: readonly string[] } },
  ): Promise<boolean>;
  /** Adds to a whole number of 64 bits; an absent key counts as 0. Keeps the expiry. @throws NOT_AN_INTEGER, OVERFLOW */
  increment(key: KeyInput, by: bigint, options?: CallOptions): Promise<bigint>;
  /** Every key that is there from start to end comes at least once, in no order. */
  scan(options?: ScanOptions): AsyncIterable<Uint8Array>;
}

/** Records of named fields. */
export interface Fields {
  get(key: KeyInput, options?: CallOptions): Promise<ReadonlyMap<string, Uint8Array> | undefined>;
  /** Sets these fields, leaves others; `ttl` is of the whole record and replaces any former one, absent = unchanged. */
  set(
    key: KeyInput,
    fields: Readonly<Record<string, KeyInput>>,
    options?: CallOptions & { readonly ttl?: number },
  ): Promise<void>;
  /** @returns the new value. @throws NOT_AN_INTEGER, OVERFLOW */
  increment(key: KeyInput, field: string, by: number, options?: CallOptions): Promise<number>;
  delete(key: KeyInput, options?: CallOptions): Promise<boolean>;
}

/** Whole numbers that count up and down. */
export interface Counter {
  /**
   * Adds and returns the sum. A counter that did not exist starts at 0 and, with `ttl`, ends so long after its first addition.
   * @throws NOT_AN_INTEGER, OVERFLOW
   */
  add(key: KeyInput, by: number, options?: CallOptions & { readonly ttl?: number }): Promise<number>;
  get(key: KeyInput, options?: CallOptions): Promise<number>;
  reset(key: KeyInput, options?: CallOptions): Promise<void>;
}

/** What an atomic check-and-count decided. */
export interface WindowDecision {
  readonly allowed: boolean;
  /** Hits in the window after this decision. */
  readonly count: number;
  readonly remaining: number;
  /** When a further hit would be allowed again, or now when one is. */
  readonly retryAt: number;
}

/** Whole numbers, else INVALID_ARGUMENT. */
export interface WindowLimit {
  readonly limit: number;
  /** Length of the window. */
  readonly per: number;
  /** Hits this request counts as. @default 1 */
  readonly cost?: number;
}

/** Limits on a rate, checked and counted in one atomic step. A refused hit does not count. */
export interface Window {
  /** Exact trailing window: at most `limit` hits in any span of `per`. */
  rolling(key: KeyInput, limit: WindowLimit, options?: CallOptions): Promise<WindowDecision>;
  /** Window from the first hit until `per` later. */
  fixed(key: KeyInput, limit: WindowLimit, options?: CallOptions): Promise<WindowDecision>;
  reset(key: KeyInput, options?: CallOptions): Promise<void>;
}

export interface ClaimedRecord {
  readonly id: string;
  readonly value: Uint8Array;
}

export interface RecordClaim {
  readonly count: number;
  /** Records that are not acknowledged come back to the front when it has passed, ms. */
  readonly lease: number;
  /** Those that were claimed before come back at once: for who knows that nobody works on them any more. @default false */
  readonly takeOver?: boolean;
}

export interface AppendOptions extends CallOptions {
  /** Replicas of the server are waited for; STORE_TIMEOUT: it was appended, and is not known to be there. Redis only. @default none */
  readonly replica?: ReplicaWait | undefined;
}

/** Records that each count, taken in order by one worker at a time and kept until acknowledged. */
export interface RecordLog {
  /** @returns how many records wait now, claimed ones not counted. */
  append(log: KeyInput, records: readonly KeyInput[], options?: AppendOptions): Promise<number>;
  /** Takes up to `count` of the oldest. */
  claim(log: KeyInput, claim: RecordClaim, options?: CallOptions): Promise<ClaimedRecord[]>;
  acknowledge(log: KeyInput, ids: readonly string[], options?: CallOptions): Promise<number>;
  /**
   * Tells up to `count` of the records that wait and claims none. In their order, those after the record `after`; a log that somebody claims
   * from meanwhile may tell a record twice or not at all.
   */
  read(
    log: KeyInput,
    range: { readonly after?: string; readonly count: number },
    options?: CallOptions,
  ): Promise<ClaimedRecord[]>;
  /** Drops records that wait for good, claimed ones stay. @returns how many of them waited */
  remove(log: KeyInput, ids: readonly string[], options?: CallOptions): Promise<number>;
  size(log: KeyInput, options?: CallOptions): Promise<{ readonly waiting: number; readonly claimed: number }>;
}

export interface Message {
  readonly channel: string;
  readonly payload: Uint8Array;
}

/** Messages to whoever listens now. */
export interface Channel {
  /** @returns how many received it, as far as the store knows. */
  publish(channel: string, payload: KeyInput, options?: CallOptions): Promise<number>;
  /** Resolves once the subscription stands. `close` ends it. */
  subscribe(channel: string, onMessage: (message: Message) => void, options?: CallOptions): Promise<Subscription>;
}

export interface Subscription extends AsyncDisposable {
  close(): Promise<void>;
}

/** A right held by one holder at a time, for a time. */
export interface Lease {
  /** @returns a fencing token that grows with every new holder, or undefined while another one holds it. Renews for the holder. */
  acquire(
    name: KeyInput,
    holder: string,
    lease: { readonly ttl: number },
    options?: CallOptions,
  ): Promise<number | undefined>;
  /** @returns false when the holder did not hold it any more. */
  release(name: KeyInput, holder: string, options?: CallOptions): Promise<boolean>;
}

/**
 * What becomes of one field: set to a value, emptied, or a whole number added to it (absent counts as 0). `count` adds too, but what is written is
 * what was added, not what it came to. `recount` is for what was added before and could not be written: it is part of the sum already.
 */
export type FieldChange =
  | { readonly do: 'set'; readonly field: ByteString; readonly value: ByteString }
  | { readonly do: 'drop'; readonly field: ByteString }
  | { readonly do: 'add' | 'count' | 'recount'; readonly field: ByteString; readonly by: number };

/** What becomes of a row: fields change and the others stay, or the row is these fields and no others, or it is gone. */
export type RowChange =
  | { readonly kind: 'merge' | 'replace'; readonly fields: readonly FieldChange[] }
  | { readonly kind: 'delete' };

export interface RowChanged {
  /** Below 2^53; grows with every change of the row, and with the clock. */
  readonly version: number;
  /** Of `merge`: fields that are new, or of those to be emptied, that were there. Otherwise 1 when there was a row. */
  readonly count: number;
  /** What the last `add` or `count` came to. */
  readonly sum: number | undefined;
  /** Rows of the partition that wait now; undefined: as many as before, as this one waited already. */
  readonly waiting: number | undefined;
  /** With `ack: replica`: until replicas have it. STORE_TIMEOUT: it is not known that they do; the change stays, and is written. */
  readonly kept?: Promise<void>;
}

/** A row as a store has it. */
export interface StoredRow {
  readonly version: number;
  /** All fields that are known, those that are not written yet among them. Empty for a row that is to be removed. */
  readonly fields: ReadonlyMap<ByteString, ByteString>;
  /** Something of it is not written yet. */
  readonly isDirty: boolean;
  /** It was removed, which is not written yet. */
  readonly isRemoved: boolean;
  /** It has no other fields; otherwise there may be more where rows are written to. */
  readonly isKnown: boolean;
}

/** A row as it was read where rows are written to. */
export interface RowLoad {
  /** Of the row as it was known here when the reading began; 0 for one of which nothing was. */
  readonly version: number;
  /** Empty where there is none. */
  readonly fields: ReadonlyMap<ByteString, ByteString>;
  /** Ms, unless it waits to be written. */
  readonly keepFor: number;
}

/** A row that is to be written now. */
export interface ClaimedRow {
  readonly key: ByteString;
  readonly version: number;
  /** As {@link RowChange}, of all changes that are not written yet. */
  readonly change: 'merge' | 'replace' | 'delete';
  /** What changed; undefined: emptied. */
  readonly fields: ReadonlyMap<ByteString, ByteString | undefined>;
}

export interface RowClaim {
  readonly count: number;
  /** A row comes back by itself after that, ms. */
  readonly lease: number;
  /** Only rows that have waited for so long, ms. */
  readonly minAge: number;
  /** None before there are `count` of them, unless one has waited for so long, ms. */
  readonly maxAge: number;
  /** They are changed by `count` alone: what is to be added is claimed. */
  readonly counts?: boolean;
  /** Rows that were claimed before come back at once: for who knows that nobody writes them any more. @default false */
  readonly takeOver?: boolean;
  /** This row alone, whatever it has waited, unless it is being written. */
  readonly only?: ByteString;
}

/** What there is of one part of a set. Times are those of the store, ms since the epoch. */
export interface DirtySize {
  readonly waiting: number;
  readonly claimed: number;
  /** Since when the oldest waits; undefined when none does. */
  readonly oldest: number | undefined;
  readonly now: number;
}

export interface PutOptions {
  /** What the answer waits for: what the store promises of a write, or nothing. */
  readonly ack: PutAck;
  /** Of the rows of a partition so many may wait; those that do can change on. */
  readonly limit: number;
  /** With `replica`: how many, and how long. */
  readonly replica?: ReplicaWait | undefined;
}

/** `replica`: what the store promises is not enough, {@link RowChanged.kept} is waited for, too. */
export type PutAck = 'store' | 'memory' | 'replica';

/** What has to have a change before it is answered. */
export interface ReplicaWait {
  readonly replicas: number;
  /** Ms. */
  readonly timeout: number;
}

/**
 * Rows that are accepted now and written somewhere later: the latest of each counts. They wait from their first change on, whatever comes
 * after it, so a row that changes all the time is written all the same. Bytes are text with one character each.
 */
export interface DirtySet {
  /** A set is divided by key into so many parts, each claimed by itself. */
  readonly partitions: number;
  /** The part that a key is in. */
  partitionOf(key: ByteString): number;
  /**
   * At once where it can.
   * @param set a name without braces
   * @returns undefined: nothing was changed, for too many rows wait already, and this one is none of them
   * @throws SluiceError NOT_AN_INTEGER, OVERFLOW (of `add` and `count`), OUT_OF_MEMORY, STORE_UNAVAILABLE, STORE_TIMEOUT …
   */
  put(
    set: ByteString,
    key: ByteString,
    change: RowChange,
    options: PutOptions,
  ): RowChanged | undefined | Promise<RowChanged | undefined>;
  /** At once where it can. Undefined: nothing is known of the row. */
  read(set: ByteString, key: ByteString): StoredRow | undefined | Promise<StoredRow | undefined>;
  /** Up to `count` rows that wait in a part, those that wait longest first, as they would be claimed; claims none. */
  waiting(
    set: ByteString,
    partition: number,
    range: { readonly count: number; readonly counts?: boolean },
  ): Promise<ClaimedRow[]>;
  /** Takes the rows that have waited longest; none that is being written already. */
  claim(set: ByteString, partition: number, claim: RowClaim): Promise<ClaimedRow[]>;
  /**
   * Something of a row was read where rows are written to. What was changed here stays as it is.
   * @returns false: the row has changed since the reading began; nothing was taken over
   */
  load(set: ByteString, key: ByteString, row: RowLoad): Promise<boolean>;
  /**
   * Rows were written. What has changed since goes on waiting.
   * @param keepFor how long those that have not are kept, ms; undefined: for ever
   * @returns how many are clean now
   */
  acknowledge(
    set: ByteString,
    partition: number,
    rows: readonly Pick<ClaimedRow, 'key' | 'version'>[],
    keepFor?: number,
  ): Promise<number>;
  /** Rows were not written: they wait again, for as long as they have waited already. @returns how many were claimed */
  fail(set: ByteString, partition: number, keys: readonly ByteString[]): Promise<number>;
  size(set: ByteString, partition: number): Promise<DirtySize>;
}
