import { isSluiceError, SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { ReplySource } from '../../link/upstream.ts';
import { ReplyError, type ReplyValue } from '../../resp/reply-decoder.ts';
import type { Decision } from '../decisions/decision.ts';
import type { RedisCommands } from './redis-commands.ts';

/** Where the keys of EVALSHA begin. */
const FIRST_KEY = 3;

interface Call {
  /** Grows with every call. */
  readonly order: number;
  readonly decision: Decision;
  readonly keys: readonly ByteString[];
  readonly args: readonly ByteString[];
  readonly signal: AbortSignal | undefined;
  readonly answered: ((source: ReplySource) => void) | undefined;
  resolve(reply: ReplyValue): void;
  reject(error: unknown): void;
}

/** Calls that may wait until it is known which scripts the server has. */
const MAX_HELD = 65_536;

/**
 * Sends decisions to a server: by the hash of their script, and with the script where the server does not have it (after a restart, a
 * failover, SCRIPT FLUSH).
 *
 * Those with the same first key take effect in the order in which they were called, all of which may be under way at a time. Once one has
 * found no script the next ones wait for those under way, so that none of them finds what another has sent meanwhile. A change that was
 * overtaken all the same, behind a script that another program has sent, is refused: to run it now would undo the later one.
 */
export class DecisionOrder {
  readonly #commands: RedisCommands;
  #calls = 0;
  #underWay = 0;
  /** To be sent anew once nothing is under way: the server had no script for them, or they read too early because of one of these. */
  #again: Call[] = [];
  /** Came since there are such. */
  #held: Call[] = [];
  /** The last change that ran, or may have, since there are such, by first key. */
  readonly #ran = new Map<ByteString, number>();

  constructor(commands: RedisCommands) {
    this.#commands = commands;
  }

  /**
   * A change whose outcome is unknown is not sent again.
   * @param answered told before where the reply came from
   * @throws SluiceError STORE_UNAVAILABLE (it did not run), STORE_TIMEOUT (it may have run), OVERLOADED; the signal's reason
   */
  run(
    decision: Decision,
    keys: readonly ByteString[],
    args: readonly ByteString[],
    signal: AbortSignal | undefined,
    answered?: (source: ReplySource) => void,
  ): Promise<ReplyValue> {
    return new Promise((resolve, reject) => {
      const call: Call = { order: ++this.#calls, decision, keys, args, signal, answered, resolve, reject };
      if (this.#again.length === 0) this.#send(call, false);
      else if (this.#held.length < MAX_HELD) this.#held.push(call);
      else reject(new SluiceError('OVERLOADED', `${MAX_HELD} calls wait for the store already; it was not sent`));
    });
  }

  #send(call: Call, withScript: boolean): void {
    const { decision, keys, args, signal, answered } = call;
    const { access, sha1, lua, isSentWhole = false } = decision;
    const script = withScript || isSentWhole ? ['EVAL', lua] : ['EVALSHA', sha1];
    this.#underWay++;
    this.#commands
      .call([...script, String(keys.length), ...keys, ...args], {
        keys: keys.map((_, index) => FIRST_KEY + index),
        idempotent: access === 'read',
        signal,
        answered,
      })
      .then(
        (reply) => this.#replied(call, reply),
        (error: unknown) => this.#failed(call, error),
      );
  }

  #replied(call: Call, reply: ReplyValue): void {
    this.#underWay--;
    const isOrderly = this.#again.length === 0;
    const hasNoScript = reply instanceof ReplyError && reply.message.startsWith('NOSCRIPT');
    if (hasNoScript || (!isOrderly && this.#isTooEarly(call))) {
      this.#again.push(call);
    } else {
      if (!isOrderly) this.#ran.set(call.keys[0] as ByteString, call.order);
      call.resolve(reply);
    }
    this.#goOn();
  }

  /** A reading that came before a change that should have been there, as the server had no script for that. */
  #isTooEarly({ decision, keys, order }: Call): boolean {
    const [key] = keys;
    return (
      decision.access === 'read' &&
      this.#again.some((one) => one.order < order && one.keys[0] === key && one.decision.access !== 'read')
    );
  }

  #failed(call: Call, error: unknown): void {
    this.#underWay--;
    const neverRan = isSluiceError(error, 'STORE_UNAVAILABLE') || isSluiceError(error, 'OVERLOADED');
    if (this.#again.length > 0 && !neverRan && call.decision.access !== 'read')
      this.#ran.set(call.keys[0] as ByteString, call.order);
    call.reject(error);
    this.#goOn();
  }

  #goOn(): void {
    if (this.#again.length === 0 || this.#underWay > 0) return;
    const again = this.#again.sort((one, other) => one.order - other.order);
    const held = this.#held;
    this.#again = [];
    this.#held = [];
    for (const call of again) {
      const isLate = call.order < (this.#ran.get(call.keys[0] as ByteString) ?? 0);
      if (isLate && call.decision.access !== 'read') call.reject(overtaken());
      else this.#send(call, true);
    }
    this.#ran.clear();
    for (const call of held) this.#send(call, false);
  }
}

function overtaken(): SluiceError {
  return new SluiceError(
    'STORE_UNAVAILABLE',
    'the server had no script for it, and then one for what came after it; this did not run, it is safe to try again',
  );
}
