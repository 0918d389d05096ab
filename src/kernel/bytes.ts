/**
 * A string whose every char code is one byte, 0..255: how keys, values, fields and command arguments travel inside Sluice. Binary
 * safe, immutable, cheap to hash and compare, and written to a socket with `latin1`. Text becomes one only through this file.
 */
export type ByteString = string;

const ASCII_ONLY = /^[\x00-\x7f]*$/;

/** The UTF-8 bytes of `text`. */
export function utf8ToBytes(text: string): ByteString {
  return ASCII_ONLY.test(text) ? text : Buffer.from(text, 'utf8').latin1Slice();
}

/** The text that the bytes are in UTF-8; invalid sequences become U+FFFD. For showing, never for storing. */
export function bytesToUtf8(bytes: ByteString): string {
  return ASCII_ONLY.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

export function fromBuffer(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).latin1Slice();
}

/** The bytes in memory of their own. */
export function toBuffer(bytes: ByteString): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** Below this length a loop over the characters beats the call into the runtime. */
const SHORT = 24;

/** Writes the bytes at `at`; the caller has seen to the room. */
export function writeBytes(memory: Buffer, at: number, bytes: ByteString): void {
  const length = bytes.length;
  if (length < SHORT) for (let i = 0; i < length; i++) memory[at + i] = bytes.charCodeAt(i);
  else memory.latin1Write(bytes, at, length);
}

/** True when the memory holds the bytes at `at`. */
export function holdsBytes(memory: Buffer, at: number, bytes: ByteString): boolean {
  const length = bytes.length;
  for (let i = 0; i < length; i++) if (memory[at + i] !== bytes.charCodeAt(i)) return false;
  return true;
}
