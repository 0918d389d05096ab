import { CommandError } from './command-error.ts';

/** A bound on picks with repetition, so that one command cannot ask for a reply beyond all memory. */
const MAX_PICKS = 2 ** 24;

/**
 * Positions out of 0..size-1, as HRANDFIELD and SRANDMEMBER take their count: up to `count` different ones, or with a negative
 * count exactly `-count`, each independent of the others.
 *
 * @param random in [0, 1)
 * @throws CommandError "value is out of range"
 */
export function pickPositions(size: number, count: number, random: () => number): number[] {
  if (count < -MAX_PICKS) throw new CommandError('ERR value is out of range');
  if (count < 0) return Array.from({ length: -count }, () => Math.floor(random() * size));
  return distinctPositions(size, Math.min(count, size), random);
}

/**
 * `count` different positions out of 0..size-1, every subset equally likely (Floyd's algorithm); their order is not random.
 * Costs O(count).
 */
export function distinctPositions(size: number, count: number, random: () => number): number[] {
  const picked = new Set<number>();
  for (let last = size - count; last < size; last++) {
    const position = Math.floor(random() * (last + 1));
    picked.add(picked.has(position) ? last : position);
  }
  return [...picked];
}
