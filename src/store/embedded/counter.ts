import { addToCounter } from '../decisions/add-to-counter.ts';
import { toBytes, ttlArg } from '../decisions/arguments.ts';
import { stepArg, wholeNumber } from '../decisions/whole-numbers.ts';
import { StoreKeys } from '../keys.ts';
import type { CallOptions, Counter, KeyInput } from '../ports.ts';
import type { EmbeddedTurn } from './embedded-turn.ts';

const keys = new StoreKeys();

/** The `Counter` port: one string per counter among the internal keys. */
export class EmbeddedCounter implements Counter {
  readonly #turn: EmbeddedTurn;

  constructor(turn: EmbeddedTurn) {
    this.#turn = turn;
  }

  async add(key: KeyInput, by: number, options: CallOptions & { readonly ttl?: number } = {}): Promise<number> {
    const args = ['', stepArg(by), ttlArg(options.ttl)];
    return (await this.#turn.decide(addToCounter, [nameOf(key)], args, options)) as number;
  }

  get(key: KeyInput, options?: CallOptions): Promise<number> {
    return this.#turn.read(options, () => wholeNumber(this.#turn.engine.internal.strings.get(nameOf(key))));
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
