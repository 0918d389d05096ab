import type { ByteString } from '../kernel/bytes.ts';
import { InputBuffer } from './input-buffer.ts';
import { ProtocolError } from './protocol-error.ts';

const LF = 10;
const CR = 13;
/** The longest line taken: errors and simple strings are short. */
const MAX_LINE = 64 * 1024;
/** No JavaScript string is longer. */
const LONGEST_STRING = 2 ** 29 - 24;
/** So many digits are exact in a double; a longer number is above every limit. */
const MAX_DIGITS = 15;

const INCOMPLETE = -1;
const NO_LENGTH = -2;

/**
 * Cuts a stream of replies, RESP2 or RESP3, into whole replies without decoding them: for passing them on. A frame is checked as far
 * as its bounds depend on it: types, lengths, the ends of lines. The result does not depend on how the input is cut into chunks, each
 * byte is looked at once. After an error every further call throws it again.
 */
export class ReplyFramer {
  readonly #input = new InputBuffer();
  readonly #maxBytes: number;
  /** Bytes of the frame at hand that were looked at, and values of it still missing; 0 between frames. */
  #seen = 0;
  #missing = 0;
  /** Bytes after the seen ones in which the end of a line was already looked for. */
  #scanned = 0;
  #failure: ProtocolError | undefined;
  /** Where the line at hand ends (at its CR), once found. */
  #lineEnd = 0;

  /** @param maxBytes of one reply. @default the longest string there is */
  constructor(maxBytes = LONGEST_STRING) {
    this.#maxBytes = Math.min(maxBytes, LONGEST_STRING);
  }

  /** Takes more input. The chunk must not change until `next` has returned undefined. */
  push(chunk: Buffer): void {
    if (this.#failure === undefined) this.#input.push(chunk);
  }

  /** The next whole reply as it came, or undefined until more is pushed. @throws ProtocolError */
  next(): ByteString | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#next();
    } catch (error) {
      if (error instanceof ProtocolError) {
        this.#failure = error;
        this.#input.clear();
      }
      throw error;
    }
  }

  #next(): ByteString | undefined {
    const input = this.#input;
    if (input.at === input.end) {
      input.settle();
      return undefined;
    }
    const { bytes, at } = input;
    let position = at + this.#seen;
    let missing = this.#missing === 0 ? 1 : this.#missing;
    while (missing > 0) {
      const after = this.#value(position);
      if (after < 0) {
        this.#seen = position - at;
        this.#missing = missing;
        input.settle();
        return undefined;
      }
      missing += this.#contained - 1;
      position = after;
      if (position - at > this.#maxBytes) throw new ProtocolError('reply too long');
    }
    input.at = position;
    input.expected = 0;
    this.#seen = 0;
    this.#missing = 0;
    if (position - at === 5) return frequent(bytes, at) ?? bytes.latin1Slice(at, position);
    return bytes.latin1Slice(at, position);
  }

  /** Values that follow as parts of the one just passed. */
  #contained = 0;

  /** Passes one value, of an aggregate its header. @returns where it ends, or INCOMPLETE */
  #value(position: number): number {
    const input = this.#input;
    const { bytes, end } = input;
    if (position >= end) return INCOMPLETE;
    const type = bytes[position] as number;
    this.#contained = 0;
    switch (type) {
      case 0x24: // $
      case 0x3d: // =
      case 0x21: {
        // !
        const length = this.#length(position);
        if (length === INCOMPLETE) return INCOMPLETE;
        if (length === NO_LENGTH) {
          if (type !== 0x24) throw new ProtocolError('invalid bulk length');
          return this.#lineEnd + 2;
        }
        const stop = this.#lineEnd + 2 + length;
        if (stop - input.at > this.#maxBytes) throw new ProtocolError('reply too long');
        if (end < stop + 2) {
          input.expected = stop + 2 - input.at;
          return INCOMPLETE;
        }
        if (bytes[stop] !== CR || bytes[stop + 1] !== LF) throw new ProtocolError('expected CRLF after a bulk');
        return stop + 2;
      }
      case 0x2b: // +
      case 0x2d: // -
      case 0x3a: // :
      case 0x5f: // _
      case 0x23: // #
      case 0x2c: // ,
      case 0x28: // (
        return this.#findLineEnd(position) ? this.#lineEnd + 2 : INCOMPLETE;
      case 0x2a: // *
      case 0x7e: // ~
      case 0x3e: // >
      case 0x25: // %
      case 0x7c: {
        // |
        const length = this.#length(position);
        if (length === INCOMPLETE) return INCOMPLETE;
        if (length === NO_LENGTH) {
          if (type !== 0x2a) throw new ProtocolError('invalid multibulk length');
          return this.#lineEnd + 2;
        }
        if (length > this.#maxBytes) throw new ProtocolError('reply of too many elements');
        // The value that attributes belong to follows them.
        this.#contained = type === 0x25 ? length * 2 : type === 0x7c ? length * 2 + 1 : length;
        return this.#lineEnd + 2;
      }
      default:
        throw new ProtocolError(`unexpected type byte ${type}`);
    }
  }

  /** The number in the line, or INCOMPLETE, or NO_LENGTH for -1. */
  #length(position: number): number {
    const { bytes, end } = this.#input;
    let at = position + 1;
    let value = 0;
    while (at < end) {
      const digit = (bytes[at] as number) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      if (++at - position > MAX_DIGITS) throw new ProtocolError('invalid length');
    }
    if (at + 1 >= end && (at >= end || bytes[at] === CR)) return INCOMPLETE;
    if (at > position + 1 && bytes[at] === CR && bytes[at + 1] === LF) {
      this.#lineEnd = at;
      return value;
    }
    if (at !== position + 1 || bytes[at] !== 45) throw new ProtocolError('invalid length');
    if (at + 3 >= end) return INCOMPLETE;
    if (bytes[at + 1] !== 49 || bytes[at + 2] !== CR || bytes[at + 3] !== LF) throw new ProtocolError('invalid length');
    this.#lineEnd = at + 2;
    return NO_LENGTH;
  }

  #findLineEnd(position: number): boolean {
    const { bytes, end } = this.#input;
    let at = position + 1 + this.#scanned;
    const limit = Math.min(end - 1, position + MAX_LINE);
    while (at < limit && bytes[at] !== CR) at++;
    if (at >= limit) {
      if (at >= position + MAX_LINE) throw new ProtocolError('line too long');
      this.#scanned = Math.max(0, at - position - 1);
      return false;
    }
    if (bytes[at + 1] !== LF) throw new ProtocolError('carriage return without line feed');
    this.#scanned = 0;
    this.#lineEnd = at;
    return true;
  }
}

/** The most frequent replies of five bytes; making a string of bytes costs more than looking at them. */
function frequent(bytes: Buffer, at: number): ByteString | undefined {
  if (bytes[at] === 0x3a && bytes[at + 1] === 0x2d && bytes[at + 2] === 0x31) return ':-1\r\n';
  if (bytes[at] === 0x2b && bytes[at + 1] === 0x4f && bytes[at + 2] === 0x4b) return '+OK\r\n';
  return undefined;
}
