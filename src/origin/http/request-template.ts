import { SluiceError } from '../../errors.ts';
import { type ByteString, bytesToUtf8, utf8ToBytes } from '../../kernel/bytes.ts';
import { type Captures, renderTemplate, type Template } from '../../kernel/key-pattern.ts';

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible characters, spaces and tabs, not at the ends. */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
/** What belongs to the connection, or is written by who sends. */
const RESERVED: readonly string[] = [
  'connection',
  'content-length',
  'expect',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'proxy-connection',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Header fields that may have captures in their values. */
export class HeaderTemplates {
  readonly #fields: readonly (readonly [string, string | Template])[];
  /** All of them, where none has captures. */
  readonly #constant: readonly string[] | undefined;

  /** @throws SluiceError INVALID_ARGUMENT, which names the field and never its value */
  constructor(fields: Readonly<Record<string, string | Template>>) {
    this.#fields = Object.entries(fields).map(([name, value]) => {
      const lower = name.toLowerCase();
      const refuse = (why: string): SluiceError =>
        new SluiceError('INVALID_ARGUMENT', `the header ${JSON.stringify(name)} of an origin cannot be used: ${why}`);
      if (!TOKEN.test(name)) throw refuse('that is not the name of a header');
      if (RESERVED.includes(lower)) throw refuse('it belongs to the connection, and Sluice sets it');
      if (typeof value === 'string' && !VALUE.test(value)) {
        throw refuse('its value has control characters, characters beyond Latin-1, or spaces at its ends');
      }
      return [lower, value];
    });
    const isConstant = this.#fields.every(([, value]) => typeof value === 'string');
    this.#constant = isConstant ? (this.#fields.flat() as string[]) : undefined;
  }

  /** Names in lower case and values, in turn. @throws SluiceError INVALID_ARGUMENT for a key that may not stand in a header */
  list(key: ByteString, captures: Captures): readonly string[] {
    if (this.#constant !== undefined) return this.#constant;
    return this.#fields.flatMap(([name, value]) => {
      if (typeof value === 'string') return [name, value];
      const text = renderTemplate(value, key, captures, (capture) => capture);
      if (!VALUE.test(text)) {
        throw new SluiceError('INVALID_ARGUMENT', `the key cannot be fetched: it may not stand in the header ${name}`);
      }
      return [name, text];
    });
  }
}

/** The body with the captures in it, each as the inside of a JSON string. @throws SluiceError INVALID_ARGUMENT for a key that is not UTF-8 */
export function renderJsonBody(template: Template, key: ByteString, captures: Captures): Buffer {
  const text = renderTemplate(template, key, captures, (capture) => {
    const value = bytesToUtf8(capture);
    if (utf8ToBytes(value) !== capture) {
      throw new SluiceError('INVALID_ARGUMENT', 'the key cannot be fetched: it is not UTF-8, which JSON must be');
    }
    return JSON.stringify(value).slice(1, -1);
  });
  return Buffer.from(text, 'utf8');
}
