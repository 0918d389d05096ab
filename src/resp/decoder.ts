import type { ByteString } from '../kernel/bytes.ts';
import { splitInline } from './inline.ts';
import { ProtocolError } from './protocol-error.ts';

/** What one command may take. */
export interface DecoderLimits {
  /** Bytes of one argument. */
  readonly maxBulkBytes: number;
  readonly maxArguments: number;
  /** Bytes of a command given as one line. */
  readonly maxInlineBytes: number;
  /** Bytes received and not yet handed out. */
  readonly maxQueryBytes: number;
}

const CR = 13;
const LF = 10;
const DOLLAR = 36;
const STAR = 42;
const MINUS = 45;
/** Redis reads at most this much of a line that should hold a number. */
const MAX_NUMBER_LINE = 64 * 1024;
const INCOMPLETE = -1;
const NOT_A_NUMBER = -2;

/**
 * Client commands out of a stream of bytes, in multibulk or inline form, as Redis 7.0 takes them, except that a bulk must end with
 * CR LF (Redis skips two bytes unseen).
 *
 * Parses straight out of the chunk at hand. What is left of an unfinished command is kept: small rests are joined with the next
 * chunk, a large argument is collected in a buffer of its final size, so that any split of the input costs linear time.
 */
export class CommandDecoder {
  limits: DecoderLimits;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Arguments of a multibulk command that is not complete yet. */
  #argv: ByteString[] | undefined;
  #missing = 0;
  #argvBytes = 0;
  /** Length of the argument whose bytes come next, or -1 when its header comes next. */
  #bulkLength = -1;
  /** A large argument on its way in, CR LF included, and how much of it is there. */
  #large: Buffer | undefined;
  #largeFilled = 0;
  /** Where the search for the end of an inline command goes on. */
  #scanned = 0;

  constructor(limits: DecoderLimits) {
    this.limits = limits;
  }

  /** Bytes received that no command handed out contains. */
  get buffered(): number {
    return this.#chunk.length - this.#at + this.#argvBytes + this.#largeFilled;
  }

  /** @throws ProtocolError when more is received than one command may take. */
  push(chunk: Buffer): void {
    if (this.#large !== undefined) {
      const taken = chunk.copy(this.#large, this.#largeFilled, 0);
      this.#largeFilled += taken;
      this.#chunk = chunk;
      this.#at = taken;
    } else if (this.#at === this.#chunk.length) {
      this.#chunk = chunk;
      this.#at = 0;
      this.#scanned = 0;
    } else {
      this.#scanned = Math.max(0, this.#scanned - this.#at);
      this.#chunk = Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
      this.#at = 0;
    }
    if (this.buffered > this.limits.maxQueryBytes) throw new ProtocolError('too big query buffer');
  }

  /** The next complete command, or undefined until more is pushed. @throws ProtocolError */
  next(): ByteString[] | undefined {
    for (;;) {
      if (this.#argv === undefined) {
        if (this.#at >= this.#chunk.length) return undefined;
        if (this.#chunk[this.#at] !== STAR) {
          const words = this.#inline();
          if (words === undefined) return undefined;
          if (words.length > 0) return words;
          continue;
        }
        const count = this.#number('too big mbulk count string');
        if (count === INCOMPLETE) return undefined;
        if (count === NOT_A_NUMBER || count > this.limits.maxArguments) {
          throw new ProtocolError(
            count !== NOT_A_NUMBER && count <= 1024 * 1024
              ? 'unauthenticated multibulk length'
              : 'invalid multibulk length',
          );
        }
        if (count <= 0) continue;
        this.#argv = [];
        this.#missing = count;
      }
      const argv = this.#argv;
      while (this.#missing > 0) {
        const argument = this.#argument();
        if (argument === undefined) return undefined;
        argv.push(argument);
        this.#argvBytes += argument.length;
        this.#missing--;
      }
      this.#argv = undefined;
      this.#argvBytes = 0;
      return argv;
    }
  }

  #argument(): ByteString | undefined {
    if (this.#bulkLength < 0) {
      if (this.#at >= this.#chunk.length) return undefined;
      const first = this.#chunk[this.#at] as number;
      if (first !== DOLLAR) {
        // Redis waits for the whole line before it looks at its first byte.
        if (this.#chunk.indexOf(CR, this.#at) < 0 && this.#chunk.length - this.#at <= MAX_NUMBER_LINE) return undefined;
        throw new ProtocolError(`expected '$', got '${String.fromCharCode(first)}'`);
      }
      const length = this.#number('too big bulk count string');
      if (length === INCOMPLETE) return undefined;
      if (length === NOT_A_NUMBER || length < 0 || length > this.limits.maxBulkBytes) {
        throw new ProtocolError(
          length > this.limits.maxBulkBytes && this.limits.maxArguments <= 10
            ? 'unauthenticated bulk length'
            : 'invalid bulk length',
        );
      }
      this.#bulkLength = length;
    }
    return this.#large === undefined ? this.#smallBulk() : this.#largeBulk(this.#large);
  }

  #smallBulk(): ByteString | undefined {
    const chunk = this.#chunk;
    const start = this.#at;
    const end = start + this.#bulkLength;
    if (chunk.length < end + 2) {
      if (this.#bulkLength > 16 * 1024) {
        this.#large = Buffer.allocUnsafeSlow(this.#bulkLength + 2);
        this.#largeFilled = chunk.copy(this.#large, 0, start);
        this.#at = chunk.length;
      }
      return undefined;
    }
    if (chunk[end] !== CR || chunk[end + 1] !== LF) throw new ProtocolError('expected CRLF after a bulk');
    this.#at = end + 2;
    this.#bulkLength = -1;
    return chunk.latin1Slice(start, end);
  }

  #largeBulk(large: Buffer): ByteString | undefined {
    if (this.#largeFilled < large.length) return undefined;
    const end = large.length - 2;
    if (large[end] !== CR || large[end + 1] !== LF) throw new ProtocolError('expected CRLF after a bulk');
    this.#large = undefined;
    this.#largeFilled = 0;
    this.#bulkLength = -1;
    return large.latin1Slice(0, end);
  }

  /** Reads the number of a header line and its CR LF. */
  #number(tooLong: string): number {
    const chunk = this.#chunk;
    let at = this.#at + 1;
    const negative = chunk[at] === MINUS;
    if (negative) at++;
    const digits = at;
    let value = 0;
    for (;;) {
      const byte = chunk[at];
      if (byte === undefined) {
        if (chunk.length - this.#at > MAX_NUMBER_LINE) throw new ProtocolError(tooLong);
        return INCOMPLETE;
      }
      if (byte === CR) break;
      const digit = byte - 48;
      if (digit < 0 || digit > 9 || at - digits > 18) return this.#badNumber(tooLong);
      value = value * 10 + digit;
      at++;
    }
    if (chunk[at + 1] === undefined) return INCOMPLETE;
    if (at === digits || chunk[at + 1] !== LF) return NOT_A_NUMBER;
    this.#at = at + 2;
    return negative ? Math.min(-3, -value) : value;
  }

  /** Redis judges a header line once it is whole. */
  #badNumber(tooLong: string): number {
    if (this.#chunk.indexOf(CR, this.#at) >= 0) return NOT_A_NUMBER;
    if (this.#chunk.length - this.#at > MAX_NUMBER_LINE) throw new ProtocolError(tooLong);
    return INCOMPLETE;
  }

  #inline(): ByteString[] | undefined {
    const end = this.#chunk.indexOf(LF, Math.max(this.#at, this.#scanned));
    if (end < 0) {
      this.#scanned = this.#chunk.length;
      if (this.#chunk.length - this.#at > this.limits.maxInlineBytes) throw new ProtocolError('too big inline request');
      return undefined;
    }
    const start = this.#at;
    const stop = end > start && this.#chunk[end - 1] === CR ? end - 1 : end;
    if (stop - start > this.limits.maxInlineBytes) throw new ProtocolError('too big inline request');
    this.#at = end + 1;
    this.#scanned = 0;
    const words = splitInline(this.#chunk.latin1Slice(start, stop));
    if (words === undefined) throw new ProtocolError('unbalanced quotes in request');
    return words;
  }
}
