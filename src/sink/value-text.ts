import type { ByteString } from '../kernel/bytes.ts';
import { SinkFailure } from './sink.ts';

const asciiOnly = /^[\x00-\x7f]*$/;

/**
 * A value as the text it is in UTF-8.
 * @param column for the message
 * @throws SinkFailure data: it is not UTF-8
 */
export function textOf(value: ByteString, column: string): string {
  if (asciiOnly.test(value)) return value;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'latin1'));
  } catch {
    throw new SinkFailure('data', `the value for column ${column} is not text in UTF-8`);
  }
}
