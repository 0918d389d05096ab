import { type Change, Op, type Space } from './change.ts';

/**
 * Effects as bytes, one frame after the other: the format of the journal, of checkpoints and of backups.
 *
 * A frame is op (1 byte), space (1), then what the op needs, strings as a varint length and bytes, whole numbers as varints,
 * instants and scores as 8-byte doubles (little endian).
 *
 * `UPTO` is no effect. In an image it says that the value of its key holds all changes up to the number, whatever the range it
 * lies in says. In the log, where effects are numbered by counting, it says that the next one comes after the number: the ones
 * between were not to be kept.
 */
export const FORMAT_VERSION = 1;
/** See above. */
export const UPTO = 0;

const USES_A = flags([
  Op.setString,
  Op.append,
  Op.setRange,
  Op.hashSet,
  Op.hashDelete,
  Op.pushLeft,
  Op.pushRight,
  Op.listSet,
  Op.listInsert,
  Op.setAdd,
  Op.setRemove,
  Op.sortedSetAdd,
  Op.sortedSetRemove,
]);
const USES_B = flags([Op.setString, Op.hashSet]);
/** n as a double: instants and scores. */
const USES_N_DOUBLE = flags([Op.setString, Op.expire, Op.sortedSetAdd, UPTO]);
/** n as a whole number. */
const USES_N_INT = flags([Op.setRange, Op.listSet, Op.listInsert, Op.listRemove, Op.listTrim]);
const USES_M = flags([Op.setString, Op.hashSet, Op.pushLeft, Op.pushRight, Op.setAdd, Op.sortedSetAdd, Op.listTrim]);

function flags(ops: readonly number[]): Uint8Array {
  const set = new Uint8Array(32);
  for (const op of ops) set[op] = 1;
  return set;
}

/** What an encoder needs of a change. */
export type EncodableChange = Pick<Change, 'key' | 'a' | 'b' | 'n' | 'm'> & {
  readonly op: number;
  readonly space: Space;
};

/** Appends frames to one growing buffer. */
export class EffectWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(initialBytes = 16 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(initialBytes);
  }

  get length(): number {
    return this.#length;
  }

  write(change: EncodableChange): void {
    const { op, key, a, b } = change;
    this.#reserve(key.length + a.length + b.length + 48);
    const u8 = this.#buffer;
    let at = this.#length;
    u8[at++] = op;
    u8[at++] = change.space;
    at = writeText(u8, at, key);
    if (USES_A[op] === 1) at = writeText(u8, at, a);
    if (USES_B[op] === 1) at = writeText(u8, at, b);
    if (USES_N_DOUBLE[op] === 1) at = u8.writeDoubleLE(change.n, at);
    else if (USES_N_INT[op] === 1) at = writeVarint(u8, at, change.n);
    if (USES_M[op] === 1) at = writeVarint(u8, at, change.m);
    this.#length = at;
  }

  /** Hands out the frames in memory of their own (transferable) and starts anew. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#length);
    bytes.set(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
    // A burst must not keep its memory for ever.
    if (this.#buffer.length > 1 << 20) this.#buffer = Buffer.allocUnsafeSlow(64 * 1024);
    return bytes;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

function writeVarint(u8: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 127) {
    u8[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  u8[at++] = rest;
  return at;
}

function writeText(u8: Buffer, start: number, text: string): number {
  const at = writeVarint(u8, start, text.length);
  const length = text.length;
  if (length < 24) for (let i = 0; i < length; i++) u8[at + i] = text.charCodeAt(i);
  else u8.latin1Write(text, at, length);
  return at + length;
}

/** A frame as read: `op` may be `UPTO`. The reader reuses one object. */
export interface Frame {
  op: number;
  space: Space;
  key: string;
  a: string;
  b: string;
  n: number;
  m: number;
}

/** Reads frames one by one, so that a long run of them can be taken in slices. */
export class EffectReader {
  readonly #bytes: Buffer;
  readonly #frame: Frame = { op: 0, space: 0, key: '', a: '', b: '', n: 0, m: 0 };
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * @returns the next frame, an object that the call after this one overwrites; undefined at the end.
   * @throws RangeError naming the offset where the bytes are not frames.
   */
  next(): Readonly<Frame> | undefined {
    const u8 = this.#bytes;
    if (this.#at >= u8.length) return undefined;
    const start = this.#at;
    const op = u8[start] as number;
    const space = u8[start + 1];
    if (op > Op.flush || space === undefined || space > 2) throw new RangeError(`no frame begins at byte ${start}`);
    this.#at = start + 2;
    const frame = this.#frame;
    frame.op = op;
    frame.space = space as Space;
    frame.key = this.#text();
    frame.a = USES_A[op] === 1 ? this.#text() : '';
    frame.b = USES_B[op] === 1 ? this.#text() : '';
    if (USES_N_DOUBLE[op] === 1) frame.n = this.#double();
    else frame.n = USES_N_INT[op] === 1 ? this.#varint() : 0;
    frame.m = USES_M[op] === 1 ? this.#varint() : 0;
    return frame;
  }

  #varint(): number {
    const u8 = this.#bytes;
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = u8[this.#at++];
      if (byte === undefined) throw new RangeError(`the frames end in the middle, at byte ${this.#at}`);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  }

  #text(): string {
    const length = this.#varint();
    const start = this.#at;
    if (start + length > this.#bytes.length)
      throw new RangeError(`a frame claims ${length} bytes beyond the end, at byte ${start}`);
    this.#at = start + length;
    return this.#bytes.latin1Slice(start, start + length);
  }

  #double(): number {
    const start = this.#at;
    if (start + 8 > this.#bytes.length) throw new RangeError(`the frames end in the middle, at byte ${start}`);
    this.#at = start + 8;
    return this.#bytes.readDoubleLE(start);
  }
}

/**
 * Calls `visit` with every frame of `bytes`.
 * @throws RangeError naming the offset where the bytes are not frames.
 */
export function readEffects(bytes: Uint8Array, visit: (frame: Readonly<Frame>) => void): void {
  const reader = new EffectReader(bytes);
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) visit(frame);
}
