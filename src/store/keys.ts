import type { ByteString } from '../kernel/bytes.ts';

/**
 * The only place where the name of a key in a store is spelled.
 *
 * Compatibility names are those other programs agree on (gateways and their flushers). They form a dictionary of their own: a
 * client that was not granted it reaches its own key of that name, never the real one.
 */
const compatPrefixes = [
  'apikey-',
  'orgkey.',
  'quota-',
  'rate-limit-',
  'analytics-',
  'auth,',
  'report,',
  'host-checker:',
  'cache-',
  'oauth-data.',
  'webhook.cache.',
  'cert-',
] as const;
const compatNames = new Set<ByteString>([
  'report_keys',
  'tyk-liveness-probe',
  'version-check-gateway',
  'version-check-pump',
]);

/** Whether a name belongs to the compatibility dictionary for those who were granted it. */
export function isCompatName(key: ByteString): boolean {
  return compatNames.has(key) || compatPrefixes.some((prefix) => key.startsWith(prefix));
}

/** What a port keeps under one name; a port with several keys has them all under one hash tag, so that a cluster keeps them together. */
export type InternalPart =
  | 'value'
  | 'fields'
  | 'counter'
  | 'rolling'
  | 'fixed'
  | 'log-next'
  | 'log-records'
  | 'log-waiting'
  | 'log-claimed'
  | 'lease'
  | 'lease-token';

/** The key of one of Sluice's own entries. */
export function internalKey(name: ByteString, part: InternalPart): ByteString {
  return `sluice:{${name}}:${part}`;
}
