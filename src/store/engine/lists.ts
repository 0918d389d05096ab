import type { ByteString } from '../../kernel/bytes.ts';
import { Op } from './change.ts';
import { LIST_ELEMENT_BYTES, ListCollection } from './collections.ts';
import { EntryClass } from './entry-class.ts';
import type { Keyspace } from './keyspace.ts';
import { ValueType } from './records.ts';
import type { ListValue } from './values/list.ts';

/** The reading side of a list. */
export type ReadonlyList = Pick<ListValue, 'length' | 'at' | 'range'>;

/** Operations on lists. All throw SluiceError WRONG_TYPE for a key of another type. A list without elements does not exist. */
export class Lists {
  readonly #space: Keyspace;

  constructor(space: Keyspace) {
    this.#space = space;
  }

  /** The elements, to be read in this turn only. */
  read(key: ByteString): ReadonlyList | undefined {
    return this.#find(key)?.elements;
  }

  /** @returns the new length. */
  pushLeft(key: ByteString, element: ByteString, entryClass: EntryClass = EntryClass.data): number {
    const list = this.#findOrCreate(key, entryClass);
    list.elements.pushLeft(element);
    return this.#added(list, Op.pushLeft, key, element, entryClass);
  }

  /** @returns the new length. */
  pushRight(key: ByteString, element: ByteString, entryClass: EntryClass = EntryClass.data): number {
    const list = this.#findOrCreate(key, entryClass);
    list.elements.pushRight(element);
    return this.#added(list, Op.pushRight, key, element, entryClass);
  }

  popLeft(key: ByteString): ByteString | undefined {
    return this.#pop(key, Op.popLeft);
  }

  popRight(key: ByteString): ByteString | undefined {
    return this.#pop(key, Op.popRight);
  }

  /** The caller keeps the index (from 0) inside the list. */
  set(key: ByteString, index: number, element: ByteString): void {
    const list = this.#find(key) as ListCollection;
    list.resize(element.length - (list.elements.at(index) as ByteString).length);
    list.elements.set(index, element);
    this.#emit(list, Op.listSet, key, element, index, 0);
  }

  /** Inserts before `index`, 0..length, of an existing list. @returns the new length. */
  insert(key: ByteString, index: number, element: ByteString): number {
    const list = this.#find(key) as ListCollection;
    list.elements.insert(index, element);
    list.resize(LIST_ELEMENT_BYTES + element.length);
    this.#emit(list, Op.listInsert, key, element, index, 0);
    return list.elements.length;
  }

  /** The caller keeps the index (from 0) inside the list. */
  removeAt(key: ByteString, index: number): void {
    const list = this.#find(key) as ListCollection;
    if (list.elements.length === 1) {
      this.#space.delete(key);
      return;
    }
    list.resize(-(LIST_ELEMENT_BYTES + (list.elements.at(index) as ByteString).length));
    list.elements.removeAt(index);
    this.#emit(list, Op.listRemove, key, '', index, 0);
  }

  /** Keeps the elements start..stop (inclusive, from 0, cut to the list); an empty range deletes the key. */
  trim(key: ByteString, start: number, stop: number): void {
    const list = this.#find(key);
    if (list === undefined) return;
    const from = Math.max(start, 0);
    const to = Math.min(stop, list.elements.length - 1);
    if (from > to) {
      this.#space.delete(key);
      return;
    }
    if (from === 0 && to === list.elements.length - 1) return;
    let freed = 0;
    for (const element of list.elements.range(0, from - 1)) freed += LIST_ELEMENT_BYTES + element.length;
    for (const element of list.elements.range(to + 1, list.elements.length - 1))
      freed += LIST_ELEMENT_BYTES + element.length;
    list.elements.trim(from, to);
    list.resize(-freed);
    this.#emit(list, Op.listTrim, key, '', from, to);
  }

  #find(key: ByteString): ListCollection | undefined {
    return this.#space.collection<ListCollection>(key, ValueType.list);
  }

  #findOrCreate(key: ByteString, entryClass: EntryClass): ListCollection {
    let list = this.#find(key);
    if (list === undefined) {
      list = new ListCollection();
      this.#space.createCollection(key, list, entryClass);
    }
    return list;
  }

  #added(list: ListCollection, op: Op, key: ByteString, element: ByteString, entryClass: EntryClass): number {
    list.resize(LIST_ELEMENT_BYTES + element.length);
    this.#emit(list, op, key, element, 0, entryClass);
    return list.elements.length;
  }

  #pop(key: ByteString, op: typeof Op.popLeft | typeof Op.popRight): ByteString | undefined {
    const list = this.#find(key);
    if (list === undefined) return undefined;
    const { elements } = list;
    if (elements.length === 1) {
      const last = elements.at(0);
      this.#space.delete(key);
      return last;
    }
    const element = (op === Op.popLeft ? elements.popLeft() : elements.popRight()) as ByteString;
    list.resize(-(LIST_ELEMENT_BYTES + element.length));
    this.#emit(list, op, key, '', 0, 0);
    return element;
  }

  #emit(list: ListCollection, op: Op, key: ByteString, a: ByteString, n: number, m: number): void {
    this.#space.emit(op, key, a, '', n, m, list.durable);
  }
}
