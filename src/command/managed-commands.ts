/**
 * What a command does to a key of a read-through keyspace. The table is all there is: a command that is not in it is refused on such keys,
 * never passed through, as it would change or show what the origin alone decides.
 */
export const managedCommands = {
  get: { does: 'read', summary: 'reads through: local cache, store, origin' },
  mget: { does: 'read', summary: 'reads each key through; keys of no keyspace may stand among them' },
  exists: { does: 'read', summary: 'reads each key through and counts those the origin has' },
  strlen: { does: 'read', summary: 'reads through' },
  ttl: { does: 'look', summary: 'tells how long the value is kept, stale time included, and asks no origin' },
  pttl: { does: 'look', summary: 'tells how long the value is kept, stale time included, and asks no origin' },
  expiretime: { does: 'look', summary: 'tells until when the value is kept, and asks no origin' },
  pexpiretime: { does: 'look', summary: 'tells until when the value is kept, and asks no origin' },
  type: { does: 'look', summary: 'tells what is kept, and asks no origin' },
  del: { does: 'purge', summary: 'drops what is kept; the next read asks the origin' },
  unlink: { does: 'purge', summary: 'drops what is kept; the next read asks the origin' },
} as const satisfies Record<string, ManagedCommand>;

/** One row of the table. */
export interface ManagedCommand {
  /** `read`: answered through the keyspace. `look`: done to what is kept, as it is. `purge`: drops what is kept. */
  readonly does: 'read' | 'look' | 'purge';
  /** For the reference page. */
  readonly summary: string;
}

const byName: ReadonlyMap<string, ManagedCommand> = new Map(Object.entries(managedCommands));

/** The row of a command, by its name in lower case. */
export function managedCommand(name: string): ManagedCommand | undefined {
  return byName.get(name);
}
