import { bytesToUtf8, utf8ToBytes } from '../../kernel/bytes.ts';
import { toBytes, toOwned, ttlArg } from '../decisions/arguments.ts';
import { incrementField } from '../decisions/increment-field.ts';
import { setFields } from '../decisions/set-fields.ts';
import { stepArg } from '../decisions/whole-numbers.ts';
import { StoreKeys } from '../keys.ts';
import type { CallOptions, Fields, KeyInput } from '../ports.ts';
import type { EmbeddedTurn } from './embedded-turn.ts';

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

  async set(
    key: KeyInput,
    fields: Readonly<Record<string, KeyInput>>,
    options: CallOptions & { readonly ttl?: number } = {},
  ): Promise<void> {
    const args = ['', ttlArg(options.ttl)];
    for (const [field, value] of Object.entries(fields)) args.push(utf8ToBytes(field), toBytes(value));
    await this.#turn.decide(setFields, [nameOf(key)], args, options);
  }

  async increment(key: KeyInput, field: string, by: number, options?: CallOptions): Promise<number> {
    const args = [utf8ToBytes(field), stepArg(by)];
    return (await this.#turn.decide(incrementField, [nameOf(key)], args, options)) as number;
  }

  delete(key: KeyInput, options?: CallOptions): Promise<boolean> {
    return this.#turn.writeInternal(options, () => this.#turn.engine.internal.delete(nameOf(key)), false);
  }
}

function nameOf(key: KeyInput): string {
  return keys.internal(toBytes(key), 'fields');
}
