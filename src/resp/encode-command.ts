import type { ByteString } from '../kernel/bytes.ts';

const SMALL = 1024;
const headers: readonly string[] = Array.from({ length: SMALL }, (_, n) => `$${n}\r\n`);
const counts: readonly string[] = Array.from({ length: 64 }, (_, n) => `*${n}\r\n`);

/** A command as a client sends it: an array of bulk strings, latin1. */
export function encodeCommand(argv: readonly ByteString[]): ByteString {
  const { length } = argv;
  let text = length < 64 ? (counts[length] as string) : `*${length}\r\n`;
  for (let i = 0; i < length; i++) {
    const word = argv[i] as ByteString;
    text += word.length < SMALL ? `${headers[word.length]}${word}\r\n` : `$${word.length}\r\n${word}\r\n`;
  }
  return text;
}
