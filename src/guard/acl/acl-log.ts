import type { ByteString } from '../../kernel/bytes.ts';

/** Something a user was refused, told as ACL LOG tells it. */
export interface AclLogEntry {
  readonly reason: 'command' | 'key' | 'channel' | 'auth';
  readonly context: 'toplevel' | 'multi';
  /** The command, key or channel; `AUTH` for a login. */
  readonly object: ByteString;
  readonly username: ByteString;
  /** The line of CLIENT LIST that describes the latest client. */
  clientInfo: ByteString;
  count: number;
  /** Of the latest, ms since the epoch. */
  at: number;
}

const MAX_ENTRIES = 128;
/** Refusals alike within this time are counted together. */
const GROUPED_MS = 60_000;
const MAX_OBJECT = 256;

/** The latest refusals, newest first; bounded. */
export class AclLog {
  #entries: AclLogEntry[] = [];

  add(refused: Omit<AclLogEntry, 'count'>): void {
    const object = refused.object.slice(0, MAX_OBJECT);
    const same = this.#entries.findIndex(
      (entry) =>
        entry.reason === refused.reason &&
        entry.context === refused.context &&
        entry.username === refused.username &&
        entry.object === object &&
        refused.at - entry.at <= GROUPED_MS,
    );
    const [known] = same < 0 ? [] : this.#entries.splice(same, 1);
    const entry = known ?? { ...refused, object, count: 0 };
    entry.count++;
    entry.at = refused.at;
    entry.clientInfo = refused.clientInfo;
    this.#entries.unshift(entry);
    if (this.#entries.length > MAX_ENTRIES) this.#entries.pop();
  }

  latest(count: number): readonly Readonly<AclLogEntry>[] {
    return this.#entries.slice(0, count);
  }

  clear(): void {
    this.#entries = [];
  }
}
