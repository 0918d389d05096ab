import type { ByteString } from '../kernel/bytes.ts';

/** An error reply; the message begins with its class, as in `WRONGTYPE …`. */
export class ErrorReply extends Error {}

/** A reply of RESP2; null where there is nothing. */
export type ReplyValue = ByteString | number | null | ErrorReply | readonly ReplyValue[];

/** Arrays of arrays nest no deeper in the replies of the commands we send. */
const maxDepth = 8;

/**
 * Replies of RESP2 out of a stream of bytes, for the few commands of the command line. A reply is read again from its beginning until it
 * is complete, but only when enough bytes for the element that was missing have come, so that a large value costs linear time.
 */
export class ReplyReader {
  #chunks: Buffer[] = [];
  #length = 0;
  #needed = 1;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The next reply, or undefined when it is not complete. @throws Error when the bytes are no reply */
  next(): ReplyValue | undefined {
    if (this.#length < this.#needed) return undefined;
    const bytes = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [bytes];
    const cursor = { bytes, at: 0, needed: 0 };
    const reply = read(cursor, 0);
    if (reply === undefined) {
      this.#needed = cursor.needed;
      return undefined;
    }
    this.#chunks = [bytes.subarray(cursor.at)];
    this.#length = bytes.length - cursor.at;
    this.#needed = 1;
    return reply;
  }
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
  /** How many bytes must be there before reading again is of use. */
  needed: number;
}

function read(cursor: Cursor, depth: number): ReplyValue | undefined {
  const line = readLine(cursor);
  if (line === undefined) return undefined;
  const rest = line.slice(1);
  switch (line[0]) {
    case '+':
      return rest;
    case '-':
      return new ErrorReply(rest);
    case ':':
      return readCount(rest);
    case '$':
      return readBulk(cursor, readCount(rest));
    case '*':
      return readArray(cursor, readCount(rest), depth);
    default:
      throw new Error(`a reply begins with ${JSON.stringify(line.slice(0, 20))}`);
  }
}

function readLine(cursor: Cursor): ByteString | undefined {
  const end = cursor.bytes.indexOf('\r\n', cursor.at, 'latin1');
  if (end < 0) {
    if (cursor.bytes.length - cursor.at > 64 * 1024) throw new Error('a line of a reply is too long');
    cursor.needed = cursor.bytes.length + 1;
    return undefined;
  }
  const line = cursor.bytes.latin1Slice(cursor.at, end);
  cursor.at = end + 2;
  return line;
}

function readCount(text: ByteString): number {
  if (!/^-?\d{1,16}$/.test(text)) throw new Error(`a number of a reply is ${JSON.stringify(text.slice(0, 20))}`);
  return Number(text);
}

function readBulk(cursor: Cursor, length: number): ByteString | null | undefined {
  if (length < 0) return null;
  const end = cursor.at + length;
  if (cursor.bytes.length < end + 2) {
    cursor.needed = end + 2;
    return undefined;
  }
  const value = cursor.bytes.latin1Slice(cursor.at, end);
  cursor.at = end + 2;
  return value;
}

function readArray(cursor: Cursor, count: number, depth: number): readonly ReplyValue[] | null | undefined {
  if (count < 0) return null;
  if (depth === maxDepth) throw new Error('a reply is nested too deeply');
  const items: ReplyValue[] = [];
  for (let index = 0; index < count; index++) {
    const item = read(cursor, depth + 1);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}
