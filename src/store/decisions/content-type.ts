import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { MAX_META_BYTES } from '../engine/records.ts';

/**
 * A media type goes out as a header field as it came: what no field may hold is refused (RFC 9110 section 5.5).
 * @throws SluiceError INVALID_ARGUMENT
 */
export function contentTypeArg(contentType: string | undefined): ByteString {
  if (contentType === undefined) return '';
  if (contentType.length > MAX_META_BYTES) {
    throw new SluiceError(
      'INVALID_ARGUMENT',
      `the content type is longer than ${MAX_META_BYTES} bytes; use a shorter one`,
    );
  }
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(contentType)) return contentType;
  throw new SluiceError(
    'INVALID_ARGUMENT',
    'the content type has characters that a header field cannot hold; use visible ASCII',
  );
}
