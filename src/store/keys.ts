import { SluiceError } from '../errors.ts';
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
  | 'fields'
  | 'counter'
  | 'rolling'
  | 'fixed'
  | 'log-next'
  | 'log-records'
  | 'log-waiting'
  | 'log-claimed'
  | 'log-barrier'
  | 'lease'
  | 'lease-token'
  | 'fetched';

/** Where one partition of a set of rows lies. */
export interface DirtyKeys {
  /** Those that wait. */
  readonly dirty: ByteString;
  /** Those that are being written. */
  readonly inflight: ByteString;
  /** Since when these had waited. */
  readonly since: ByteString;
  /** The last version of rows that are forgotten. */
  readonly versions: ByteString;
  /** Written to see whether what came before is at the replicas. */
  readonly barrier: ByteString;
  /** Marks of what was passed on from elsewhere. */
  readonly passed: ByteString;
  /** What the keys of rows begin with. */
  readonly row: ByteString;
}

/** The namespace where none is configured. */
const DEFAULT_NAMESPACE = 'sluice';

/**
 * The names of Sluice's own keys, all below one namespace. Where they share a dictionary with the keys of clients (Redis), two
 * installations on one server differ in it.
 */
export class StoreKeys {
  readonly #prefix: ByteString;

  /** @throws SluiceError INVALID_ARGUMENT for a namespace that is empty or has a brace, which would be taken for a hash tag */
  constructor(namespace: ByteString = DEFAULT_NAMESPACE) {
    if (namespace === '' || /[{}]/.test(namespace)) {
      throw new SluiceError(
        'INVALID_ARGUMENT',
        `the namespace '${namespace}' is empty or has a brace; use another one`,
      );
    }
    this.#prefix = `${namespace}:`;
  }

  /** The key of one of Sluice's own entries. */
  internal(name: ByteString, part: InternalPart): ByteString {
    // An empty tag is none, and one ends with its first brace: such names get a mark in front, and so do those that begin with it.
    const tag = /^(?:$|[}:])/.test(name) ? `:${name}` : name;
    return `${this.#prefix}{${tag}}:${part}`;
  }

  /** The keys of a log of records. */
  log(name: ByteString): Readonly<Record<'next' | 'records' | 'waiting' | 'claimed' | 'barrier', ByteString>> {
    return {
      next: this.internal(name, 'log-next'),
      records: this.internal(name, 'log-records'),
      waiting: this.internal(name, 'log-waiting'),
      claimed: this.internal(name, 'log-claimed'),
      barrier: this.internal(name, 'log-barrier'),
    };
  }

  /**
   * The keys of a set of rows that are to be written somewhere; one partition of it lies in one hash slot.
   * @param set a name without braces
   */
  dirty(set: ByteString, partition: number): DirtyKeys {
    const prefix = `${this.#prefix}{dirty:${set}:${partition}}:`;
    return {
      dirty: `${prefix}dirty`,
      inflight: `${prefix}inflight`,
      since: `${prefix}since`,
      versions: `${prefix}versions`,
      passed: `${prefix}passed`,
      barrier: `${prefix}barrier`,
      row: `${prefix}row:`,
    };
  }

  /** Whether the key is one of Sluice's own, which no client may see or change. */
  isOwn(key: ByteString): boolean {
    return key.startsWith(this.#prefix);
  }

  /**
   * Where a store without a place beside the value keeps what belongs to it (its content type): a key of the same hash slot.
   * @returns undefined for the few keys for which no such name exists: empty, or with a `}` and without a hash tag
   */
  metaKeyOf(key: ByteString): ByteString | undefined {
    if (hasHashTag(key)) return `${this.#prefix}meta:${key}`;
    return key === '' || key.includes('}') ? undefined : `${this.#prefix}{${key}}:meta`;
  }

  /** The right to fetch a read-through key: a key of the same hash slot, for the keys that {@link metaKeyOf} has a name for. */
  fetchRightOf(key: ByteString): ByteString {
    return hasHashTag(key) ? `${this.#prefix}fetch:${key}` : `${this.#prefix}{${key}}:fetch`;
  }

  /** The key that a right to fetch is for; undefined for another name. */
  keyOfFetchRight(name: ByteString): ByteString | undefined {
    const plain = `${this.#prefix}fetch:`;
    if (name.startsWith(plain)) return name.slice(plain.length);
    const [before, after] = [`${this.#prefix}{`, '}:fetch'];
    return name.startsWith(before) && name.endsWith(after) ? name.slice(before.length, -after.length) : undefined;
  }

  /** Where the engine keeps the mark that the origin of a read-through key has no value. */
  markOf(key: ByteString): ByteString {
    return `${this.#prefix}mark:${key}`;
  }

  /** The key of a mark; undefined for another name. */
  keyOfMark(name: ByteString): ByteString | undefined {
    const prefix = `${this.#prefix}mark:`;
    return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
  }

  /** The key that this one belongs to; undefined when it is none that {@link metaKeyOf} gives. */
  keyOfMetaKey(name: ByteString): ByteString | undefined {
    const prefix = this.#prefix;
    if (!name.startsWith(prefix)) return undefined;
    const rest = name.slice(prefix.length);
    const key = rest.startsWith('meta:') ? rest.slice(5) : /^\{([^}]+)\}:meta$/s.exec(rest)?.[1];
    return key !== undefined && this.metaKeyOf(key) === name ? key : undefined;
  }
}

/** Whether Redis Cluster places the key by a part of it: what stands between the first `{` and the next `}`, unless that is nothing. */
function hasHashTag(key: ByteString): boolean {
  const open = key.indexOf('{');
  return open >= 0 && key.indexOf('}', open + 1) > open + 1;
}
