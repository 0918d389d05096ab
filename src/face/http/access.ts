import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { ByteString } from '../../kernel/bytes.ts';
import { Problem } from './problem.ts';

/** What a request does to a key. */
export type HttpVerb = 'read' | 'write' | 'delete' | 'count' | 'append';

/** What a request may do to keys. */
export interface KeyRights {
  /** What is missing; undefined when nothing is. Never depends on whether the key exists. */
  refusal(verb: HttpVerb, key: ByteString): string | undefined;
}

/** Who asks. */
export interface Identity {
  readonly name: string;
  /** Undefined: it may do everything to every key. */
  readonly rights: KeyRights | undefined;
  /** May use the listener for administration. */
  readonly isAdmin: boolean;
}

/** The part of the guard this face needs. */
export interface HttpCredentials {
  readonly required: boolean;
  /** Changes whenever an answer given before may no longer hold. */
  readonly generation: number;
  /** There are tokens, which are no user's. */
  readonly hasTokens: boolean;
  /** What may be done without credentials, where none are required; undefined: everything. */
  readonly guestRights: KeyRights | undefined;
  identify(name: ByteString, secret: ByteString): Identity | undefined;
  identifyToken(secret: ByteString): Identity | undefined;
}

/** Whom the last request of a connection came from: the next one says so in the same words, and nothing is hashed again. */
export interface RememberedLogin {
  authorization: string | undefined;
  generation: number;
  identity: Identity | undefined;
}

/** The listener a request came through. */
export interface Entrance {
  /** It is bound to loopback. */
  readonly loopbackOnly: boolean;
  /** It is the one for administration. @default false */
  readonly isAdmin?: boolean;
}

/** What is found out of a request. */
export interface Admission {
  identity: Identity | undefined;
  rights: KeyRights | undefined;
}

/**
 * Lets the request in: with credentials (Basic, or Bearer with a token or the secret alone) where users are configured; else only from
 * this machine's own programs, not from web pages it happens to show. A page elsewhere could otherwise reach a loopback port through
 * the browser: by a name that resolves to it (DNS rebinding: the Host is not a loopback name) or by a cross-site request.
 *
 * @param admission gets whose credentials they were, undefined where none are needed, and what they allow
 * @param fromNamedPage whether the page is of an origin that the configuration names
 * @throws Problem 401, 403
 */
export function admit(
  { headers }: IncomingMessage,
  admission: Admission,
  remembered: RememberedLogin,
  credentials: HttpCredentials,
  { loopbackOnly, isAdmin = false }: Entrance,
  fromNamedPage: boolean,
): void {
  if (credentials.required) {
    const identity = recall(headers.authorization, remembered, credentials);
    if (identity === undefined) throw unauthenticated(credentials);
    admission.identity = identity;
    admission.rights = identity.rights;
    if (isAdmin && !identity.isAdmin) throw notForAdministration();
    return;
  }
  if (loopbackOnly) requireOwnProgram(headers, fromNamedPage);
  admission.rights = credentials.guestRights;
  if (isAdmin && admission.rights !== undefined) throw notForAdministration();
}

/** @throws Problem 403 */
function requireOwnProgram(headers: IncomingHttpHeaders, fromNamedPage: boolean): void {
  // A client of HTTP/1.0 may send no Host; browsers always do.
  if (headers.host !== undefined && !isLoopbackName(headers.host)) {
    throw new Problem(
      403,
      'Host not allowed',
      'without configured users only loopback names such as localhost are served',
    );
  }
  if (fromNamedPage) return;
  const site = headers['sec-fetch-site'];
  const { origin } = headers;
  const sameSite = site === undefined || site === 'same-origin' || site === 'none';
  if (!sameSite || (origin !== undefined && !isOwnOrigin(origin, headers.host))) {
    throw new Problem(403, 'Cross-site request refused', 'a web page of another site may not use this listener');
  }
}

/** Refused credentials are not remembered: each try is told and counted. */
function recall(
  authorization: string | undefined,
  remembered: RememberedLogin,
  credentials: HttpCredentials,
): Identity | undefined {
  const { generation } = credentials;
  if (authorization === undefined) return undefined;
  if (remembered.authorization === authorization && remembered.generation === generation) return remembered.identity;
  const identity = identify(authorization, credentials);
  if (identity !== undefined) Object.assign(remembered, { authorization, generation, identity });
  return identity;
}

function identify(authorization: string, credentials: HttpCredentials): Identity | undefined {
  const [, scheme, value] = /^([A-Za-z]+) +([A-Za-z0-9+/_=.~-]+)$/.exec(authorization) ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return credentials.identifyToken(value);
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(value, 'base64').toString('latin1');
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : credentials.identify(pair.slice(0, colon), pair.slice(colon + 1));
}

function unauthenticated({ hasTokens }: HttpCredentials): Problem {
  const headers = ['WWW-Authenticate', 'Basic realm="sluice", charset="UTF-8"'];
  if (hasTokens) headers.push('WWW-Authenticate', 'Bearer realm="sluice"');
  const what = hasTokens
    ? 'send a token, or the name and secret of a user'
    : 'send the name and secret of a configured user';
  return new Problem(401, 'Credentials needed', what, { headers });
}

function notForAdministration(): Problem {
  return new Problem(
    403,
    'Not allowed',
    'administration is for users without rules, and for users and tokens with `admin: true`',
  );
}

/** @throws Problem 403 when the request may not do that to the key; it says what is missing, not whether the key exists */
export function requireRight({ rights }: Pick<Admission, 'rights'>, verb: HttpVerb, key: ByteString): void {
  const missing = rights?.refusal(verb, key);
  if (missing !== undefined) throw new Problem(403, 'Not allowed', missing);
}

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  const match = /^https?:\/\/(.+)$/.exec(origin);
  return match !== null && match[1] === host;
}

/** Whether a Host header names this machine by a loopback name or address (RFC 6761 section 6.3). */
function isLoopbackName(host: string): boolean {
  return /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d*)?$/i.test(host);
}
