import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { DirtySet, RowChange, RowChanged, StoredRow } from '../store/ports.ts';
import type { RowSpace } from './row-space.ts';

/** One key that is a row. */
export interface RowTarget {
  readonly key: ByteString;
  readonly space: RowSpace;
}

/** Rows that are accepted now and written to a database later. What was accepted is read at once. */
export class WriteBehind {
  readonly spaces: readonly RowSpace[];
  readonly #rows: DirtySet;

  /** @param spaces narrower patterns first */
  constructor(spaces: readonly RowSpace[], rows: DirtySet) {
    this.spaces = spaces;
    this.#rows = rows;
  }

  /** The keyspace of a key, undefined for a key that is none's. */
  find(key: ByteString): RowTarget | undefined {
    for (const space of this.spaces) if (space.keyOf(key) !== undefined) return { key, space };
    return undefined;
  }

  /**
   * Accepts a change. At once where it can.
   * @throws SluiceError INVALID_ARGUMENT (a field without a column), OVERLOADED (too many rows wait), NOT_AN_INTEGER, OVERFLOW, OUT_OF_MEMORY,
   * STORE_UNAVAILABLE …
   */
  put({ key, space }: RowTarget, change: RowChange): RowChanged | Promise<RowChanged> {
    const { policy, stats } = space;
    if (change.kind !== 'delete') requireColumns(space, change.fields);
    if (space.pending >= policy.maxPending) {
      stats.refused++;
      throw new SluiceError(
        'OVERLOADED',
        `${space.pending} rows of ${JSON.stringify(space.name)} wait to be written${space.trouble === undefined ? '' : `: ${space.trouble}`}; try again later`,
      );
    }
    stats.accepted++;
    // Until it is looked at anew, nobody is told that nothing waits.
    space.pending = Math.max(1, space.pending);
    return this.#rows.put(space.set, key, change, policy.ack);
  }

  /** The row as of now; undefined: nothing is known of it, or it was removed. */
  read({ key, space }: RowTarget): StoredRow | undefined | Promise<StoredRow | undefined> {
    const row = this.#rows.read(space.set, key);
    return row instanceof Promise ? row.then(unlessRemoved) : unlessRemoved(row);
  }
}

function unlessRemoved(row: StoredRow | undefined): StoredRow | undefined {
  return row === undefined || row.fields.size === 0 ? undefined : row;
}

function requireColumns(space: RowSpace, fields: readonly { readonly field: ByteString }[]): void {
  for (const { field } of fields) {
    if (space.has(field)) continue;
    throw new SluiceError(
      'INVALID_ARGUMENT',
      `the field ${JSON.stringify(field.slice(0, 100))} has no column in ${space.mapping.table}; add it to writeBehind.columns`,
    );
  }
}
