import { bytesToUtf8, utf8ToBytes } from '../../kernel/bytes.ts';
import { toBytes, toOwned } from '../decisions/arguments.ts';
import type { PubSub } from '../engine/pub-sub.ts';
import type { CallOptions, Channel, KeyInput, Message, Subscription } from '../ports.ts';

/** The `Channel` port within one process. */
export class EmbeddedChannel implements Channel {
  readonly #pubSub: PubSub;

  constructor(pubSub: PubSub) {
    this.#pubSub = pubSub;
  }

  publish(channel: string, payload: KeyInput, options?: CallOptions): Promise<number> {
    return attempt(options, () => this.#pubSub.publish(utf8ToBytes(channel), toBytes(payload)));
  }

  subscribe(channel: string, onMessage: (message: Message) => void, options?: CallOptions): Promise<Subscription> {
    return attempt(options, () => {
      const name = utf8ToBytes(channel);
      const subscriber = {
        message: (from: string, payload: string) =>
          onMessage({ channel: bytesToUtf8(from), payload: toOwned(payload) }),
      };
      this.#pubSub.subscribe(name, subscriber);
      const close = (): Promise<void> => {
        this.#pubSub.unsubscribe(name, subscriber);
        return Promise.resolve();
      };
      return { close, [Symbol.asyncDispose]: close };
    });
  }
}

async function attempt<T>(options: CallOptions | undefined, work: () => T): Promise<T> {
  options?.signal?.throwIfAborted();
  return work();
}
