import { bytesToUtf8, utf8ToBytes } from '../../kernel/bytes.ts';
import { EntryClass } from '../engine/entry-class.ts';
import { StoreKeys } from '../keys.ts';
import type { CallOptions, Fields, KeyInput } from '../ports.ts';
import { addIntegers, type EmbeddedTurn, endOf, toBytes, toOwned } from './embedded-turn.ts';

const keys = new StoreKeys();

/** The `Fields` port: one hash per record among the internal keys. */
export class EmbeddedFields implements Fields {
  readonly #turn: EmbeddedTurn;

  constructor(turn: EmbeddedTurn) {
    this.#turn = turn;
  }

  get(key: KeyInput, options?: CallOptions): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
    return this.#turn.read(options, () => {
      const fields = this.#turn.engine.internal.hashes.read(nameOf(key));
      if (fields === undefined) return undefined;
      const record = new Map<string, Uint8Array>();
      for (let i = 0; i < fields.size; i++) record.set(bytesToUtf8(fields.keyAt(i)), toOwned(fields.valueAt(i)));
      return record;
    });
  }

  set(
    key: KeyInput,
    fields: Readonly<Record<string, KeyInput>>,
    options: CallOptions & { readonly ttl?: number } = {},
  ): Promise<void> {
    return this.#turn.writeInternal(options, () => {
      const { internal, turn } = this.#turn.engine;
      const name = nameOf(key);
      const expiresAt = options.ttl === undefined ? undefined : endOf(turn.time, options.ttl);
      for (const [field, value] of Object.entries(fields)) {
        internal.hashes.set(name, utf8ToBytes(field), toBytes(value), EntryClass.internal);
      }
      if (expiresAt !== undefined) internal.expire(name, expiresAt);
    });
  }

  increment(key: KeyInput, field: string, by: number, options?: CallOptions): Promise<number> {
    return this.#turn.writeInternal(options, () => {
      const { hashes } = this.#turn.engine.internal;
      const name = nameOf(key);
      const fieldName = utf8ToBytes(field);
      const sum = addIntegers(hashes.read(name)?.get(fieldName), by);
      hashes.set(name, fieldName, String(sum), EntryClass.internal);
      return sum;
    });
  }

  delete(key: KeyInput, options?: CallOptions): Promise<boolean> {
    return this.#turn.writeInternal(options, () => this.#turn.engine.internal.delete(nameOf(key)), false);
  }
}

function nameOf(key: KeyInput): string {
  return keys.internal(toBytes(key), 'fields');
}
