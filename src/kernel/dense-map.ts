/** The reading side of a `DenseMap`. */
export interface ReadonlyDenseMap<K, V> {
  readonly size: number;
  has(key: K): boolean;
  get(key: K): V | undefined;
  keyAt(position: number): K;
  valueAt(position: number): V;
  keys(): readonly K[];
  values(): readonly V[];
}

/**
 * A map whose entries also have positions 0..size-1: constant-time random pick and a scan that survives changes.
 *
 * A deletion moves the last entry into the hole. A scan that walks positions downwards therefore never misses an entry that
 * was there all the time: what moves comes from positions already visited (it may be seen twice). That is the guarantee of
 * Redis's SCAN family.
 */
export class DenseMap<K, V> implements ReadonlyDenseMap<K, V> {
  readonly #positions = new Map<K, number>();
  readonly #keys: K[] = [];
  readonly #values: V[] = [];

  get size(): number {
    return this.#keys.length;
  }

  has(key: K): boolean {
    return this.#positions.has(key);
  }

  get(key: K): V | undefined {
    const position = this.#positions.get(key);
    return position === undefined ? undefined : this.#values[position];
  }

  /** @returns true when the key is new. */
  set(key: K, value: V): boolean {
    const position = this.#positions.get(key);
    if (position !== undefined) {
      this.#values[position] = value;
      return false;
    }
    this.#positions.set(key, this.#keys.length);
    this.#keys.push(key);
    this.#values.push(value);
    return true;
  }

  delete(key: K): boolean {
    const position = this.#positions.get(key);
    if (position === undefined) return false;
    this.#positions.delete(key);
    const lastKey = this.#keys.pop() as K;
    const lastValue = this.#values.pop() as V;
    if (position < this.#keys.length) {
      this.#keys[position] = lastKey;
      this.#values[position] = lastValue;
      this.#positions.set(lastKey, position);
    }
    return true;
  }

  /** The key at a position; the caller keeps `0 <= position < size`. */
  keyAt(position: number): K {
    return this.#keys[position] as K;
  }

  valueAt(position: number): V {
    return this.#values[position] as V;
  }

  keys(): readonly K[] {
    return this.#keys;
  }

  values(): readonly V[] {
    return this.#values;
  }
}
