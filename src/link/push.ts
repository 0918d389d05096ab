import type { ByteString } from '../kernel/bytes.ts';

const PREFIX = '>2\r\n$10\r\ninvalidate\r\n';

/**
 * The keys that an invalidation names, in RESP3: `>2 invalidate *n key…`, or null for all keys.
 * @param frame a whole push
 * @returns undefined for a push of another kind
 */
export function invalidatedKeys(frame: ByteString): ByteString[] | null | undefined {
  if (!frame.startsWith(PREFIX)) return undefined;
  let at = PREFIX.length;
  if (frame[at] !== '*') return null;
  let end = frame.indexOf('\r\n', at);
  const count = Number(frame.slice(at + 1, end));
  if (count < 0) return null;
  const keys: ByteString[] = [];
  at = end + 2;
  for (let i = 0; i < count; i++) {
    end = frame.indexOf('\r\n', at);
    const length = Number(frame.slice(at + 1, end));
    keys.push(frame.slice(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return keys;
}
