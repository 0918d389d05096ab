import { isSluiceError, SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
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
  resolve(reply: ReplyValue): void;
  reject(error: unknown): void;
}

/** Calls under way that have their first key in common. */
interface Flight {
  underWay: number;
  /** To be sent anew once nothing is under way: the server had no script for them, or they read too early because of one of these. */
  again: Call[];
  /** Came since there are such. */
  held: Call[];
  /** The last change that ran, or may have. */
  ran: number;
}

/**
 * Sends decisions to a server: by the hash of their script, and with the script where the server does not have it (after a restart, a
 * failover, SCRIPT FLUSH).
 *
 * Those with the same first key take effect in the order in which they were called, all of which may be under way at a time. A change
 * that finds no script while a later one, behind a script that somebody else has sent meanwhile, does, is refused: to run it now would
 * undo the later one.
 */
export class DecisionOrder {
  readonly #commands: RedisCommands;
  readonly #flights = new Map<ByteString, Flight>();
  #calls = 0;

  constructor(commands: RedisCommands) {
    this.#commands = commands;
  }

  /**
   * A change whose outcome is unknown is not sent again.
   * @throws SluiceError STORE_UNAVAILABLE (it did not run), STORE_TIMEOUT (it may have run), OVERLOADED; the signal's reason
   */
  run(
    decision: Decision,
    keys: readonly ByteString[],
    args: readonly ByteString[],
    signal: AbortSignal | undefined,
  ): Promise<ReplyValue> {
    return new Promise((resolve, reject) => {
      const call: Call = { order: ++this.#calls, decision, keys, args, signal, resolve, reject };
      const key = keys[0] as ByteString;
      let flight = this.#flights.get(key);
      if (flight === undefined) {
        flight = { underWay: 0, again: [], held: [], ran: 0 };
        this.#flights.set(key, flight);
      }
      if (flight.again.length > 0) flight.held.push(call);
      else this.#send(flight, call, false);
    });
  }

  #send(flight: Flight, call: Call, withScript: boolean): void {
    const { decision, keys, args, signal } = call;
    const { access, sha1, lua } = decision;
    const script = withScript ? ['EVAL', lua] : ['EVALSHA', sha1];
    flight.underWay++;
    this.#commands
      .call([...script, String(keys.length), ...keys, ...args], {
        keys: keys.map((_, index) => FIRST_KEY + index),
        idempotent: access === 'read',
        signal,
      })
      .then(
        (reply) => this.#replied(flight, call, reply),
        (error: unknown) => this.#failed(flight, call, error),
      );
  }

  #replied(flight: Flight, call: Call, reply: ReplyValue): void {
    flight.underWay--;
    const hasNoScript = reply instanceof ReplyError && reply.message.startsWith('NOSCRIPT');
    const isRead = call.decision.access === 'read';
    if (hasNoScript || (isRead && flight.again.length > 0)) {
      flight.again.push(call);
    } else {
      if (!isRead) flight.ran = call.order;
      call.resolve(reply);
    }
    this.#goOn(flight, call);
  }

  #failed(flight: Flight, call: Call, error: unknown): void {
    flight.underWay--;
    const neverRan = isSluiceError(error, 'STORE_UNAVAILABLE') || isSluiceError(error, 'OVERLOADED');
    if (!neverRan && call.decision.access !== 'read') flight.ran = call.order;
    call.reject(error);
    this.#goOn(flight, call);
  }

  #goOn(flight: Flight, { keys }: Call): void {
    if (flight.underWay > 0) return;
    if (flight.again.length === 0) {
      this.#flights.delete(keys[0] as ByteString);
      return;
    }
    const again = flight.again.sort((one, other) => one.order - other.order);
    const { held } = flight;
    flight.again = [];
    flight.held = [];
    for (const call of again) {
      if (call.decision.access === 'read' || call.order > flight.ran) this.#send(flight, call, true);
      else call.reject(overtaken());
    }
    for (const call of held) this.#send(flight, call, false);
    // All of them were refused.
    if (flight.underWay === 0) this.#flights.delete(keys[0] as ByteString);
  }
}

function overtaken(): SluiceError {
  return new SluiceError(
    'STORE_UNAVAILABLE',
    'the server had lost the script, and has run what came after it; this did not run, it is safe to try again',
  );
}
