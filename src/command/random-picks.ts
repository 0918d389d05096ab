/**
 * `count` different positions out of 0..size-1, every subset equally likely (Floyd's algorithm); their order is not random.
 * Costs O(count).
 *
 * @param random in [0, 1)
 */
export function distinctPositions(size: number, count: number, random: () => number): number[] {
  const picked = new Set<number>();
  for (let last = size - count; last < size; last++) {
    const position = Math.floor(random() * (last + 1));
    picked.add(picked.has(position) ? last : position);
  }
  return [...picked];
}

/** `count` positions out of 0..size-1, each independent of the others. */
export function repeatedPositions(size: number, count: number, random: () => number): number[] {
  return Array.from({ length: count }, () => Math.floor(random() * size));
}
