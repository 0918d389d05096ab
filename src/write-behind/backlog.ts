import type { ByteString } from '../kernel/bytes.ts';
import type { SinkRow } from '../sink/sink.ts';
import type { LetterRow } from './dead-letters.ts';

/** What is taken of a part. */
export interface BacklogClaim {
  readonly count: number;
  /** It comes back by itself after that, ms. */
  readonly lease: number;
  /** Only what has waited for so long, ms. */
  readonly minAge: number;
  /** Nothing before there are `count`, unless one has waited for so long, ms. */
  readonly maxAge: number;
  /** What others have claimed comes back at once: they have no right to it any more. */
  readonly takeOver: boolean;
  /** This one alone, whatever it has waited. */
  readonly only?: ByteString;
}

/** What there is of one part. Times are those of the store, ms since the epoch. */
export interface BacklogSize {
  readonly waiting: number;
  readonly claimed: number;
  /** Since when the oldest waits; undefined when none does. */
  readonly oldest: number | undefined;
  readonly now: number;
}

/** What waits of one keyspace, in parts that are taken each by itself. */
export interface Backlog<Item> {
  readonly partitions: number;
  partitionOf(key: ByteString): number;
  claim(partition: number, claim: BacklogClaim): Promise<Item[]>;
  /** What would be taken first; it is not. */
  waiting(partition: number, count: number): Promise<Item[]>;
  /** Why it can never be written as it is; undefined: it can. */
  problemOf(item: Item): string | undefined;
  /** Undefined: there is nothing to write of it. */
  sinkRow(item: Item): SinkRow | undefined;
  /** As it is set aside. */
  letter(item: Item): LetterRow;
  /** What was set aside, to be written again. */
  rowOf(letter: LetterRow): SinkRow | undefined;
  /** Was written. */
  acknowledge(partition: number, items: readonly Item[]): Promise<void>;
  /** Was not; the order stays. */
  fail(partition: number, items: readonly Item[]): Promise<void>;
  /** There is nothing of the row that is not written. */
  isWritten(key: ByteString): Promise<boolean>;
  size(partition: number): Promise<BacklogSize>;
}
