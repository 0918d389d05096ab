import type { ByteString } from '../../kernel/bytes.ts';
import { Op } from './change.ts';
import { SORTED_SET_MEMBER_BYTES, SortedSetCollection } from './collections.ts';
import { EntryClass } from './entry-class.ts';
import type { Keyspace } from './keyspace.ts';
import { ValueType } from './records.ts';
import type { SortedSetValue } from './values/sorted-set.ts';

/** The reading side of a sorted set. */
export type ReadonlySortedSet = Omit<SortedSetValue, 'add' | 'remove'>;

/**
 * Operations on sorted sets. All throw SluiceError WRONG_TYPE for a key of another type. A sorted set without members does not
 * exist.
 */
export class SortedSets {
  readonly #space: Keyspace;

  constructor(space: Keyspace) {
    this.#space = space;
  }

  /** The members, to be read in this turn only. */
  read(key: ByteString): ReadonlySortedSet | undefined {
    return this.#space.collection<SortedSetCollection>(key, ValueType.sortedSet)?.members;
  }

  /** Adds the member or moves it to another score. @returns true when the member is new. */
  add(key: ByteString, member: ByteString, score: number, entryClass: EntryClass = EntryClass.data): boolean {
    const space = this.#space;
    let set = space.collection<SortedSetCollection>(key, ValueType.sortedSet);
    if (set === undefined) {
      set = new SortedSetCollection();
      space.createCollection(key, set, entryClass);
    }
    if (set.members.score(member) === score) return false;
    const created = set.members.add(member, score);
    if (created) set.resize(SORTED_SET_MEMBER_BYTES + member.length);
    space.emit(Op.sortedSetAdd, key, member, '', score, entryClass, set.durable);
    return created;
  }

  remove(key: ByteString, member: ByteString): boolean {
    const space = this.#space;
    const set = space.collection<SortedSetCollection>(key, ValueType.sortedSet);
    if (set?.members.score(member) === undefined) return false;
    if (set.members.size === 1) return space.delete(key);
    set.members.remove(member);
    set.resize(-(SORTED_SET_MEMBER_BYTES + member.length));
    space.emit(Op.sortedSetRemove, key, member, '', 0, 0, set.durable);
    return true;
  }
}
