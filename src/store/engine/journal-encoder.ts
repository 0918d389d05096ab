import { type Change, Space } from './change.ts';
import { EffectWriter, UPTO } from './effect-codec.ts';
import type { Group } from './journal-file.ts';

/** A row of the log ends once it has so many bytes: SQLite takes no blob of a gigabyte, and one turn may make more than that. */
const ROW_BYTES = 64 * 1024 * 1024;

/**
 * Gathers durable changes as the frames of one group after the other. Frames of the log have no numbers: they are counted from
 * the group's first, and where changes between were not durable a frame says so.
 */
export class GroupEncoder {
  readonly #writer = new EffectWriter(64 * 1024);
  readonly #rowBytes: number;
  /** Rows of the group that are full, and their bytes. */
  #rows: Group[] = [];
  #rowsBytes = 0;
  /** Number the next row begins with. */
  #first: number;
  /** Number the next frame has by counting. */
  #next: number;

  /** @param first number the next group begins with. */
  constructor(first: number, rowBytes = ROW_BYTES) {
    this.#rowBytes = rowBytes;
    this.#first = first;
    this.#next = first;
  }

  /** Bytes gathered since the last group. */
  get length(): number {
    return this.#rowsBytes + this.#writer.length;
  }

  add(change: Readonly<Change>): void {
    if (this.#writer.length >= this.#rowBytes) this.#endRow(this.#next - 1);
    if (change.seq !== this.#next)
      this.#writer.write({ op: UPTO, space: Space.user, key: '', a: '', b: '', n: change.seq - 1, m: 0 });
    this.#next = change.seq + 1;
    this.#writer.write(change);
  }

  /** Ends the group. @param last number of the newest change, durable or not. @returns its rows, to be committed together. */
  take(last: number): readonly Group[] {
    this.#endRow(last);
    this.#next = last + 1;
    const rows = this.#rows;
    this.#rows = [];
    this.#rowsBytes = 0;
    return rows;
  }

  #endRow(last: number): void {
    const effects = this.#writer.take();
    this.#rows.push({ first: this.#first, last, effects });
    this.#rowsBytes += effects.length;
    this.#first = last + 1;
  }
}
