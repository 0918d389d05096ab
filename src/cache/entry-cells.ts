import { type ByteString, holdsBytes, writeBytes } from '../kernel/bytes.ts';
import { type Segment, Slab } from '../kernel/slab.ts';
import type { CacheEntry, EntryKind, Slot } from './entry.ts';

/**
 * The layout of an entry in the slab. Words of 4 bytes from the start of the cell:
 *
 * 0 hash · 1 payload length · 2 key length (16 bits), kind (8), state (8: the policy's) · 3 meta length (16), source (16) · 4 epoch ·
 * 5 instant of the last use, ms modulo 2^32 · 6, 7 links of the policy's queue · 8-13 storedAt, staleAt, deleteAt as doubles
 * · then the key, the meta and the payload.
 */
const HASH = 0;
const PAYLOAD = 1;
const KEY = 2;
const META = 3;
const EPOCH = 4;
const USED_AT = 5;
export const OLDER = 6;
export const NEWER = 7;
const STORED_AT_F64 = 4;
const STALE_AT_F64 = 5;
const DELETE_AT_F64 = 6;
const HEADER_WORDS = 14;
const HEADER_BYTES = HEADER_WORDS * 4;
const UNKNOWN_META = 0xffff;

export const MAX_KEY_BYTES = 0xffff;
export const MAX_META_BYTES = UNKNOWN_META - 1;

/** Bytes of memory an entry takes in the slab. */
export function cellBytesOf(key: ByteString, entry: CacheEntry): number {
  return Slab.cellBytesFor(HEADER_BYTES + key.length + (entry.meta?.length ?? 0) + entry.payload.length);
}

/** Reads and writes entries; knows nothing of what they mean. The slot of an entry is its ref in the slab. */
export class EntryCells {
  readonly slab = new Slab();

  create(hash: number, key: ByteString, entry: CacheEntry, now: number): Slot {
    const slot = this.slab.allocate(HEADER_BYTES + key.length + (entry.meta?.length ?? 0) + entry.payload.length);
    const segment = this.slab.segmentOf(slot);
    const at = this.slab.offsetOf(slot, segment);
    const word = at >>> 2;
    segment.i32[word + HASH] = hash;
    segment.i32[word + KEY] = key.length;
    segment.i32[word + USED_AT] = now | 0;
    segment.i32[word + OLDER] = 0;
    segment.i32[word + NEWER] = 0;
    writeBytes(segment.u8, at + HEADER_BYTES, key);
    fill(segment, at, entry);
    return slot;
  }

  /** Overwrites all but the key, its use and its place. @returns false when the entry needs another cell. */
  rewrite(slot: Slot, entry: CacheEntry): boolean {
    const segment = this.slab.segmentOf(slot);
    const at = this.slab.offsetOf(slot, segment);
    const keyLength = (segment.i32[(at >>> 2) + KEY] as number) & 0xffff;
    const size = HEADER_BYTES + keyLength + (entry.meta?.length ?? 0) + entry.payload.length;
    if (segment.cellBytes !== Slab.cellBytesFor(size)) return false;
    fill(segment, at, entry);
    return true;
  }

  /** A second cell for the key of `slot` with the same hash, use, links and state, and with what `entry` says. */
  copyWith(slot: Slot, key: ByteString, entry: CacheEntry): Slot {
    const copy = this.create(0, key, entry, 0);
    const from = this.slab.segmentOf(slot);
    const to = this.slab.segmentOf(copy);
    const source = this.slab.offsetOf(slot, from) >>> 2;
    const target = this.slab.offsetOf(copy, to) >>> 2;
    for (const which of [HASH, USED_AT, OLDER, NEWER]) to.i32[target + which] = from.i32[source + which] as number;
    this.setState(copy, this.state(slot));
    return copy;
  }

  /** The same entry in another cell of the same size; the old one still stands. */
  copy(slot: Slot): Slot {
    const from = this.slab.segmentOf(slot);
    const at = this.slab.offsetOf(slot, from);
    const copy = this.slab.allocate(from.cellBytes);
    const to = this.slab.segmentOf(copy);
    from.u8.copy(to.u8, this.slab.offsetOf(copy, to), at, at + from.cellBytes);
    return copy;
  }

  free(slot: Slot): void {
    this.slab.free(slot);
  }

  cellBytes(slot: Slot): number {
    return this.slab.segmentOf(slot).cellBytes;
  }

  keyEquals(slot: Slot, key: ByteString): boolean {
    const segment = this.slab.segmentOf(slot);
    const at = this.slab.offsetOf(slot, segment);
    const length = (segment.i32[(at >>> 2) + KEY] as number) & 0xffff;
    return length === key.length && holdsBytes(segment.u8, at + HEADER_BYTES, key);
  }

  hash(slot: Slot): number {
    return this.#word(slot, HASH);
  }

  kind(slot: Slot): EntryKind {
    return ((this.#word(slot, KEY) >>> 16) & 0xff) as EntryKind;
  }

  /** Eight bits of the policy's. */
  state(slot: Slot): number {
    return this.#word(slot, KEY) >>> 24;
  }

  setState(slot: Slot, state: number): void {
    this.#setWord(slot, KEY, (this.#word(slot, KEY) & 0xffffff) | (state << 24));
  }

  source(slot: Slot): number {
    return this.#word(slot, META) >>> 16;
  }

  epoch(slot: Slot): number {
    return this.#word(slot, EPOCH);
  }

  storedAt(slot: Slot): number {
    return this.#instant(slot, STORED_AT_F64);
  }

  staleAt(slot: Slot): number {
    return this.#instant(slot, STALE_AT_F64);
  }

  deleteAt(slot: Slot): number {
    return this.#instant(slot, DELETE_AT_F64);
  }

  restamp(slot: Slot, source: number, epoch: number, storedAt: number, staleAt: number, deleteAt: number): void {
    const segment = this.slab.segmentOf(slot);
    stamp(segment, this.slab.offsetOf(slot, segment), source, epoch, storedAt, staleAt, deleteAt);
  }

  setUsedAt(slot: Slot, now: number): void {
    this.#setWord(slot, USED_AT, now | 0);
  }

  /** Milliseconds since the last use, up to 2^31; 0 when the clock went back. */
  unusedFor(slot: Slot, now: number): number {
    const elapsed = ((now | 0) - this.#word(slot, USED_AT)) | 0;
    return elapsed > 0 ? elapsed : 0;
  }

  payloadLength(slot: Slot): number {
    return this.#word(slot, PAYLOAD);
  }

  payload(slot: Slot): ByteString {
    const segment = this.slab.segmentOf(slot);
    const at = this.slab.offsetOf(slot, segment);
    const word = at >>> 2;
    const start = at + HEADER_BYTES + ((segment.i32[word + KEY] as number) & 0xffff) + metaLength(segment, word);
    return segment.u8.latin1Slice(start, start + (segment.i32[word + PAYLOAD] as number));
  }

  meta(slot: Slot): ByteString | undefined {
    const segment = this.slab.segmentOf(slot);
    const at = this.slab.offsetOf(slot, segment);
    const word = at >>> 2;
    const length = (segment.i32[word + META] as number) & 0xffff;
    if (length === UNKNOWN_META) return undefined;
    const start = at + HEADER_BYTES + ((segment.i32[word + KEY] as number) & 0xffff);
    return segment.u8.latin1Slice(start, start + length);
  }

  #word(slot: Slot, which: number): number {
    const segment = this.slab.segmentOf(slot);
    return segment.i32[(this.slab.offsetOf(slot, segment) >>> 2) + which] as number;
  }

  #setWord(slot: Slot, which: number, value: number): void {
    const segment = this.slab.segmentOf(slot);
    segment.i32[(this.slab.offsetOf(slot, segment) >>> 2) + which] = value;
  }

  #instant(slot: Slot, which: number): number {
    const segment = this.slab.segmentOf(slot);
    return segment.f64[(this.slab.offsetOf(slot, segment) >>> 3) + which] as number;
  }
}

function metaLength(segment: Segment, word: number): number {
  const length = (segment.i32[word + META] as number) & 0xffff;
  return length === UNKNOWN_META ? 0 : length;
}

/** Writes what an entry says into a cell whose key length and state stand. */
function fill(segment: Segment, at: number, entry: CacheEntry): void {
  const word = at >>> 2;
  const packed = segment.i32[word + KEY] as number;
  const meta = at + HEADER_BYTES + (packed & 0xffff);
  const payload = meta + (entry.meta?.length ?? 0);
  segment.i32[word + PAYLOAD] = entry.payload.length;
  segment.i32[word + KEY] = (packed & 0xff00ffff) | (entry.kind << 16);
  segment.i32[word + META] = entry.meta === undefined ? UNKNOWN_META : entry.meta.length;
  stamp(segment, at, entry.source, entry.epoch, entry.storedAt, entry.staleAt, entry.deleteAt);
  if (entry.meta !== undefined) writeBytes(segment.u8, meta, entry.meta);
  writeBytes(segment.u8, payload, entry.payload);
}

function stamp(
  segment: Segment,
  at: number,
  source: number,
  epoch: number,
  storedAt: number,
  staleAt: number,
  deleteAt: number,
): void {
  const word = at >>> 2;
  const double = at >>> 3;
  segment.i32[word + META] = ((segment.i32[word + META] as number) & 0xffff) | (source << 16);
  segment.i32[word + EPOCH] = epoch;
  segment.f64[double + STORED_AT_F64] = storedAt;
  segment.f64[double + STALE_AT_F64] = staleAt;
  segment.f64[double + DELETE_AT_F64] = deleteAt;
}
