import { bytesToUtf8, utf8ToBytes } from '../../kernel/bytes.ts';
import { toBytes, toOwned } from '../decisions/arguments.ts';
import type { CallOptions, Channel, KeyInput, Message, Subscription } from '../ports.ts';
import { orThrow, type RedisCalls } from './redis-calls.ts';

/** The `Channel` port: the channels of the server, under their own names. What is published while the connection is lost is missed. */
export class RedisChannel implements Channel {
  readonly #calls: RedisCalls;

  constructor(calls: RedisCalls) {
    this.#calls = calls;
  }

  async publish(channel: string, payload: KeyInput, options?: CallOptions): Promise<number> {
    const argv = ['PUBLISH', utf8ToBytes(channel), toBytes(payload)];
    return orThrow(await this.#calls.commands.call(argv, { signal: options?.signal })) as number;
  }

  async subscribe(
    channel: string,
    onMessage: (message: Message) => void,
    options?: CallOptions,
  ): Promise<Subscription> {
    const name = utf8ToBytes(channel);
    return this.#calls.commands.subscribe(
      name,
      (payload) => onMessage({ channel: bytesToUtf8(name), payload: toOwned(payload) }),
      options?.signal,
    );
  }
}
