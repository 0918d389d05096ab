/** A seeded source of choices: the same seed always makes the same sequence, on every machine. */
export interface Random {
  /** An integer from 0 up to, not including, `below`. */
  readonly below: (below: number) => number;
  /** True with this probability. */
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(choices: readonly T[]) => T;
}

/** mulberry32 over a mix of all `seeds`. */
export function random(...seeds: readonly number[]): Random {
  let state = 0x9e3779b9;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  for (const seed of seeds) {
    state ^= seed;
    state = next() | 0;
  }
  const below = (bound: number): number => next() % bound;
  return {
    below,
    chance: (probability) => next() < probability * 2 ** 32,
    pick: (choices) => choices[below(choices.length)] as (typeof choices)[number],
  };
}
