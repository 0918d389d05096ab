import { type ByteString, fromBuffer, utf8ToBytes } from '../../kernel/bytes.ts';
import { JsonText, type SqlCell } from './database.ts';

/**
 * One column as it is kept: text as UTF-8, bytes as they are, numbers as JSON writes them, integers and decimals exactly, JSON as the
 * database gave it.
 */
export function rawValue(cell: Exclude<SqlCell, null>): ByteString {
  if (typeof cell === 'string') return utf8ToBytes(cell);
  if (cell instanceof Uint8Array) return fromBuffer(cell);
  if (cell instanceof JsonText) return utf8ToBytes(cell.text);
  return String(cell);
}

/** A row as a JSON object in UTF-8, in the order of its columns. */
export function rowAsJson(columns: readonly string[], row: readonly SqlCell[]): ByteString {
  const members = columns.map((column, i) => `${JSON.stringify(column)}:${jsonOf(row[i] ?? null)}`);
  return utf8ToBytes(`{${members.join(',')}}`);
}

/**
 * JSON for one value. Integers that a double does not hold exactly are strings, since most readers of JSON would change them silently;
 * so are numbers that JSON does not have (NaN, Infinity). Bytes are base64.
 */
export function jsonOf(cell: SqlCell): string {
  if (cell === null) return 'null';
  if (cell instanceof JsonText) return cell.text;
  if (cell instanceof Uint8Array)
    return `"${Buffer.from(cell.buffer, cell.byteOffset, cell.byteLength).toString('base64')}"`;
  if (typeof cell === 'bigint') return isExact(cell) ? String(cell) : `"${cell}"`;
  if (typeof cell === 'number') return Number.isFinite(cell) ? JSON.stringify(cell) : `"${cell}"`;
  return JSON.stringify(cell);
}

function isExact(integer: bigint): boolean {
  return integer >= Number.MIN_SAFE_INTEGER && integer <= Number.MAX_SAFE_INTEGER;
}
