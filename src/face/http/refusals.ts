import { Problem } from './problem.ts';

const parserProblems: Readonly<Record<string, readonly [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Header too large', 'the target and the header fields have more bytes than are accepted'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Chunk extensions too large', 'send chunks without extensions'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request timeout', 'the request did not come in the time it may take'],
};

/** The problem an error of node's HTTP parser is; undefined for one of the connection itself. */
export function problemOfParser(code: string): Problem | undefined {
  if (!code.startsWith('HPE_') && parserProblems[code] === undefined) return undefined;
  const [status, title, detail] = parserProblems[code] ?? [
    400,
    'Bad request',
    'this is not HTTP/1.1 as RFC 9112 has it',
  ];
  return new Problem(status, title, detail, { closes: true });
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
  return new Problem(503, 'Too many connections', 'all connections this listener may have are taken', {
    headers: ['Retry-After', '1'],
    closes: true,
  });
}
