import type { Ref } from '../../kernel/slab.ts';
import { QUEUE_NEWER, QUEUE_OLDER, type Records } from './records.ts';

/**
 * The order in which `cached` entries leave: first in, first out, with a second chance for those read since (CLOCK). O(1) each,
 * links in the records, one bit set per read.
 */
export class EvictionQueue {
  readonly #records: Records;
  #oldest: Ref = 0;
  #newest: Ref = 0;

  constructor(records: Records) {
    this.#records = records;
  }

  add(ref: Ref): void {
    this.#records.setLink(ref, QUEUE_OLDER, this.#newest);
    this.#records.setLink(ref, QUEUE_NEWER, 0);
    if (this.#newest === 0) this.#oldest = ref;
    else this.#records.setLink(this.#newest, QUEUE_NEWER, ref);
    this.#newest = ref;
  }

  remove(ref: Ref): void {
    const older = this.#records.link(ref, QUEUE_OLDER);
    const newer = this.#records.link(ref, QUEUE_NEWER);
    if (older === 0) this.#oldest = newer;
    else this.#records.setLink(older, QUEUE_NEWER, newer);
    if (newer === 0) this.#newest = older;
    else this.#records.setLink(newer, QUEUE_OLDER, older);
  }

  /** The entry to evict next, or 0. Entries read since they were last passed go to the back. */
  victim(): Ref {
    for (;;) {
      const ref = this.#oldest;
      if (ref === 0 || !this.#records.visited(ref)) return ref;
      this.#records.setVisited(ref, false);
      this.remove(ref);
      this.add(ref);
    }
  }
}
