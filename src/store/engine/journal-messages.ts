import type { ErrorCode, ErrorDetails } from '../../errors.ts';
import type { ImageRange } from './checkpoint-ranges.ts';
import type { Contents, Extent, Group, Meta, Piece } from './journal-file.ts';

/** What the journal's worker thread is started with. */
export interface JournalWorkerOptions {
  readonly dataDir: string;
  /** Whether a commit waits until the disk has it. */
  readonly sync: boolean;
  /** Used when the folder is new. */
  readonly meta: Meta;
  readonly walBytes: number;
  /** Free bytes below which the engine is asked to take no more writes. */
  readonly minFreeBytes: number;
}

/** To the worker. */
export type JournalRequest =
  /** Read what the folder holds; answered by `image`, `effects`…, `loaded`. */
  | { readonly kind: 'load' }
  /** The last `effects` message has been taken in; another may follow. */
  | { readonly kind: 'more' }
  /** At most one at a time; answered by its last number, or by `failed` and later, after retries, by the number. */
  | { readonly kind: 'group'; readonly rows: readonly Group[] }
  /** Answered by `stored`. */
  | ({ readonly kind: 'piece' } & Piece)
  /** The image has all changes up to the number; answered by `trimmed`, several times. */
  | { readonly kind: 'trim'; readonly upto: number }
  /** Ends after what was asked before; answered by `closed`. */
  | { readonly kind: 'close' };

/** From the worker. A plain number is the `last` of a group that is committed. */
export type JournalReply =
  | number
  | { readonly kind: 'opened'; readonly meta: Meta }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string; readonly details?: ErrorDetails }
  | { readonly kind: 'image'; readonly ranges: readonly ImageRange[] }
  | ({ readonly kind: 'effects' } & Contents)
  | ({ readonly kind: 'loaded' } & Loaded)
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'stored'; readonly imageBytes: number; readonly failure?: string }
  | { readonly kind: 'trimmed'; readonly bytes: number; readonly done: boolean }
  /** Why the folder cannot be relied on to take more; '' when it can. */
  | { readonly kind: 'disk'; readonly problem: string }
  | { readonly kind: 'closed'; readonly failure?: string };

export interface Loaded extends Extent {
  /** Newest number ever acknowledged, as far as known; higher than `seq` when acknowledged writes are lost. */
  readonly head: number;
  readonly generation: number;
  readonly imageBytes: number;
  readonly logBytes: number;
}
