import type { ByteString } from '../kernel/bytes.ts';

/**
 * Fields of a hash as one payload of the cache: for each field its length, its value's length + 1 (0: the hash has no such field),
 * its name, its value. Lengths are in groups of seven bits, lowest first, the top bit set where more follow.
 * The empty payload has no fields.
 */

/** A hash with more fields is not cached: looking one up walks over those before it. */
export const MAX_FIELDS = 128;

/** A field's value, or null where it is known that the hash has no such field. */
export type FieldValue = ByteString | null;

/**
 * @param flat names and values in turn, as the server sent them; the order is kept
 * @returns undefined for more than {@link MAX_FIELDS}
 */
export function encodeFields(flat: readonly ByteString[]): ByteString | undefined {
  if (flat.length > 2 * MAX_FIELDS) return undefined;
  let payload = '';
  for (let i = 0; i + 1 < flat.length; i += 2) payload += encodeField(flat[i] as ByteString, flat[i + 1] as ByteString);
  return payload;
}

/** @returns undefined where the payload says nothing of the field. */
export function fieldOf(payload: ByteString, field: ByteString): FieldValue | undefined {
  const cursor = new Cursor(payload);
  while (cursor.next()) if (cursor.isAt(field)) return cursor.value();
  return undefined;
}

/** Names and values in turn, in order, without the fields known to be absent. */
export function allFields(payload: ByteString): ByteString[] {
  const flat: ByteString[] = [];
  const cursor = new Cursor(payload);
  while (cursor.next()) {
    const value = cursor.value();
    if (value !== null) flat.push(cursor.name(), value);
  }
  return flat;
}

/**
 * The payload with `more` in it; what `more` says of a field counts.
 *
 * @returns undefined where that would be more than {@link MAX_FIELDS}
 */
export function mergeFields(
  payload: ByteString,
  more: Iterable<readonly [field: ByteString, value: FieldValue]>,
): ByteString | undefined {
  const fields = new Map<ByteString, FieldValue>();
  const cursor = new Cursor(payload);
  while (cursor.next()) fields.set(cursor.name(), cursor.value());
  for (const [field, value] of more) fields.set(field, value);
  if (fields.size > MAX_FIELDS) return undefined;
  let merged = '';
  for (const [field, value] of fields) merged += encodeField(field, value);
  return merged;
}

function encodeField(field: ByteString, value: FieldValue): ByteString {
  return encodeLength(field.length) + encodeLength(value === null ? 0 : value.length + 1) + field + (value ?? '');
}

function encodeLength(length: number): ByteString {
  let rest = length;
  let bytes = '';
  while (rest >= 0x80) {
    bytes += String.fromCharCode((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return bytes + String.fromCharCode(rest);
}

/** Walks over the fields of a payload. */
class Cursor {
  readonly #payload: ByteString;
  #next = 0;
  #nameAt = 0;
  #nameLength = 0;
  /** -1 for a field known to be absent. */
  #valueLength = 0;

  constructor(payload: ByteString) {
    this.#payload = payload;
  }

  next(): boolean {
    if (this.#next >= this.#payload.length) return false;
    this.#nameLength = this.#length();
    this.#valueLength = this.#length() - 1;
    this.#nameAt = this.#next;
    this.#next += this.#nameLength + Math.max(0, this.#valueLength);
    return true;
  }

  isAt(field: ByteString): boolean {
    return field.length === this.#nameLength && this.#payload.startsWith(field, this.#nameAt);
  }

  name(): ByteString {
    return this.#payload.slice(this.#nameAt, this.#nameAt + this.#nameLength);
  }

  value(): FieldValue {
    if (this.#valueLength < 0) return null;
    const at = this.#nameAt + this.#nameLength;
    return this.#payload.slice(at, at + this.#valueLength);
  }

  #length(): number {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#payload.charCodeAt(this.#next++);
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) return length;
    }
  }
}
