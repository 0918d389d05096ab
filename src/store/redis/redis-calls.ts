import type { ByteString } from '../../kernel/bytes.ts';
import type { ReplySource } from '../../link/upstream.ts';
import { ReplyError, type ReplyValue } from '../../resp/reply-decoder.ts';
import type { Decision, ScriptReply } from '../decisions/decision.ts';
import type { StoreKeys } from '../keys.ts';
import type { CallOptions } from '../ports.ts';
import { DecisionOrder } from './decision-order.ts';
import { errorOfReply } from './error-of-reply.ts';
import type { RedisCommands } from './redis-commands.ts';

/** What every port over Redis stands on: commands and decisions, their error replies thrown. */
export class RedisCalls {
  readonly commands: RedisCommands;
  readonly keys: StoreKeys;
  readonly #decisions: DecisionOrder;

  constructor(commands: RedisCommands, keys: StoreKeys) {
    this.commands = commands;
    this.#decisions = new DecisionOrder(commands);
    this.keys = keys;
  }

  /**
   * A decision in one step of the server. Those with the same first key take effect in the order of these calls.
   * @param keys all of one hash slot @param options.answered told before which server has decided
   * @throws SluiceError of {@link errorOfReply}, STORE_UNAVAILABLE, STORE_TIMEOUT, OVERLOADED; the signal's reason
   */
  async decide(
    decision: Decision,
    keys: readonly ByteString[],
    args: readonly ByteString[],
    options?: CallOptions & { readonly answered?: (source: ReplySource) => void },
  ): Promise<ScriptReply> {
    const { signal, answered } = options ?? {};
    return orThrow(await this.#decisions.run(decision, keys, args, signal, answered)) as ScriptReply;
  }

  /** A command that only reads, whose keys are its words from the second on. @throws as {@link decide} */
  async read(argv: readonly ByteString[], options?: CallOptions): Promise<ReplyValue> {
    return orThrow(await this.commands.call(argv, { keys: keysOf(argv), idempotent: true, signal: options?.signal }));
  }

  /** A command that writes, whose keys are its words from the second on. @throws as {@link decide} */
  async write(argv: readonly ByteString[], options?: CallOptions): Promise<ReplyValue> {
    return orThrow(await this.commands.call(argv, { keys: keysOf(argv), signal: options?.signal }));
  }
}

function keysOf(argv: readonly ByteString[]): number[] {
  return argv.slice(1).map((_, index) => index + 1);
}

/** @throws SluiceError for an error reply */
export function orThrow(reply: ReplyValue): Exclude<ReplyValue, ReplyError> {
  if (reply instanceof ReplyError) throw errorOfReply(reply);
  return reply;
}
