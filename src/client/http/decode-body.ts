import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { ByteString } from '../../kernel/bytes.ts';
import { fromBuffer, toBuffer } from '../../kernel/bytes.ts';

/** Content codings that can be undone (RFC 9110 section 8.4.1), by name. */
const decoders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const;

/** Whether nothing needs to be undone. @param coding Content-Encoding, '' when there is none */
export function isPlain(coding: string): boolean {
  return coding === '' || coding.trim().toLowerCase() === 'identity';
}

/**
 * Undoes one content coding. Not all servers that are asked for none keep to it.
 *
 * @param maxBytes of what comes out: a few bytes can stand for gigabytes
 * @returns undefined when it is more
 * @throws Error when the coding is unknown, several are nested, or the bytes are not of that coding
 */
export async function decodeBody(body: ByteString, coding: string, maxBytes: number): Promise<ByteString | undefined> {
  const name = coding.trim().toLowerCase();
  const decode = Object.hasOwn(decoders, name) ? decoders[name as keyof typeof decoders] : undefined;
  if (decode === undefined) throw new Error(`the content coding ${JSON.stringify(name.slice(0, 50))} is not known`);
  // A length of 0 would be no bound.
  const decoded = decode(toBuffer(body), { maxOutputLength: Math.max(1, maxBytes) });
  try {
    const plain = await decoded;
    return plain.length > maxBytes ? undefined : fromBuffer(plain);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
}
