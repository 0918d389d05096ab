import type { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';

/** What a fill asks for: a string, a string with what is stored beside it, a whole hash, some fields of one. */
export type FillKind = 'string' | 'typed' | 'hash' | 'fields';

/** What became of what was read: kept, not kept for its own sake, or not kept since the key was changed while it was read. */
export type FillOutcome = 'kept' | 'unkept' | 'changed';

/** Who waits for a read. */
export interface ReadWaiter {
  /**
   * @param frame the reply as RESP3, an error reply possibly
   * @param meta for `typed`: what is said of the value, see `CachedReadsOptions.describe`, or what lies beside a key without one
   * @param life the reply of PTTL
   */
  filled(frame: ByteString, meta: ByteString | undefined, outcome: FillOutcome, life: ByteString): void;
  failed(error: SluiceError): void;
}

/** Told by a fill when all of it is there, or when it cannot be had. */
export interface FillOwner {
  completed(fill: Fill): void;
  abandoned(fill: Fill, error: SluiceError): void;
  /** The period of the source, see `Coherence`. */
  epochOf(source: number): number;
  now(): number;
}

/** One read under way to the store, and all who wait for it. */
export class Fill {
  readonly key: ByteString;
  readonly kind: FillKind;
  readonly fields: readonly ByteString[];
  /** The first who waits, and the others: mostly there are none. */
  readonly waiter: ReadWaiter;
  others: ReadWaiter[] | undefined;
  /** The reply with the value. */
  value: ByteString = '';
  /** The reply with its time to live. */
  life: ByteString = '';
  /** The reply with what is stored beside it. */
  beside: ByteString | undefined;
  /** Nothing has changed the key since the read began. */
  valid = true;
  source = 0;
  epoch = 0;
  begunAt = 0;
  /** The next in the table's chain. */
  next: Fill | undefined;
  readonly #owner: FillOwner;
  readonly #replies: number;
  #have = 0;

  constructor(
    owner: FillOwner,
    key: ByteString,
    kind: FillKind,
    replies: number,
    fields: readonly ByteString[],
    waiter: ReadWaiter,
  ) {
    this.#owner = owner;
    this.waiter = waiter;
    this.key = key;
    this.kind = kind;
    this.#replies = replies;
    this.fields = fields;
  }

  /** The placeholder stands since before this; now the lane is known. Called again when the read is sent again. */
  begun(source: number): void {
    this.source = source;
    this.epoch = source === 0 ? 0 : this.#owner.epochOf(source);
    this.begunAt = this.#owner.now();
    this.#have = 0;
  }

  replied(frame: ByteString): void {
    const number = ++this.#have;
    if (number === 1) this.value = frame;
    else if (number === 2) this.life = frame;
    else this.beside = frame;
    if (number === this.#replies) this.#owner.completed(this);
  }

  failed(error: SluiceError): void {
    this.#owner.abandoned(this, error);
  }
}
