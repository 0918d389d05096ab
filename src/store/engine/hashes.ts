import type { ByteString } from '../../kernel/bytes.ts';
import type { ReadonlyDenseMap } from '../../kernel/dense-map.ts';
import { Op } from './change.ts';
import { HASH_FIELD_BYTES, HashCollection } from './collections.ts';
import { EntryClass } from './entry-class.ts';
import type { Keyspace } from './keyspace.ts';
import { ValueType } from './records.ts';

/** Operations on hashes. All throw SluiceError WRONG_TYPE for a key of another type. A hash without fields does not exist. */
export class Hashes {
  readonly #space: Keyspace;

  constructor(space: Keyspace) {
    this.#space = space;
  }

  /** The fields, to be read in this turn only. */
  read(key: ByteString): ReadonlyDenseMap<ByteString, ByteString> | undefined {
    return this.#space.collection<HashCollection>(key, ValueType.hash)?.fields;
  }

  /** @returns true when the field is new. */
  set(key: ByteString, field: ByteString, value: ByteString, entryClass: EntryClass = EntryClass.data): boolean {
    const space = this.#space;
    let hash = space.collection<HashCollection>(key, ValueType.hash);
    if (hash === undefined) {
      hash = new HashCollection();
      space.createCollection(key, hash, entryClass);
    }
    const old = hash.fields.get(field);
    hash.fields.set(field, value);
    hash.resize(old === undefined ? HASH_FIELD_BYTES + field.length + value.length : value.length - old.length);
    space.emit(Op.hashSet, key, field, value, 0, entryClass, hash.durable);
    return old === undefined;
  }

  delete(key: ByteString, field: ByteString): boolean {
    const space = this.#space;
    const hash = space.collection<HashCollection>(key, ValueType.hash);
    const old = hash?.fields.get(field);
    if (hash === undefined || old === undefined) return false;
    if (hash.fields.size === 1) return space.delete(key);
    hash.fields.delete(field);
    hash.resize(-(HASH_FIELD_BYTES + field.length + old.length));
    space.emit(Op.hashDelete, key, field, '', 0, 0, hash.durable);
    return true;
  }
}
