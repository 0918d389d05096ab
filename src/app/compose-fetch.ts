import { addressGuard } from '../client/http/address-guard.ts';
import type { Apis } from '../client/http/apis.ts';
import { OutgoingHttp } from '../client/http/outgoing.ts';
import type { SluiceConfig } from '../config/schema.ts';
import { isSluiceError, SluiceError } from '../errors.ts';
import type { FetchSource } from '../face/http/fetch-handler.ts';
import type { Clock } from '../kernel/clock.ts';
import { Keyspace } from '../keyspace/keyspace.ts';
import type { ReadThrough } from '../keyspace/read-through.ts';
import { AllowList } from '../origin/fetch/allow-list.ts';
import { FetchRules } from '../origin/fetch/fetch-rules.ts';
import { parseParameters } from '../origin/fetch/fetch-target.ts';
import { OutgoingUrlClient } from '../origin/fetch/outgoing-url-client.ts';
import { UrlOrigin } from '../origin/fetch/url-origin.ts';
import type { StoreKeys } from '../store/keys.ts';
import { FetchByUrl } from './fetch-by-url.ts';
import { entryOf } from './managed-keys.ts';

/** How fetches by URL are kept and where they come from: before there is anything to keep them in. */
export interface FetchSpace {
  /** No key of clients is one of it. Its origin is to be closed. */
  readonly keyspace: Keyspace;
  /** An API of keyspaces that may be fetched from too is one API: its calls count together from the beginning. */
  share(api: string): void;
  open(readThrough: ReadThrough, storeKeys: StoreKeys): FetchByUrl;
}

/** @returns undefined where nothing may be fetched. @throws SluiceError CONFIG_INVALID */
export function composeFetchSpace(
  { fetch }: SluiceConfig,
  { apis, clock }: { readonly apis: Apis; readonly clock: Clock },
): FetchSpace | undefined {
  if (fetch.allow.length === 0) return undefined;
  const guard = addressGuard(fetch.addresses);
  const allow = allowListOf(fetch.allow);
  const rules = new FetchRules(allow, guard);
  const { concurrency, queue, rate, maxValueBytes, timeout, maxRedirects } = fetch;
  const limits = { concurrency, queue, rate };
  const outgoing = new OutgoingHttp({ clock, guard, connectTimeout: timeout });
  const client = new OutgoingUrlClient({
    apis,
    outgoing,
    limits,
    maxValueBytes,
    timeout,
  });
  const keyspace = new Keyspace({
    match: 'fetch by URL',
    pattern: { match: () => undefined },
    policy: { ...fetch, refreshAhead: 0 },
    origin: new UrlOrigin({ client, rules, maxRedirects }),
  });
  return {
    keyspace,
    share(api) {
      if (allow.reaches(api)) apis.visit(api, limits);
    },
    open: (readThrough, storeKeys) => new FetchByUrl({ readThrough, keyspace, rules, storeKeys }),
  };
}

/** Fetches as the HTTP face answers them. */
export function fetchSource(fetches: FetchByUrl): FetchSource {
  return {
    fetch({ url, key, params }) {
      const answer = fetches.fetch({ url, key, params: parseParameters(params) });
      return answer instanceof Promise ? answer.then(entryOf) : entryOf(answer);
    },
    purge: (key) => fetches.purge(key),
  };
}

function allowListOf(patterns: readonly string[]): AllowList {
  try {
    return new AllowList(patterns);
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    throw new SluiceError('CONFIG_INVALID', `fetch.allow: ${error.message}`, { cause: error });
  }
}
