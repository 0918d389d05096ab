import { SluiceError } from '../errors.ts';
import type { AbsentKey, KeyEntry, KeyStore, KeySync } from '../face/http/key-handler.ts';
import { type ByteString, fromBuffer } from '../kernel/bytes.ts';
import type { ReadAnswer, ReadTarget, ReadThrough } from '../keyspace/read-through.ts';
import type { SetOptions, SetOutcome } from '../store/ports.ts';

type Answer = KeyEntry | AbsentKey | undefined;

/** The keys of the HTTP face where some of them are read through: those from their origin, all others from the store. */
export class ManagedKeys implements KeyStore {
  readonly sync?: KeySync;
  readonly append?: NonNullable<KeyStore['append']>;
  readonly #readThrough: ReadThrough;
  readonly #others: KeyStore;

  constructor(readThrough: ReadThrough, others: KeyStore) {
    this.#readThrough = readThrough;
    this.#others = others;
    const { sync } = others;
    if (others.append !== undefined) this.append = others.append.bind(others);
    if (sync === undefined) return;
    this.sync = {
      isToken: (text) => sync.isToken(text),
      issue: () => sync.issue(),
      // What clients write is never read through.
      readAfter: async (token, key) =>
        readThrough.find(key) === undefined ? sync.readAfter(token, key) : this.read(key),
    };
  }

  read(key: ByteString): Answer | Promise<Answer> {
    const target = this.#readThrough.find(key);
    if (target === undefined) return this.#others.read(key);
    const answer = this.#readThrough.read(target);
    return answer instanceof Promise ? answer.then(entryOf) : entryOf(answer);
  }

  async set(key: Uint8Array, value: Uint8Array, options: SetOptions): Promise<SetOutcome> {
    this.#refuse(key, 'PUT');
    return this.#others.set(key, value, options);
  }

  /** Of a read-through key: what is kept of it. */
  async delete(key: Uint8Array, options: { readonly onlyIf?: { readonly tags: readonly string[] } }): Promise<boolean> {
    const target = this.#readThrough.find(fromBuffer(key));
    if (target === undefined) return this.#others.delete(key, options);
    if (options.onlyIf !== undefined) throw managed(target, 'DELETE with If-Match');
    return (await this.#readThrough.purge([target])) > 0;
  }

  async increment(key: Uint8Array, by: bigint): Promise<bigint> {
    this.#refuse(key, 'POST');
    return this.#others.increment(key, by);
  }

  #refuse(key: Uint8Array, method: string): void {
    const target = this.#readThrough.find(fromBuffer(key));
    if (target !== undefined) throw managed(target, method);
  }
}

/** A value that was read through, as the HTTP face gives it out. */
export function entryOf({ value, tag, contentType, cacheStatus, age }: ReadAnswer): KeyEntry | AbsentKey {
  const origin = { cacheStatus, age };
  return value === undefined
    ? { text: undefined, origin, detail: 'its origin has none' }
    : { text: value, tag, contentType, origin };
}

function managed({ keyspace }: ReadTarget, what: string): SluiceError {
  return new SluiceError(
    'MANAGED_KEY',
    `${what} is not for keys of ${JSON.stringify(keyspace.name)}, whose values come from their origin; read or delete them`,
  );
}
