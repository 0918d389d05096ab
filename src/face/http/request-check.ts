import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.ts';

export interface RequestLimits {
  /** Bytes of all header lines. */
  readonly headerBytes: number;
  /** Header lines. */
  readonly headerCount: number;
  /** Bytes of path and query. */
  readonly targetBytes: number;
}

/** `: ` and the line end. */
const LINE_BYTES = 4;

const bad = (detail: string): Problem => new Problem(400, 'Bad request', detail, { closes: true });

/**
 * What node's parser lets pass and a proxy must not: refuses, never repairs (RFC 9112).
 * @throws Problem 400, 414, 431; each closes the connection
 */
export function checkRequest(request: IncomingMessage, limits: RequestLimits): void {
  const { rawHeaders, httpVersionMinor, httpVersionMajor } = request;
  const target = request.url ?? '';
  if (rawHeaders.length > limits.headerCount * 2) {
    throw new Problem(431, 'Too many header fields', `at most ${limits.headerCount} are accepted`, {
      closes: true,
      limit: 'http.headerCount',
    });
  }
  if (target.length > limits.targetBytes) {
    throw new Problem(414, 'Target too long', `the path and query may have ${limits.targetBytes} bytes`, {
      closes: true,
      limit: 'http.targetBytes',
    });
  }
  let hosts = 0;
  let encodings = 0;
  let bytes = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    bytes += name.length + (rawHeaders[i + 1] as string).length + LINE_BYTES;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') encodings++;
  }
  if (bytes > limits.headerBytes) {
    throw new Problem(431, 'Header too large', `the header fields may have ${limits.headerBytes} bytes`, {
      closes: true,
      limit: 'http.headerBytes',
    });
  }
  // RFC 9112 section 3.2: exactly one Host, with a valid value; HTTP/1.0 may have none.
  if (hosts > 1 || (hosts === 0 && httpVersionMinor > 0)) throw bad('send exactly one Host header');
  const { host } = request.headers;
  if (host !== undefined && !isHost(host)) throw bad('the Host header is not a host with an optional port');
  if (httpVersionMajor !== 1) throw new Problem(505, 'HTTP version not supported', 'use HTTP/1.1', { closes: true });
  // RFC 9112 section 6.1: Transfer-Encoding in HTTP/1.0 is faulty framing; only `chunked` is known here.
  if (encodings > 0) {
    if (httpVersionMinor === 0) throw bad('Transfer-Encoding needs HTTP/1.1');
    if (request.headers['transfer-encoding']?.toLowerCase() !== 'chunked') {
      throw new Problem(501, 'Transfer coding not implemented', 'only chunked is accepted', { closes: true });
    }
  }
  if (target.includes('#')) throw bad('the target must not have a fragment');
  if (!target.startsWith('/') && target !== '*') checkAbsolute(target, host);
}

/** RFC 9112 section 3.2.2: an absolute target is served when it names the host the request is for. */
function checkAbsolute(target: string, host: string | undefined): void {
  const match = /^https?:\/\/([^/?#]*)/i.exec(target);
  if (match === null) throw bad('the target must be a path');
  if (match[1]?.toLowerCase() !== host?.toLowerCase()) {
    throw new Problem(421, 'Misdirected request', 'the target names another host than the Host header', {
      closes: true,
    });
  }
}

/** The path and query of a target that passed the check. */
export function originForm(target: string): string {
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '') || '/';
}

function isHost(value: string): boolean {
  return value === '' || /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::\d{0,5})?$/.test(value);
}
