import type { ByteString } from '../kernel/bytes.ts';
import { formatDouble } from './format-double.ts';

/** Beyond this the text built so far is set aside: one rope of a million pieces is slow to flatten. */
const PART_LENGTH = 64 * 1024;
const SMALL = 1024;
const bulkHeaders: readonly string[] = Array.from({ length: SMALL }, (_, n) => `$${n}\r\n`);
const intReplies: readonly string[] = Array.from({ length: SMALL }, (_, n) => `:${n}\r\n`);
const arrayHeaders: readonly string[] = Array.from({ length: SMALL }, (_, n) => `*${n}\r\n`);

/**
 * Builds replies as latin1 text, in RESP2 or RESP3, so that everything a chunk of input asked for leaves in one write.
 * Types that RESP2 lacks become what Redis sends there.
 */
export class Reply {
  proto: 2 | 3 = 2;
  #out = '';
  #parts: string[] = [];
  #partsLength = 0;

  /** Bytes built and not taken yet. */
  get size(): number {
    return this.#partsLength + this.#out.length;
  }

  ok(): void {
    this.#out += '+OK\r\n';
  }

  simple(text: string): void {
    this.#out += `+${text}\r\n`;
  }

  /** @param message with its class first, as in `ERR syntax error`. */
  error(message: string): void {
    this.#out += `-${message.replaceAll(/[\r\n]/g, ' ')}\r\n`;
  }

  int(value: number | bigint): void {
    this.#out +=
      typeof value === 'number' && value >= 0 && value < SMALL ? (intReplies[value] as string) : `:${value}\r\n`;
  }

  bulk(bytes: ByteString): void {
    const { length } = bytes;
    this.#out += length < SMALL ? `${bulkHeaders[length]}${bytes}\r\n` : `$${length}\r\n${bytes}\r\n`;
    if (this.#out.length > PART_LENGTH) this.#setAside();
  }

  nil(): void {
    this.#out += this.proto === 3 ? '_\r\n' : '$-1\r\n';
  }

  nilArray(): void {
    this.#out += this.proto === 3 ? '_\r\n' : '*-1\r\n';
  }

  array(length: number): void {
    this.#out += length < SMALL ? (arrayHeaders[length] as string) : `*${length}\r\n`;
    if (this.#out.length > PART_LENGTH) this.#setAside();
  }

  /** @param pairs number of pairs; RESP2 gets a flat array of twice as many. */
  map(pairs: number): void {
    if (this.proto === 3) this.#out += `%${pairs}\r\n`;
    else this.array(pairs * 2);
  }

  set(length: number): void {
    if (this.proto === 3) this.#out += `~${length}\r\n`;
    else this.array(length);
  }

  push(length: number): void {
    if (this.proto === 3) this.#out += `>${length}\r\n`;
    else this.array(length);
  }

  double(value: number): void {
    if (this.proto === 3) this.#out += `,${formatDouble(value)}\r\n`;
    else this.bulk(formatDouble(value));
  }

  bool(value: boolean): void {
    if (this.proto === 3) this.#out += value ? '#t\r\n' : '#f\r\n';
    else this.int(value ? 1 : 0);
  }

  /** @param format three letters: `txt` or `mkd`. */
  verbatim(text: ByteString, format = 'txt'): void {
    if (this.proto === 3) this.#out += `=${text.length + 4}\r\n${format}:${text}\r\n`;
    else this.bulk(text);
  }

  bigNumber(value: bigint): void {
    if (this.proto === 3) this.#out += `(${value}\r\n`;
    else this.bulk(String(value));
  }

  /** Text that is RESP already. */
  raw(text: string): void {
    this.#out += text;
    if (this.#out.length > PART_LENGTH) this.#setAside();
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
    const kept = this.take().slice(0, size);
    this.#out = kept;
  }

  #setAside(): void {
    this.#parts.push(this.#out);
    this.#partsLength += this.#out.length;
    this.#out = '';
  }
}
