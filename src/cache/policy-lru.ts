import { RefList } from '../kernel/ref-list.ts';
import type { Slot } from './entry.ts';
import { type EntryCells, NEWER, OLDER } from './entry-cells.ts';
import type { EvictionPolicy } from './eviction-policy.ts';

/** The entry whose last use is longest ago goes. Exact, where Redis samples. */
export class LruPolicy implements EvictionPolicy {
  readonly #list: RefList;

  constructor(cells: EntryCells) {
    this.#list = new RefList(cells.slab, OLDER, NEWER);
  }

  add(slot: Slot): void {
    this.#list.add(slot);
  }

  use(slot: Slot): void {
    this.#list.moveToNewest(slot);
  }

  remove(slot: Slot): void {
    this.#list.remove(slot);
  }

  move(from: Slot, to: Slot): void {
    this.#list.replace(from, to);
  }

  victim(): Slot {
    return this.#list.oldest;
  }
}
