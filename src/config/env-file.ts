/** A line of an environment file that could not be read. */
export interface EnvFileProblem {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

/** What an environment file says. */
export interface EnvFile {
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly EnvFileProblem[];
}

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=[^\S\n]*/;
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"', $: '$' };

/**
 * Reads a `.env` file: one `NAME=value` a line, `export` before it allowed, `#` begins a comment at the start of a line or after a space.
 * `'…'` is taken as it stands, `"…"` knows `\n \r \t \\ \" \$`; both may span lines. A value without quotes loses the spaces around it.
 * Nothing is substituted. A name given twice takes its last value.
 */
export function parseEnvFile(text: string): EnvFile {
  const values = new Map<string, string>();
  const problems: EnvFileProblem[] = [];
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  let line = 1;
  for (let at = 0; at < source.length; ) {
    const lineEnd = endOfLine(source, at);
    const content = source.slice(at, lineEnd);
    const match = assignment.exec(content);
    let end = lineEnd;
    if (match === null) {
      if (!/^\s*(?:#.*)?$/.test(content)) problems.push({ line, message: 'expected NAME=value' });
    } else {
      const name = match[1] as string;
      const start = at + match[0].length;
      const quote = source[start];
      if (quote === '"' || quote === "'") {
        const quoted = readQuoted(source, start + 1, quote);
        if (quoted === undefined) {
          problems.push({ line, message: `the value of ${name} has no closing ${quote}` });
        } else {
          end = endOfLine(source, quoted.end);
          if (/^\s*(?:#.*)?$/.test(source.slice(quoted.end, end))) values.set(name, quoted.value);
          else problems.push({ line, message: `unexpected text after the quoted value of ${name}` });
        }
      } else {
        values.set(
          name,
          source
            .slice(start, lineEnd)
            .replace(/(?:^|\s)#.*$/, '')
            .trim(),
        );
      }
    }
    for (let i = at; i < end; i++) if (source[i] === '\n') line++;
    line++;
    at = end + 1;
  }
  return { values, problems };
}

function endOfLine(source: string, from: number): number {
  const end = source.indexOf('\n', from);
  return end < 0 ? source.length : end;
}

/** The value of a quoted text whose first character is at `from`, and the index after its closing quote. */
function readQuoted(source: string, from: number, quote: string): { value: string; end: number } | undefined {
  let value = '';
  for (let at = from; at < source.length; at++) {
    const char = source[at] as string;
    if (char === quote) return { value, end: at + 1 };
    const next = source[at + 1];
    if (char === '\\' && quote === '"' && next !== undefined && escapes[next] !== undefined) {
      value += escapes[next];
      at++;
    } else {
      value += char;
    }
  }
  return undefined;
}
