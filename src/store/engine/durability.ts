import type { SluiceError } from '../../errors.ts';

/** One who waits for a write to be durable. */
export interface CommitWaiter {
  /** Called once: the write is durable, or (`error`, STORE_READ_ONLY) its commit failed and its outcome is unknown. */
  committed(error?: SluiceError): void;
}

/** What faces need of the journal: when may the outcome of a write be told? */
export interface Durability {
  /** Every write up to this sequence number may be told. Infinity when nothing has to wait. */
  readonly committed: number;
  /** Calls the waiter when `seq` is durable or failed; for a `seq` greater than `committed`. */
  onCommitted(seq: number, waiter: CommitWaiter): void;
}

/** For an engine without a journal. */
export const nothingToCommit: Durability = {
  committed: Number.POSITIVE_INFINITY,
  onCommitted: (_seq, waiter) => waiter.committed(),
};
