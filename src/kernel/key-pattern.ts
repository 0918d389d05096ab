import type { ByteString } from './bytes.ts';

/** What a pattern has captured, by name: `{name}` by its name, stars by their numbers from '1'. */
export type Captures = ReadonlyMap<string, ByteString>;

/**
 * Names a set of keys: literal text, `*` for any run of bytes (captured as '1', '2' …), `{name}` for one or more bytes other than `:`.
 * A backslash makes the next character literal.
 */
export interface KeyPattern {
  readonly text: string;
  /** Of the captures, in order. */
  readonly names: readonly string[];
  /** What all of its keys begin with. */
  readonly prefix: ByteString;
  /** Where several readings are possible, earlier captures are as short as can be. @returns undefined for a key it does not name */
  match(key: ByteString): Captures | undefined;
}

/** How the keys of one pattern lie to those of another. */
export type PatternRelation = 'disjoint' | 'equal' | 'narrower' | 'wider' | 'crossing';

interface Capture {
  readonly name: string;
  /** A star: any bytes, also none. Otherwise one or more, none of them a colon. */
  readonly isStar: boolean;
  /** The literal text behind it. */
  readonly after: ByteString;
}

const MAX_CAPTURES = 8;
/** State sets looked at before two patterns are taken for crossing. */
const MAX_PAIRS = 20_000;

/** @param text one character a byte. @returns what is wrong, and how to mend it, for a text that is no pattern */
export function parseKeyPattern(text: ByteString): KeyPattern | { readonly problem: string } {
  if (text === '') return { problem: 'the pattern is empty; write the names of keys, such as user:*' };
  let literal = '';
  let stars = 0;
  const parts: { readonly name: string; readonly isStar: boolean; readonly before: ByteString }[] = [];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    if (letter === '\\') {
      if (++at === text.length) return { problem: 'the pattern ends with a backslash; write \\\\ for a literal one' };
      literal += text[at];
    } else if (letter === '*' || letter === '{') {
      let name = String(++stars);
      if (letter === '{') {
        stars--;
        const named = /^\{([A-Za-z_][A-Za-z0-9_]*)\}/.exec(text.slice(at))?.[1];
        if (named === undefined) return { problem: 'a { begins a capture such as {id}; write \\{ for a literal one' };
        if (parts.some((part) => part.name === named)) return { problem: `the capture {${named}} is there twice` };
        name = named;
        at += named.length + 1;
      }
      parts.push({ name, isStar: letter === '*', before: literal });
      literal = '';
    } else if ('?[]}'.includes(letter)) {
      return { problem: `${letter} has no meaning in a pattern of keys; write \\${letter} for a literal one` };
    } else {
      literal += letter;
    }
  }
  if (parts.length > MAX_CAPTURES) return { problem: `a pattern has ${MAX_CAPTURES} captures at most` };
  const captures = parts.map(({ name, isStar }, i) => ({ name, isStar, after: parts[i + 1]?.before ?? literal }));
  return new CompiledPattern(text, parts[0]?.before ?? literal, captures);
}

class CompiledPattern implements KeyPattern {
  readonly text: string;
  readonly names: readonly string[];
  readonly prefix: ByteString;
  readonly captures: readonly Capture[];
  readonly #least: number;

  constructor(text: string, prefix: ByteString, captures: readonly Capture[]) {
    this.text = text;
    this.prefix = prefix;
    this.captures = captures;
    this.names = captures.map(({ name }) => name);
    this.#least = captures.reduce((sum, { isStar, after }) => sum + after.length + (isStar ? 0 : 1), prefix.length);
  }

  match(key: ByteString): Captures | undefined {
    const { captures, prefix } = this;
    if (key.length < this.#least || !key.startsWith(prefix)) return undefined;
    const last = captures.at(-1);
    if (last === undefined) return key.length === prefix.length ? new Map() : undefined;
    if (!key.endsWith(last.after)) return undefined;
    const ends: number[] = [];
    if (!this.#matchFrom(key, 0, prefix.length, ends, new Set())) return undefined;
    const found = new Map<string, ByteString>();
    let start = prefix.length;
    for (const [i, { name, after }] of captures.entries()) {
      found.set(name, key.slice(start, ends[i]));
      start = (ends[i] as number) + after.length;
    }
    return found;
  }

  /** @param failed what was tried in vain, so that each place is tried once */
  #matchFrom(key: ByteString, index: number, start: number, ends: number[], failed: Set<number>): boolean {
    const capture = this.captures[index];
    if (capture === undefined) return start === key.length;
    const place = index * (key.length + 1) + start;
    if (failed.has(place)) return false;
    const { isStar, after } = capture;
    const isLast = index === this.captures.length - 1;
    const colon = isStar ? -1 : key.indexOf(':', start);
    const limit = colon < 0 ? key.length : colon;
    let end = isLast ? key.length - after.length : key.indexOf(after, isStar ? start : start + 1);
    while (end >= start + (isStar ? 0 : 1) && end <= limit) {
      ends[index] = end;
      if (this.#matchFrom(key, index + 1, end + after.length, ends, failed)) return true;
      if (isLast || end === key.length) break;
      end = key.indexOf(after, end + 1);
    }
    failed.add(place);
    return false;
  }
}

/** What an automaton reads next: a byte, any run, a byte but a colon, any run of such. */
type Item = ByteString | 'star' | 'word' | 'words';

/** Decided on the sets of keys themselves, so it is exact. `crossing`: some keys belong to both, and neither has all of the other's. */
export function comparePatterns(a: KeyPattern, b: KeyPattern): PatternRelation {
  const left = itemsOf(a);
  const right = itemsOf(b);
  const alphabet = new Set([':', 'other', ...[...left, ...right].filter((item) => item.length === 1)]);
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
    if (both && leftOnly && rightOnly) return 'crossing';
    for (const symbol of alphabet) {
      const next: [number[], number[]] = [step(left, one, symbol), step(right, other, symbol)];
      if (next[0].length + next[1].length === 0) continue;
      const name = next.map((states) => states.join()).join('/');
      if (seen.has(name)) continue;
      if (seen.size >= MAX_PAIRS) return 'crossing';
      seen.add(name);
      todo.push(next);
    }
  }
  if (!both) return 'disjoint';
  if (!leftOnly) return rightOnly ? 'narrower' : 'equal';
  return rightOnly ? 'crossing' : 'wider';
}

function itemsOf(pattern: KeyPattern): Item[] {
  const { prefix, captures } = pattern as CompiledPattern;
  return [
    ...prefix,
    ...captures.flatMap(({ isStar, after }) => [...(isStar ? ['star'] : ['word', 'words']), ...after]),
  ];
}

/** A run may be empty: whoever stands before one stands behind it, too. */
function closure(items: readonly Item[], states: Iterable<number>): number[] {
  const all = new Set(states);
  for (const state of all) if (items[state] === 'star' || items[state] === 'words') all.add(state + 1);
  return [...all].sort((x, y) => x - y);
}

function step(items: readonly Item[], states: readonly number[], symbol: string): number[] {
  const next: number[] = [];
  for (const state of states) {
    const item = items[state];
    if (item === 'star' || (item === 'words' && symbol !== ':')) next.push(state);
    else if (item === symbol || (item === 'word' && symbol !== ':')) next.push(state + 1);
  }
  return closure(items, next);
}

/** A text with captures in it, such as a URL. */
export interface Template {
  readonly text: string;
  /** Literal texts, and the captures between them. */
  readonly pieces: readonly (string | { readonly capture: string })[];
}

/** The name of the whole key in templates. */
export const WHOLE_KEY = 'key';

/**
 * Reads `{name}`, `{1}`, `{key}` (the whole key); `{{` and `}}` are literal braces.
 * @param names of the captures there are. @returns what is wrong for a text that is no template
 */
export function parseTemplate(text: string, names: readonly string[]): Template | { readonly problem: string } {
  const known = [...names, WHOLE_KEY];
  const pieces: (string | { readonly capture: string })[] = [];
  let literal = '';
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    if ((letter === '{' || letter === '}') && text[at + 1] === letter) {
      literal += letter;
      at++;
    } else if (letter === '{') {
      const name = /^\{([A-Za-z0-9_]+)\}/.exec(text.slice(at))?.[1];
      if (name === undefined)
        return { problem: 'a { begins the name of a capture such as {1}; write {{ for a literal one' };
      if (!known.includes(name))
        return { problem: `there is no capture {${name}}; there are ${known.map((one) => `{${one}}`).join(', ')}` };
      if (literal !== '') pieces.push(literal);
      literal = '';
      pieces.push({ capture: name });
      at += name.length + 1;
    } else if (letter === '}') {
      return { problem: 'a } stands alone; write }} for a literal one' };
    } else {
      literal += letter;
    }
  }
  if (literal !== '') pieces.push(literal);
  return { text, pieces };
}

/** The text with the captures put in. @param encode makes of a capture what may stand there */
export function renderTemplate(
  { pieces }: Template,
  key: ByteString,
  captures: Captures,
  encode: (value: ByteString) => string,
): string {
  return pieces
    .map((piece) =>
      typeof piece === 'string'
        ? piece
        : encode(piece.capture === WHOLE_KEY ? key : (captures.get(piece.capture) as ByteString)),
    )
    .join('');
}
