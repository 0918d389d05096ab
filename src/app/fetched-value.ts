import { SluiceError } from '../errors.ts';
import { requireParameters } from '../origin/fetch/fetch-target.ts';
import { toBytes, toOwned } from '../store/decisions/arguments.ts';
import type { KeyInput } from '../store/ports.ts';
import type { FetchByUrl } from './fetch-by-url.ts';

/** What a program wants fetched. */
export interface FetchWanted {
  /** Allowed by a line of `fetch.allow`. */
  readonly url: string;
  /** What it is kept under; apart from all other keys. */
  readonly key: KeyInput;
  /** Added to the query of the URL, in the order of their names. @default none */
  readonly params?: Readonly<Record<string, string | number | boolean>>;
}

/** What a fetch by URL came to. */
export interface FetchedValue {
  readonly value: Uint8Array;
  /** Media type, '' when the origin gave none. */
  readonly contentType: string;
  /** SHA-1 of the value in hexadecimal. */
  readonly tag: string;
  /** Whole seconds since the origin gave it; undefined when it was fetched just now. */
  readonly age: number | undefined;
  /** Past its `ttl`, and given out because of `grace`. */
  readonly stale: boolean;
}

/** A fetch for a program. @throws SluiceError NOT_SUPPORTED when nothing may be fetched, and what {@link FetchByUrl.fetch} throws */
export async function fetchedValue(
  fetches: FetchByUrl | undefined,
  { url, key, params = {} }: FetchWanted,
): Promise<FetchedValue | undefined> {
  if (fetches === undefined) {
    throw new SluiceError('NOT_SUPPORTED', 'nothing may be fetched by URL; name what may in fetch.allow');
  }
  const bytes = toBytes(key);
  if (bytes === '') throw new SluiceError('INVALID_ARGUMENT', 'the key to keep a fetched value under is empty');
  const { value, contentType, tag, age, stale } = await fetches.fetch({
    url,
    key: bytes,
    params: requireParameters(params),
  });
  return value === undefined ? undefined : { value: toOwned(value), contentType, tag, age, stale };
}
