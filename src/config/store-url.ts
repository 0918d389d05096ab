import { isIPv4, isIPv6 } from 'node:net';

/** A store on other machines: Redis, Valkey or what speaks their protocol. */
export interface StoreTarget {
  readonly kind: 'standalone' | 'sentinel' | 'cluster';
  /** The server; the Sentinels; some nodes of the cluster. */
  readonly endpoints: readonly StoreEndpoint[];
  /** What the Sentinels call the primary. */
  readonly primaryName?: string;
  readonly username?: string;
  readonly password?: string;
  /** Number of the database; 0 in a cluster. */
  readonly database: number;
  readonly tls: boolean;
}

export interface StoreEndpoint {
  /** A host name, an IPv4 address or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Where keys are kept. */
export type Store = 'embedded' | 'memory' | StoreTarget;

/** The forms {@link parseStore} accepts, for messages. */
export const storeForm =
  'embedded, memory, HOST:PORT, redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], redis+sentinel://HOST[:PORT],…/PRIMARY-NAME[/DATABASE] or redis+cluster://HOST[:PORT],… (rediss… with TLS)';

const schemes: ReadonlyMap<string, { readonly kind: StoreTarget['kind']; readonly tls: boolean }> = new Map([
  ['redis', { kind: 'standalone', tls: false }],
  ['rediss', { kind: 'standalone', tls: true }],
  ['redis+sentinel', { kind: 'sentinel', tls: false }],
  ['rediss+sentinel', { kind: 'sentinel', tls: true }],
  ['redis+cluster', { kind: 'cluster', tls: false }],
  ['rediss+cluster', { kind: 'cluster', tls: true }],
]);
const HIGHEST_DATABASE = 65_535;
const hostName = /^(?=.{1,254}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$/;

/**
 * Reads where keys are kept. Names and passwords are percent-decoded.
 * @returns what is wrong, never with the text itself, which may hold a password: `{ problem }`
 */
export function parseStore(text: string): Store | { readonly problem: string } {
  if (text === 'embedded' || text === 'memory') return text;
  const [, scheme, rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text) ?? [undefined, undefined, text];
  const topology = schemes.get(scheme?.toLowerCase() ?? 'redis');
  if (topology === undefined) return { problem: `the scheme ${scheme}:// is unknown` };
  if (rest === '') return { problem: 'the host is missing' };
  const at = rest.lastIndexOf('@');
  if (/[?#\s]/.test(rest.slice(0, at + 1)))
    return { problem: '? # and white space in name and password are written in percent-encoding (%3F %23 %20)' };
  if (/[?#\s]/.test(rest)) return { problem: 'a query, a fragment or white space may not stand in it' };
  // A word may be a typing error of `embedded`; a host without a port needs the scheme.
  if (scheme === undefined && !/[.:]|^localhost$/.test(rest)) return { problem: 'no such store' };
  const login = at < 0 ? {} : parseLogin(rest.slice(0, at));
  if ('problem' in login) return login;
  const [hosts = '', ...path] = rest.slice(at + 1).split('/');
  const endpoints = parseEndpoints(hosts, topology.kind === 'sentinel' ? 26_379 : 6379);
  if ('problem' in endpoints) return endpoints;
  if (topology.kind === 'standalone' && endpoints.length > 1)
    return { problem: 'several hosts need redis+sentinel:// or redis+cluster://' };
  const named = topology.kind === 'sentinel' ? path.shift() : undefined;
  const primaryName = named === undefined ? undefined : decoded(named);
  if (topology.kind === 'sentinel' && (primaryName === undefined || primaryName === ''))
    return { problem: 'the name of the primary is missing: redis+sentinel://HOST,…/PRIMARY-NAME' };
  const [databaseText = '', ...more] = path;
  if (more.length > 0) return { problem: 'there is too much after the host' };
  const database = databaseText === '' ? 0 : /^\d{1,5}$/.test(databaseText) ? Number(databaseText) : -1;
  if (database < 0 || database > HIGHEST_DATABASE)
    return { problem: `the database is a number from 0 to ${HIGHEST_DATABASE}` };
  if (topology.kind === 'cluster' && database !== 0) return { problem: 'a cluster has only the database 0' };
  return { ...topology, endpoints, ...(primaryName === undefined ? {} : { primaryName }), ...login, database };
}

/** Whether keys are kept by another server. */
export function isRemote(store: Store): store is StoreTarget {
  return typeof store === 'object';
}

/** The store as it may be shown and logged: without name and password. */
export function storeName(store: Store): string {
  if (!isRemote(store)) return store;
  const [scheme] = [...schemes].find(([, { kind, tls }]) => kind === store.kind && tls === store.tls) ?? [];
  const login = store.password === undefined ? '' : '***@';
  const hosts = store.endpoints.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  const name = store.primaryName === undefined ? '' : `/${encodeURIComponent(store.primaryName)}`;
  return `${scheme}://${login}${hosts}${name}${store.database === 0 ? '' : `/${store.database}`}`;
}

function parseLogin(
  text: string,
): { readonly username?: string; readonly password?: string } | { readonly problem: string } {
  const colon = text.indexOf(':');
  const username = decoded(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? undefined : decoded(text.slice(colon + 1));
  if (username === undefined || (colon >= 0 && password === undefined))
    return { problem: 'a % in name or password is not followed by two hexadecimal digits' };
  if (password === undefined || password === '')
    return { problem: 'the password is missing: USER:PASSWORD@ or :PASSWORD@' };
  return { ...(username === '' ? {} : { username }), password };
}

function parseEndpoints(text: string, defaultPort: number): StoreEndpoint[] | { readonly problem: string } {
  const endpoints: StoreEndpoint[] = [];
  for (const part of text.split(',')) {
    const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(part);
    const host = match?.[1] ?? match?.[2] ?? '';
    const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
    if (match === null || host === '') return { problem: 'a host is missing or not of the form HOST or HOST:PORT' };
    if (match[1] !== undefined ? !isIPv6(host) : /^[\d.]+$/.test(host) ? !isIPv4(host) : !hostName.test(host))
      return { problem: 'a host is neither a name nor an address' };
    if (port < 1 || port > 65_535) return { problem: 'a port is not a number from 1 to 65535' };
    if (!endpoints.some((other) => other.host === host && other.port === port)) endpoints.push({ host, port });
  }
  return endpoints;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
