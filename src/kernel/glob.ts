const star = 0x2a;
const question = 0x3f;
const open = 0x5b;
const backslash = 0x5c;
const close = 0x5d;
const caret = 0x5e;
const dash = 0x2d;

/** How a glob is matched. */
export interface GlobOptions {
  /** Letters A-Z match their lower case form, as in CONFIG GET. @default false */
  readonly ignoreCase?: boolean;
}

/**
 * Whether the byte string `text` matches the glob `pattern` as Redis 7.0 matches it (`stringmatchlen` in util.c): `*` any run, `?` one
 * byte, `[abc] [a-z] [^a]` one byte of (not of) a class, `\x` the byte x itself. Kept as there: a class without its `]` ends with the
 * pattern, a range may be written backwards, a lone `\` at the end means itself, and `*` does not match an empty text.
 * Bytes compare as 0..255 (Redis compares ranges above 127 as the C compiler's `char` happens to be).
 *
 * Cost: pattern length x text length at worst, for any number of `*`, as only the last `*` seen is ever returned to.
 */
export function matchGlob(pattern: string, text: string, options: GlobOptions = {}): boolean {
  if (text.length === 0) return pattern.length === 0;
  const ignoreCase = options.ignoreCase === true;
  let p = 0;
  let t = 0;
  /** Where the pattern goes on after the last `*`, or -1, and the first byte of the text that this `*` does not take. */
  let afterStar = -1;
  let starEnd = 0;
  while (t < text.length) {
    if (p < pattern.length) {
      if (pattern.charCodeAt(p) === star) {
        p = skipStars(pattern, p);
        if (p === pattern.length) return true;
        afterStar = p;
        starEnd = t;
        continue;
      }
      const next = matchOne(pattern, p, text.charCodeAt(t), ignoreCase);
      if (next >= 0) {
        p = next;
        t++;
        continue;
      }
    }
    // No match from here: let the last `*` take one byte more. An earlier `*` need not be tried, it could only lead to the same texts.
    if (afterStar < 0) return false;
    p = afterStar;
    t = ++starEnd;
  }
  return skipStars(pattern, p) === pattern.length;
}

/**
 * {@link matchGlob} prepared for many texts: patterns that are plain text, a prefix (`user:*`) or `*` alone are compared directly.
 * A lone `*` matches every text, the empty one too, as KEYS and SCAN have it.
 */
export function compileGlob(pattern: string, options: GlobOptions = {}): (text: string) => boolean {
  if (pattern === '*') return () => true;
  if (options.ignoreCase !== true) {
    const special = pattern.search(/[*?[\\]/);
    if (special < 0) return (text) => text === pattern;
    if (special > 0 && special === pattern.length - 1 && pattern.endsWith('*')) {
      const prefix = pattern.slice(0, -1);
      return (text) => text.startsWith(prefix);
    }
  }
  return (text) => matchGlob(pattern, text, options);
}

function skipStars(pattern: string, from: number): number {
  let p = from;
  while (p < pattern.length && pattern.charCodeAt(p) === star) p++;
  return p;
}

/** Matches one byte against the element at `p` (not a `*`); the index after the element, or -1. */
function matchOne(pattern: string, p: number, byte: number, ignoreCase: boolean): number {
  const element = pattern.charCodeAt(p);
  if (element === question) return p + 1;
  if (element === open) return matchClass(pattern, p + 1, byte, ignoreCase);
  const at = element === backslash && p + 1 < pattern.length ? p + 1 : p;
  return fold(pattern.charCodeAt(at), ignoreCase) === fold(byte, ignoreCase) ? at + 1 : -1;
}

/** Matches one byte against the class whose first byte after `[` is at `from`; the index after its `]`, or -1. */
function matchClass(pattern: string, from: number, byte: number, ignoreCase: boolean): number {
  const end = pattern.length;
  const negated = from < end && pattern.charCodeAt(from) === caret;
  const folded = fold(byte, ignoreCase);
  let matched = false;
  let p = negated ? from + 1 : from;
  for (; p < end && pattern.charCodeAt(p) !== close; p++) {
    const code = pattern.charCodeAt(p);
    if (code === backslash && p + 1 < end) {
      // As in Redis, an escaped byte of a class keeps its case even where case is ignored.
      p++;
      if (pattern.charCodeAt(p) === byte) matched = true;
    } else if (p + 2 < end && pattern.charCodeAt(p + 1) === dash) {
      const other = pattern.charCodeAt(p + 2);
      const low = fold(Math.min(code, other), ignoreCase);
      const high = fold(Math.max(code, other), ignoreCase);
      if (folded >= low && folded <= high) matched = true;
      p += 2;
    } else if (fold(code, ignoreCase) === folded) {
      matched = true;
    }
  }
  if (matched === negated) return -1;
  return p < end ? p + 1 : p;
}

function fold(byte: number, ignoreCase: boolean): number {
  return ignoreCase && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
