import { isSluiceError, SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { Cancellation } from '../../kernel/cancellation.ts';
import type { Origin, OriginAnswer, OriginRequest, Validators } from '../origin.ts';
import type { FetchRules } from './fetch-rules.ts';
import { type FetchTarget, parseTarget } from './fetch-target.ts';

/** What an origin answered. */
export interface UrlResponse {
  readonly status: number;
  /** The field of a name in lower case; '' when there is none. */
  header(name: string): string;
  /** Content coding undone. */
  readonly body: ByteString;
}

/** Sends one GET and follows no redirect. Connects only to addresses its guard lets pass, having checked the one it connects to. */
export interface UrlClient {
  /**
   * @param headers names and values
   * @throws SluiceError FORBIDDEN (the guard refused every address), ORIGIN_FAILED, ORIGIN_TIMEOUT, ORIGIN_OVERLOADED, VALUE_TOO_LARGE
   */
  get(target: FetchTarget, headers: Readonly<Record<string, string>>, signal: Cancellation): Promise<UrlResponse>;
  close(): Promise<void>;
}

export interface UrlOriginOptions {
  readonly client: UrlClient;
  readonly rules: FetchRules;
  /** Hops after the first; more fail. */
  readonly maxRedirects: number;
}

/** The capture that holds the URL as it is sent. */
export const URL_CAPTURE = 'url';

/** Statuses that give a value. */
export const VALUE: readonly number[] = [200, 203, 204];
const ABSENT: readonly number[] = [404, 410];
const REFUSED_REDIRECT = 'a redirect that may not be followed';
const REDIRECT: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Values of URLs that callers name. Redirects are followed here, each hop checked like the first, with nothing of the caller's in any of
 * the requests: no credentials, no cookies.
 */
export class UrlOrigin implements Origin {
  readonly name = 'fetch by URL';
  readonly #options: UrlOriginOptions;

  constructor(options: UrlOriginOptions) {
    this.#options = options;
  }

  async fetch({ captures, validators, signal }: OriginRequest): Promise<OriginAnswer> {
    const { rules, maxRedirects } = this.#options;
    let target = parseTarget(captures.get(URL_CAPTURE) ?? '');
    rules.admit(target);
    const headers = headersFor(validators);
    for (let hop = 0; ; hop++) {
      const response = await this.#get(target, headers, signal, hop);
      const location = REDIRECT.includes(response.status) ? response.header('location') : '';
      if (location === '') return answerOf(response, target, validators);
      if (hop === maxRedirects) throw failed(target, `more than ${maxRedirects} redirects`);
      target = this.#next(target, location);
    }
  }

  close(): Promise<void> {
    return this.#options.client.close();
  }

  async #get(
    target: FetchTarget,
    headers: Readonly<Record<string, string>>,
    signal: Cancellation,
    hop: number,
  ): Promise<UrlResponse> {
    try {
      return await this.#options.client.get(target, headers, signal);
    } catch (error) {
      if (hop > 0 && isSluiceError(error, 'FORBIDDEN')) throw failed(target, REFUSED_REDIRECT, error);
      throw error;
    }
  }

  /** Where a redirect leads. What the origin gets wrong is its failure, not the caller's. */
  #next(from: FetchTarget, location: string): FetchTarget {
    let next: FetchTarget;
    try {
      const url = new URL(location, from.url);
      // RFC 9110 section 10.2.2: a fragment belongs to whoever asked, and is not sent.
      url.hash = '';
      next = parseTarget(url.href);
      this.#options.rules.admit(next);
    } catch (error) {
      throw failed(from, REFUSED_REDIRECT, error);
    }
    if (from.scheme === 'https' && next.scheme === 'http') throw failed(from, 'a redirect from https to http');
    return next;
  }
}

function headersFor(validators: Validators | undefined): Record<string, string> {
  const headers: Record<string, string> = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'sluice' };
  if (validators === undefined) return headers;
  const { etag, lastModified } = validators;
  if (etag !== '') headers['if-none-match'] = etag;
  if (lastModified !== '') headers['if-modified-since'] = lastModified;
  return headers;
}

function answerOf(response: UrlResponse, target: FetchTarget, validators: Validators | undefined): OriginAnswer {
  const { status, body } = response;
  if (ABSENT.includes(status)) return { kind: 'absent', freshFor: undefined };
  if (status === 304 && validators !== undefined) return { kind: 'unchanged', freshFor: undefined };
  if (!VALUE.includes(status)) throw failed(target, `status ${status}`);
  return {
    kind: 'value',
    value: body,
    contentType: plain(response.header('content-type')),
    validators: { etag: plain(response.header('etag')), lastModified: plain(response.header('last-modified')) },
    freshFor: undefined,
  };
}

/** It becomes a header field of ours: what could end or break that is not taken over. */
function plain(field: string): string {
  return /^[\x20-\x7e]*$/.test(field) ? field : '';
}

/** Names the origin, not the URL: a query may hold secrets. */
function failed({ scheme, host, port }: FetchTarget, what: string, cause?: unknown): SluiceError {
  return new SluiceError('ORIGIN_FAILED', `${scheme}://${host}:${port} answered with ${what}`, { cause });
}
