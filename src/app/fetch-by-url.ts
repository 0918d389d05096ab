import type { ByteString } from '../kernel/bytes.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { ReadAnswer, ReadTarget, ReadThrough } from '../keyspace/read-through.ts';
import { identityOf } from '../origin/fetch/fetch-identity.ts';
import type { FetchRules } from '../origin/fetch/fetch-rules.ts';
import { type FetchParameters, targetOf } from '../origin/fetch/fetch-target.ts';
import { URL_CAPTURE } from '../origin/fetch/url-origin.ts';
import type { StoreKeys } from '../store/keys.ts';

export interface FetchByUrlOptions {
  readonly readThrough: ReadThrough;
  /** How fetched values are kept, and where they come from. */
  readonly keyspace: Keyspace;
  readonly rules: FetchRules;
  readonly storeKeys: StoreKeys;
}

/** What a caller wants fetched. */
export interface Wanted {
  readonly url: string;
  readonly key: ByteString;
  /** For the query of the URL. */
  readonly params: FetchParameters;
}

/**
 * Values of URLs that callers name, kept under keys that they choose. Those keys are apart from all others: nothing but a fetch of the same
 * URL with the same parameters gets at what is kept.
 */
export class FetchByUrl {
  readonly #options: FetchByUrlOptions;

  constructor(options: FetchByUrlOptions) {
    this.#options = options;
  }

  /**
   * At once where the cache has it. What the rules refuse now is not given out either when it is kept.
   * @throws SluiceError INVALID_ARGUMENT, FORBIDDEN, KEY_CONFLICT, and what {@link ReadThrough.read} throws
   */
  fetch({ url, key, params }: Wanted): ReadAnswer | Promise<ReadAnswer> {
    const { readThrough, rules } = this.#options;
    const target = targetOf(url, params);
    rules.admit(target);
    return readThrough.read(this.#targetOf(key, target.url, identityOf(target)));
  }

  /** Drops what is kept under a key. @returns false when there was no value */
  async purge(key: ByteString): Promise<boolean> {
    return (await this.#options.readThrough.purge([this.#targetOf(key, '', '')])) > 0;
  }

  #targetOf(key: ByteString, url: string, identity: string): ReadTarget {
    const { keyspace, storeKeys } = this.#options;
    return { key: storeKeys.internal(key, 'fetched'), keyspace, captures: new Map([[URL_CAPTURE, url]]), identity };
  }
}
