import type { ByteString } from '../kernel/bytes.ts';
import { formatDouble } from './format-double.ts';

/** Beyond this the text built so far is set aside as one flat string. */
const PART_LENGTH = 64 * 1024;
const SMALL = 1024;
const bulkHeaders: readonly string[] = Array.from({ length: SMALL }, (_, n) => `$${n}\r\n`);
const intReplies: readonly string[] = Array.from({ length: SMALL }, (_, n) => `:${n}\r\n`);
const arrayHeaders: readonly string[] = Array.from({ length: SMALL }, (_, n) => `*${n}\r\n`);

/**
 * Builds replies as latin1 text, in RESP2 or RESP3, so that everything a chunk of input asked for leaves in one write.
 * Types that RESP2 lacks become what Redis 7.0 sends there. Aggregates are announced with their length, their elements follow.
 * Every text given must be a {@link ByteString}, and one that ends with the line (`simple`, `raw`) is taken as it is.
 */
export class Reply {
  proto: 2 | 3 = 2;
  /** Beyond about this size what is built is dropped and `overflowed` set, whatever one command asks for. @default no bound */
  maxBytes = Number.POSITIVE_INFINITY;
  /** Some output is lost: the connection cannot go on. */
  overflowed = false;
  #out = '';
  #parts: string[] = [];
  #partsLength = 0;

  /** Bytes built and not taken yet. */
  get size(): number {
    return this.#partsLength + this.#out.length;
  }

  ok(): void {
    this.#add('+OK\r\n');
  }

  /** @param text without CR and LF. */
  simple(text: string): void {
    this.#add(`+${text}\r\n`);
  }

  /**
   * @param message with its class first, as in `ERR syntax error`. CR and LF become spaces, as in Redis; so does what is no byte and
   * would become one of those when it is written.
   */
  error(message: string): void {
    this.#add(`-${message.replace(/[\r\n\u0100-\uffff]/g, ' ')}\r\n`);
  }

  /** @param value whole, and within 64 bits. */
  int(value: number | bigint): void {
    const known = typeof value === 'number' && value >= 0 && value < SMALL ? intReplies[value] : undefined;
    this.#add(known ?? `:${value}\r\n`);
  }

  bulk(bytes: ByteString): void {
    const { length } = bytes;
    this.#add(length < SMALL ? `${bulkHeaders[length]}${bytes}\r\n` : `$${length}\r\n${bytes}\r\n`);
  }

  /** What is absent, where a bulk would be. */
  nil(): void {
    this.#add(this.proto === 3 ? '_\r\n' : '$-1\r\n');
  }

  /** What is absent, where an array would be. */
  nilArray(): void {
    this.#add(this.proto === 3 ? '_\r\n' : '*-1\r\n');
  }

  array(length: number): void {
    this.#add(length < SMALL ? (arrayHeaders[length] as string) : `*${length}\r\n`);
  }

  /** @param pairs number of pairs; RESP2 gets a flat array of twice as many. */
  map(pairs: number): void {
    if (this.proto === 3) this.#add(`%${pairs}\r\n`);
    else this.array(pairs * 2);
  }

  set(length: number): void {
    if (this.proto === 3) this.#add(`~${length}\r\n`);
    else this.array(length);
  }

  /** A message that answers no command; RESP2 gets an array. */
  push(length: number): void {
    if (this.proto === 3) this.#add(`>${length}\r\n`);
    else this.array(length);
  }

  double(value: number): void {
    if (this.proto === 3) this.#add(`,${formatDouble(value)}\r\n`);
    else this.bulk(formatDouble(value));
  }

  /** RESP2 gets 1 or 0. */
  bool(value: boolean): void {
    if (this.proto === 3) this.#add(value ? '#t\r\n' : '#f\r\n');
    else this.int(value ? 1 : 0);
  }

  /** @param format three letters. @default 'txt' */
  verbatim(text: ByteString, format = 'txt'): void {
    if (this.proto === 3) this.#add(`=${text.length + 4}\r\n${format}:${text}\r\n`);
    else this.bulk(text);
  }

  bigNumber(value: bigint): void {
    if (this.proto === 3) this.#add(`(${value}\r\n`);
    else this.bulk(String(value));
  }

  /** Text that is RESP already. */
  raw(text: string): void {
    this.#add(text);
  }

  /** Everything built so far; empties it. */
  take(): string {
    const text = this.#parts.length === 0 ? this.#out : this.#parts.join('') + this.#out;
    this.#out = '';
    if (this.#parts.length > 0) {
      this.#parts = [];
      this.#partsLength = 0;
    }
    return text;
  }

  /** Forgets what was built after the first `size` bytes: a reply the client asked not to get. */
  drop(size: number): void {
    if (size >= this.size) return;
    while (this.#partsLength > size) {
      this.#out = this.#parts.pop() as string;
      this.#partsLength -= this.#out.length;
    }
    this.#out = this.#out.slice(0, size - this.#partsLength);
  }

  #add(text: string): void {
    this.#out += text;
    if (this.#out.length <= PART_LENGTH) return;
    if (this.overflowed) {
      this.#out = '';
      return;
    }
    this.#parts.push(flat(this.#out));
    this.#partsLength += this.#out.length;
    this.#out = '';
    if (this.#partsLength <= this.maxBytes) return;
    this.overflowed = true;
    this.#parts = [];
    this.#partsLength = 0;
  }
}

/**
 * The same text. V8 keeps what `+=` builds as a rope and copies it into one flat string when a character of it is read; left as ropes,
 * a reply of a million elements takes six times the CPU and three times the memory. The character is used, so that reading it is not
 * optimised away.
 */
function flat(text: string): string {
  return text.charCodeAt(0) === 0 ? text.slice(0) : text;
}
