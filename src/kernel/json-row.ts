import { type ByteString, bytesToUtf8, toBuffer, utf8ToBytes } from './bytes.ts';

/** Texts are left alone, numbers become texts as they are written. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
/** Half of a character, which UTF-8 cannot hold. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * A JSON object (RFC 8259) of plain values as a row: field names and values are UTF-8, numbers keep the digits they are written with, true and
 * false are texts. Of a name that comes twice the last counts.
 * @returns undefined for anything else
 */
export function parseJsonRow(text: ByteString): Map<ByteString, ByteString | null> | undefined {
  let parsed: unknown;
  try {
    const json = new TextDecoder('utf-8', { fatal: true }).decode(toBuffer(text));
    // It must be JSON before its numbers are texts.
    JSON.parse(json);
    parsed = JSON.parse(json.replaceAll(TOKENS, (token) => (token.startsWith('"') ? token : `"${token}"`)));
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const row = new Map<ByteString, ByteString | null>();
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value === 'object' && value !== null) return undefined;
    if (LONE_SURROGATE.test(name) || (typeof value === 'string' && LONE_SURROGATE.test(value))) return undefined;
    row.set(utf8ToBytes(name), value === null ? null : utf8ToBytes(String(value)));
  }
  return row;
}

/** A row as a JSON object of texts, in UTF-8. */
export function jsonRow(fields: ReadonlyMap<ByteString, ByteString>): ByteString {
  const entries = [...fields].map(([name, value]) => [bytesToUtf8(name), bytesToUtf8(value)]);
  return utf8ToBytes(JSON.stringify(Object.fromEntries(entries)));
}
