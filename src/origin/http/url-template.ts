import { SluiceError } from '../../errors.ts';
import { percentEncode } from '../../http/percent.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { type Captures, type Template, WHOLE_KEY } from '../../kernel/key-pattern.ts';

/** What most servers take, and far more than a name needs. */
const MAX_TARGET = 8_192;
/** What a path and a query may consist of (RFC 3986 sections 3.3 and 3.4); anything else has to be written percent-encoded. */
const PLAIN = /^(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*$/;
/** `.` or `..`, encoded or not, as some servers see it: they cut `;` and what follows first. */
const DOTS = /(?:^|\/)(?:\.|%2e){1,2}(?:(?:;|%3b)[^/]*)?(?=\/|$)/i;
/** What some servers take for the end of a segment or of the path, even when it is encoded. */
const STRUCTURE = /[/\\\x00-\x1f\x7f]/;

interface Part {
  readonly isCapture: boolean;
  /** Literal text, or the name of a capture. */
  readonly text: string;
}

/**
 * A URL with captures in its path and query. What is sent is put together from the text as it stands: nothing resolves or re-encodes it, so
 * a capture stays in the one segment or parameter it was put in.
 */
export class UrlTemplate {
  /** Scheme, host and port, in the one way to write them. */
  readonly api: string;
  readonly #path: readonly Part[];
  readonly #query: readonly Part[];
  /** Of the segments of the path, which are empty by themselves. */
  readonly #empty: readonly boolean[];

  /** @throws SluiceError INVALID_ARGUMENT when the template is no URL, or a capture stands where it could change whom is asked */
  constructor({ text, pieces }: Template) {
    const refuse = (why: string): SluiceError =>
      new SluiceError(
        'INVALID_ARGUMENT',
        `the URL of an origin cannot be used: ${why}; write it like https://api.example.com/users/{1}`,
      );
    const [first = ''] = pieces;
    const match = typeof first === 'string' ? /^(https?):\/\/([^/?#\\]*)([/?].*)?$/s.exec(first) : null;
    if (match === null) throw refuse('it does not begin with http:// or https:// and a host');
    const [, scheme, authority = '', rest = ''] = match;
    if (authority.includes('@')) throw refuse('it has a user name or password; send them in a header');
    if (rest === '' && pieces.length > 1) throw refuse('captures may stand in its path and query only');
    const origin = `${scheme}://${authority}`;
    const parsed = authority !== '' && URL.canParse(origin) ? new URL(origin) : undefined;
    if (parsed === undefined || parsed.port === '0') throw refuse('its host or port is not valid');
    if (text.includes('#')) throw refuse('it has a fragment, which is never sent');
    this.api = parsed.origin;
    const start = rest.startsWith('/') ? rest : `/${rest}`;
    const parts = [start, ...pieces.slice(1)].map(
      (piece): Part =>
        typeof piece === 'string' ? { isCapture: false, text: piece } : { isCapture: true, text: piece.capture },
    );
    [this.#path, this.#query] = splitAtQuery(parts);
    if (parts.some((part) => !part.isCapture && !PLAIN.test(part.text))) {
      throw refuse('its path or query has characters that must be percent-encoded');
    }
    const sample = join(this.#path, () => 'x');
    if (DOTS.test(sample)) throw refuse('its path has a segment of dots');
    this.#empty = sample.split('/').map((segment) => segment === '');
  }

  /**
   * Path and query as they are sent.
   * @throws SluiceError INVALID_ARGUMENT when a capture would change the structure of the path, or the whole is too long
   */
  target(key: ByteString, captures: Captures): string {
    const bytesOf = (name: string): ByteString => (name === WHOLE_KEY ? key : (captures.get(name) ?? ''));
    let isEmpty = false;
    const path = join(this.#path, (name) => {
      const value = bytesOf(name);
      if (STRUCTURE.test(value))
        throw refuseKey('has a slash, backslash or control character where one name must stand');
      if (value === '') isEmpty = true;
      return percentEncode(value);
    });
    if (DOTS.test(path)) throw refuseKey('has only dots where a name must stand');
    if (isEmpty && path.split('/').some((segment, i) => segment === '' && this.#empty[i] !== true)) {
      throw refuseKey('has nothing where a name must stand');
    }
    const target = path + join(this.#query, (name) => percentEncode(bytesOf(name)));
    if (target.length > MAX_TARGET) throw refuseKey(`makes a URL of more than ${MAX_TARGET} bytes`);
    return target;
  }
}

function refuseKey(why: string): SluiceError {
  return new SluiceError('INVALID_ARGUMENT', `the key cannot be fetched: it ${why}`);
}

function join(parts: readonly Part[], capture: (name: string) => string): string {
  let text = '';
  for (const part of parts) text += part.isCapture ? capture(part.text) : part.text;
  return text;
}

/** The parts before the first `?` of a literal, and the rest with it. */
function splitAtQuery(parts: readonly Part[]): [Part[], Part[]] {
  const index = parts.findIndex((part) => !part.isCapture && part.text.includes('?'));
  const at = parts[index];
  if (at === undefined) return [[...parts], []];
  const mark = at.text.indexOf('?');
  const literal = (text: string): Part[] => (text === '' ? [] : [{ isCapture: false, text }]);
  return [
    [...parts.slice(0, index), ...literal(at.text.slice(0, mark))],
    [...literal(at.text.slice(mark)), ...parts.slice(index + 1)],
  ];
}
