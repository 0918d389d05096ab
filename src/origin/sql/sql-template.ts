import type { SqlDialect } from './database.ts';

/** A query whose placeholders have become parameters. */
export interface SqlStatement {
  readonly text: string;
  /** What each parameter is, in order: the name of a capture, or `key`. */
  readonly parameters: readonly string[];
}

const placeholder = /\{([\w-]+)\}/y;
const identifierEnd = /[\w$\u0080-\uffff]$/;
const identifierStart = /^[\w$\u0080-\uffff]/;
const dollarQuote = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;

/**
 * Reads a query with `{name}` where a capture belongs, and `{key}` for the whole key. Each becomes a parameter of its own, so nothing a
 * client sends is ever part of the text.
 * @param names what the pattern of the keyspace captures: names, and numbers of stars from `1`
 * @returns what is wrong: `{ problem }`
 */
export function parseSqlTemplate(
  sql: string,
  dialect: SqlDialect,
  names: readonly string[],
): SqlStatement | { readonly problem: string } {
  const known = new Set([...names, 'key']);
  const parameters: string[] = [];
  let text = '';
  for (let at = 0; at < sql.length; ) {
    const quoted = quotedPart(sql, at, dialect);
    if (quoted !== undefined) {
      if (quoted.end === undefined)
        return { problem: `the ${quoted.what} that begins at character ${at + 1} has no end` };
      const part = sql.slice(at, quoted.end);
      for (const [whole, name = ''] of part.matchAll(/\{([\w-]+)\}/g)) {
        if (known.has(name))
          return { problem: `${whole} stands in a ${quoted.what}: write it without quotes, it becomes a parameter` };
      }
      text += part;
      at = quoted.end;
      continue;
    }
    const char = sql[at] as string;
    if (char === '{') {
      placeholder.lastIndex = at;
      const [whole, name] = placeholder.exec(sql) ?? [];
      if (whole === undefined || name === undefined)
        return { problem: `the { at character ${at + 1} begins no placeholder such as {1} or {key}` };
      if (!known.has(name))
        return {
          problem: `${whole} is captured by nothing; there is ${[...known].map((one) => `{${one}}`).join(', ')}`,
        };
      if (identifierEnd.test(text) || identifierStart.test(sql.slice(at + whole.length)))
        return { problem: `${whole} is joined to a word: a parameter is a value of its own` };
      parameters.push(name);
      text += dialect === 'postgres' ? `$${parameters.length}` : '?';
      at += whole.length;
      continue;
    }
    const problem = strayParameter(sql, at, dialect, text);
    if (problem !== undefined) return { problem };
    if (char === ';' && /\S/.test(sql.slice(at + 1))) return { problem: 'there is more than one statement' };
    if (char !== ';') text += char;
    at++;
  }
  if (text.trim() === '') return { problem: 'there is no statement' };
  return { text: text.trim(), parameters };
}

/** Parameters written in the database's own way would get no value, or that of another. */
function strayParameter(sql: string, at: number, dialect: SqlDialect, before: string): string | undefined {
  const rest = sql.slice(at, at + 2);
  const own =
    dialect === 'postgres'
      ? /^\$\d/.test(rest) && !identifierEnd.test(before)
      : sql[at] === '?' ||
        (dialect === 'sqlite' && /^[:@$][\w\u0080-\uffff]/.test(rest) && !/[\w$:\u0080-\uffff]$/.test(before));
  return own ? `the ${sql[at]} at character ${at + 1} would be a parameter: write {1}, {name} or {key}` : undefined;
}

/** The string, quoted name or comment that begins here; `end` is undefined when it never ends. */
function quotedPart(
  sql: string,
  at: number,
  dialect: SqlDialect,
): { readonly what: string; readonly end: number | undefined } | undefined {
  const char = sql[at];
  if (char === "'" || char === '"' || (char === '`' && dialect !== 'postgres')) {
    const escapes =
      (dialect === 'mysql' && char !== '`') ||
      (dialect === 'postgres' &&
        char === "'" &&
        /(?:^|[^\w$\u0080-\uffff])[eE]$/.test(sql.slice(Math.max(0, at - 2), at)));
    return { what: 'quoted string', end: endOfQuote(sql, at, escapes) };
  }
  if (char === '[' && dialect === 'sqlite') return { what: 'quoted name', end: after(sql, ']', at + 1) };
  if (char === '$' && dialect === 'postgres' && !identifierEnd.test(sql.slice(0, at))) {
    dollarQuote.lastIndex = at;
    const tag = dollarQuote.exec(sql)?.[0];
    if (tag !== undefined) return { what: 'quoted string', end: after(sql, tag, at + tag.length) };
  }
  const isDashes = sql.startsWith('--', at) && (dialect !== 'mysql' || /^(?:\s|$)/.test(sql.slice(at + 2, at + 3)));
  if (isDashes || (char === '#' && dialect === 'mysql'))
    return { what: 'comment', end: after(sql, '\n', at) ?? sql.length };
  if (sql.startsWith('/*', at)) return { what: 'comment', end: endOfComment(sql, at, dialect === 'postgres') };
  return undefined;
}

function endOfQuote(sql: string, start: number, escapes: boolean): number | undefined {
  const quote = sql[start];
  for (let at = start + 1; at < sql.length; at++) {
    if (escapes && sql[at] === '\\') at++;
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1;
      at++;
    }
  }
  return undefined;
}

function endOfComment(sql: string, start: number, nests: boolean): number | undefined {
  let depth = 1;
  for (let at = start + 2; at < sql.length; at++) {
    if (sql.startsWith('*/', at)) {
      at++;
      if (--depth === 0) return at + 1;
    } else if (nests && sql.startsWith('/*', at)) {
      at++;
      depth++;
    }
  }
  return undefined;
}

function after(sql: string, what: string, from: number): number | undefined {
  const found = sql.indexOf(what, from);
  return found < 0 ? undefined : found + what.length;
}
