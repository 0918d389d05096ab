import { type ByteString, bytesToUtf8, utf8ToBytes } from '../../kernel/bytes.ts';
import { toBytes, toOwned, ttlArg } from '../decisions/arguments.ts';
import { incrementField } from '../decisions/increment-field.ts';
import { setFields } from '../decisions/set-fields.ts';
import { stepArg } from '../decisions/whole-numbers.ts';
import type { CallOptions, Fields, KeyInput } from '../ports.ts';
import type { RedisCalls } from './redis-calls.ts';

/** The `Fields` port: one hash per record. */
export class RedisFields implements Fields {
  readonly #calls: RedisCalls;

  constructor(calls: RedisCalls) {
    this.#calls = calls;
  }

  async get(key: KeyInput, options?: CallOptions): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
    const reply = await this.#calls.read(['HGETALL', this.#nameOf(key)], options);
    const fields = reply as ReadonlyMap<ByteString, ByteString>;
    if (fields.size === 0) return undefined;
    return new Map([...fields].map(([field, value]) => [bytesToUtf8(field), toOwned(value)]));
  }

  async set(
    key: KeyInput,
    fields: Readonly<Record<string, KeyInput>>,
    options: CallOptions & { readonly ttl?: number } = {},
  ): Promise<void> {
    const words = Object.entries(fields).flatMap(([field, value]) => [utf8ToBytes(field), toBytes(value)]);
    await this.#calls.decide(setFields, [this.#nameOf(key)], ['', ttlArg(options.ttl), ...words], options);
  }

  async increment(key: KeyInput, field: string, by: number, options?: CallOptions): Promise<number> {
    const args = [utf8ToBytes(field), stepArg(by)];
    return (await this.#calls.decide(incrementField, [this.#nameOf(key)], args, options)) as number;
  }

  async delete(key: KeyInput, options?: CallOptions): Promise<boolean> {
    return (await this.#calls.write(['DEL', this.#nameOf(key)], options)) === 1;
  }

  #nameOf(key: KeyInput): ByteString {
    return this.#calls.keys.internal(toBytes(key), 'fields');
  }
}
