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

/** The names of Sluice's own keys in a store that others use as well. */
export class StoreKeys {
  readonly #prefix: ByteString;

  /** @param namespace what they begin with, before a colon; letters, digits and -_. */
  constructor(namespace: ByteString = 'sluice') {
    this.#prefix = `${namespace}:`;
  }

  /** The key of one of Sluice's own entries. */
  internal(name: ByteString, part: InternalPart): ByteString {
    return `${this.#prefix}{${name}}:${part}`;
  }

  /** Whether a key is Sluice's own. */
  isOwn(key: ByteString): boolean {
    return key.startsWith(this.#prefix);
  }

  /**
   * Where what belongs to a client's key is kept (its media type), in the same slot of a Cluster: by the hash tag of the key, or by the
   * key as a whole. Undefined for a key that has a `}` and no tag, since no name of the same slot can be told.
   */
  metaKeyOf(key: ByteString): ByteString | undefined {
    const open = key.indexOf('{');
    const close = open < 0 ? -1 : key.indexOf('}', open + 1);
    if (close > open + 1) return `${this.#prefix}{${key.slice(open + 1, close)}}:meta:${key}`;
    return key.includes('}') ? undefined : `${this.#prefix}{${key}}:meta:${key}`;
  }

  /** The key that {@link metaKeyOf} gave this name for, undefined for other names. */
  keyOfMetaKey(name: ByteString): ByteString | undefined {
    if (!name.startsWith(this.#prefix) || name[this.#prefix.length] !== '{') return undefined;
    const at = name.indexOf('}:meta:', this.#prefix.length);
    return at < 0 ? undefined : name.slice(at + '}:meta:'.length);
  }
}
