import type { ByteString } from '../kernel/bytes.ts';
import type { Timer } from '../kernel/clock.ts';
import { type Change, type ChangeConsumer, Op, Space } from '../store/engine/change.ts';
import type { Engine } from '../store/engine/engine.ts';
import { isCompatName } from '../store/keys.ts';
import type { BlockedState, Client } from './client.ts';

/**
 * Clients that wait for lists, in the order they came. A push marks its key ready; after the command (or the whole transaction)
 * that pushed, `serve` hands the elements out, as Redis does.
 */
export class BlockedClients implements ChangeConsumer {
  readonly #engine: Engine;
  readonly #waiting = new Map<ByteString, Set<Client>>();
  readonly #timers = new Map<Client, Timer>();
  readonly #ready = new Set<ByteString>();
  #unsubscribe: (() => void) | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get size(): number {
    return this.#timers.size;
  }

  /** @param timeoutMs 0 = for ever. */
  block(client: Client, state: BlockedState, timeoutMs: number): void {
    client.blocked = state;
    for (const key of state.keys) {
      const waiting = this.#waiting.get(key);
      if (waiting === undefined) this.#waiting.set(key, new Set([client]));
      else waiting.add(client);
    }
    const timer =
      timeoutMs === 0
        ? { cancel: () => undefined }
        : this.#engine.clock.setTimer(() => this.#timeOut(client), timeoutMs);
    this.#timers.set(client, timer);
    this.#unsubscribe ??= this.#engine.changes.subscribe(this);
  }

  /** Ends the wait without a reply: the client was served, killed or is gone. */
  forget(client: Client): void {
    const state = client.blocked;
    if (state === undefined) return;
    client.blocked = undefined;
    this.#timers.get(client)?.cancel();
    this.#timers.delete(client);
    for (const key of state.keys) {
      const waiting = this.#waiting.get(key);
      if (waiting?.delete(client) === true && waiting.size === 0) this.#waiting.delete(key);
    }
    if (this.#timers.size === 0) {
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
      this.#ready.clear();
    }
  }

  change(change: Readonly<Change>): void {
    if (change.space === Space.internal) return;
    if ((change.op !== Op.pushLeft && change.op !== Op.pushRight) || !this.#waiting.has(change.key)) return;
    // A command serves right after its reply; a push by the library or another face has nobody else to do it.
    if (this.#ready.size === 0) queueMicrotask(() => this.#serveLater());
    this.#ready.add(change.key);
  }

  get anyReady(): boolean {
    return this.#ready.size > 0;
  }

  /** Hands out what was pushed, to who waits longest first. Serving may push again (BLMOVE), so it goes on until nothing is ready. */
  serve(): void {
    for (const key of this.#ready) {
      this.#ready.delete(key);
      this.#serveKey(key);
    }
  }

  #serveKey(key: ByteString): void {
    // A client that is served leaves the set, which its iteration allows.
    for (const client of this.#waiting.get(key) ?? []) {
      if (client.blocked === undefined) continue;
      const replyFrom = client.reply.size;
      if (!client.blocked.serve(key)) {
        // The list is empty again. Only a compatibility name can mean another list to the next client.
        if (isCompatName(key)) continue;
        return;
      }
      client.revealed = Math.max(client.revealed, this.#engine.revealed);
      this.forget(client);
      answered(client, replyFrom);
    }
  }

  #serveLater(): void {
    if (this.#ready.size === 0) return;
    this.#engine.begin();
    this.serve();
  }

  #timeOut(client: Client): void {
    const state = client.blocked;
    if (state === undefined) return;
    this.#engine.begin();
    this.forget(client);
    const replyFrom = client.reply.size;
    state.timedOut();
    answered(client, replyFrom);
  }
}

/** The wait is over: its reply goes out, unless CLIENT REPLY silenced the command that waited. */
function answered(client: Client, replyFrom: number): void {
  if (client.replyMode !== 'on') client.reply.drop(replyFrom);
  if (client.replyMode === 'skip') client.replyMode = 'on';
  client.connection.flush();
  client.connection.resume();
}
