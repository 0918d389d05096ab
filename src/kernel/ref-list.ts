import type { Ref, Slab } from './slab.ts';

/**
 * A queue of slab records, doubly linked through two words of each record: add, remove from anywhere and replace are O(1) and
 * allocate nothing. A record is in at most one list that uses the same words.
 */
export class RefList {
  readonly #slab: Slab;
  readonly #olderWord: number;
  readonly #newerWord: number;
  #oldest: Ref = 0;
  #newest: Ref = 0;
  #count = 0;

  /** @param olderWord, newerWord which words of 4 bytes, from the start of a record, hold the links */
  constructor(slab: Slab, olderWord: number, newerWord: number) {
    this.#slab = slab;
    this.#olderWord = olderWord;
    this.#newerWord = newerWord;
  }

  get count(): number {
    return this.#count;
  }

  /** The record added longest ago, or 0. */
  get oldest(): Ref {
    return this.#oldest;
  }

  add(ref: Ref): void {
    this.#link(ref, this.#olderWord, this.#newest);
    this.#link(ref, this.#newerWord, 0);
    if (this.#newest === 0) this.#oldest = ref;
    else this.#link(this.#newest, this.#newerWord, ref);
    this.#newest = ref;
    this.#count++;
  }

  remove(ref: Ref): void {
    const older = this.#linkOf(ref, this.#olderWord);
    const newer = this.#linkOf(ref, this.#newerWord);
    if (older === 0) this.#oldest = newer;
    else this.#link(older, this.#newerWord, newer);
    if (newer === 0) this.#newest = older;
    else this.#link(newer, this.#olderWord, older);
    this.#count--;
  }

  /** The record moved to another cell, its links copied: whoever pointed at `from` points at `to`. */
  replace(from: Ref, to: Ref): void {
    const older = this.#linkOf(from, this.#olderWord);
    const newer = this.#linkOf(from, this.#newerWord);
    if (older === 0) this.#oldest = to;
    else this.#link(older, this.#newerWord, to);
    if (newer === 0) this.#newest = to;
    else this.#link(newer, this.#olderWord, to);
  }

  moveToNewest(ref: Ref): void {
    if (ref === this.#newest) return;
    this.remove(ref);
    this.add(ref);
  }

  #linkOf(ref: Ref, word: number): Ref {
    const segment = this.#slab.segmentOf(ref);
    return segment.i32[(this.#slab.offsetOf(ref, segment) >>> 2) + word] as Ref;
  }

  #link(ref: Ref, word: number, to: Ref): void {
    const segment = this.#slab.segmentOf(ref);
    segment.i32[(this.#slab.offsetOf(ref, segment) >>> 2) + word] = to;
  }
}
