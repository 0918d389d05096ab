import type { ByteString } from './bytes.ts';
import type { KeyPattern } from './key-pattern.ts';

/** How the keys of one pattern lie to those of another. */
export type PatternRelation = 'disjoint' | 'equal' | 'narrower' | 'wider' | 'crossing';

/** State sets looked at before two patterns are taken for crossing. */
const MAX_PAIRS = 20_000;

/** Decided on the sets of keys themselves, so it is exact. `crossing`: some keys belong to both, and neither has all of the other's. */
export function comparePatterns(a: KeyPattern, b: KeyPattern): PatternRelation {
  if (a.text === b.text) return 'equal';
  const [endOfA, endOfB] = [suffixOf(a), suffixOf(b)];
  if (!a.prefix.startsWith(b.prefix) && !b.prefix.startsWith(a.prefix)) return 'disjoint';
  if (!endOfA.endsWith(endOfB) && !endOfB.endsWith(endOfA)) return 'disjoint';
  return compareAutomata(itemsOf(a), itemsOf(b));
}

/** Narrower patterns before wider ones, so that the first that matches a key is the narrowest. None may cross another. */
export function orderPatterns<Item extends { readonly pattern: KeyPattern }>(items: readonly Item[]): Item[] {
  const widerOnes = ({ pattern }: Item): number =>
    items.filter((other) => comparePatterns(other.pattern, pattern) === 'wider').length;
  // Whatever is wider than a pattern is wider than all that are narrower than it, which therefore count more.
  return items
    .map((item) => ({ item, count: widerOnes(item) }))
    .sort((one, other) => other.count - one.count)
    .map(({ item }) => item);
}

/** What all of its keys end with. */
function suffixOf({ prefix, captures }: KeyPattern): ByteString {
  return captures.at(-1)?.after ?? prefix;
}

/** What an automaton reads next: a byte, or one of these. */
type Item = number;
const ANY_RUN = 256;
const NO_COLON = 257;
const NO_COLON_RUN = 258;
const COLON = 58;
/** Any byte that neither pattern asks for at this place. */
const OTHER = -1;

function itemsOf({ prefix, captures }: KeyPattern): Item[] {
  const literal = (text: ByteString): Item[] => [...text].map((letter) => letter.charCodeAt(0));
  return [
    ...literal(prefix),
    ...captures.flatMap(({ isStar, after }) => [...(isStar ? [ANY_RUN] : [NO_COLON, NO_COLON_RUN]), ...literal(after)]),
  ];
}

/** Walks both at once, over the sets of states that one key can lead to. */
function compareAutomata(left: readonly Item[], right: readonly Item[]): PatternRelation {
  const seen = new Set<string>();
  const todo: [number[], number[]][] = [[closure(left, [0]), closure(right, [0])]];
  let both = false;
  let leftOnly = false;
  let rightOnly = false;
  for (let pair = todo.pop(); pair !== undefined; pair = todo.pop()) {
    const [one, other] = pair;
    const inLeft = one.includes(left.length);
    const inRight = other.includes(right.length);
    both ||= inLeft && inRight;
    leftOnly ||= inLeft && !inRight;
    rightOnly ||= inRight && !inLeft;
    for (const symbol of symbolsAt(left, one, right, other)) {
      const next: [number[], number[]] = [step(left, one, symbol), step(right, other, symbol)];
      // Every state leads to the end: where one of them is out, the other has a key of its own.
      if (next[0].length === 0 || next[1].length === 0) {
        leftOnly ||= next[0].length > 0;
        rightOnly ||= next[1].length > 0;
        continue;
      }
      const name = `${next[0].join()}/${next[1].join()}`;
      if (seen.has(name)) continue;
      if (seen.size >= MAX_PAIRS) return 'crossing';
      seen.add(name);
      todo.push(next);
    }
    if (both && leftOnly && rightOnly) return 'crossing';
  }
  if (!both) return 'disjoint';
  if (!leftOnly) return rightOnly ? 'narrower' : 'equal';
  return rightOnly ? 'crossing' : 'wider';
}

/** The bytes that the states tell apart. */
function symbolsAt(
  left: readonly Item[],
  one: readonly number[],
  right: readonly Item[],
  other: readonly number[],
): Set<number> {
  const symbols = new Set([OTHER, COLON]);
  for (const state of one) if ((left[state] ?? ANY_RUN) < ANY_RUN) symbols.add(left[state] as Item);
  for (const state of other) if ((right[state] ?? ANY_RUN) < ANY_RUN) symbols.add(right[state] as Item);
  return symbols;
}

/** With what stands behind runs, which may be empty, and without what stands before a run of any bytes, which can do all it could. */
function closure(items: readonly Item[], states: Iterable<number>): number[] {
  const all = new Set(states);
  for (const state of all) if (items[state] === ANY_RUN || items[state] === NO_COLON_RUN) all.add(state + 1);
  const sorted = [...all].sort((x, y) => x - y);
  return sorted.slice(
    Math.max(
      sorted.findLastIndex((state) => items[state] === ANY_RUN),
      0,
    ),
  );
}

function step(items: readonly Item[], states: readonly number[], symbol: number): number[] {
  const next: number[] = [];
  for (const state of states) {
    const item = items[state];
    if (item === ANY_RUN || (item === NO_COLON_RUN && symbol !== COLON)) next.push(state);
    else if (item === symbol || (item === NO_COLON && symbol !== COLON)) next.push(state + 1);
  }
  return closure(items, next);
}
