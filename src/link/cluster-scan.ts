import type { ByteString } from '../kernel/bytes.ts';

/** A place in a SCAN over all nodes. */
export interface ScanPlace {
  /** In the order of the names of the primaries. */
  readonly node: number;
  /** The cursor of that node. */
  readonly cursor: string;
}

/** 10 bits for the node, 10 for the map, the rest for the node's own cursor. */
const FIELD = 1024n;
const LARGEST = 2n ** 64n;

/**
 * Where a cursor leads. It holds the number of the node, and a mark of the map it was made for: when the slots have moved since, keys
 * could be missed, so the scan has to begin anew.
 * @returns undefined when the map is another
 */
export function placeOf(cursor: bigint, fingerprint: number): ScanPlace | undefined {
  if (cursor === 0n) return { node: 0, cursor: '0' };
  if ((cursor / FIELD) % FIELD !== BigInt(fingerprint) % FIELD) return undefined;
  return { node: Number(cursor % FIELD), cursor: String(cursor / FIELD / FIELD) };
}

/** The cursor for a place; undefined when it has no room in 64 bits. */
export function cursorOf({ node, cursor }: ScanPlace, fingerprint: number): string | undefined {
  const all = (BigInt(cursor) * FIELD + (BigInt(fingerprint) % FIELD)) * FIELD + BigInt(node);
  return node < Number(FIELD) && all < LARGEST ? String(all) : undefined;
}

/** Reads the word a client gave. */
export function parseCursor(word: ByteString | undefined): bigint | undefined {
  return word !== undefined && /^\d{1,20}$/.test(word) ? BigInt(word) : undefined;
}

/** The cursor in a reply of SCAN, and the rest of the reply. */
export function scanReply(frame: ByteString): { readonly cursor: string; readonly rest: ByteString } | undefined {
  const match = /^\*2\r\n\$\d+\r\n(\d+)\r\n/.exec(frame);
  return match === null ? undefined : { cursor: match[1] as string, rest: frame.slice(match[0].length) };
}
