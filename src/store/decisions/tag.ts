import { hash } from 'node:crypto';
import { type ByteString, toBuffer } from '../../kernel/bytes.ts';

const ASCII_ONLY = /^[\x00-\x7f]*$/;

/** The tag of a value: its SHA-1 as Redis's `redis.sha1hex` and `sha1sum` print it. */
export function tagOf(value: ByteString): string {
  // Text of ASCII is hashed as it is: its UTF-8 is its bytes.
  return hash('sha1', ASCII_ONLY.test(value) ? value : toBuffer(value));
}
