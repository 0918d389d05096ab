import { type Change, Space } from './change.ts';
import { EffectWriter, UPTO } from './effect-codec.ts';
import type { Group } from './journal-file.ts';

/**
 * Gathers durable changes as the frames of one group after the other. Frames of the log have no numbers: they are counted from
 * the group's first, and where changes between were not durable a frame says so.
 */
export class GroupEncoder {
  readonly #writer = new EffectWriter(64 * 1024);
  #first: number;
  /** Number the next frame has by counting. */
  #next: number;

  /** @param first number the next group begins with. */
  constructor(first: number) {
    this.#first = first;
    this.#next = first;
  }

  /** Bytes gathered since the last group. */
  get length(): number {
    return this.#writer.length;
  }

  add(change: Readonly<Change>): void {
    if (change.seq !== this.#next)
      this.#writer.write({ op: UPTO, space: Space.user, key: '', a: '', b: '', n: change.seq - 1, m: 0 });
    this.#next = change.seq + 1;
    this.#writer.write(change);
  }

  /** Ends the group. @param last number of the newest change, durable or not. */
  take(last: number): Group {
    const first = this.#first;
    this.#first = last + 1;
    this.#next = last + 1;
    return { first, last, effects: this.#writer.take() };
  }
}
