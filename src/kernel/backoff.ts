/** Waits between tries: doubling from the first to the last, ms. */
export interface BackoffRange {
  readonly first: number;
  readonly last: number;
}

/** Beyond so many doublings nothing grows any more, and nothing overflows. */
const MAX_DOUBLINGS = 30;

/** The longest wait before try number `attempt`, counted from 0. */
function longest({ first, last }: BackoffRange, attempt: number): number {
  return Math.min(last, first * 2 ** Math.min(attempt, MAX_DOUBLINGS));
}

/**
 * How long to wait before try number `attempt`, counted from 0: half of it at random, so that many who failed together do not come back
 * in step, and none comes back at once. @param random in [0, 1)
 */
export function backoff(range: BackoffRange, attempt: number, random: () => number): number {
  return longest(range, attempt) * (0.5 + random() / 2);
}

/** The same, all of it at random: spreads a few tries within one deadline best. */
export function fullJitter(range: BackoffRange, attempt: number, random: () => number): number {
  return longest(range, attempt) * random();
}
