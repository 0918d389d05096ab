import type { ByteString } from './bytes.ts';
import { halfSipHash } from './half-sip-hash.ts';

const BITS = 12;
const REGISTERS = 2 ** BITS;
/** Of HyperLogLog with so many registers. */
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);

/** Estimates how many different texts were told, within about 2 %, in 4 KiB (HyperLogLog; Flajolet and others, 2007). */
export class DistinctCount {
  readonly #registers = new Uint8Array(REGISTERS);

  add(text: ByteString): void {
    const hash = halfSipHash(text, 0, 0);
    const register = hash >>> (32 - BITS);
    // The rest of the hash with a mark behind it, so that there is a first bit.
    const rank = Math.clz32((hash << BITS) | (1 << (BITS - 1))) + 1;
    if ((this.#registers[register] as number) < rank) this.#registers[register] = rank;
  }

  get estimate(): number {
    let sum = 0;
    let empty = 0;
    for (const rank of this.#registers) {
      sum += 2 ** -rank;
      if (rank === 0) empty++;
    }
    const raw = (ALPHA * REGISTERS * REGISTERS) / sum;
    // Few are counted by what is empty, so many by how often 32 bits meet.
    if (raw <= 2.5 * REGISTERS && empty > 0) return REGISTERS * Math.log(REGISTERS / empty);
    return raw > 2 ** 32 / 30 ? -(2 ** 32) * Math.log(1 - raw / 2 ** 32) : raw;
  }
}
