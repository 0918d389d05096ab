import { type ErrorCode, SluiceError } from '../../errors.ts';
import { bytesToUtf8 } from '../../kernel/bytes.ts';
import type { ReplyError } from '../../resp/reply-decoder.ts';
import { NOT_AN_INTEGER_TEXT, OVERFLOW_TEXT } from '../decisions/whole-numbers.ts';

/** By the first word of an error reply. */
const codes: Readonly<Record<string, ErrorCode>> = {
  WRONGTYPE: 'WRONG_TYPE',
  OOM: 'OUT_OF_MEMORY',
  MISCONF: 'STORE_READ_ONLY',
  READONLY: 'STORE_READ_ONLY',
  NOREPLICAS: 'STORE_READ_ONLY',
  LOADING: 'STORE_LOADING',
  BUSY: 'STORE_UNAVAILABLE',
  MASTERDOWN: 'STORE_UNAVAILABLE',
  CLUSTERDOWN: 'STORE_UNAVAILABLE',
  TRYAGAIN: 'STORE_UNAVAILABLE',
  NOAUTH: 'STORE_UNAVAILABLE',
  NOPERM: 'STORE_UNAVAILABLE',
};

const messages: Partial<Readonly<Record<ErrorCode, string>>> = {
  WRONG_TYPE: 'the key holds a value of another type',
  NOT_AN_INTEGER: 'the value is not a whole number; set it to one before counting',
  OVERFLOW: 'the sum leaves the range of whole numbers',
  OUT_OF_MEMORY: 'the server has reached its maxmemory; delete keys or raise it',
};

/** By words in the middle: what a script raises comes with words of the server around it, which differ between versions. */
const words: readonly (readonly [string, ErrorCode])[] = [
  ['WRONGTYPE ', 'WRONG_TYPE'],
  ['OOM command not allowed', 'OUT_OF_MEMORY'],
  [NOT_AN_INTEGER_TEXT.slice(4), 'NOT_AN_INTEGER'],
  ['hash value is not an integer', 'NOT_AN_INTEGER'],
  [OVERFLOW_TEXT.slice(4), 'OVERFLOW'],
  ['SLUICE_UPSTREAM_UNKNOWN', 'STORE_TIMEOUT'],
  ['SLUICE_OVERLOADED', 'OVERLOADED'],
  ['the key has ', 'KEY_TOO_LONG'],
];

/** An error reply of the server as an error of ours. What we have no code for is something the server does not do. */
export function errorOfReply({ message }: ReplyError): SluiceError {
  const text = bytesToUtf8(message);
  const code =
    codes[text.slice(0, text.search(/ |$/))] ?? words.find(([part]) => text.includes(part))?.[1] ?? 'NOT_SUPPORTED';
  return new SluiceError(code, messages[code] ?? `the store answered: ${text}`, { details: { reply: text } });
}
