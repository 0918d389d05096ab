import type { ByteString } from '../kernel/bytes.ts';
import { halfSipHash } from '../kernel/half-sip-hash.ts';
import type { Fill, FillKind } from './fill.ts';

const BUCKETS = 4096;

/**
 * The reads under way, by key. A fixed table of chains, since there are only so many at a time; a `Map` through which thousands of keys a
 * second pass leaves its outgrown tables behind, which V8 keeps, with all they held, until the next full collection.
 */
export class FillTable {
  readonly #buckets: (Fill | undefined)[] = new Array(BUCKETS).fill(undefined);
  readonly #key0: number;
  readonly #key1: number;

  /** @param random in [0, 1): strangers choose the keys */
  constructor(random: () => number) {
    this.#key0 = Math.floor(random() * 2 ** 32) | 0;
    this.#key1 = Math.floor(random() * 2 ** 32) | 0;
  }

  /** One of this key and kind, if any. */
  find(key: ByteString, kind: FillKind): Fill | undefined {
    let fill = this.#buckets[this.#bucketOf(key)];
    while (fill !== undefined && (fill.kind !== kind || fill.key !== key)) fill = fill.next;
    return fill;
  }

  add(fill: Fill): void {
    const bucket = this.#bucketOf(fill.key);
    fill.next = this.#buckets[bucket];
    this.#buckets[bucket] = fill;
  }

  /** Takes out one fill; nothing happens when it is not there. */
  remove(fill: Fill): void {
    this.#takeOut(this.#bucketOf(fill.key), (other) => other === fill);
  }

  /** Takes out all of a key and marks them: their key has changed. */
  drop(key: ByteString): void {
    const bucket = this.#bucketOf(key);
    if (this.#buckets[bucket] === undefined) return;
    this.#takeOut(bucket, (fill) => {
      if (fill.key !== key) return false;
      fill.valid = false;
      return true;
    });
  }

  /** The same for every key. */
  dropAll(): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#takeOut(bucket, (fill) => {
        fill.valid = false;
        return true;
      });
    }
  }

  #takeOut(bucket: number, leaves: (fill: Fill) => boolean): void {
    let before: Fill | undefined;
    let fill = this.#buckets[bucket];
    while (fill !== undefined) {
      const { next }: { next: Fill | undefined } = fill;
      if (leaves(fill)) {
        fill.next = undefined;
        if (before === undefined) this.#buckets[bucket] = next;
        else before.next = next;
      } else {
        before = fill;
      }
      fill = next;
    }
  }

  #bucketOf(key: ByteString): number {
    return halfSipHash(key, this.#key0, this.#key1) & (BUCKETS - 1);
  }
}
