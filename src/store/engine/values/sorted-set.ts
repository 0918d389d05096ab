import type { ByteString } from '../../../kernel/bytes.ts';
import { DenseMap } from '../../../kernel/dense-map.ts';

const CHUNK = 512;

export interface ScoredMember {
  readonly member: ByteString;
  readonly score: number;
}

/**
 * Members with scores, ordered by score and then by the members' bytes.
 *
 * The order is a run of sorted chunks of at most 512: a change is a binary search and a short move; a rank adds up chunk sizes,
 * O(n / 512).
 */
export class SortedSetValue {
  readonly #scores = new DenseMap<ByteString, number>();
  readonly #chunks: ScoredMember[][] = [];

  get size(): number {
    return this.#scores.size;
  }

  score(member: ByteString): number | undefined {
    return this.#scores.get(member);
  }

  memberAt(position: number): ByteString {
    return this.#scores.keyAt(position);
  }

  scoreAt(position: number): number {
    return this.#scores.valueAt(position);
  }

  /** @returns true when the member is new. */
  add(member: ByteString, score: number): boolean {
    const old = this.#scores.get(member);
    if (old !== undefined) {
      if (old === score) return false;
      this.#removeOrdered(member, old);
    }
    this.#scores.set(member, score);
    this.#insertOrdered({ member, score });
    return old === undefined;
  }

  remove(member: ByteString): boolean {
    const score = this.#scores.get(member);
    if (score === undefined) return false;
    this.#scores.delete(member);
    this.#removeOrdered(member, score);
    return true;
  }

  /** Position in ascending order, or undefined. */
  rank(member: ByteString): number | undefined {
    const score = this.#scores.get(member);
    if (score === undefined) return undefined;
    return this.lowerBound((other) => compare(other, score, member) < 0);
  }

  /**
   * Number of leading entries for which `before` holds; it must hold for a prefix of the order and for nothing after it.
   * O(log n + n / 512).
   */
  lowerBound(before: (entry: ScoredMember) => boolean): number {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const chunk = chunks[middle] as ScoredMember[];
      if (before(chunk[chunk.length - 1] as ScoredMember)) low = middle + 1;
      else high = middle;
    }
    let rank = 0;
    for (let i = 0; i < low; i++) rank += (chunks[i] as ScoredMember[]).length;
    const chunk = chunks[low];
    if (chunk === undefined) return rank;
    let from = 0;
    let to = chunk.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (before(chunk[middle] as ScoredMember)) from = middle + 1;
      else to = middle;
    }
    return rank + from;
  }

  /** Up to `count` entries from position `start`, ascending; descending from `start` downwards with `reverse`. */
  *range(start: number, count: number, reverse = false): Generator<ScoredMember> {
    if (count <= 0 || start < 0 || start >= this.size) return;
    let chunk = 0;
    let within = start;
    while (within >= (this.#chunks[chunk] as ScoredMember[]).length)
      within -= (this.#chunks[chunk++] as ScoredMember[]).length;
    for (let left = count; left > 0; left--) {
      const items = this.#chunks[chunk];
      if (items === undefined) return;
      yield items[within] as ScoredMember;
      if (reverse) {
        if (--within < 0) within = (this.#chunks[--chunk]?.length ?? 0) - 1;
      } else if (++within === items.length) {
        chunk++;
        within = 0;
      }
    }
  }

  #insertOrdered(entry: ScoredMember): void {
    const chunks = this.#chunks;
    if (chunks.length === 0) {
      chunks.push([entry]);
      return;
    }
    const index = Math.min(this.#chunkFor(entry), chunks.length - 1);
    const chunk = chunks[index] as ScoredMember[];
    chunk.splice(positionIn(chunk, entry), 0, entry);
    if (chunk.length > CHUNK) chunks.splice(index + 1, 0, chunk.splice(CHUNK >> 1));
  }

  #removeOrdered(member: ByteString, score: number): void {
    const entry = { member, score };
    const index = this.#chunkFor(entry);
    const chunk = this.#chunks[index] as ScoredMember[];
    chunk.splice(positionIn(chunk, entry), 1);
    if (chunk.length === 0) this.#chunks.splice(index, 1);
  }

  /** First chunk whose last entry is not before `entry`. */
  #chunkFor(entry: ScoredMember): number {
    const chunks = this.#chunks;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const chunk = chunks[middle] as ScoredMember[];
      if (compare(chunk[chunk.length - 1] as ScoredMember, entry.score, entry.member) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function compare(entry: ScoredMember, score: number, member: ByteString): number {
  if (entry.score !== score) return entry.score < score ? -1 : 1;
  if (entry.member === member) return 0;
  return entry.member < member ? -1 : 1;
}

function positionIn(chunk: readonly ScoredMember[], entry: ScoredMember): number {
  let from = 0;
  let to = chunk.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (compare(chunk[middle] as ScoredMember, entry.score, entry.member) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
