import { toBytes } from '../decisions/arguments.ts';
import { fixedWindow } from '../decisions/fixed-window.ts';
import { rollingWindow, windowArgs, windowDecision } from '../decisions/rolling-window.ts';
import { StoreKeys } from '../keys.ts';
import type { CallOptions, KeyInput, Window, WindowDecision, WindowLimit } from '../ports.ts';
import type { EmbeddedTurn } from './embedded-turn.ts';

const keys = new StoreKeys();

/** The `Window` port among the internal keys. */
export class EmbeddedWindow implements Window {
  readonly #turn: EmbeddedTurn;

  constructor(turn: EmbeddedTurn) {
    this.#turn = turn;
  }

  async rolling(key: KeyInput, limit: WindowLimit, options?: CallOptions): Promise<WindowDecision> {
    const names = [keys.internal(toBytes(key), 'rolling')];
    return windowDecision(await this.#turn.decide(rollingWindow, names, windowArgs(limit), options));
  }

  async fixed(key: KeyInput, limit: WindowLimit, options?: CallOptions): Promise<WindowDecision> {
    const names = [keys.internal(toBytes(key), 'fixed')];
    return windowDecision(await this.#turn.decide(fixedWindow, names, windowArgs(limit), options));
  }

  reset(key: KeyInput, options?: CallOptions): Promise<void> {
    return this.#turn.writeInternal(
      options,
      () => {
        const name = toBytes(key);
        this.#turn.engine.internal.delete(keys.internal(name, 'rolling'));
        this.#turn.engine.internal.delete(keys.internal(name, 'fixed'));
      },
      false,
    );
  }
}
