import { databaseUrlForm, parseDatabaseUrl } from '../origin/sql/database-url.ts';

/** What is at the other end. Rows can be written to all of them, and read from databases. */
export type ConnectionKind = 'database' | 'http' | 'jsonl' | 'discard';

/** The forms {@link parseConnectionUrl} accepts, for messages. */
export const connectionUrlForm = `${databaseUrlForm}, or for rows that are only written https://HOST/PATH, jsonl:FILE, discard:`;

/** What a kind is called in a message. */
export const kindInWords: Readonly<Record<ConnectionKind, string>> = {
  database: 'a database',
  http: 'an HTTP API',
  jsonl: 'a file of JSON lines',
  discard: 'a sink that throws rows away',
};

/** What a URL names. @returns what is wrong, never with the text itself, which may hold a password: `{ problem }` */
export function parseConnectionUrl(text: string): { readonly kind: ConnectionKind } | { readonly problem: string } {
  switch (schemeOf(text)) {
    case 'http':
    case 'https':
      return parseHttp(text);
    case 'jsonl':
      return jsonlFile(text) === '' ? { problem: 'the file is missing' } : { kind: 'jsonl' };
    case 'discard':
      return text.length === 'discard:'.length ? { kind: 'discard' } : { problem: 'nothing follows discard:' };
    case 'file':
      return { problem: 'a file that rows are appended to is written jsonl:FILE' };
    default: {
      const target = parseDatabaseUrl(text);
      return 'problem' in target ? target : { kind: 'database' };
    }
  }
}

/** Of a URL that was found to be one. */
export function kindOfConnection(url: string): ConnectionKind {
  const parsed = parseConnectionUrl(url);
  return 'problem' in parsed ? 'database' : parsed.kind;
}

/** Where the lines go to, relative to the folder the process runs in. */
export function jsonlFile(url: string): string {
  const rest = url.slice(url.indexOf(':') + 1);
  return rest.startsWith('//') ? rest.slice(2) : rest;
}

function schemeOf(text: string): string {
  return /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text)?.[1]?.toLowerCase() ?? '';
}

function parseHttp(text: string): { readonly kind: 'http' } | { readonly problem: string } {
  const problem = 'it is no URL like https://api.example.com/rows';
  if (!/^https?:\/\/[^/?#\\]/i.test(text) || !URL.canParse(text)) return { problem };
  const { username, password, port } = new URL(text);
  if (username !== '' || password !== '') return { problem: 'it has a user name or password; send them in headers' };
  if (text.includes('#')) return { problem: 'it has a fragment, which is never sent' };
  return port === '0' ? { problem } : { kind: 'http' };
}
