import type { ChangeStream } from './change.ts';

const FILTER_BITS = 14;

/**
 * What the parts of an engine share within one turn of the event loop: the time, the change stream, and which write the turn has
 * revealed.
 *
 * A reply must not leave before the writes it reveals are durable. Per bucket of the key hash the turn keeps the sequence number
 * of the newest write, so a read knows in one load what it has to wait for; two keys in one bucket cost a needless wait, nothing
 * else.
 */
export class Turn {
  readonly changes: ChangeStream;
  /** Milliseconds since the epoch; fixed for the turn. */
  time = 0;
  /** The newest sequence number that must be durable before the outcome of this turn may be told. */
  revealed = 0;
  /** False while the journal cannot commit or the engine loads: expired keys then stay and are only hidden. */
  writable = true;
  readonly #lastWrite = new Float64Array(1 << FILTER_BITS);

  constructor(changes: ChangeStream) {
    this.changes = changes;
  }

  /** A key was looked at. */
  read(hash: number): void {
    const seq = this.#lastWrite[hash >>> (32 - FILTER_BITS)] as number;
    if (seq > this.revealed) this.revealed = seq;
  }

  /** A key was changed by the newest effect of the stream. */
  wrote(hash: number): void {
    this.#lastWrite[hash >>> (32 - FILTER_BITS)] = this.changes.seq;
    this.revealed = this.changes.seq;
  }

  /** The outcome depends on the whole keyspace. */
  readAll(): void {
    this.revealed = this.changes.seq;
  }

  /** Forgets all writes: what was read from disk reveals nothing that is not durable. */
  forgetWrites(): void {
    this.#lastWrite.fill(0);
    this.revealed = 0;
  }

  /** All keys changed. */
  wroteAll(): void {
    this.#lastWrite.fill(this.changes.seq);
    this.revealed = this.changes.seq;
  }
}
