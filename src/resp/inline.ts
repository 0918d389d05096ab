import type { ByteString } from '../kernel/bytes.ts';

const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;
const LOWER_X = 120;

/** `isspace` of the C locale: what may stand around words. */
const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

/** What ends a word outside of quotes: vertical tab and form feed do not. */
const endsWord = (code: number): boolean => code === 32 || code === 9 || code === 10 || code === 13;

/** -1 when it is no hexadecimal digit, or not there (NaN). */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** What `\n` and its like stand for in double quotes; any other escaped character stands for itself. */
function unescaped(char: string): string {
  switch (char) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\x07';
    default:
      return char;
  }
}

/**
 * The words of a command given as one line, quoted as Redis's `sdssplitargs` has it: in "…" the escapes `\n \r \t \b \a \xHH`, in
 * '…' only `\'`; a quote may open inside a word. The line must not hold NUL, at which Redis would stop.
 * @returns undefined when a quote is not closed, or closed and followed by something else than a space.
 */
export function splitInline(line: ByteString): ByteString[] | undefined {
  const words: ByteString[] = [];
  let at = 0;
  for (;;) {
    while (isSpace(line.charCodeAt(at))) at++;
    if (at >= line.length) return words;
    const start = at;
    let code = line.charCodeAt(at);
    while (at < line.length && !endsWord(code) && code !== QUOTE && code !== APOSTROPHE) code = line.charCodeAt(++at);
    const plain = line.slice(start, at);
    if (code !== QUOTE && code !== APOSTROPHE) {
      words.push(plain);
      continue;
    }
    // A word ends with the quote that closes in it.
    const closing = closingQuote(line, at + 1, code);
    if (closing < 0 || (closing + 1 < line.length && !isSpace(line.charCodeAt(closing + 1)))) return undefined;
    const quoted = line.slice(at + 1, closing);
    words.push(plain + (code === QUOTE ? doubleQuoted(quoted) : singleQuoted(quoted)));
    at = closing + 1;
  }
}

/** Where the quote opened before `start` closes, or -1. */
function closingQuote(line: ByteString, start: number, quote: number): number {
  for (let at = start; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === quote) return at;
    // In single quotes a backslash escapes nothing but the quote.
    if (code === BACKSLASH && (quote === QUOTE || line.charCodeAt(at + 1) === APOSTROPHE)) at++;
  }
  return -1;
}

function singleQuoted(text: ByteString): ByteString {
  return text.replaceAll("\\'", "'");
}

function doubleQuoted(text: ByteString): ByteString {
  let backslash = text.indexOf('\\');
  if (backslash < 0) return text;
  let result = '';
  let plain = 0;
  while (backslash >= 0 && backslash + 1 < text.length) {
    result += text.slice(plain, backslash);
    const high = text.charCodeAt(backslash + 1) === LOWER_X ? hexDigit(text.charCodeAt(backslash + 2)) : -1;
    const low = high < 0 ? -1 : hexDigit(text.charCodeAt(backslash + 3));
    if (low < 0) {
      result += unescaped(text[backslash + 1] as string);
      plain = backslash + 2;
    } else {
      result += String.fromCharCode(high * 16 + low);
      plain = backslash + 4;
    }
    backslash = text.indexOf('\\', plain);
  }
  return result + text.slice(plain);
}
