import type { ByteString } from '../../kernel/bytes.ts';
import { matchGlob } from '../../kernel/glob.ts';

/** One who listens. `pattern` is given when the message came by a pattern subscription. */
export interface Subscriber {
  message(channel: ByteString, payload: ByteString, pattern?: ByteString): void;
}

/** Who listens to which channel or pattern, within this process. Messages are not kept: who is not there misses them. */
export class PubSub {
  readonly #channels = new Map<ByteString, Set<Subscriber>>();
  readonly #patterns = new Map<ByteString, Set<Subscriber>>();

  subscribe(channel: ByteString, subscriber: Subscriber): void {
    add(this.#channels, channel, subscriber);
  }

  unsubscribe(channel: ByteString, subscriber: Subscriber): void {
    remove(this.#channels, channel, subscriber);
  }

  subscribePattern(pattern: ByteString, subscriber: Subscriber): void {
    add(this.#patterns, pattern, subscriber);
  }

  unsubscribePattern(pattern: ByteString, subscriber: Subscriber): void {
    remove(this.#patterns, pattern, subscriber);
  }

  /** @returns how many subscribers got it; one who matches several times counts as often. */
  publish(channel: ByteString, payload: ByteString): number {
    let receivers = 0;
    for (const subscriber of this.#channels.get(channel) ?? []) {
      subscriber.message(channel, payload);
      receivers++;
    }
    for (const [pattern, subscribers] of this.#patterns) {
      if (!matchGlob(pattern, channel)) continue;
      for (const subscriber of subscribers) {
        subscriber.message(channel, payload, pattern);
        receivers++;
      }
    }
    return receivers;
  }

  /** Channels with at least one subscriber. */
  channels(): ByteString[] {
    return [...this.#channels.keys()];
  }

  subscribers(channel: ByteString): number {
    return this.#channels.get(channel)?.size ?? 0;
  }

  /** Number of distinct patterns. */
  get patterns(): number {
    return this.#patterns.size;
  }
}

function add(table: Map<ByteString, Set<Subscriber>>, name: ByteString, subscriber: Subscriber): void {
  const subscribers = table.get(name);
  if (subscribers === undefined) table.set(name, new Set([subscriber]));
  else subscribers.add(subscriber);
}

function remove(table: Map<ByteString, Set<Subscriber>>, name: ByteString, subscriber: Subscriber): void {
  const subscribers = table.get(name);
  if (subscribers?.delete(subscriber) === true && subscribers.size === 0) table.delete(name);
}
