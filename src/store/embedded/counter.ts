import { EntryClass } from '../engine/entry-class.ts';
import { StoreKeys } from '../keys.ts';
import type { CallOptions, Counter, KeyInput } from '../ports.ts';
import { addIntegers, type EmbeddedTurn, endOf, toBytes } from './embedded-turn.ts';

const keys = new StoreKeys();

/** The `Counter` port: one string per counter among the internal keys. */
export class EmbeddedCounter implements Counter {
  readonly #turn: EmbeddedTurn;

  constructor(turn: EmbeddedTurn) {
    this.#turn = turn;
  }

  add(key: KeyInput, by: number, options: CallOptions & { readonly ttl?: number } = {}): Promise<number> {
    return this.#turn.writeInternal(options, () => {
      const { internal, turn } = this.#turn.engine;
      const name = nameOf(key);
      const sum = addIntegers(internal.strings.get(name), by);
      const firstExpiry = options.ttl === undefined ? 0 : endOf(turn.time, options.ttl);
      const expiresAt = internal.expiresAt(name) ?? firstExpiry;
      internal.strings.set(name, String(sum), { expiresAt, entryClass: EntryClass.internal });
      return sum;
    });
  }

  get(key: KeyInput, options?: CallOptions): Promise<number> {
    return this.#turn.read(options, () => addIntegers(this.#turn.engine.internal.strings.get(nameOf(key)), 0));
  }

  reset(key: KeyInput, options?: CallOptions): Promise<void> {
    return this.#turn.writeInternal(
      options,
      () => {
        this.#turn.engine.internal.delete(nameOf(key));
      },
      false,
    );
  }
}

function nameOf(key: KeyInput): string {
  return keys.internal(toBytes(key), 'counter');
}
