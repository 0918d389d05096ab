import { type ByteString, holdsBytes, writeBytes } from '../../kernel/bytes.ts';
import { type Ref, type Segment, Slab } from '../../kernel/slab.ts';
import type { EntryClass } from './entry-class.ts';

/**
 * The layout of a record in the slab. Words of 4 bytes from the start of the cell:
 *
 * 0 hash · 1 length of a string, or id of a collection · 2 key length (16 bits), type (8), class (8) · 3 content type length (16),
 * flags · 4-5 expiry instant as a double, 0 = never · 6, 7 links of the expiry wheel · 8, 9 links of the eviction queue, only
 * in `cached` records · then the key, the content type and the value of a string.
 */
const HASH = 0;
const VALUE = 1;
const KEY = 2;
const META = 3;
const EXPIRES_F64 = 2;
export const WHEEL_PREV = 6;
export const WHEEL_NEXT = 7;
export const QUEUE_OLDER = 8;
export const QUEUE_NEWER = 9;
const HEADER_BYTES = 32;
const CACHED_HEADER_BYTES = 40;
const VISITED = 1 << 16;

export const ValueType = { string: 0, hash: 1, list: 2, set: 3, sortedSet: 4 } as const;
export type ValueType = (typeof ValueType)[keyof typeof ValueType];

/** Redis's names of the types, by `ValueType`. */
export const typeNames = ['string', 'hash', 'list', 'set', 'zset'] as const;

export const MAX_KEY_BYTES = 0xffff;
export const MAX_META_BYTES = 0xff;

/** Reads and writes records; knows nothing of what they mean. */
export class Records {
  readonly slab = new Slab();

  /** @param reserve bytes of room beyond the value, for strings that grow. */
  create(
    hash: number,
    type: ValueType,
    entryClass: EntryClass,
    key: ByteString,
    meta: ByteString,
    value: ByteString,
    reserve = 0,
  ): Ref {
    const start = headerBytes(entryClass);
    const ref = this.slab.allocate(start + key.length + meta.length + value.length + reserve);
    const segment = this.slab.segmentOf(ref);
    const at = this.slab.offsetOf(ref, segment);
    const word = at >>> 2;
    const i32 = segment.i32;
    i32[word + HASH] = hash;
    i32[word + VALUE] = value.length;
    i32[word + KEY] = key.length | (type << 16) | (entryClass << 24);
    i32[word + META] = meta.length;
    segment.f64[(at >>> 3) + EXPIRES_F64] = 0;
    i32[word + WHEEL_PREV] = 0;
    i32[word + WHEEL_NEXT] = 0;
    writeBytes(segment.u8, at + start, key);
    if (meta.length > 0) writeBytes(segment.u8, at + start + key.length, meta);
    writeBytes(segment.u8, at + start + key.length + meta.length, value);
    return ref;
  }

  /** Overwrites content type and value where the record stays in its cell. @returns false when it does not fit. */
  rewrite(ref: Ref, meta: ByteString, value: ByteString): boolean {
    const segment = this.slab.segmentOf(ref);
    const at = this.slab.offsetOf(ref, segment);
    const word = at >>> 2;
    const packed = segment.i32[word + KEY] as number;
    const start = headerBytes((packed >>> 24) as EntryClass) + (packed & 0xffff);
    if (segment.cellBytes !== Slab.cellBytesFor(start + meta.length + value.length)) return false;
    segment.i32[word + VALUE] = value.length;
    segment.i32[word + META] = ((segment.i32[word + META] as number) & ~0xffff) | meta.length;
    if (meta.length > 0) writeBytes(segment.u8, at + start, meta);
    writeBytes(segment.u8, at + start + meta.length, value);
    return true;
  }

  /** Writes `bytes` into the value from `offset` on; the caller knows that the cell has room and zero-fills gaps. */
  patch(ref: Ref, offset: number, bytes: ByteString, newLength: number): void {
    const segment = this.slab.segmentOf(ref);
    const at = this.slab.offsetOf(ref, segment);
    const from = at + valueStart(segment, at);
    const oldLength = segment.i32[(at >>> 2) + VALUE] as number;
    if (offset > oldLength) segment.u8.fill(0, from + oldLength, from + offset);
    writeBytes(segment.u8, from + offset, bytes);
    segment.i32[(at >>> 2) + VALUE] = newLength;
  }

  /** Bytes a string value may have in this record's cell. */
  room(ref: Ref): number {
    const segment = this.slab.segmentOf(ref);
    const at = this.slab.offsetOf(ref, segment);
    return segment.cellBytes - valueStart(segment, at);
  }

  hash(ref: Ref): number {
    return this.#word(ref, HASH);
  }

  type(ref: Ref): ValueType {
    return ((this.#word(ref, KEY) >>> 16) & 0xff) as ValueType;
  }

  entryClass(ref: Ref): EntryClass {
    return (this.#word(ref, KEY) >>> 24) as EntryClass;
  }

  key(ref: Ref): ByteString {
    const segment = this.slab.segmentOf(ref);
    const at = this.slab.offsetOf(ref, segment);
    const packed = segment.i32[(at >>> 2) + KEY] as number;
    const start = at + headerBytes((packed >>> 24) as EntryClass);
    return segment.u8.latin1Slice(start, start + (packed & 0xffff));
  }

  keyEquals(ref: Ref, key: ByteString): boolean {
    const segment = this.slab.segmentOf(ref);
    const at = this.slab.offsetOf(ref, segment);
    const packed = segment.i32[(at >>> 2) + KEY] as number;
    const length = packed & 0xffff;
    if (length !== key.length) return false;
    const start = at + headerBytes((packed >>> 24) as EntryClass);
    return holdsBytes(segment.u8, start, key);
  }

  contentType(ref: Ref): ByteString {
    const segment = this.slab.segmentOf(ref);
    const at = this.slab.offsetOf(ref, segment);
    const length = (segment.i32[(at >>> 2) + META] as number) & 0xffff;
    if (length === 0) return '';
    const end = at + valueStart(segment, at);
    return segment.u8.latin1Slice(end - length, end);
  }

  valueLength(ref: Ref): number {
    return this.#word(ref, VALUE);
  }

  /** The string value, or the part [from, to) of it; the caller keeps the bounds. */
  value(ref: Ref, from = 0, to = -1): ByteString {
    const segment = this.slab.segmentOf(ref);
    const at = this.slab.offsetOf(ref, segment);
    const start = at + valueStart(segment, at);
    return segment.u8.latin1Slice(start + from, start + (to < 0 ? (segment.i32[(at >>> 2) + VALUE] as number) : to));
  }

  collectionId(ref: Ref): number {
    return this.#word(ref, VALUE);
  }

  setCollectionId(ref: Ref, id: number): void {
    const segment = this.slab.segmentOf(ref);
    segment.i32[(this.slab.offsetOf(ref, segment) >>> 2) + VALUE] = id;
  }

  expiresAt(ref: Ref): number {
    const segment = this.slab.segmentOf(ref);
    return segment.f64[(this.slab.offsetOf(ref, segment) >>> 3) + EXPIRES_F64] as number;
  }

  setExpiresAt(ref: Ref, instant: number): void {
    const segment = this.slab.segmentOf(ref);
    segment.f64[(this.slab.offsetOf(ref, segment) >>> 3) + EXPIRES_F64] = instant;
  }

  visited(ref: Ref): boolean {
    return (this.#word(ref, META) & VISITED) !== 0;
  }

  setVisited(ref: Ref, visited: boolean): void {
    const flags = this.#word(ref, META);
    this.setLink(ref, META, visited ? flags | VISITED : flags & ~VISITED);
  }

  cellBytes(ref: Ref): number {
    return this.slab.segmentOf(ref).cellBytes;
  }

  link(ref: Ref, which: number): number {
    return this.#word(ref, which);
  }

  setLink(ref: Ref, which: number, value: number): void {
    const segment = this.slab.segmentOf(ref);
    segment.i32[(this.slab.offsetOf(ref, segment) >>> 2) + which] = value;
  }

  #word(ref: Ref, which: number): number {
    const segment = this.slab.segmentOf(ref);
    return segment.i32[(this.slab.offsetOf(ref, segment) >>> 2) + which] as number;
  }
}

function headerBytes(entryClass: EntryClass): number {
  return entryClass === 1 ? CACHED_HEADER_BYTES : HEADER_BYTES;
}

function valueStart(segment: Segment, at: number): number {
  const packed = segment.i32[(at >>> 2) + KEY] as number;
  return (
    headerBytes((packed >>> 24) as EntryClass) +
    (packed & 0xffff) +
    ((segment.i32[(at >>> 2) + META] as number) & 0xffff)
  );
}
