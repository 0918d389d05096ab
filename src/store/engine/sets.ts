import type { ByteString } from '../../kernel/bytes.ts';
import type { ReadonlyDenseMap } from '../../kernel/dense-map.ts';
import { Op } from './change.ts';
import { SET_MEMBER_BYTES, SetCollection } from './collections.ts';
import { EntryClass } from './entry-class.ts';
import type { Keyspace } from './keyspace.ts';
import { ValueType } from './records.ts';

/** Operations on sets. All throw SluiceError WRONG_TYPE for a key of another type. A set without members does not exist. */
export class Sets {
  readonly #space: Keyspace;

  constructor(space: Keyspace) {
    this.#space = space;
  }

  /** The members, to be read in this turn only. */
  read(key: ByteString): ReadonlyDenseMap<ByteString, true> | undefined {
    return this.#space.collection<SetCollection>(key, ValueType.set)?.members;
  }

  /** @returns true when the member is new. */
  add(key: ByteString, member: ByteString, entryClass: EntryClass = EntryClass.data): boolean {
    const space = this.#space;
    let set = space.collection<SetCollection>(key, ValueType.set);
    if (set === undefined) {
      set = new SetCollection();
      space.createCollection(key, set, entryClass);
    }
    if (!set.members.set(member, true)) return false;
    set.resize(SET_MEMBER_BYTES + member.length);
    space.emit(Op.setAdd, key, member, '', 0, entryClass, set.durable);
    return true;
  }

  remove(key: ByteString, member: ByteString): boolean {
    const space = this.#space;
    const set = space.collection<SetCollection>(key, ValueType.set);
    if (set === undefined || !set.members.has(member)) return false;
    if (set.members.size === 1) return space.delete(key);
    set.members.delete(member);
    set.resize(-(SET_MEMBER_BYTES + member.length));
    space.emit(Op.setRemove, key, member, '', 0, 0, set.durable);
    return true;
  }
}
