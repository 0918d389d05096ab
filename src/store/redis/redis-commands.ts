import type { ByteString } from '../../kernel/bytes.ts';
import type { ReplySource } from '../../link/upstream.ts';
import type { ReplyValue } from '../../resp/reply-decoder.ts';
import type { Subscription } from '../ports.ts';

/** What the ports over Redis need of the way there. */
export interface RedisCommands {
  /**
   * One command; keys at their positions in `argv` decide where it goes in a Cluster. An error reply is a value (`ReplyError`).
   * @param options.keys positions of the keys, none by default. @param options.idempotent may be sent again
   * @param options.answered told before where the reply came from, if one server gave it
   * @throws SluiceError STORE_UNAVAILABLE (never sent), STORE_TIMEOUT (sent, outcome unknown), OVERLOADED; the signal's reason
   */
  call(
    argv: readonly ByteString[],
    options?: {
      readonly keys?: readonly number[];
      readonly idempotent?: boolean;
      readonly signal?: AbortSignal | undefined;
      readonly answered?: ((source: ReplySource) => void) | undefined;
    },
  ): Promise<ReplyValue>;
  /** One SCAN step of one node: cursors name the node too, '0' is start and end. */
  scan(
    cursor: string,
    args: readonly ByteString[],
    signal?: AbortSignal,
  ): Promise<{ cursor: string; keys: ByteString[] }>;
  /** Resolves once the subscription stands; it is renewed after a lost connection, what was published meanwhile is lost. */
  subscribe(channel: ByteString, onMessage: (payload: ByteString) => void, signal?: AbortSignal): Promise<Subscription>;
}
