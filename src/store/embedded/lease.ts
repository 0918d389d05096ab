import { utf8ToBytes } from '../../kernel/bytes.ts';
import { EntryClass } from '../engine/entry-class.ts';
import { StoreKeys } from '../keys.ts';
import type { CallOptions, KeyInput, Lease } from '../ports.ts';
import { addIntegers, type EmbeddedTurn, endOf, toBytes } from './embedded-turn.ts';

const keys = new StoreKeys();

/** The `Lease` port: the holder in a string that expires, the last token beside it for ever. */
export class EmbeddedLease implements Lease {
  readonly #turn: EmbeddedTurn;

  constructor(turn: EmbeddedTurn) {
    this.#turn = turn;
  }

  acquire(
    name: KeyInput,
    holder: string,
    { ttl }: { readonly ttl: number },
    options?: CallOptions,
  ): Promise<number | undefined> {
    return this.#turn.writeInternal(options, () => {
      const { internal, turn } = this.#turn.engine;
      const key = keys.internal(toBytes(name), 'lease');
      const tokenKey = keys.internal(toBytes(name), 'lease-token');
      const me = utf8ToBytes(holder);
      const expiresAt = endOf(turn.time, ttl);
      const current = internal.strings.get(key);
      if (current !== undefined && current !== me) return undefined;
      const token = addIntegers(internal.strings.get(tokenKey), current === undefined ? 1 : 0);
      if (current === undefined) internal.strings.set(tokenKey, String(token), { entryClass: EntryClass.internal });
      internal.strings.set(key, me, { expiresAt, entryClass: EntryClass.internal });
      return token;
    });
  }

  release(name: KeyInput, holder: string, options?: CallOptions): Promise<boolean> {
    return this.#turn.writeInternal(
      options,
      () => {
        const { internal } = this.#turn.engine;
        const key = keys.internal(toBytes(name), 'lease');
        return internal.strings.get(key) === utf8ToBytes(holder) && internal.delete(key);
      },
      false,
    );
  }
}
