import type { ByteString } from '../kernel/bytes.ts';

/** The bytes a percent-encoded text stands for (RFC 3986 section 2.1); undefined where a `%` is not followed by two digits. */
export function percentDecode(text: string): ByteString | undefined {
  if (!text.includes('%')) return text;
  let valid = true;
  const bytes = text.replace(/%(..?)?/g, (_, digits: string | undefined) => {
    if (digits === undefined || !/^[0-9A-Fa-f]{2}$/.test(digits)) valid = false;
    return String.fromCharCode(Number.parseInt(digits ?? '0', 16) & 0xff);
  });
  return valid ? bytes : undefined;
}

/** The bytes as one part of a path or query: all but the unreserved characters encoded (RFC 3986 section 2.3). */
export function percentEncode(bytes: ByteString): string {
  return bytes.replace(/[^A-Za-z0-9._~-]/gs, (byte) => {
    return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}
