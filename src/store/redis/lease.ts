import { utf8ToBytes } from '../../kernel/bytes.ts';
import { acquireLease } from '../decisions/acquire-lease.ts';
import { durationArg, toBytes } from '../decisions/arguments.ts';
import { releaseLease } from '../decisions/release-lease.ts';
import type { CallOptions, KeyInput, Lease } from '../ports.ts';
import type { RedisCalls } from './redis-calls.ts';

/** The `Lease` port, by the clock of the server. */
export class RedisLease implements Lease {
  readonly #calls: RedisCalls;

  constructor(calls: RedisCalls) {
    this.#calls = calls;
  }

  async acquire(
    name: KeyInput,
    holder: string,
    { ttl }: { readonly ttl: number },
    options?: CallOptions,
  ): Promise<number | undefined> {
    const bytes = toBytes(name);
    const { keys } = this.#calls;
    const names = [keys.internal(bytes, 'lease'), keys.internal(bytes, 'lease-token')];
    const token = await this.#calls.decide(acquireLease, names, ['', utf8ToBytes(holder), durationArg(ttl)], options);
    return (token as number | null) ?? undefined;
  }

  async release(name: KeyInput, holder: string, options?: CallOptions): Promise<boolean> {
    const names = [this.#calls.keys.internal(toBytes(name), 'lease')];
    return (await this.#calls.decide(releaseLease, names, ['', utf8ToBytes(holder)], options)) === 1;
  }
}
