import type { ByteString } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ReplySource, Upstream } from '../../link/upstream.ts';
import type { ReplyValue } from '../../resp/reply-decoder.ts';
import type { Subscription } from '../ports.ts';
import { orThrow } from './redis-calls.ts';
import type { RedisCommands } from './redis-commands.ts';
import { Subscriptions } from './subscriptions.ts';

export interface LinkCommandsOptions {
  readonly upstream: Upstream;
  readonly database: number;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
}

const noKeys: readonly number[] = [];

/** The way to the server over the connections of the link. */
export class LinkCommands implements RedisCommands {
  readonly #upstream: Upstream;
  readonly #subscriptions: Subscriptions;

  constructor(options: LinkCommandsOptions) {
    this.#upstream = options.upstream;
    this.#subscriptions = new Subscriptions(options);
  }

  call(
    argv: readonly ByteString[],
    {
      keys = noKeys,
      idempotent = false,
      signal,
      answered,
    }: {
      readonly keys?: readonly number[];
      readonly idempotent?: boolean;
      readonly signal?: AbortSignal | undefined;
      readonly answered?: ((source: ReplySource) => void) | undefined;
    } = {},
  ): Promise<ReplyValue> {
    return this.#upstream.call(argv, { idempotent, keyPositions: () => keys }, signal, answered);
  }

  async scan(
    cursor: string,
    args: readonly ByteString[],
    signal?: AbortSignal,
  ): Promise<{ cursor: string; keys: ByteString[] }> {
    const reply = orThrow(await this.call(['SCAN', cursor, ...args], { idempotent: true, signal }));
    const [next, keys] = reply as readonly [string, ByteString[]];
    return { cursor: next, keys };
  }

  subscribe(
    channel: ByteString,
    onMessage: (payload: ByteString) => void,
    signal?: AbortSignal,
  ): Promise<Subscription> {
    return this.#subscriptions.subscribe(channel, onMessage, signal);
  }

  /** Ends the subscriptions; the upstream is its owner's to close. */
  close(): void {
    this.#subscriptions.end();
  }
}
