import type { ByteString } from './bytes.ts';

/** What a pattern has captured, by name: `{name}` by its name, stars by their numbers from '1'. */
export type Captures = ReadonlyMap<string, ByteString>;

/**
 * Names a set of keys: literal text, `*` for any run of bytes (captured as '1', '2' …), `{name}` for one or more bytes other than `:`.
 * A backslash makes the next character literal. Keys of more than {@link MAX_PATTERN_KEY} bytes belong to no pattern.
 */
export interface KeyPattern {
  readonly text: string;
  /** Of the captures, in order. */
  readonly names: readonly string[];
  /** What all of its keys begin with. */
  readonly prefix: ByteString;
  readonly captures: readonly PatternCapture[];
  /** Where several readings are possible, earlier captures are as short as can be. @returns undefined for a key it does not name */
  match(key: ByteString): Captures | undefined;
}

/** One capture of a pattern. */
export interface PatternCapture {
  readonly name: string;
  /** A star: any bytes, also none. Otherwise one or more, none of them a colon. */
  readonly isStar: boolean;
  /** The literal text behind it. */
  readonly after: ByteString;
}

/** The longest key that is looked at, in bytes: what clients may make the node compare is bounded. */
export const MAX_PATTERN_KEY = 65_536;
/** The longest pattern, in bytes. */
const MAX_PATTERN = 1_024;
const MAX_CAPTURES = 8;

/** The name of the whole key in templates. */
export const WHOLE_KEY = 'key';

/** @param text one character a byte. @returns what is wrong, and how to mend it, for a text that is no pattern */
export function parseKeyPattern(text: ByteString): KeyPattern | { readonly problem: string } {
  if (text === '') return { problem: 'the pattern is empty; write the names of keys, such as user:*' };
  if (text.length > MAX_PATTERN) return { problem: `a pattern has ${MAX_PATTERN} bytes at most` };
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
        if (named === WHOLE_KEY)
          return { problem: '{key} is the whole key in templates; give the capture another name' };
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
  readonly captures: readonly PatternCapture[];
  /** Of its keys. */
  readonly #least: number;
  readonly #shortestDecides: boolean;

  constructor(text: string, prefix: ByteString, captures: readonly PatternCapture[]) {
    this.text = text;
    this.prefix = prefix;
    this.captures = captures;
    this.names = captures.map(({ name }) => name);
    this.#least = captures.reduce((sum, { isStar, after }) => sum + after.length + (isStar ? 0 : 1), prefix.length);
    this.#shortestDecides = shortestDecides(captures);
  }

  match(key: ByteString): Captures | undefined {
    const { captures, prefix } = this;
    if (key.length < this.#least || !key.startsWith(prefix) || key.length > MAX_PATTERN_KEY) return undefined;
    const last = captures.at(-1);
    if (last === undefined) return key.length === prefix.length ? new Map() : undefined;
    if (!key.endsWith(last.after)) return undefined;
    if (captures.length === 1) return this.#only(key, last);
    const ends = shortestEnds(captures, key, prefix.length);
    if (ends === 'never' || (ends === 'not so' && this.#shortestDecides)) return undefined;
    return typeof ends === 'string' ? this.#search(key) : this.#found(key, ends);
  }

  /** The usual pattern has one capture, which has one reading. */
  #only(key: ByteString, { name, isStar, after }: PatternCapture): Captures | undefined {
    const captured = key.slice(this.prefix.length, key.length - after.length);
    return isStar || !captured.includes(':') ? new Map([[name, captured]]) : undefined;
  }

  #found(key: ByteString, ends: readonly number[]): Captures {
    const found = new Map<string, ByteString>();
    let start = this.prefix.length;
    for (const [i, { name, after }] of this.captures.entries()) {
      found.set(name, key.slice(start, ends[i]));
      start = (ends[i] as number) + after.length;
    }
    return found;
  }

  /** Looks at every byte once for each capture, from behind: what a place can lead to is known before it is asked for. */
  #search(key: ByteString): Captures | undefined {
    const colons = nextColons(key);
    const tables: Int32Array[] = [];
    const endFrom = (index: number, start: number): number => {
      const isStar = this.captures[index]?.isStar === true;
      const end = tables[index]?.[start + (isStar ? 0 : 1)] ?? NONE;
      return isStar || end <= (colons[start] as number) ? end : NONE;
    };
    for (let index = this.captures.length - 1; index >= 0; index--) {
      const { after } = this.captures[index] as PatternCapture;
      // The first end at or behind each place from which the rest matches.
      const table = new Int32Array(key.length + 2).fill(NONE);
      const isLast = index === this.captures.length - 1;
      let next = NONE;
      for (let at = key.length - after.length; at >= 0; at--) {
        const fits = isLast
          ? at === key.length - after.length
          : key.startsWith(after, at) && endFrom(index + 1, at + after.length) !== NONE;
        if (fits) next = at;
        table[at] = next;
      }
      tables[index] = table;
    }
    const ends: number[] = [];
    let start = this.prefix.length;
    for (const [index, { after }] of this.captures.entries()) {
      const end = endFrom(index, start);
      if (end === NONE) return undefined;
      ends.push(end);
      start = end + after.length;
    }
    return this.#found(key, ends);
  }
}

/** Behind every key. */
const NONE = 0x7fff_ffff;

/**
 * Where captures end when each is as short as it can be. `never`: the key does not match. `not so`: not with these ends.
 * @param start behind the prefix
 */
function shortestEnds(
  captures: readonly PatternCapture[],
  key: ByteString,
  start: number,
): number[] | 'never' | 'not so' {
  const ends: number[] = [];
  let at = start;
  for (const [i, { isStar, after }] of captures.entries()) {
    const least = at + (isStar ? 0 : 1);
    const end = i === captures.length - 1 ? key.length - after.length : key.indexOf(after, least);
    // No reading has this capture begin further to the left.
    if (end < least) return 'never';
    if (!isStar) {
      const colon = key.indexOf(':', at);
      if (colon >= 0 && colon < end) return 'not so';
    }
    ends.push(end);
    at = end + after.length;
  }
  return ends;
}

/** Whether a key that does not match with the shortest captures matches with no others: no name stands behind what could end elsewhere. */
function shortestDecides(captures: readonly PatternCapture[]): boolean {
  const loose = captures.findIndex(({ isStar, after }) => isStar || !after.startsWith(':'));
  return loose < 0 || captures.slice(loose + 1).every(({ isStar }) => isStar);
}

/** For each place the first colon at or behind it; the length of the key without one. */
function nextColons(key: ByteString): Int32Array {
  const colons = new Int32Array(key.length + 1);
  let next = key.length;
  for (let at = key.length; at >= 0; at--) {
    if (key[at] === ':') next = at;
    colons[at] = next;
  }
  return colons;
}

/** A text with captures in it, such as a URL. */
export interface Template {
  readonly text: string;
  /** Literal texts, and the captures between them. */
  readonly pieces: readonly (string | { readonly capture: string })[];
}

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
