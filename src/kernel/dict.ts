/**
 * From a 32-bit hash to a record ref: open addressing, linear probing, deletion by shifting back (no tombstones).
 *
 * The table is cut into 256 shards by the top eight bits of the hash. A shard grows and shrinks by itself, so no insertion ever
 * pays for rehashing everything, and a shard is the unit of a checkpoint. Inside a shard a hash's home slot is given by its next
 * bits *from the top*, so slots are in hash order up to probing, and a position in hash order stays a valid scan cursor however
 * the shard is resized in between.
 *
 * A slot is two words, hash and ref, in one array: a probe that fails costs no look at the record.
 */
export const SHARDS = 256;
const SMALLEST_BITS = 4;
const LARGEST_BITS = 24;

class Shard {
  bits = SMALLEST_BITS;
  slots = new Int32Array(2 << SMALLEST_BITS);
  count = 0;
}

/** Decides whether the record behind `ref` is the one looked for; called only where all 32 bits of the hash agree. */
export type Matches<K> = (ref: number, key: K) => boolean;

export class Dict<K> {
  readonly #shards: Shard[] = Array.from({ length: SHARDS }, () => new Shard());
  readonly #matches: Matches<K>;
  #count = 0;
  #slots = SHARDS << SMALLEST_BITS;

  constructor(matches: Matches<K>) {
    this.#matches = matches;
  }

  get size(): number {
    return this.#count;
  }

  /** Memory of the tables. */
  get bytes(): number {
    return this.#slots * 8;
  }

  /** @returns the ref, or 0. */
  find(hash: number, key: K): number {
    const shard = this.#shards[hash >>> 24] as Shard;
    const slots = shard.slots;
    const mask = (1 << shard.bits) - 1;
    let slot = (hash & 0xffffff) >>> (24 - shard.bits);
    for (;;) {
      const ref = slots[(slot << 1) + 1] as number;
      if (ref === 0) return 0;
      if (slots[slot << 1] === hash && this.#matches(ref, key)) return ref;
      slot = (slot + 1) & mask;
    }
  }

  /** Adds a record that is not there yet. */
  insert(hash: number, ref: number): void {
    const shard = this.#shards[hash >>> 24] as Shard;
    if ((shard.count + 1) * 4 > 3 << shard.bits && shard.bits < LARGEST_BITS) this.#resize(shard, shard.bits + 1);
    place(shard, hash, ref);
    shard.count++;
    this.#count++;
  }

  /** Points the slot of `oldRef` at `newRef` (the record moved). */
  replace(hash: number, oldRef: number, newRef: number): void {
    const shard = this.#shards[hash >>> 24] as Shard;
    shard.slots[(slotOf(shard, hash, oldRef) << 1) + 1] = newRef;
  }

  remove(hash: number, ref: number): void {
    const shard = this.#shards[hash >>> 24] as Shard;
    const slots = shard.slots;
    const mask = (1 << shard.bits) - 1;
    let hole = slotOf(shard, hash, ref);
    let slot = hole;
    for (;;) {
      slot = (slot + 1) & mask;
      if (slots[(slot << 1) + 1] === 0) break;
      const home = homeOf(slots[slot << 1] as number, shard.bits);
      // The entry may fill the hole unless its home lies cyclically in (hole, slot].
      if (((slot - home) & mask) >= ((slot - hole) & mask)) {
        slots[hole << 1] = slots[slot << 1] as number;
        slots[(hole << 1) + 1] = slots[(slot << 1) + 1] as number;
        hole = slot;
      }
    }
    slots[hole << 1] = 0;
    slots[(hole << 1) + 1] = 0;
    shard.count--;
    this.#count--;
    if (shard.bits > SMALLEST_BITS && shard.count * 8 < 1 << shard.bits) this.#resize(shard, shard.bits - 1);
  }

  /** Calls `visit` with every ref of a shard; the dict must not change meanwhile. */
  forEachIn(shard: number, visit: (ref: number) => void): void {
    const slots = (this.#shards[shard] as Shard).slots;
    for (let i = 1; i < slots.length; i += 2) {
      const ref = slots[i] as number;
      if (ref !== 0) visit(ref);
    }
  }

  /**
   * One step of a scan in hash order, starting at `cursor` (0 = from the start). Visits whole home slots until at least `count`
   * slots were looked at. The dict must not change within the step; between steps it may.
   *
   * @returns the next cursor, or 0 at the end. Every record present from the first step to the last is visited at least once.
   */
  scan(cursor: number, count: number, visit: (ref: number) => void): number {
    let position = cursor >>> 0;
    let budget = count;
    for (;;) {
      const shardNumber = position >>> 24;
      const shard = this.#shards[shardNumber] as Shard;
      const shift = 24 - shard.bits;
      let home = (position & 0xffffff) >>> shift;
      const homes = 1 << shard.bits;
      if (shard.count === 0) {
        home = homes;
        budget--;
      }
      while (home < homes && budget > 0) {
        const until = Math.min(homes, home + budget);
        visitHomes(shard, home, until, visit);
        budget -= until - home;
        home = until;
      }
      if (home < homes) return ((shardNumber << 24) | (home << shift)) >>> 0;
      if (shardNumber === SHARDS - 1) return 0;
      position = ((shardNumber + 1) << 24) >>> 0;
      if (budget <= 0) return position;
    }
  }

  /** A ref near a random point in hash order, or 0 when empty. `random` is in [0, 1). */
  pick(random: () => number): number {
    if (this.#count === 0) return 0;
    for (;;) {
      const shard = this.#shards[Math.floor(random() * SHARDS)] as Shard;
      if (shard.count === 0) continue;
      // Rejection keeps the choice even among the entries of a shard; the load factor bounds the tries.
      for (let tries = 0; tries < 64; tries++) {
        const ref = shard.slots[(Math.floor(random() * (1 << shard.bits)) << 1) + 1] as number;
        if (ref !== 0) return ref;
      }
    }
  }

  #resize(shard: Shard, bits: number): void {
    const old = shard.slots;
    this.#slots += (1 << bits) - (1 << shard.bits);
    shard.bits = bits;
    shard.slots = new Int32Array(2 << bits);
    for (let i = 0; i < old.length; i += 2) {
      const ref = old[i + 1] as number;
      if (ref !== 0) place(shard, old[i] as number, ref);
    }
  }
}

function homeOf(hash: number, bits: number): number {
  return (hash & 0xffffff) >>> (24 - bits);
}

function place(shard: Shard, hash: number, ref: number): void {
  const slots = shard.slots;
  const mask = (1 << shard.bits) - 1;
  let slot = homeOf(hash, shard.bits);
  while (slots[(slot << 1) + 1] !== 0) slot = (slot + 1) & mask;
  slots[slot << 1] = hash;
  slots[(slot << 1) + 1] = ref;
}

function slotOf(shard: Shard, hash: number, ref: number): number {
  const slots = shard.slots;
  const mask = (1 << shard.bits) - 1;
  let slot = homeOf(hash, shard.bits);
  while (slots[(slot << 1) + 1] !== ref) {
    if (slots[(slot << 1) + 1] === 0) throw new Error('dict: the record is not in its shard');
    slot = (slot + 1) & mask;
  }
  return slot;
}

/** Visits the entries whose home slot is in [from, until). Probing may have put them later, up to the next empty slot. */
function visitHomes(shard: Shard, from: number, until: number, visit: (ref: number) => void): void {
  const slots = shard.slots;
  const capacity = 1 << shard.bits;
  for (let step = 0; step < capacity; step++) {
    const slot = (from + step) & (capacity - 1);
    const ref = slots[(slot << 1) + 1] as number;
    if (ref === 0) {
      if (from + step >= until) return;
      continue;
    }
    const home = homeOf(slots[slot << 1] as number, shard.bits);
    if (home >= from && home < until) visit(ref);
  }
}
