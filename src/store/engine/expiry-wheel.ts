import type { Ref } from '../../kernel/slab.ts';
import { type Records, WHEEL_NEXT, WHEEL_PREV } from './records.ts';

/**
 * Which records expire when: a hierarchical timing wheel (Varghese and Lauck, 1987) whose chains run through the records
 * themselves. Adding and removing are O(1); nothing is allocated. A tick is 64 ms, six levels of 64 slots reach 139 years.
 *
 * A record is handed out one tick after its instant at the earliest: reads check the instant themselves, so the wheel only has
 * to give memory back in time.
 */
const TICK_MS = 64;
const SLOTS = 64;
const LEVELS = 6;
const SPANS = [1, 64, 64 ** 2, 64 ** 3, 64 ** 4, 64 ** 5, 64 ** 6] as const;

export class ExpiryWheel {
  readonly #records: Records;
  /** LEVELS * SLOTS chains, then one chain a level that was taken off its slot and waits to be worked through. */
  readonly #heads = new Int32Array(LEVELS * SLOTS + LEVELS);
  #tick: number;
  #size = 0;

  constructor(records: Records, now: number) {
    this.#records = records;
    this.#tick = Math.floor(now / TICK_MS);
  }

  /** Number of records that have an expiry. */
  get size(): number {
    return this.#size;
  }

  add(ref: Ref, instant: number): void {
    const tick = Math.min(Math.max(Math.floor(instant / TICK_MS), this.#tick), this.#tick + SPANS[LEVELS] - 1);
    const delta = tick - this.#tick;
    let level = 0;
    while (delta >= (SPANS[level + 1] as number)) level++;
    const slot = Math.floor(tick / (SPANS[level] as number)) % SLOTS;
    this.#push(level * SLOTS + slot, ref);
    this.#size++;
  }

  remove(ref: Ref): void {
    const previous = this.#records.link(ref, WHEEL_PREV);
    if (previous === 0) return;
    const next = this.#records.link(ref, WHEEL_NEXT);
    if (previous < 0) this.#heads[-previous - 1] = next;
    else this.#records.setLink(previous, WHEEL_NEXT, next);
    if (next !== 0) this.#records.setLink(next, WHEEL_PREV, previous);
    this.#records.setLink(ref, WHEEL_PREV, 0);
    this.#size--;
  }

  /**
   * Hands out up to `budget` records whose tick has passed; `expire` must remove the record. Work on a moved-down chain counts too.
   *
   * @returns true when nothing due is left.
   */
  advance(now: number, budget: number, expire: (ref: Ref) => void): boolean {
    const target = Math.floor(now / TICK_MS);
    let left = budget;
    for (;;) {
      for (let level = LEVELS - 1; level >= 0; level--) {
        const waiting = LEVELS * SLOTS + level;
        for (let ref = this.#heads[waiting] as number; ref !== 0; ref = this.#heads[waiting] as number) {
          if (left-- <= 0) return false;
          const instant = this.#records.expiresAt(ref);
          if (instant <= now) {
            expire(ref);
          } else {
            this.remove(ref);
            this.add(ref, instant);
          }
        }
      }
      if (this.#tick === target) return true;
      if (this.#tick < target) this.#turn(target);
      // The clock was set back. No record is in a slot that was entered since, so each is met in time all the same.
      else this.#tick = target;
    }
  }

  /** Takes the chain of the tick that ends now off its slot, moves to the next tick and takes off the slots entered there. */
  #turn(target: number): void {
    this.#detach(0, this.#tick % SLOTS);
    this.#tick++;
    for (let level = 1; level < LEVELS && this.#tick % (SPANS[level] as number) === 0; level++) {
      this.#detach(level, Math.floor(this.#tick / (SPANS[level] as number)) % SLOTS);
    }
    // A clock that jumps far ahead must not be followed tick by tick: stop only where the lowest level in use turns.
    if (target - this.#tick > SLOTS && this.#nothingWaits()) {
      const span = SPANS[this.#lowestLevelInUse()] as number;
      const next = Math.min(target, (Math.floor(this.#tick / span) + 1) * span - 1);
      if (span > 1 && next > this.#tick) this.#tick = next;
    }
  }

  #nothingWaits(): boolean {
    for (let i = LEVELS * SLOTS; i < this.#heads.length; i++) if (this.#heads[i] !== 0) return false;
    return true;
  }

  #lowestLevelInUse(): number {
    for (let i = 0; i < LEVELS * SLOTS; i++) if (this.#heads[i] !== 0) return Math.floor(i / SLOTS);
    return LEVELS;
  }

  #detach(level: number, slot: number): void {
    const from = level * SLOTS + slot;
    const first = this.#heads[from] as number;
    if (first === 0) return;
    const to = LEVELS * SLOTS + level;
    this.#heads[from] = 0;
    this.#heads[to] = first;
    this.#records.setLink(first, WHEEL_PREV, -to - 1);
  }

  #push(head: number, ref: Ref): void {
    const next = this.#heads[head] as number;
    this.#heads[head] = ref;
    this.#records.setLink(ref, WHEEL_PREV, -head - 1);
    this.#records.setLink(ref, WHEEL_NEXT, next);
    if (next !== 0) this.#records.setLink(next, WHEEL_PREV, ref);
  }
}
