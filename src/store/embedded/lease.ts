import { utf8ToBytes } from '../../kernel/bytes.ts';
import { acquireLease } from '../decisions/acquire-lease.ts';
import { durationArg, toBytes } from '../decisions/arguments.ts';
import { releaseLease } from '../decisions/release-lease.ts';
import { StoreKeys } from '../keys.ts';
import type { CallOptions, KeyInput, Lease } from '../ports.ts';
import type { EmbeddedTurn } from './embedded-turn.ts';

const keys = new StoreKeys();

/** The `Lease` port among the internal keys. */
export class EmbeddedLease implements Lease {
  readonly #turn: EmbeddedTurn;

  constructor(turn: EmbeddedTurn) {
    this.#turn = turn;
  }

  async acquire(
    name: KeyInput,
    holder: string,
    { ttl }: { readonly ttl: number },
    options?: CallOptions,
  ): Promise<number | undefined> {
    const bytes = toBytes(name);
    const names = [keys.internal(bytes, 'lease'), keys.internal(bytes, 'lease-token')];
    const token = await this.#turn.decide(acquireLease, names, ['', utf8ToBytes(holder), durationArg(ttl)], options);
    return token === null ? undefined : (token as number);
  }

  async release(name: KeyInput, holder: string, options?: CallOptions): Promise<boolean> {
    const names = [keys.internal(toBytes(name), 'lease')];
    return (await this.#turn.decide(releaseLease, names, ['', utf8ToBytes(holder)], options)) === 1;
  }
}
