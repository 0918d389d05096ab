import { RefList } from '../../kernel/ref-list.ts';
import type { Ref } from '../../kernel/slab.ts';
import { QUEUE_NEWER, QUEUE_OLDER, type Records } from './records.ts';

/**
 * The order in which `cached` entries leave: first in, first out, with a second chance for those read since (CLOCK). O(1) each,
 * links in the records, one bit set per read.
 */
export class EvictionQueue {
  readonly #records: Records;
  readonly #list: RefList;

  constructor(records: Records) {
    this.#records = records;
    this.#list = new RefList(records.slab, QUEUE_OLDER, QUEUE_NEWER);
  }

  add(ref: Ref): void {
    this.#list.add(ref);
  }

  remove(ref: Ref): void {
    this.#list.remove(ref);
  }

  /** The entry to evict next, or 0. Entries read since they were last passed go to the back. */
  victim(): Ref {
    for (;;) {
      const ref = this.#list.oldest;
      if (ref === 0 || !this.#records.visited(ref)) return ref;
      this.#records.setVisited(ref, false);
      this.#list.moveToNewest(ref);
    }
  }
}
