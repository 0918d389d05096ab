import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { Cause, Op } from './change.ts';
import { EntryClass } from './entry-class.ts';
import type { Keyspace } from './keyspace.ts';
import { MAX_META_BYTES, ValueType } from './records.ts';

export interface SetStringOptions {
  /** ms since the epoch, 0 = never (default). */
  readonly expiresAt?: number;
  readonly contentType?: ByteString;
  readonly entryClass?: EntryClass;
}

/** A growing string gets as much room again as it has, up to this. */
const MAX_RESERVE = 1 << 20;

/** Operations on string values. All throw SluiceError WRONG_TYPE for a key of another type, except `set`. */
export class Strings {
  readonly #space: Keyspace;

  constructor(space: Keyspace) {
    this.#space = space;
  }

  get(key: ByteString): ByteString | undefined {
    const ref = this.#space.find(key);
    if (ref === 0) return undefined;
    this.#space.requireType(ref, ValueType.string);
    return this.#space.records.value(ref);
  }

  /** Whether the key is there; throws for another type as every operation does. */
  has(key: ByteString): boolean {
    const ref = this.#space.find(key);
    if (ref === 0) return false;
    this.#space.requireType(ref, ValueType.string);
    return true;
  }

  length(key: ByteString): number {
    const ref = this.#space.find(key);
    if (ref === 0) return 0;
    this.#space.requireType(ref, ValueType.string);
    return this.#space.records.valueLength(ref);
  }

  /** The bytes [from, to) of the value; bounds beyond it are cut. Does not copy the rest. */
  slice(key: ByteString, from: number, to: number): ByteString {
    const ref = this.#space.find(key);
    if (ref === 0) return '';
    this.#space.requireType(ref, ValueType.string);
    const end = Math.min(to, this.#space.records.valueLength(ref));
    return from >= end ? '' : this.#space.records.value(ref, from, end);
  }

  /** '' when none was stored with the value, or the key is absent. */
  contentType(key: ByteString): ByteString {
    const ref = this.#space.find(key);
    if (ref === 0) return '';
    this.#space.requireType(ref, ValueType.string);
    return this.#space.records.contentType(ref);
  }

  /**
   * Stores a value, replacing whatever the key held. An expiry that has passed leaves the key absent.
   * @throws SluiceError KEY_TOO_LONG, INVALID_ARGUMENT
   */
  set(key: ByteString, value: ByteString, options: SetStringOptions = {}): void {
    const { expiresAt = 0, contentType = '', entryClass = EntryClass.data } = options;
    const space = this.#space;
    if (contentType.length > MAX_META_BYTES) {
      throw new SluiceError(
        'INVALID_ARGUMENT',
        `the content type is longer than ${MAX_META_BYTES} bytes; use a shorter one`,
      );
    }
    if (expiresAt !== 0 && expiresAt <= space.turn.time) {
      space.delete(key);
      return;
    }
    let ref = space.find(key);
    const records = space.records;
    if (ref !== 0 && entryClass === EntryClass.cached && space.isDurable(ref)) {
      // The journal will not hear of the new value, so it must hear that the old one is gone.
      space.deleteRef(ref, key, Cause.command);
      ref = 0;
    }
    const inPlace =
      ref !== 0 &&
      records.type(ref) === ValueType.string &&
      records.entryClass(ref) === entryClass &&
      records.rewrite(ref, contentType, value);
    if (!inPlace) ref = space.createString(key, contentType, value, entryClass, 0, ref);
    if (expiresAt !== 0 || records.expiresAt(ref) !== 0) space.setExpiry(ref, expiresAt);
    space.emit(Op.setString, key, value, contentType, expiresAt, entryClass, entryClass !== EntryClass.cached);
  }

  /** @returns the new length. Keeps the expiry and the content type. */
  append(key: ByteString, bytes: ByteString): number {
    const ref = this.#space.find(key);
    if (ref === 0) {
      this.set(key, bytes);
      return bytes.length;
    }
    this.#space.requireType(ref, ValueType.string);
    const length = this.#space.records.valueLength(ref);
    if (bytes.length === 0) return length;
    const durable = this.#space.isDurable(ref);
    this.#patch(ref, key, length, bytes);
    this.#space.emit(Op.append, key, bytes, '', 0, 0, durable);
    return length + bytes.length;
  }

  /** Overwrites from `offset` on; a gap is filled with zero bytes. @returns the new length. */
  setRange(key: ByteString, offset: number, bytes: ByteString): number {
    const ref = this.#space.find(key);
    if (ref === 0) {
      this.set(key, '\0'.repeat(offset) + bytes);
      return offset + bytes.length;
    }
    this.#space.requireType(ref, ValueType.string);
    const length = this.#space.records.valueLength(ref);
    if (bytes.length === 0) return length;
    const durable = this.#space.isDurable(ref);
    this.#patch(ref, key, offset, bytes);
    this.#space.emit(Op.setRange, key, bytes, '', offset, 0, durable);
    return Math.max(length, offset + bytes.length);
  }

  #patch(ref: number, key: ByteString, offset: number, bytes: ByteString): void {
    const space = this.#space;
    const records = space.records;
    const length = records.valueLength(ref);
    const newLength = Math.max(length, offset + bytes.length);
    if (newLength <= records.room(ref)) {
      records.patch(ref, offset, bytes, newLength);
      return;
    }
    const old = records.value(ref);
    const head = offset <= length ? old.slice(0, offset) : old + '\0'.repeat(offset - length);
    const expiresAt = records.expiresAt(ref);
    const reserve = Math.min(newLength, MAX_RESERVE);
    const moved = space.createString(
      key,
      records.contentType(ref),
      head + bytes + old.slice(offset + bytes.length),
      records.entryClass(ref),
      reserve,
      ref,
    );
    if (expiresAt !== 0) space.setExpiry(moved, expiresAt);
  }
}
