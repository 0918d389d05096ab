import type { Rate } from '../../kernel/token-bucket.ts';
import { Problem } from './problem.ts';

const parserProblems: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Header too large', 'the target and the header fields have more bytes than are accepted'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Chunk extensions too large', 'send chunks without extensions'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request timeout', 'the request did not come in the time it may take'],
};

const parserLimits: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'http.headerBytes',
  ERR_HTTP_REQUEST_TIMEOUT: 'http.timeout',
};

/** The problem an error of node's HTTP parser is; undefined for one of the connection itself. */
export function problemOfParser(code: string): Problem | undefined {
  if (!code.startsWith('HPE_') && parserProblems[code] === undefined) return undefined;
  const [status, title, detail] = parserProblems[code] ?? [
    400,
    'Bad request',
    'this is not HTTP/1.1 as RFC 9112 has it',
  ];
  const limit = parserLimits[code];
  return new Problem(status, title, detail, { closes: true, ...(limit === undefined ? {} : { limit }) });
}

/** `Expect` of something unknown (RFC 9110 section 10.1.1). */
export function expectationFailed(): Problem {
  return new Problem(417, 'Expectation failed', 'only 100-continue is known', { closes: true });
}

/** `CONNECT`. */
export function connectRefused(): Problem {
  return new Problem(405, 'Method not allowed', 'this is no proxy for other hosts', { closes: true });
}

/** Nothing of the connection was read. */
export function tooManyConnections(): Problem {
  return new Problem(503, 'Too many connections', 'all connections this listener or your address may have are taken', {
    headers: ['Retry-After', '1'],
    closes: true,
  });
}

/** More is under way, or waits, than this node takes on. @param limit the setting */
export function overloaded(limit: string): Problem {
  return new Problem(503, 'Overloaded', 'this node has more in hand than it may take on; try again shortly', {
    headers: ['Retry-After', '1'],
    members: { code: 'OVERLOADED' },
    limit,
  });
}

/**
 * The user or the address has no token left. The fields are those of draft-ietf-httpapi-ratelimit-headers-10; a policy is told in
 * whole seconds, so that of a shorter time is told for a whole one.
 *
 * @param wait ms until the next token
 */
export function tooManyRequests(whose: 'user' | 'address', { count, per }: Rate, wait: number): Problem {
  const seconds = Math.max(1, Math.ceil(wait / 1000));
  const window = Math.ceil(per / 1000);
  const quota = Math.floor((count * window * 1000) / per);
  return new Problem(429, 'Too many requests', `this ${whose} has sent more requests than it may`, {
    headers: [
      'Retry-After',
      String(seconds),
      'RateLimit-Policy',
      `"${whose}";q=${quota};w=${window}`,
      'RateLimit',
      `"${whose}";r=0;t=${seconds}`,
    ],
    members: { code: 'RATE_LIMITED' },
  });
}
