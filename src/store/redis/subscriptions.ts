import { SluiceError } from '../../errors.ts';
import { type ByteString, toBuffer } from '../../kernel/bytes.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { DedicatedConnection, Route, Upstream } from '../../link/upstream.ts';
import { PushMessage, ReplyDecoder } from '../../resp/reply-decoder.ts';
import type { Subscription } from '../ports.ts';

const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 2000;
/** So often a connection without messages is asked whether it lives. */
const HEARTBEAT_MS = 2000;

const route: Route = { idempotent: true, keyPositions: () => [] };
const ignored = { replied: () => undefined, failed: () => undefined };

export interface SubscriptionsOptions {
  readonly upstream: Pick<Upstream, 'dedicate'>;
  readonly database: number;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
}

type Listener = (payload: ByteString) => void;

/** What the server has been asked and not confirmed yet; it confirms in order. */
interface Asked {
  readonly done: () => void;
  readonly failed: (error: SluiceError) => void;
}

/**
 * All subscriptions of one process over one connection of its own, which is opened for the first, renewed for ever while there is
 * one, and given back after the last.
 */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #listeners = new Map<ByteString, Set<Listener>>();
  #connection: DedicatedConnection | undefined;
  readonly #asked: Asked[] = [];
  #failures = 0;
  #retry: Timer | undefined;
  #heartbeat: Timer | undefined;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /**
   * Resolves once the server has confirmed it. After a lost connection it is renewed; what is published meanwhile is missed.
   * @throws SluiceError STORE_UNAVAILABLE, STORE_TIMEOUT, OVERLOADED when it never stood; the signal's reason
   */
  async subscribe(channel: ByteString, onMessage: Listener, signal?: AbortSignal): Promise<Subscription> {
    signal?.throwIfAborted();
    // One object for each, though a caller may give the same function twice.
    const listener: Listener = (payload) => onMessage(payload);
    const close = (): Promise<void> => this.#close(channel, listener);
    this.#listenersOf(channel).add(listener);
    try {
      await withSignal(this.#ask('SUBSCRIBE', channel), signal);
    } catch (error) {
      close().catch(() => undefined);
      throw error;
    }
    return { close, [Symbol.asyncDispose]: close };
  }

  /** Ends all of them at once. */
  end(): void {
    this.#listeners.clear();
    this.#release(false);
    for (const { failed } of this.#asked.splice(0)) failed(new SluiceError('CLOSED', 'Sluice closes'));
  }

  #listenersOf(channel: ByteString): Set<Listener> {
    let listeners = this.#listeners.get(channel);
    if (listeners === undefined) this.#listeners.set(channel, (listeners = new Set()));
    return listeners;
  }

  async #close(channel: ByteString, listener: Listener): Promise<void> {
    const listeners = this.#listeners.get(channel);
    if (listeners?.delete(listener) !== true || listeners.size > 0) return;
    this.#listeners.delete(channel);
    if (this.#connection !== undefined) {
      // A connection that is lost has no subscriptions either.
      await this.#ask('UNSUBSCRIBE', channel).catch(() => undefined);
    }
    // The last of those who close at once gives it back.
    if (this.#listeners.size === 0 && this.#asked.length === 0) this.#release(true);
  }

  /** Resolves when the server confirms. */
  #ask(verb: 'SUBSCRIBE' | 'UNSUBSCRIBE', channel: ByteString): Promise<void> {
    return new Promise((done, failed) => {
      const connection = this.#connection ?? this.#connect(channel);
      this.#asked.push({ done, failed });
      connection.send([verb, channel], route, ignored, 0);
    });
  }

  /**
   * Opens the connection and renews what stood on the one before.
   * @param except a channel that is asked for by who calls
   * @throws SluiceError OVERLOADED
   */
  #connect(except?: ByteString): DedicatedConnection {
    this.#retry?.cancel();
    this.#retry = undefined;
    const decoder = new ReplyDecoder();
    const connection = this.#options.upstream.dedicate(3, this.#options.database, {
      pushed: (frame) => {
        decoder.push(toBuffer(frame));
        const message = decoder.next();
        if (message instanceof PushMessage) this.#pushed(message);
      },
      lost: (error) => {
        if (this.#connection === connection) this.#lost(error);
      },
    });
    this.#connection = connection;
    this.#beat();
    for (const channel of this.#listeners.keys())
      if (channel !== except) this.#ask('SUBSCRIBE', channel).catch(() => this.#renewLater());
    return connection;
  }

  #pushed({ items: [kind, channel, payload] }: PushMessage): void {
    if (kind === 'message') {
      for (const listener of [...(this.#listeners.get(channel as ByteString) ?? [])]) {
        // Its own turn: what it throws must not stop the connection.
        queueMicrotask(() => listener(payload as ByteString));
      }
    } else if (kind === 'subscribe' || kind === 'unsubscribe') {
      this.#failures = 0;
      this.#asked.shift()?.done();
    }
  }

  #lost(error: SluiceError): void {
    this.#connection = undefined;
    this.#heartbeat?.cancel();
    for (const { failed } of this.#asked.splice(0)) failed(error);
    // Those whose first attempt just failed leave in a moment.
    queueMicrotask(() => this.#renewLater());
  }

  #renewLater(): void {
    if (this.#listeners.size === 0 || this.#connection !== undefined || this.#retry !== undefined) return;
    const { clock, random } = this.#options;
    const longest = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures++, 10));
    // Half of it at random: many nodes must not come back in step.
    this.#retry = clock.setTimer(() => this.#renew(), longest * (0.5 + random() / 2));
  }

  #renew(): void {
    this.#retry = undefined;
    try {
      this.#connect();
    } catch {
      this.#renewLater();
    }
  }

  #beat(): void {
    this.#heartbeat = this.#options.clock.setTimer(() => {
      // Its reply is owed, so a connection that says nothing any more is found out by the link.
      this.#connection?.send(['PING'], route, ignored);
      this.#beat();
    }, HEARTBEAT_MS);
  }

  /** @param clean the connection has no subscriptions any more */
  #release(clean: boolean): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#heartbeat?.cancel();
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.release(clean);
  }
}

function withSignal(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
