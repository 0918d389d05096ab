import type { ByteString } from '../../kernel/bytes.ts';
import { DenseMap } from '../../kernel/dense-map.ts';
import { Op } from './change.ts';
import { ValueType } from './records.ts';
import { ListValue } from './values/list.ts';
import { SortedSetValue } from './values/sorted-set.ts';

/** Entries and bytes of one entry class; `heapBytes` is the part of the bytes that lies on the JavaScript heap. */
export interface ClassUsage {
  entries: number;
  bytes: number;
  heapBytes: number;
}

/** One element of a collection as the effect that adds it. */
export interface ElementEffect {
  readonly op: Op;
  readonly a: ByteString;
  readonly b: ByteString;
  readonly n: number;
}

// Estimates of what V8 takes for an element beyond its bytes: string headers, table slots, array slots. Measured by heap
// difference over a million elements of 10 bytes.
const COLLECTION_BYTES = 540;
export const HASH_FIELD_BYTES = 95;
export const LIST_ELEMENT_BYTES = 34;
export const SET_MEMBER_BYTES = 72;
export const SORTED_SET_MEMBER_BYTES = 148;

/** A value that is a JavaScript object: it knows its size and can say itself as effects. */
abstract class CollectionBase {
  abstract readonly type: ValueType;
  bytes = COLLECTION_BYTES;
  /** Whether changes of it go to the journal. */
  durable = true;
  #usage: ClassUsage | undefined;

  attach(usage: ClassUsage, durable: boolean): void {
    this.#usage = usage;
    this.durable = durable;
    this.#count(this.bytes);
  }

  detach(): void {
    this.#count(-this.bytes);
    this.#usage = undefined;
  }

  resize(delta: number): void {
    this.bytes += delta;
    this.#count(delta);
  }

  #count(delta: number): void {
    if (this.#usage === undefined) return;
    this.#usage.bytes += delta;
    this.#usage.heapBytes += delta;
  }

  /** True when `effects` gives the value as it was at the first step, whatever happens in between; false when it only converges. */
  abstract readonly exactSnapshot: boolean;

  /**
   * The effects that build the value from nothing. The value may change between two steps of the iteration. A list then still
   * gives its state of the first step. The others give every element that stays throughout, so that replaying the effects since
   * the first step on top leads to the right value.
   */
  abstract effects(): Generator<ElementEffect>;
}

export class HashCollection extends CollectionBase {
  readonly type = ValueType.hash;
  readonly exactSnapshot = false;
  readonly fields = new DenseMap<ByteString, ByteString>();

  *effects(): Generator<ElementEffect> {
    for (let i = this.fields.size - 1; i >= 0; i = Math.min(i, this.fields.size) - 1) {
      yield { op: Op.hashSet, a: this.fields.keyAt(i), b: this.fields.valueAt(i), n: 0 };
    }
  }
}

export class ListCollection extends CollectionBase {
  readonly type = ValueType.list;
  readonly exactSnapshot = true;
  readonly elements = new ListValue();

  *effects(): Generator<ElementEffect> {
    for (const piece of this.elements.snapshot())
      for (const element of piece) yield { op: Op.pushRight, a: element, b: '', n: 0 };
  }
}

export class SetCollection extends CollectionBase {
  readonly type = ValueType.set;
  readonly exactSnapshot = false;
  readonly members = new DenseMap<ByteString, true>();

  *effects(): Generator<ElementEffect> {
    for (let i = this.members.size - 1; i >= 0; i = Math.min(i, this.members.size) - 1) {
      yield { op: Op.setAdd, a: this.members.keyAt(i), b: '', n: 0 };
    }
  }
}

export class SortedSetCollection extends CollectionBase {
  readonly type = ValueType.sortedSet;
  readonly exactSnapshot = false;
  readonly members = new SortedSetValue();

  *effects(): Generator<ElementEffect> {
    for (let i = this.members.size - 1; i >= 0; i = Math.min(i, this.members.size) - 1) {
      yield { op: Op.sortedSetAdd, a: this.members.memberAt(i), b: '', n: this.members.scoreAt(i) };
    }
  }
}

export type Collection = HashCollection | ListCollection | SetCollection | SortedSetCollection;
