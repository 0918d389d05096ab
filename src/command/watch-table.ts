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

  watch(client: Client, key: ByteString): void {
    if (client.watched.has(key)) return;
    client.watched.add(key);
    const watchers = this.#watchers.get(key);
    if (watchers === undefined) this.#watchers.set(key, new Set([client]));
    else watchers.add(client);
    this.#unsubscribe ??= this.#changes.subscribe(this);
  }

  /** UNWATCH, EXEC, DISCARD, RESET, or the connection is gone. */
  forget(client: Client): void {
    for (const key of client.watched) {
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
    if (change.op === Op.flush) for (const watchers of this.#watchers.values()) breakAll(watchers);
    else breakAll(this.#watchers.get(change.key));
  }
}

function breakAll(watchers: ReadonlySet<Client> | undefined): void {
  for (const client of watchers ?? []) client.watchBroken = true;
}
