import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Exchange, hasBody } from './exchange.ts';
import { Problem } from './problem.ts';

/** Which pages of other origins may use the listener, and how; https://fetch.spec.whatwg.org/#http-cors-protocol. */
export interface CorsOptions {
  /** As browsers send them (`https://app.example.com`), or `*`. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  /** How long a browser may remember the answer to a preflight, ms. */
  readonly maxAge: number;
  /** Browsers may send credentials they keep; goes with named origins only. */
  readonly credentials: boolean;
}

/**
 * What a request is to {@link Cors}: `preflight`: a browser's question, to be answered by {@link Cors.answerPreflight};
 * `named`: it comes from a page of an origin that is named; `other`: everything else, also where `*` lets it read the answer.
 */
export type CorsVerdict = 'preflight' | 'named' | 'other';

/** What pages may read beyond the few fields they always may. */
const EXPOSED = 'ETag, Age, Cache-Status, Retry-After, RateLimit, RateLimit-Policy, Sluice-Sync-Token';

/** Lets web pages of some origins use the listener through a browser. All others stay refused as without it. */
export class Cors {
  readonly #origins: ReadonlySet<string>;
  readonly #any: boolean;
  readonly #credentials: boolean;
  readonly #methods: string;
  readonly #headers: string;
  readonly #maxAge: string;

  constructor({ origins, methods, headers, maxAge, credentials }: CorsOptions) {
    this.#origins = new Set(origins.filter((origin) => origin !== '*'));
    this.#any = origins.includes('*');
    this.#credentials = credentials && !this.#any;
    this.#methods = methods.join(', ');
    this.#headers = headers.join(', ');
    this.#maxAge = String(Math.floor(maxAge / 1000));
  }

  /** Puts on the answer what the page of the request needs to read it, whatever the answer will be. */
  judge({ request, response }: Exchange): CorsVerdict {
    // Also for requests without an origin: a cache in between must not give their answer to a page.
    if (!this.#any) response.setHeader('Vary', 'Origin');
    const { origin } = request.headers;
    const isNamed = origin !== undefined && this.#origins.has(origin);
    if (origin !== undefined && (isNamed || this.#any)) {
      response.setHeader('Access-Control-Allow-Origin', this.#any ? '*' : origin);
      if (this.#credentials) response.setHeader('Access-Control-Allow-Credentials', 'true');
      response.setHeader('Access-Control-Expose-Headers', EXPOSED);
    }
    if (isPreflight(request)) return 'preflight';
    return isNamed ? 'named' : 'other';
  }

  /**
   * Says what the page may do. Browsers send no credentials with the question.
   * @throws Problem 403 to pages of other origins
   */
  answerPreflight({ request, response }: Exchange): void {
    if (hasBody(request)) throw new Problem(400, 'Bad request', 'OPTIONS takes no body', { closes: true });
    if (!isAllowed(response))
      throw new Problem(403, 'Origin not allowed', 'a web page of this origin may not use this listener');
    response.removeHeader('Access-Control-Expose-Headers');
    response.writeHead(204, [
      'Access-Control-Allow-Methods',
      this.#methods,
      'Access-Control-Allow-Headers',
      this.#headers,
      'Access-Control-Max-Age',
      this.#maxAge,
    ]);
    response.end();
  }
}

function isAllowed(response: ServerResponse): boolean {
  return response.hasHeader('Access-Control-Allow-Origin');
}

function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}
