import type { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { FetchReceiver, ReplyReceiver, ReplySource } from './upstream.ts';

/** What a lane gives back when an operation is over. */
export interface OperationOwner {
  finished(operation: Operation): void;
  /** It ends without its reply. */
  countFailure(error: SluiceError): void;
  /** The connection was lost under it. @returns whether it is tried again */
  retry(operation: Operation): boolean;
}

/** One command, or some that belong together, on its way over a shared connection. */
export class Operation implements ReplyReceiver {
  /** Whole commands as RESP. */
  readonly text: ByteString;
  /** Frames it is answered by. */
  readonly replies: number;
  readonly idempotent: boolean;
  /** Until when it may wait for a connection or be tried again, monotonic ms. */
  readonly deadline: number;
  /** Where it goes. */
  lane: { resubmit(operation: Operation): void } | undefined;
  readonly #owner: OperationOwner;
  readonly #receiver: ReplyReceiver;
  readonly #fetch: FetchReceiver | undefined;
  #missing: number;

  constructor(
    owner: OperationOwner,
    text: ByteString,
    replies: number,
    idempotent: boolean,
    deadline: number,
    receiver: ReplyReceiver,
    fetch?: FetchReceiver,
  ) {
    this.#owner = owner;
    this.text = text;
    this.replies = replies;
    this.idempotent = idempotent;
    this.deadline = deadline;
    this.#receiver = receiver;
    this.#fetch = fetch;
    this.#missing = replies;
  }

  /** It is about to be written to a connection. */
  begin(source: number): void {
    this.#missing = this.replies;
    this.#fetch?.begun(source);
  }

  replied(frame: ByteString, source?: ReplySource): void {
    // Its place is free before the receiver sends something new.
    if (--this.#missing === 0) this.#owner.finished(this);
    this.#receiver.replied(frame, source);
  }

  failed(error: SluiceError): void {
    if (this.idempotent && this.#owner.retry(this)) return;
    this.#owner.finished(this);
    this.#owner.countFailure(error);
    this.#receiver.failed(error);
  }

  /** It ends without having been sent, though it was its turn. */
  giveBack(error: SluiceError): void {
    this.#owner.finished(this);
    this.#receiver.failed(error);
  }

  /** It ends without having been sent. */
  refuse(error: SluiceError): void {
    this.#owner.countFailure(error);
    this.#receiver.failed(error);
  }
}
