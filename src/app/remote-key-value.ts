import type { CachedReads } from '../cache/cached-reads.ts';
import { fromBuffer, utf8ToBytes } from '../kernel/bytes.ts';
import type { CallOptions, Entry, KeyInput, KeyValue, ScanOptions, SetOptions, SetOutcome } from '../store/ports.ts';

/** The keys of a store behind as the library gives them: read straight from it, and what is kept of a key here does not outlive a write. */
export class RemoteKeyValue implements KeyValue {
  readonly #store: KeyValue;
  readonly #reads: CachedReads | undefined;

  constructor(store: KeyValue, reads: CachedReads | undefined) {
    this.#store = store;
    this.#reads = reads;
  }

  get(key: KeyInput, options?: CallOptions): Promise<Entry | undefined> {
    return this.#store.get(key, options);
  }

  getMany(keys: readonly KeyInput[], options?: CallOptions): Promise<(Entry | undefined)[]> {
    return this.#store.getMany(keys, options);
  }

  set(key: KeyInput, value: KeyInput, options?: SetOptions): Promise<SetOutcome> {
    return this.#write(key, this.#store.set(key, value, options));
  }

  delete(
    key: KeyInput,
    options?: CallOptions & { readonly onlyIf?: { readonly tags: readonly string[] } },
  ): Promise<boolean> {
    return this.#write(key, this.#store.delete(key, options));
  }

  increment(key: KeyInput, by: bigint, options?: CallOptions): Promise<bigint> {
    return this.#write(key, this.#store.increment(key, by, options));
  }

  scan(options?: ScanOptions): AsyncIterable<Uint8Array> {
    return this.#store.scan(options);
  }

  #write<T>(key: KeyInput, work: Promise<T>): Promise<T> {
    return work.finally(() => this.#reads?.written(typeof key === 'string' ? utf8ToBytes(key) : fromBuffer(key)));
  }
}
