import type { ByteString } from '../kernel/bytes.ts';

const SPACE = /[ \n\r\t\v\f\0]/;
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/**
 * The words of a command given as one line, with Redis's quoting (`sdssplitargs`): "…" with escapes, '…' with \' only.
 * Undefined when quotes are not closed or not followed by a space.
 */
export function splitInline(line: ByteString): ByteString[] | undefined {
  const words: ByteString[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && SPACE.test(line[at] as string)) at++;
    if (at >= line.length) return words;
    let word = '';
    while (at < line.length && !SPACE.test(line[at] as string)) {
      const quote = line[at];
      if (quote !== '"' && quote !== "'") {
        word += quote;
        at++;
        continue;
      }
      const quoted = readQuoted(line, at + 1, quote);
      if (quoted === undefined) return undefined;
      word += quoted.text;
      at = quoted.end;
      if (at < line.length && !SPACE.test(line[at] as string)) return undefined;
    }
    words.push(word);
  }
}

function readQuoted(line: ByteString, start: number, quote: string): { text: ByteString; end: number } | undefined {
  let text = '';
  let at = start;
  while (at < line.length) {
    const char = line[at] as string;
    if (char === quote) return { text, end: at + 1 };
    if (char !== '\\' || at + 1 >= line.length) {
      text += char;
      at++;
    } else if (quote === "'") {
      text += line[at + 1] === "'" ? "'" : char;
      at += line[at + 1] === "'" ? 2 : 1;
    } else {
      const hex = /^\\x([0-9a-fA-F]{2})/.exec(line.slice(at, at + 4));
      const next = line[at + 1] as string;
      text += hex === null ? (escapes[next] ?? next) : String.fromCharCode(Number.parseInt(hex[1] as string, 16));
      at += hex === null ? 2 : 4;
    }
  }
  return undefined;
}
