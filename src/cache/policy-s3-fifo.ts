import { RefList } from '../kernel/ref-list.ts';
import type { Slot } from './entry.ts';
import { type EntryCells, NEWER, OLDER } from './entry-cells.ts';
import type { EvictionPolicy } from './eviction-policy.ts';
import { Ghost } from './ghost.ts';

/** The two lowest bits of the state count uses, up to 3; the third says which queue. */
const USES = 3;
const IN_MAIN = 4;
/** Used more often than this, an entry goes from the small queue to the main one. */
const ONCE = 1;
const SMALL_SHARE = 0.1;
/**
 * Second chances given in one search for a victim. Each was paid for by a use, so on average there are few; but a million entries
 * used three times each must not make the next insertion look at all of them.
 */
const CHANCES = 128;

/**
 * S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023, algorithm 1): new entries go through a small
 * queue, a tenth of the cache, and only those used there more than once reach the main queue, where each use up to three
 * buys another round. What left the small queue is remembered by its hash, as many as the main queue holds, and goes straight
 * to the main queue when it comes back. A use changes one byte; no list is touched.
 */
export class S3FifoPolicy implements EvictionPolicy {
  readonly #cells: EntryCells;
  readonly #small: RefList;
  readonly #main: RefList;
  readonly #ghost = new Ghost();
  #smallBytes = 0;
  #mainBytes = 0;

  constructor(cells: EntryCells) {
    this.#cells = cells;
    this.#small = new RefList(cells.slab, OLDER, NEWER);
    this.#main = new RefList(cells.slab, OLDER, NEWER);
  }

  add(slot: Slot): void {
    if (this.#ghost.take(this.#cells.hash(slot))) this.#addToMain(slot);
    else {
      this.#cells.setState(slot, 0);
      this.#small.add(slot);
      this.#smallBytes += this.#cells.cellBytes(slot);
    }
  }

  use(slot: Slot): void {
    const state = this.#cells.state(slot);
    if ((state & USES) < USES) this.#cells.setState(slot, state + 1);
  }

  remove(slot: Slot): void {
    const bytes = this.#cells.cellBytes(slot);
    if ((this.#cells.state(slot) & IN_MAIN) !== 0) {
      this.#main.remove(slot);
      this.#mainBytes -= bytes;
    } else {
      this.#small.remove(slot);
      this.#smallBytes -= bytes;
    }
  }

  move(from: Slot, to: Slot): void {
    const difference = this.#cells.cellBytes(to) - this.#cells.cellBytes(from);
    if ((this.#cells.state(from) & IN_MAIN) !== 0) {
      this.#main.replace(from, to);
      this.#mainBytes += difference;
    } else {
      this.#small.replace(from, to);
      this.#smallBytes += difference;
    }
  }

  victim(_now: number, byBytes: boolean): Slot {
    const cells = this.#cells;
    let chances = CHANCES;
    if (this.#isSmallLarge(byBytes)) {
      for (let slot = this.#small.oldest; slot !== 0; slot = this.#small.oldest) {
        if ((cells.state(slot) & USES) <= ONCE || chances === 0) return this.#leaveSmall(slot);
        chances--;
        this.remove(slot);
        this.#addToMain(slot);
      }
    }
    for (let slot = this.#main.oldest; slot !== 0; slot = this.#main.oldest) {
      const state = cells.state(slot);
      if ((state & USES) === 0 || chances === 0) return slot;
      chances--;
      cells.setState(slot, state - 1);
      this.#main.moveToNewest(slot);
    }
    return this.#leaveSmall(this.#small.oldest);
  }

  #isSmallLarge(byBytes: boolean): boolean {
    const small = byBytes ? this.#smallBytes : this.#small.count;
    const main = byBytes ? this.#mainBytes : this.#main.count;
    return small > 0 && small >= SMALL_SHARE * (small + main);
  }

  #addToMain(slot: Slot): void {
    this.#cells.setState(slot, IN_MAIN);
    this.#main.add(slot);
    this.#mainBytes += this.#cells.cellBytes(slot);
  }

  #leaveSmall(slot: Slot): Slot {
    if (slot !== 0) {
      const entries = this.#small.count + this.#main.count;
      this.#ghost.add(this.#cells.hash(slot), Math.ceil(entries * (1 - SMALL_SHARE)));
    }
    return slot;
  }
}
