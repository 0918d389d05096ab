import { createHmac } from 'node:crypto';

/** How keys of the store appear in the access log: they may name people. */
export type KeysInLog = 'plain' | 'hashed' | 'off';

/** Query parameters that hold neither keys nor secrets, whoever calls. All others are shown without their value. */
const harmless: readonly string[] = ['ttl', 'incr', 'cursor', 'limit', 'format'];
const HIDDEN = '***';
/** Characters of a path and of a query that are shown. */
const MAX_PATH = 512;
const MAX_PARAMETERS = 16;
const HASH_DIGITS = 16;

/** How {@link redactTarget} treats what it finds. */
export interface Redaction {
  readonly keys: KeysInLog;
  /** Makes hashes of keys worth nothing to those who can guess keys. */
  readonly secret: Uint8Array;
}

/**
 * Path and query of a request as the log may show them: keys as `keys` has it, parameters by name only, but for a few.
 * @param fixed how much of the path is no key: a route
 */
export function redactTarget(target: string, fixed: number, { keys, secret }: Redaction): string {
  const question = target.indexOf('?');
  const path = question < 0 ? target : target.slice(0, question);
  const key = path.slice(fixed);
  let shown = path.slice(0, fixed);
  if (key !== '') {
    if (keys === 'off') shown += '-';
    else if (keys === 'hashed')
      shown += `~${createHmac('sha256', secret).update(key, 'latin1').digest('hex').slice(0, HASH_DIGITS)}`;
    else shown += key.replace(/\/\/[^/]*@/g, `//${HIDDEN}@`);
  }
  if (shown.length > MAX_PATH) shown = `${shown.slice(0, MAX_PATH)}…`;
  return question < 0 ? shown : `${shown}?${redactQuery(target.slice(question + 1))}`;
}

function redactQuery(query: string): string {
  const parameters = query.split('&', MAX_PARAMETERS + 1);
  const shown = parameters.slice(0, MAX_PARAMETERS).map((parameter) => {
    const equals = parameter.indexOf('=');
    const name = equals < 0 ? parameter : parameter.slice(0, equals);
    // Somebody may have forgotten the name.
    if (!/^[A-Za-z][A-Za-z0-9_.-]{0,31}$/.test(name) || (equals < 0 && !harmless.includes(name))) return HIDDEN;
    const value = parameter.slice(equals + 1);
    if (equals < 0) return name;
    return harmless.includes(name) && /^[\w.:-]{0,64}$/.test(value) ? parameter : `${name}=${HIDDEN}`;
  });
  if (parameters.length > MAX_PARAMETERS) shown.push('…');
  return shown.join('&');
}

/** How much of a path is a route and no key. On the listener for keys all but `/_sluice/NAME` is a key. */
export function routeLength(face: string, target: string): number {
  const route = face === 'admin' ? /^\/[\w.-]*(?:\/[\w.-]*)?/ : /^\/(?:_sluice\/[\w.-]*)?/;
  return route.exec(target)?.[0].length ?? 0;
}
