import { toBytes } from '../decisions/arguments.ts';
import { fixedWindow } from '../decisions/fixed-window.ts';
import { rollingWindow, windowArgs, windowDecision } from '../decisions/rolling-window.ts';
import type { CallOptions, KeyInput, Window, WindowDecision, WindowLimit } from '../ports.ts';
import type { RedisCalls } from './redis-calls.ts';

/** The `Window` port, by the clock of the server. */
export class RedisWindow implements Window {
  readonly #calls: RedisCalls;

  constructor(calls: RedisCalls) {
    this.#calls = calls;
  }

  async rolling(key: KeyInput, limit: WindowLimit, options?: CallOptions): Promise<WindowDecision> {
    const names = [this.#calls.keys.internal(toBytes(key), 'rolling')];
    return windowDecision(await this.#calls.decide(rollingWindow, names, windowArgs(limit), options));
  }

  async fixed(key: KeyInput, limit: WindowLimit, options?: CallOptions): Promise<WindowDecision> {
    const names = [this.#calls.keys.internal(toBytes(key), 'fixed')];
    return windowDecision(await this.#calls.decide(fixedWindow, names, windowArgs(limit), options));
  }

  async reset(key: KeyInput, options?: CallOptions): Promise<void> {
    const name = toBytes(key);
    const { keys } = this.#calls;
    await this.#calls.write(['DEL', keys.internal(name, 'rolling'), keys.internal(name, 'fixed')], options);
  }
}
