import type { ByteString } from '../../kernel/bytes.ts';
import { addToCounter } from '../decisions/add-to-counter.ts';
import { toBytes, ttlArg } from '../decisions/arguments.ts';
import { stepArg, wholeNumber } from '../decisions/whole-numbers.ts';
import type { CallOptions, Counter, KeyInput } from '../ports.ts';
import type { RedisCalls } from './redis-calls.ts';

/** The `Counter` port: one string per counter. */
export class RedisCounter implements Counter {
  readonly #calls: RedisCalls;

  constructor(calls: RedisCalls) {
    this.#calls = calls;
  }

  async add(key: KeyInput, by: number, options: CallOptions & { readonly ttl?: number } = {}): Promise<number> {
    const args = ['', stepArg(by), ttlArg(options.ttl)];
    return (await this.#calls.decide(addToCounter, [this.#nameOf(key)], args, options)) as number;
  }

  async get(key: KeyInput, options?: CallOptions): Promise<number> {
    const text = (await this.#calls.read(['GET', this.#nameOf(key)], options)) as ByteString | null;
    return wholeNumber(text ?? undefined);
  }

  async reset(key: KeyInput, options?: CallOptions): Promise<void> {
    await this.#calls.write(['DEL', this.#nameOf(key)], options);
  }

  #nameOf(key: KeyInput): ByteString {
    return this.#calls.keys.internal(toBytes(key), 'counter');
  }
}
