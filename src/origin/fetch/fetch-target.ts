import { SluiceError } from '../../errors.ts';

/** A URL that may be sent as it stands: every program that reads it reads the same. */
export interface FetchTarget {
  /** Byte for byte what is sent. */
  readonly url: string;
  readonly scheme: 'http' | 'https';
  /** In lower case; IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** Parameters to be added to the query of a URL. */
export type FetchParameters = Readonly<Record<string, string | number | boolean>>;

/** Bytes of a URL with its parameters: what most servers take. */
const MAX_URL = 8192;
/** What a path and a query may consist of (RFC 3986 sections 3.3 and 3.4), but for `'`, which some programs encode and some do not. */
const PLAIN = /^(?:[A-Za-z0-9._~!$&()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*$/;
/** Encoded, once or more, dots, slashes, backslashes and control characters: some servers decode them before they look at the path. */
const HIDDEN = /%(?:25)*(?:2[ef]|5c|[01][0-9a-f]|7f)/i;

const defaultPorts = { http: 80, https: 443 } as const;

function refuse(why: string): SluiceError {
  return new SluiceError('INVALID_ARGUMENT', `the URL cannot be fetched: ${why}`);
}

/**
 * Checks a URL and takes it apart; refuses what would have to be corrected first, so that nothing stands between what was checked and what
 * is sent.
 * @throws SluiceError INVALID_ARGUMENT
 */
export function parseTarget(text: string): FetchTarget {
  if (text.length > MAX_URL) throw refuse(`it is longer than ${MAX_URL} bytes`);
  const match = /^(https?):\/\/([^/?#\\]*)(\/[^?#]*)?(\?[^#]*)?(#.*)?$/s.exec(text);
  if (match === null) throw refuse('it does not begin with http:// or https:// and a host, in lower case');
  const [, scheme, authority = '', path = '/', query = '', fragment] = match;
  if (authority.includes('@')) throw refuse('it has a user name or password');
  if (authority === '') throw refuse('it has no host');
  if (fragment !== undefined) throw refuse('it has a fragment');
  if (!PLAIN.test(path) || !PLAIN.test(query)) {
    throw refuse('its path or query has characters that must be percent-encoded');
  }
  checkPath(path);
  const url = `${scheme}://${authority}${path}${query}`;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) throw refuse('its host or port is not valid');
  // Numbers as hosts (127.1, 0x7f.1, 2130706433), capitals, ports that need not be said: a URL has one spelling here.
  if (parsed.href !== url) throw refuse(`write it as ${parsed.href}`);
  if (parsed.hostname.endsWith('.')) throw refuse('its host ends with a dot');
  const known = scheme as keyof typeof defaultPorts;
  const port = parsed.port === '' ? defaultPorts[known] : Number(parsed.port);
  if (port === 0) throw refuse('its port is 0');
  return { url, scheme: known, host: parsed.hostname, port, path };
}

function checkPath(path: string): void {
  if (HIDDEN.test(path)) throw refuse('its path has an encoded dot, slash, backslash or control character');
  for (const segment of path.split('/')) {
    // Some servers cut `;` and what follows before they resolve dots.
    const name = segment.split(';', 1)[0];
    if (name === '.' || name === '..') throw refuse('its path has a segment of dots');
  }
  try {
    decodeURIComponent(path);
  } catch {
    throw refuse('its path is not UTF-8');
  }
}

/** The URL with the parameters at the end of its query, in the order of their names. @throws SluiceError INVALID_ARGUMENT */
export function targetOf(url: string, parameters: FetchParameters): FetchTarget {
  const target = parseTarget(url);
  const names = Object.keys(parameters).sort();
  if (names.length === 0) return target;
  const query = new URLSearchParams(names.map((name): [string, string] => [name, String(parameters[name])])).toString();
  const join = !target.url.includes('?') ? '?' : /[?&]$/.test(target.url) ? '' : '&';
  return parseTarget(`${target.url}${join}${query}`);
}

/** @param text a JSON object of texts, numbers and booleans; '' for none. @throws SluiceError INVALID_ARGUMENT */
export function parseParameters(text: string): FetchParameters {
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SluiceError('INVALID_ARGUMENT', 'params is not JSON; write it like {"page":1}');
  }
  return requireParameters(value);
}

/** @throws SluiceError INVALID_ARGUMENT */
export function requireParameters(value: unknown): FetchParameters {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || !Object.values(value).every(isParameter)) {
    throw new SluiceError(
      'INVALID_ARGUMENT',
      'params is not an object of texts, numbers and booleans, like {"page":1}',
    );
  }
  return value as FetchParameters;
}

function isParameter(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}
