import { toBuffer } from '../kernel/bytes.ts';
import { toBytes, toOwned } from '../store/decisions/arguments.ts';
import type { CallOptions, Entry, KeyInput, KeyValue, ScanOptions, SetOptions, SetOutcome } from '../store/ports.ts';
import type { WriteBehind } from '../write-behind/write-behind.ts';
import { RowKeys } from './row-keys.ts';

/** The keys of a program where some are rows: those as JSON objects, all others from the store. */
export class RowKeyValue implements KeyValue {
  readonly #rows: WriteBehind;
  readonly #keys: RowKeys;
  readonly #others: KeyValue;

  constructor(rows: WriteBehind, others: KeyValue) {
    this.#rows = rows;
    this.#others = others;
    this.#keys = new RowKeys(rows, {
      read: () => undefined,
      set: (key, value, options) => others.set(key, value, options),
      delete: (key, options) => others.delete(key, options),
      increment: (key, by) => others.increment(key, by),
    });
  }

  async get(key: KeyInput, options?: CallOptions): Promise<Entry | undefined> {
    const name = toBytes(key);
    if (this.#rows.find(name) === undefined) return this.#others.get(key, options);
    options?.signal?.throwIfAborted();
    const entry = await this.#keys.read(name);
    if (entry?.text === undefined) return undefined;
    return { value: toOwned(entry.text), tag: entry.tag, contentType: entry.contentType, expiresAt: undefined };
  }

  getMany(keys: readonly KeyInput[], options?: CallOptions): Promise<(Entry | undefined)[]> {
    return Promise.all(keys.map((key) => this.get(key, options)));
  }

  async set(key: KeyInput, value: KeyInput, options: SetOptions = {}): Promise<SetOutcome> {
    options.signal?.throwIfAborted();
    return this.#keys.set(toBuffer(toBytes(key)), toBuffer(toBytes(value)), options);
  }

  async delete(
    key: KeyInput,
    options: CallOptions & { readonly onlyIf?: { readonly tags: readonly string[] } } = {},
  ): Promise<boolean> {
    options.signal?.throwIfAborted();
    return this.#keys.delete(toBuffer(toBytes(key)), options);
  }

  async increment(key: KeyInput, by: bigint, options?: CallOptions): Promise<bigint> {
    options?.signal?.throwIfAborted();
    return this.#keys.increment(toBuffer(toBytes(key)), by);
  }

  scan(options?: ScanOptions): AsyncIterable<Uint8Array> {
    return this.#others.scan(options);
  }
}
