import type { ByteString } from '../kernel/bytes.ts';
import { type Change, type ChangeConsumer, type ChangeStream, Op, Space } from '../store/engine/change.ts';
import type { Client } from './client.ts';

/** Which clients WATCH which keys: a change of a key breaks their next EXEC. Costs nothing while nobody watches. */
export class WatchTable implements ChangeConsumer {
  readonly #changes: ChangeStream;
  readonly #watchers = new Map<ByteString, Set<Client>>();
  #unsubscribe: (() => void) | undefined;

  constructor(changes: ChangeStream) {
    this.#changes = changes;
  }

  /** @param present whether the key is there now. */
  watch(client: Client, key: ByteString, present: boolean): void {
    if (client.watched.has(key)) return;
    client.watched.set(key, present);
    const watchers = this.#watchers.get(key);
    if (watchers === undefined) this.#watchers.set(key, new Set([client]));
    else watchers.add(client);
    this.#unsubscribe ??= this.#changes.subscribe(this);
  }

  /** UNWATCH, EXEC, DISCARD, RESET, or the connection is gone. */
  forget(client: Client): void {
    for (const key of client.watched.keys()) {
      const watchers = this.#watchers.get(key);
      if (watchers?.delete(client) === true && watchers.size === 0) this.#watchers.delete(key);
    }
    client.watched.clear();
    client.watchBroken = false;
    if (this.#watchers.size === 0) {
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    }
  }

  change(change: Readonly<Change>): void {
    if (change.space === Space.internal) return;
    if (change.op === Op.flush) this.#flushed(change.space);
    else this.touch(change.space, change.key);
  }

  /** Breaks the watches of a key that changed, or that a command wrote to without changing anything. */
  touch(space: Space, key: ByteString): void {
    for (const client of this.#watchers.get(key) ?? []) {
      if (client.keyspace(key).space === space) client.watchBroken = true;
    }
  }

  /** A flush changes the keys that were there; one that came since then has broken its watch already. */
  #flushed(space: Space): void {
    for (const [key, watchers] of this.#watchers) {
      for (const client of watchers) {
        if (client.watched.get(key) === true && client.keyspace(key).space === space) client.watchBroken = true;
      }
    }
  }
}
