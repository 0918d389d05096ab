import type { ByteString } from '../kernel/bytes.ts';
import { InputBuffer } from './input-buffer.ts';
import { parseBigNumber, parseBoolean, parseDouble, parseInteger } from './parse-scalar.ts';
import { ProtocolError } from './protocol-error.ts';

/**
 * A reply as plain values. Bulk and simple strings are strings, integers and doubles numbers; an integer beyond 2^53 and a big number
 * are bigints; every null is `null`. What has no plain value of its own is an instance of a class below.
 */
export type ReplyValue =
  | ByteString
  | number
  | bigint
  | boolean
  | null
  | readonly ReplyValue[]
  | ReadonlySet<ReplyValue>
  | ReadonlyMap<ReplyValue, ReplyValue>
  | ReplyError
  | VerbatimText
  | PushMessage
  | WithAttributes;

/** `-ERR …`, or the bulk form of it. Not thrown: it is an answer. */
export class ReplyError {
  /** With its class first: `ERR syntax error`. */
  readonly message: ByteString;

  constructor(message: ByteString) {
    this.message = message;
  }
}

/** RESP3 text with its format, `txt` or `mkd`. */
export class VerbatimText {
  readonly format: string;
  readonly text: ByteString;

  constructor(format: string, text: ByteString) {
    this.format = format;
    this.text = text;
  }
}

/** A RESP3 message that answers no command. Comes between replies, never inside one. */
export class PushMessage {
  readonly items: readonly ReplyValue[];

  constructor(items: readonly ReplyValue[]) {
    this.items = items;
  }
}

/** A RESP3 value that attributes came with. */
export class WithAttributes {
  readonly attributes: ReadonlyMap<ReplyValue, ReplyValue>;
  readonly value: ReplyValue;

  constructor(attributes: ReadonlyMap<ReplyValue, ReplyValue>, value: ReplyValue) {
    this.attributes = attributes;
    this.value = value;
  }
}

/** What one reply may take. */
export interface ReplyLimits {
  /** Bytes of one string. @default 2^29 - 24, the longest string there is */
  readonly maxBulkBytes: number;
  /** Values in one reply, at all depths together. @default 2^25 */
  readonly maxElements: number;
  /** Aggregates inside each other. @default 128 */
  readonly maxDepth: number;
}

const defaults: ReplyLimits = { maxBulkBytes: 2 ** 29 - 24, maxElements: 2 ** 25, maxDepth: 128 };

const LF = 10;
const CR = 13;
/** The longest line taken: errors and simple strings are short. */
const MAX_LINE = 64 * 1024;

/** The lead bytes of the protocol. */
const BULK = 0x24; // $
const VERBATIM = 0x3d; // =
const BULK_ERROR = 0x21; // !
const SIMPLE = 0x2b; // +
const ERROR = 0x2d; // -
const INTEGER = 0x3a; // :
const NULL = 0x5f; // _
const BOOLEAN = 0x23; // #
const DOUBLE = 0x2c; // ,
const BIG_NUMBER = 0x28; // (
const ARRAY = 0x2a; // *
const SET = 0x7e; // ~
const MAP = 0x25; // %
const PUSH = 0x3e; // >
const ATTRIBUTES = 0x7c; // |

/** So many digits are exact in a double; a longer length is above every limit. */
const MAX_DIGITS = 15;
const NO_LENGTH = -1;
const MALFORMED = -2;
/** More belongs to the value begun. */
const OPENED = Symbol('opened');

/** An aggregate whose elements are not all there. */
interface Open {
  readonly type: number;
  readonly items: ReplyValue[];
  missing: number;
  /** Those of the element that comes next. */
  attributes: Map<ReplyValue, ReplyValue> | undefined;
}

/**
 * Replies of a server out of a stream of bytes, RESP2 and RESP3, for the client side. Strict: lines end with CR LF and numbers are
 * numbers. Nesting costs no stack. Streamed strings and aggregates, which no server sends, are refused. The result does not depend
 * on how the input is cut into chunks. After an error every further call throws it again.
 */
export class ReplyDecoder {
  readonly #limits: ReplyLimits;
  readonly #input = new InputBuffer();
  /** The aggregates around the value that comes next, the outermost first. */
  readonly #open: Open[] = [];
  /** Attributes of the whole reply. */
  #attributes: Map<ReplyValue, ReplyValue> | undefined;
  /** Values announced in this reply so far. */
  #elements = 0;
  /** The lead byte of a string whose length was read, and the length or -1. */
  #bulkType = BULK;
  #bulkLength = -1;
  /** Bytes after `at` in which the end of a line was already looked for. */
  #scanned = 0;
  #failure: ProtocolError | undefined;

  constructor(limits: Partial<ReplyLimits> = {}) {
    this.#limits = { ...defaults, ...limits };
  }

  /** Bytes received and not decoded yet. */
  get buffered(): number {
    return this.#input.length;
  }

  /** Takes more input. The chunk must not change until `next` has returned undefined and more was pushed. */
  push(chunk: Buffer): void {
    if (this.#failure === undefined) this.#input.push(chunk);
  }

  /** The next whole reply or push message, or undefined until more is pushed. @throws ProtocolError */
  next(): ReplyValue | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      while (this.#bulkLength >= 0 || this.#input.at < this.#input.end) {
        const value = this.#bulkLength >= 0 ? this.#bulk() : this.#line();
        if (value === undefined) break;
        if (value === OPENED) continue;
        const whole = this.#place(value);
        if (whole !== undefined) return whole;
      }
    } catch (error) {
      if (error instanceof ProtocolError) {
        this.#failure = error;
        this.#input.clear();
        this.#open.length = 0;
        this.#attributes = undefined;
      }
      throw error;
    }
    this.#input.settle();
    return undefined;
  }

  /** Reads one line: a value, or OPENED when more belongs to it, or undefined when the line is not all there. */
  #line(): ReplyValue | typeof OPENED | undefined {
    const input = this.#input;
    const { bytes } = input;
    const end = this.#lineEnd();
    if (end < 0) return undefined;
    const type = bytes[input.at] as number;
    const start = input.at + 1;
    input.at = end + 2;
    switch (type) {
      case BULK:
      case VERBATIM:
      case BULK_ERROR:
        return this.#announceBulk(type, start, end);
      case ARRAY:
      case SET:
      case MAP:
      case PUSH:
      case ATTRIBUTES:
        return this.#announce(type, start, end);
      case SIMPLE:
        return bytes.latin1Slice(start, end);
      case ERROR:
        return new ReplyError(bytes.latin1Slice(start, end));
      case INTEGER:
        return parseInteger(bytes.latin1Slice(start, end));
      case NULL:
        if (end !== start) throw new ProtocolError('invalid null');
        return null;
      case BOOLEAN:
        return parseBoolean(bytes.latin1Slice(start, end));
      case DOUBLE:
        return parseDouble(bytes.latin1Slice(start, end));
      case BIG_NUMBER:
        return parseBigNumber(bytes.latin1Slice(start, end));
      default:
        throw new ProtocolError(`invalid reply type ${JSON.stringify(String.fromCharCode(type))}`);
    }
  }

  /** The index of the CR that ends the line at hand, or -1 while it or its LF is missing. Looks at every byte once. */
  #lineEnd(): number {
    const { bytes, at, end } = this.#input;
    const stop = Math.min(end, at + MAX_LINE + 1);
    let cr = at + this.#scanned;
    while (cr < stop && bytes[cr] !== CR) {
      if (bytes[cr] === LF) throw new ProtocolError('line feed without carriage return');
      cr++;
    }
    if (cr - at > MAX_LINE) throw new ProtocolError('too long a line');
    if (cr + 1 >= end) {
      this.#scanned = cr - at;
      return -1;
    }
    if (bytes[cr + 1] !== LF) throw new ProtocolError('carriage return without line feed');
    this.#scanned = 0;
    return cr;
  }

  #announceBulk(type: number, start: number, end: number): typeof OPENED | null {
    const length = this.#length(start, end);
    if (length === NO_LENGTH && type === BULK) return null;
    if (length < 0 || length > this.#limits.maxBulkBytes) throw new ProtocolError('invalid bulk length');
    this.#bulkType = type;
    this.#bulkLength = length;
    return OPENED;
  }

  #announce(type: number, start: number, end: number): ReplyValue | typeof OPENED {
    const length = this.#length(start, end);
    if (length === NO_LENGTH && type === ARRAY) return null;
    if (length < 0) throw new ProtocolError('invalid multibulk length');
    if (type === PUSH && this.#open.length > 0) throw new ProtocolError('push message inside a reply');
    if (this.#open.length >= this.#limits.maxDepth) throw new ProtocolError('reply nested too deep');
    const missing = type === MAP || type === ATTRIBUTES ? length * 2 : length;
    this.#elements += missing;
    if (this.#elements > this.#limits.maxElements) throw new ProtocolError('reply of too many elements');
    // Not made at the size announced: that is only a promise.
    const open: Open = { type, items: [], missing, attributes: undefined };
    if (missing > 0) {
      this.#open.push(open);
      return OPENED;
    }
    if (type !== ATTRIBUTES) return closed(open);
    this.#addAttributes(new Map());
    return OPENED;
  }

  /** The length in a line: a number, or NO_LENGTH for -1. */
  #length(start: number, end: number): number {
    const { bytes } = this.#input;
    let value = 0;
    for (let at = start; at < end; at++) {
      const digit = (bytes[at] as number) - 48;
      if (digit < 0 || digit > 9 || at - start === MAX_DIGITS) return this.#oddLength(start, end);
      value = value * 10 + digit;
    }
    return start === end ? MALFORMED : value;
  }

  #oddLength(start: number, end: number): number {
    const text = this.#input.bytes.latin1Slice(start, end);
    if (text === '?') throw new ProtocolError('streamed strings and aggregates are not taken');
    return text === '-1' ? NO_LENGTH : MALFORMED;
  }

  #bulk(): ReplyValue | undefined {
    const input = this.#input;
    const { bytes, at } = input;
    const stop = at + this.#bulkLength;
    if (input.end < stop + 2) {
      input.expected = this.#bulkLength + 2;
      return undefined;
    }
    if (bytes[stop] !== CR || bytes[stop + 1] !== LF) throw new ProtocolError('expected CRLF after a bulk');
    input.at = stop + 2;
    input.expected = 0;
    this.#bulkLength = -1;
    const text = bytes.latin1Slice(at, stop);
    if (this.#bulkType === BULK) return text;
    if (this.#bulkType === BULK_ERROR) return new ReplyError(text);
    if (text[3] !== ':') throw new ProtocolError('verbatim string without format');
    return new VerbatimText(text.slice(0, 3), text.slice(4));
  }

  /** Puts a value where it belongs, and every aggregate that it completes. @returns the reply, when that is whole */
  #place(complete: ReplyValue): ReplyValue | undefined {
    let value = complete;
    for (;;) {
      const open = this.#open.at(-1);
      if (open === undefined) {
        const attributes = this.#attributes;
        this.#attributes = undefined;
        this.#elements = 0;
        return attributes === undefined ? value : new WithAttributes(attributes, value);
      }
      if (open.attributes !== undefined) {
        value = new WithAttributes(open.attributes, value);
        open.attributes = undefined;
      }
      open.items.push(value);
      if (--open.missing > 0) return undefined;
      this.#open.pop();
      if (open.type === ATTRIBUTES) {
        this.#addAttributes(pairs(open.items));
        return undefined;
      }
      value = closed(open);
    }
  }

  /** They belong to the value that follows them in the same aggregate. */
  #addAttributes(attributes: Map<ReplyValue, ReplyValue>): void {
    const target = this.#open.at(-1);
    const before = target === undefined ? this.#attributes : target.attributes;
    if (before !== undefined) for (const [name, value] of attributes) before.set(name, value);
    else if (target === undefined) this.#attributes = attributes;
    else target.attributes = attributes;
  }
}

function closed({ type, items }: Open): ReplyValue {
  switch (type) {
    case SET:
      return new Set(items);
    case MAP:
      return pairs(items);
    case PUSH:
      return new PushMessage(items);
    default:
      return items;
  }
}

function pairs(items: readonly ReplyValue[]): Map<ReplyValue, ReplyValue> {
  const map = new Map<ReplyValue, ReplyValue>();
  for (let at = 0; at < items.length; at += 2) map.set(items[at] as ReplyValue, items[at + 1] as ReplyValue);
  return map;
}
