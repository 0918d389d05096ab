import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { ReadTarget, ReadThrough } from '../keyspace/read-through.ts';
import { toBytes, toOwned } from '../store/decisions/arguments.ts';
import type { CallOptions, Entry, KeyInput, KeyValue, ScanOptions, SetOptions, SetOutcome } from '../store/ports.ts';
import type { FetchedValue } from './fetched-value.ts';

/** The keys of a program where some of them are read through: those from their origin, all others from the store. */
export class ManagedKeyValue implements KeyValue {
  readonly #readThrough: ReadThrough;
  readonly #others: KeyValue;

  constructor(readThrough: ReadThrough, others: KeyValue) {
    this.#readThrough = readThrough;
    this.#others = others;
  }

  /** Of a read-through key `expiresAt` is not told. */
  async get(key: KeyInput, options?: CallOptions): Promise<Entry | undefined> {
    const target = this.#find(key);
    if (target === undefined) return this.#others.get(key, options);
    const found = await this.#read(target, options);
    return found === undefined ? undefined : { ...found, expiresAt: undefined };
  }

  getMany(keys: readonly KeyInput[], options?: CallOptions): Promise<(Entry | undefined)[]> {
    return Promise.all(keys.map((key) => this.get(key, options)));
  }

  /** The value, and how it came. */
  async read(key: KeyInput, options?: CallOptions): Promise<FetchedValue | undefined> {
    const target = this.#find(key);
    if (target !== undefined) return this.#read(target, options);
    return foundValue(await this.#others.get(key, options));
  }

  async set(key: KeyInput, value: KeyInput, options?: SetOptions): Promise<SetOutcome> {
    this.#refuse(key, 'set');
    return this.#others.set(key, value, options);
  }

  /** Of a read-through key: what is kept of it. */
  async delete(
    key: KeyInput,
    options?: CallOptions & { readonly onlyIf?: { readonly tags: readonly string[] } },
  ): Promise<boolean> {
    const target = this.#find(key);
    if (target === undefined) return this.#others.delete(key, options);
    return (await this.#readThrough.purge([target])) > 0;
  }

  async increment(key: KeyInput, by: bigint, options?: CallOptions): Promise<bigint> {
    this.#refuse(key, 'increment');
    return this.#others.increment(key, by, options);
  }

  scan(options?: ScanOptions): AsyncIterable<Uint8Array> {
    return this.#others.scan(options);
  }

  #find(key: KeyInput): ReadTarget | undefined {
    const name: ByteString = toBytes(key);
    return this.#readThrough.find(name);
  }

  /** A caller that gives up leaves; the fetch goes on for the others. */
  async #read(target: ReadTarget, { signal }: CallOptions = {}): Promise<FetchedValue | undefined> {
    signal?.throwIfAborted();
    const answer = this.#readThrough.read(target);
    const { value, tag, contentType, age, stale } =
      answer instanceof Promise && signal !== undefined ? await unlessAborted(answer, signal) : await answer;
    return value === undefined ? undefined : { value: toOwned(value), tag, contentType, age, stale };
  }

  #refuse(key: KeyInput, what: string): void {
    const target = this.#find(key);
    if (target === undefined) return;
    throw new SluiceError(
      'MANAGED_KEY',
      `${what} is not for keys of ${JSON.stringify(target.keyspace.name)}, whose values come from their origin`,
    );
  }
}

/** What was found in a store, as a read tells it. */
export function foundValue(entry: Entry | undefined): FetchedValue | undefined {
  if (entry === undefined) return undefined;
  const { value, contentType, tag } = entry;
  return { value, contentType, tag, age: undefined, stale: false };
}

function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
