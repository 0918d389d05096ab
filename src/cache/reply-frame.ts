import type { ByteString } from '../kernel/bytes.ts';

/**
 * Looks into a reply that is known to be whole: RESP3, a scalar or a flat aggregate of strings and nulls. For the few shapes of replies
 * that are cached this is cheaper than decoding.
 */
const DOLLAR = 0x24;
const MINUS = 0x2d;
const UNDERSCORE = 0x5f;
const COLON = 0x3a;

export function isBulk(frame: ByteString): boolean {
  return frame.charCodeAt(0) === DOLLAR && frame.charCodeAt(1) !== MINUS;
}

export function isNil(frame: ByteString): boolean {
  return frame.charCodeAt(0) === UNDERSCORE || (frame.charCodeAt(0) === DOLLAR && frame.charCodeAt(1) === MINUS);
}

export function isError(frame: ByteString): boolean {
  const type = frame.charCodeAt(0);
  return type === MINUS || type === 0x21;
}

export function bulkOf(frame: ByteString): ByteString {
  return frame.slice(frame.indexOf('\r\n') + 2, -2);
}

/** The integer, or undefined when it is something else. */
export function integerOf(frame: ByteString): number | undefined {
  if (frame === ':-1\r\n') return -1;
  return frame.charCodeAt(0) === COLON ? Number(frame.slice(1, -2)) : undefined;
}

/** The elements of an array, set or map in a row, null for what is absent. */
export function elementsOf(frame: ByteString): (ByteString | null)[] {
  const elements: (ByteString | null)[] = [];
  let at = frame.indexOf('\r\n') + 2;
  while (at < frame.length) {
    const end = frame.indexOf('\r\n', at);
    if (frame.charCodeAt(at) === DOLLAR && frame.charCodeAt(at + 1) !== MINUS) {
      const from = end + 2;
      const to = from + Number(frame.slice(at + 1, end));
      elements.push(frame.slice(from, to));
      at = to + 2;
    } else {
      elements.push(null);
      at = end + 2;
    }
  }
  return elements;
}
