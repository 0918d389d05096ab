import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.ts';

/** Who asks. */
export interface Identity {
  readonly name: string;
}

/** The part of the guard this face needs. */
export interface HttpCredentials {
  readonly required: boolean;
  authenticate(name: string, secret: string): Identity | undefined;
  authenticateToken(secret: string): Identity | undefined;
}

/**
 * Lets the request in: with credentials (Basic, or Bearer with the secret alone) where users are configured; else only from this
 * machine's own programs, not from web pages it happens to show. A page elsewhere could otherwise reach a loopback port through
 * the browser: by a name that resolves to it (DNS rebinding: the Host is not a loopback name) or by a cross-site request.
 *
 * @param loopbackOnly whether the listener is bound to loopback
 * @param fromNamedPage whether the page is of an origin that the configuration names
 * @returns whose credentials they were; undefined where none are needed
 * @throws Problem 401, 403
 */
export function admit(
  request: IncomingMessage,
  credentials: HttpCredentials,
  loopbackOnly: boolean,
  fromNamedPage: boolean,
): Identity | undefined {
  const { headers } = request;
  if (credentials.required) {
    const identity = identify(headers.authorization, credentials);
    if (identity === undefined) {
      throw new Problem(401, 'Credentials needed', 'send the name and secret of a configured user', {
        headers: ['WWW-Authenticate', 'Basic realm="sluice", charset="UTF-8"'],
      });
    }
    return identity;
  }
  if (!loopbackOnly) return undefined;
  // A client of HTTP/1.0 may send no Host; browsers always do.
  if (headers.host !== undefined && !isLoopbackName(headers.host)) {
    throw new Problem(
      403,
      'Host not allowed',
      'without configured users only loopback names such as localhost are served',
    );
  }
  if (fromNamedPage) return undefined;
  const site = headers['sec-fetch-site'];
  const { origin } = headers;
  const sameSite = site === undefined || site === 'same-origin' || site === 'none';
  if (!sameSite || (origin !== undefined && !isOwnOrigin(origin, headers.host))) {
    throw new Problem(403, 'Cross-site request refused', 'a web page of another site may not use this listener');
  }
  return undefined;
}

function identify(authorization: string | undefined, credentials: HttpCredentials): Identity | undefined {
  const [, scheme, value] = /^([A-Za-z]+) +([A-Za-z0-9+/_=.~-]+)$/.exec(authorization ?? '') ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return credentials.authenticateToken(value);
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(value, 'base64').toString('latin1');
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : credentials.authenticate(pair.slice(0, colon), pair.slice(colon + 1));
}

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  const match = /^https?:\/\/(.+)$/.exec(origin);
  return match !== null && match[1] === host;
}

/** Whether a Host header names this machine by a loopback name or address (RFC 6761 section 6.3). */
function isLoopbackName(host: string): boolean {
  return /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d*)?$/i.test(host);
}
