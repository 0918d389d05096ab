import type { ByteString } from '../kernel/bytes.ts';
import { splitInline } from './inline.ts';
import { InputBuffer } from './input-buffer.ts';
import { ProtocolError } from './protocol-error.ts';

/** What one command may take. */
export interface DecoderLimits {
  /** Bytes of one argument. Redis: 512 MiB; 16 KiB before AUTH. */
  readonly maxBulkBytes: number;
  /** Arguments of a multibulk command. Redis: 2^31 - 1; 10 before AUTH. */
  readonly maxArguments: number;
  /** Bytes of a command given as one line, without its end. Redis: 64 KiB. */
  readonly maxInlineBytes: number;
  /** Bytes of all arguments of one command; also what may wait here when commands come faster than they are taken. Redis: 1 GiB. */
  readonly maxQueryBytes: number;
}

const LF = 10;
const CR = 13;
const DOLLAR = 36;
const STAR = 42;
const ZERO = 48;
/** How much of a line that should hold a number Redis reads in search of its end. */
const MAX_NUMBER_LINE = 64 * 1024;
/** So many digits are exact in a double; a longer number is above every limit. */
const MAX_DIGITS = 15;
/** What Redis itself refuses, as malformed, before it asks whether the client has authenticated. */
const REDIS_MAX_ARGUMENTS = 2 ** 31 - 1;
const REDIS_MAX_BULK = 512 * 1024 * 1024;
/** No JavaScript string is longer. */
const LONGEST_STRING = 2 ** 29 - 24;
/** Redis's limits before AUTH: set to these, a limit is refused in the words for that case. */
const UNAUTHENTICATED_ARGUMENTS = 10;
const UNAUTHENTICATED_BULK = 16 * 1024;

// What a length line may be instead of a length.
const INCOMPLETE = -1;
const MALFORMED = -2;
const NEGATIVE = -3;

/**
 * Client commands out of a stream of bytes, in multibulk or inline form, as Redis 7.0 takes them, with its error texts.
 * Empty lines, `*0` and negative counts are skipped. The result does not depend on how the input is cut into chunks.
 *
 * Where Redis repairs or depends on timing, this refuses:
 * - every CR must be followed by LF and every bulk by CR LF (Redis skips two bytes unseen);
 * - a line above `maxInlineBytes` is always too big (Redis takes it when its end is already there);
 * - NUL in an inline command (Redis would wait for more for ever).
 *
 * After an error every further call throws it again: the stream cannot be trusted any more.
 */
export class CommandDecoder {
  limits: DecoderLimits;
  readonly #input = new InputBuffer();
  /** Arguments of a multibulk command that is not complete yet, how many are missing, and the bytes of those that are there. */
  #argv: ByteString[] | undefined;
  #missing = 0;
  #argvBytes = 0;
  /** Length of the argument whose bytes come next, or -1 when its length line comes next. */
  #bulkLength = -1;
  /** Bytes after `at` in which the end of a line was already looked for. */
  #scanned = 0;
  /** Input was refused because too much waits here. */
  #overflowed = false;
  #failure: ProtocolError | undefined;

  constructor(limits: DecoderLimits) {
    this.limits = limits;
  }

  /** Bytes received that no command handed out contains. */
  get buffered(): number {
    return this.#input.length + this.#argvBytes;
  }

  /**
   * Takes more input. The chunk must not change until `next` has returned undefined and more was pushed. Never throws: what is wrong
   * with the input is told by `next`. When too much waits here, what comes is dropped, and `next` fails after the commands that came
   * before.
   */
  push(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    // Happens only when commands are pushed and not taken: one incomplete command is stopped by the other limits before.
    this.#overflowed ||= this.#input.length > this.limits.maxQueryBytes + MAX_NUMBER_LINE + 2;
    if (!this.#overflowed) this.#input.push(chunk);
  }

  /** The next complete command, never empty, or undefined until more is pushed. @throws ProtocolError */
  next(): ByteString[] | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    const input = this.#input;
    try {
      while (this.#argv !== undefined || input.at < input.end) {
        let argv = this.#argv;
        if (argv === undefined) {
          if (input.bytes[input.at] !== STAR) {
            const words = this.#inline();
            if (words === undefined) break;
            if (words.length > 0) return words;
            continue;
          }
          const count = this.#lengthLine(STAR);
          if (count === INCOMPLETE) break;
          if (count === MALFORMED || count > this.limits.maxArguments) throw this.#tooManyArguments(count);
          if (count <= 0) continue;
          // Not made at the size announced: that is only a promise.
          argv = [];
          this.#missing = count;
        }
        do {
          const argument = this.#argument();
          if (argument === undefined) {
            this.#argv = argv;
            return this.#wait();
          }
          argv.push(argument);
          this.#argvBytes += argument.length;
        } while (--this.#missing > 0);
        this.#argv = undefined;
        this.#argvBytes = 0;
        return argv;
      }
      return this.#wait();
    } catch (error) {
      if (error instanceof ProtocolError) {
        this.#failure = error;
        this.#release();
      }
      throw error;
    }
  }

  #wait(): undefined {
    if (this.#overflowed) throw new ProtocolError('too big query buffer');
    this.#input.settle();
  }

  #argument(): ByteString | undefined {
    const input = this.#input;
    let length = this.#bulkLength;
    if (length < 0) {
      if (input.at >= input.end) return undefined;
      length = this.#lengthLine(DOLLAR);
      if (length === INCOMPLETE) return undefined;
      const { maxBulkBytes, maxQueryBytes } = this.limits;
      if (length < 0 || length > maxBulkBytes || length > LONGEST_STRING) throw this.#wrongBulkLength(length);
      if (this.#argvBytes + length > maxQueryBytes) throw new ProtocolError('too big query buffer');
    }
    const { bytes, at } = input;
    const stop = at + length;
    if (input.end < stop + 2) {
      this.#bulkLength = length;
      input.expected = length + 2;
      return undefined;
    }
    if (bytes[stop] !== CR || bytes[stop + 1] !== LF) throw new ProtocolError('expected CRLF after a bulk');
    this.#bulkLength = -1;
    input.expected = 0;
    input.at = stop + 2;
    return bytes.latin1Slice(at, stop);
  }

  /**
   * Reads the line `*n` or `$n` at hand and moves past it: n, or INCOMPLETE, MALFORMED, NEGATIVE.
   * Plain lengths that are all there are read here; everything else by `#oddLengthLine`.
   */
  #lengthLine(type: typeof STAR | typeof DOLLAR): number {
    const input = this.#input;
    const { bytes, end } = input;
    const start = input.at + 1;
    let at = start;
    let value = 0;
    const stop = Math.min(end, start + MAX_DIGITS + 1);
    while (at < stop) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
    }
    const digits = at - start;
    if (digits === 0 || digits > MAX_DIGITS || at + 1 >= end || bytes[at] !== CR || bytes[at + 1] !== LF) {
      return this.#oddLengthLine(type);
    }
    if (bytes[start - 1] !== type) return this.#oddLengthLine(type);
    if (bytes[start] === ZERO && digits > 1) return MALFORMED;
    input.at = at + 2;
    this.#scanned = 0;
    return value;
  }

  /** As Redis does, judges a line only once it is whole. */
  #oddLengthLine(type: typeof STAR | typeof DOLLAR): number {
    const input = this.#input;
    const tooLong = type === STAR ? 'too big mbulk count string' : 'too big bulk count string';
    const end = this.#lineEnd(CR, MAX_NUMBER_LINE, tooLong);
    if (end < 0 || end + 1 >= input.end) return INCOMPLETE;
    const first = input.bytes[input.at] as number;
    if (first !== type) throw new ProtocolError(`expected '$', got '${String.fromCharCode(first)}'`);
    if (input.bytes[end + 1] !== LF) return MALFORMED;
    const text = input.bytes.latin1Slice(input.at + 1, end);
    if (!/^-[1-9]\d{0,18}$/.test(text) || BigInt(text) < -(2n ** 63n)) return MALFORMED;
    input.at = end + 2;
    this.#scanned = 0;
    return NEGATIVE;
  }

  #inline(): ByteString[] | undefined {
    const input = this.#input;
    const { bytes, at } = input;
    if (bytes[at] === LF) {
      input.at++;
      return [];
    }
    const end = this.#lineEnd(LF, this.limits.maxInlineBytes, 'too big inline request');
    if (end < 0) return undefined;
    const line = bytes.latin1Slice(at, end > at && bytes[end - 1] === CR ? end - 1 : end);
    input.at = end + 1;
    this.#scanned = 0;
    if (line.includes('\0')) throw new ProtocolError('NUL in inline request');
    const words = splitInline(line);
    if (words === undefined) throw new ProtocolError('unbalanced quotes in request');
    return words;
  }

  /** Where `byte` ends the line at hand, or -1 while it is not there. Looks at every byte once, however the input is cut. */
  #lineEnd(byte: number, maxLength: number, tooLong: string): number {
    const { bytes, at, end } = this.#input;
    const limit = at + maxLength + 1;
    const from = at + this.#scanned;
    const found = bytes.subarray(from, Math.min(end, limit)).indexOf(byte);
    if (found >= 0) return from + found;
    if (end >= limit) throw new ProtocolError(tooLong);
    this.#scanned = end - at;
    return -1;
  }

  #tooManyArguments(count: number): ProtocolError {
    const stranger = this.limits.maxArguments === UNAUTHENTICATED_ARGUMENTS && count <= REDIS_MAX_ARGUMENTS;
    return new ProtocolError(stranger && count > 0 ? 'unauthenticated multibulk length' : 'invalid multibulk length');
  }

  #wrongBulkLength(length: number): ProtocolError {
    const stranger = this.limits.maxBulkBytes === UNAUTHENTICATED_BULK && length <= REDIS_MAX_BULK;
    return new ProtocolError(stranger && length > 0 ? 'unauthenticated bulk length' : 'invalid bulk length');
  }

  #release(): void {
    this.#input.clear();
    this.#argv = undefined;
    this.#argvBytes = 0;
  }
}
