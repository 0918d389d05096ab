/**
 * Splits TypeScript source into code and text. Returns `code`: the source with the content of every comment, string,
 * template and regular expression blanked out (same length, same line breaks), and `strings`: each plain string literal
 * with the offset of its opening quote. The compiler of TypeScript 7 has no JavaScript interface, hence our own; it need
 * not understand the language, only where text begins and ends.
 * Throws when a literal does not end or the brackets do not match, so that it can never be silently wrong.
 */
export function lex(source) {
  const code = source.split('');
  const strings = [];
  /** Open brackets; `${` marks code inside a template. */
  const open = [];
  let at = 0;

  const blank = (from, to) => {
    for (let i = from; i < to; i++) if (code[i] !== '\n') code[i] = ' ';
  };
  const lineAt = (offset) => source.slice(0, offset).split('\n').length;
  const fail = (what, offset) => {
    throw new Error(`line ${lineAt(offset)}: ${what}`);
  };

  const readQuoted = (quote) => {
    const start = at++;
    while (source[at] !== quote) {
      if (at >= source.length || source[at] === '\n') fail('string without an end', start);
      at += source[at] === '\\' ? 2 : 1;
    }
    at++;
    strings.push({ at: start, value: source.slice(start + 1, at - 1) });
    blank(start + 1, at - 1);
  };
  /** Reads template text up to its end or to the next `${`; `at` is on its first character. */
  const readTemplate = () => {
    const start = at;
    for (;;) {
      if (at >= source.length) fail('template without an end', start);
      if (source[at] === '`') {
        blank(start, at++);
        return;
      }
      if (source.startsWith('${', at)) {
        blank(start, at);
        open.push({ bracket: '${', at });
        at += 2;
        return;
      }
      at += source[at] === '\\' ? 2 : 1;
    }
  };
  const readPattern = () => {
    const start = at++;
    let inClass = false;
    while (inClass || source[at] !== '/') {
      if (at >= source.length || source[at] === '\n') fail('regular expression without an end', start);
      if (source[at] === '[') inClass = true;
      else if (source[at] === ']') inClass = false;
      at += source[at] === '\\' ? 2 : 1;
    }
    blank(start + 1, at++);
  };
  /** A slash divides after a value; after an operator, an opening bracket or a keyword it starts a pattern. */
  const startsPattern = () => {
    const before = code
      .slice(Math.max(0, at - 40), at)
      .join('')
      .trimEnd();
    return /(^|[^\w$)\]}'"`])$|(^|[^\w$.])(return|typeof|case|of|in|throw|await|yield|else|do)$/.test(before);
  };

  while (at < source.length) {
    const char = source[at];
    if (char === '/' && source[at + 1] === '/') {
      const end = source.indexOf('\n', at);
      const stop = end === -1 ? source.length : end;
      blank(at, stop);
      at = stop;
    } else if (char === '/' && source[at + 1] === '*') {
      const end = source.indexOf('*/', at + 2);
      if (end === -1) fail('comment without an end', at);
      blank(at, end + 2);
      at = end + 2;
    } else if (char === "'" || char === '"') readQuoted(char);
    else if (char === '`') {
      at++;
      readTemplate();
    } else if (char === '/' && startsPattern()) readPattern();
    else if (char === '(' || char === '[' || char === '{') open.push({ bracket: char, at: at++ });
    else if (char === ')' || char === ']' || char === '}') {
      const last = open.pop();
      const wanted = { ')': ['('], ']': ['['], '}': ['{', '${'] }[char];
      if (!wanted.includes(last?.bracket)) fail(`unexpected ${char}`, at);
      at++;
      if (last.bracket === '${') readTemplate();
    } else at++;
  }
  if (open.length > 0) fail(`${open.at(-1).bracket} is never closed`, open.at(-1).at);
  return { code: code.join(''), strings, lineAt };
}
