import { type ByteString, bytesToUtf8 } from '../kernel/bytes.ts';

/** The steps of a JSON Pointer (RFC 6901), outermost first; none for the whole. */
export type JsonPointer = readonly string[];

/** The steps of a pointer such as `/data/0/a~1b`; undefined for a text that is none. */
export function parseJsonPointer(text: string): JsonPointer | undefined {
  if (text === '') return [];
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined;
  return text
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/**
 * The text of the part of a JSON document that a pointer names, as it stands there: numbers keep all their digits. Undefined when there
 * is no such part. Of members of one name the last counts, as for `JSON.parse`.
 *
 * @param json UTF-8
 * @throws SyntaxError when the document is not JSON
 */
export function selectJson(json: ByteString, pointer: JsonPointer): ByteString | undefined {
  // Says whether it is JSON at all, so that what follows need not.
  JSON.parse(bytesToUtf8(json));
  let at = skipSpace(json, 0);
  for (const step of pointer) {
    const next = json[at] === '{' ? findMember(json, at, step) : json[at] === '[' ? findElement(json, at, step) : -1;
    if (next === -1) return undefined;
    at = next;
  }
  return json.slice(at, skipValue(json, at));
}

/** Where the value of a member begins, -1 without one. */
function findMember(json: ByteString, object: number, name: string): number {
  let found = -1;
  let at = skipSpace(json, object + 1);
  while (json[at] === '"') {
    const end = skipString(json, at);
    const value = skipSpace(json, skipSpace(json, end) + 1);
    if (JSON.parse(bytesToUtf8(json.slice(at, end))) === name) found = value;
    at = skipSpace(json, skipValue(json, value));
    if (json[at] === ',') at = skipSpace(json, at + 1);
  }
  return found;
}

/** Where an element begins, -1 without one. */
function findElement(json: ByteString, array: number, step: string): number {
  if (!/^(?:0|[1-9]\d*)$/.test(step)) return -1;
  let at = skipSpace(json, array + 1);
  for (let left = Number(step); json[at] !== ']'; left--) {
    if (left === 0) return at;
    at = skipSpace(json, skipValue(json, at));
    if (json[at] === ',') at = skipSpace(json, at + 1);
  }
  return -1;
}

function skipSpace(json: ByteString, from: number): number {
  let at = from;
  while (json[at] === ' ' || json[at] === '\n' || json[at] === '\r' || json[at] === '\t') at++;
  return at;
}

/** Behind the closing quote. */
function skipString(json: ByteString, from: number): number {
  let at = from + 1;
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

function skipValue(json: ByteString, from: number): number {
  let at = from;
  let depth = 0;
  do {
    const char = json[at];
    if (char === '"') at = skipString(json, at);
    else {
      if (char === '{' || char === '[') depth++;
      else if (char === '}' || char === ']') depth--;
      at++;
      // A number or a word ends where something else begins.
      if (depth === 0 && char !== '}' && char !== ']') while (/[\w.+-]/.test(json[at] ?? '')) at++;
    }
  } while (depth > 0);
  return at;
}
