import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.ts';

/** The part of the guard this face needs. */
export interface HttpCredentials {
  readonly required: boolean;
  authenticate(name: string, secret: string): { readonly name: string } | undefined;
  authenticateToken(secret: string): { readonly name: string } | undefined;
}

/**
 * Lets the request in: with credentials (Basic, or Bearer with the secret alone) where users are configured; else only from this
 * machine's own programs, not from web pages it happens to show. A page elsewhere could otherwise reach a loopback port through
 * the browser: by a name that resolves to it (DNS rebinding: the Host is not a loopback name) or by a cross-site request.
 *
 * @param loopbackOnly whether the listener is bound to loopback
 * @throws Problem 401, 403
 */
export function admit(request: IncomingMessage, credentials: HttpCredentials, loopbackOnly: boolean): void {
  const { headers } = request;
  if (credentials.required) {
    if (!isAuthorized(headers.authorization, credentials)) {
      throw new Problem(401, 'Credentials needed', 'send the name and secret of a configured user', {
        headers: ['WWW-Authenticate', 'Basic realm="sluice", charset="UTF-8"'],
      });
    }
    return;
  }
  if (!loopbackOnly) return;
  // A client of HTTP/1.0 may send no Host; browsers always do.
  if (headers.host !== undefined && !isLoopbackName(headers.host)) {
    throw new Problem(
      403,
      'Host not allowed',
      'without configured users only loopback names such as localhost are served',
    );
  }
  const site = headers['sec-fetch-site'];
  const { origin } = headers;
  const sameSite = site === undefined || site === 'same-origin' || site === 'none';
  if (!sameSite || (origin !== undefined && !isOwnOrigin(origin, headers.host))) {
    throw new Problem(403, 'Cross-site request refused', 'a web page of another site may not use this listener');
  }
}

function isAuthorized(authorization: string | undefined, credentials: HttpCredentials): boolean {
  const [, scheme, value] = /^([A-Za-z]+) +([A-Za-z0-9+/_=.~-]+)$/.exec(authorization ?? '') ?? [];
  if (scheme === undefined || value === undefined) return false;
  if (scheme.toLowerCase() === 'bearer') return credentials.authenticateToken(value) !== undefined;
  if (scheme.toLowerCase() !== 'basic') return false;
  const pair = Buffer.from(value, 'base64').toString('latin1');
  const colon = pair.indexOf(':');
  return colon >= 0 && credentials.authenticate(pair.slice(0, colon), pair.slice(colon + 1)) !== undefined;
}

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  const match = /^https?:\/\/(.+)$/.exec(origin);
  return match !== null && match[1] === host;
}

/** Whether a Host header names this machine by a loopback name or address (RFC 6761 section 6.3). */
function isLoopbackName(host: string): boolean {
  return /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d*)?$/i.test(host);
}
