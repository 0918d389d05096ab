const NOTHING = Buffer.alloc(0);
const SMALLEST = 512;
/** Room beyond an expected length, so that the start of what follows it does not make the buffer grow once more. */
const SLACK = 64 * 1024;

/**
 * The bytes a decoder has received and not decoded: `bytes` from `at` to `end`. Usually that is the chunk just received, which must
 * not change while it is held here. Only what is left of it when the next chunk comes is copied, into a buffer that doubles, so that
 * any split of the input, down to single bytes, costs linear time and at most twice the memory of what was received.
 *
 * The fields are open because the decoders read them for every byte.
 */
export class InputBuffer {
  bytes: Buffer = NOTHING;
  at = 0;
  end = 0;
  /** Bytes from `at` on that the decoder waits for, where it knows; lets the buffer end up at the right size. */
  expected = 0;
  /** Whether `bytes` was made here and has room after `end`. */
  #owned = false;

  get length(): number {
    return this.end - this.at;
  }

  push(chunk: Buffer): void {
    const rest = this.end - this.at;
    if (rest === 0) {
      this.bytes = chunk;
      this.at = 0;
      this.end = chunk.length;
      this.#owned = false;
      return;
    }
    if (!this.#owned || this.bytes.length - this.end < chunk.length) this.#makeRoom(rest, rest + chunk.length);
    chunk.copy(this.bytes, this.end);
    this.end += chunk.length;
  }

  /** Lets go of memory that what is left does not need. To be called when nothing more can be decoded. */
  settle(): void {
    if (this.at === this.end) this.clear();
    else if (
      this.#owned &&
      this.bytes.length > SLACK &&
      this.expected <= SLACK &&
      this.length * 4 < this.bytes.length
    ) {
      this.#moveTo(Buffer.allocUnsafeSlow(Math.max(SMALLEST, this.length * 2)));
    }
  }

  clear(): void {
    this.bytes = NOTHING;
    this.at = 0;
    this.end = 0;
    this.expected = 0;
    this.#owned = false;
  }

  #makeRoom(rest: number, needed: number): void {
    // Moving costs no more than was decoded since the last move.
    if (this.#owned && this.at >= rest && this.bytes.length >= needed) {
      this.#moveTo(this.bytes);
      return;
    }
    const doubled = Math.max(SMALLEST, needed * 2);
    const wanted = this.expected >= needed ? Math.min(doubled, this.expected + SLACK) : doubled;
    this.#moveTo(Buffer.allocUnsafeSlow(wanted));
  }

  #moveTo(target: Buffer): void {
    this.end = this.bytes.copy(target, 0, this.at, this.end);
    this.at = 0;
    this.bytes = target;
    this.#owned = true;
  }
}
