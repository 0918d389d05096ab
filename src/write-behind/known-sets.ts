import type { ByteString } from '../kernel/bytes.ts';
import type { DirtySet, RecordLog } from '../store/ports.ts';
import { recordsOf } from './record-backlog.ts';
import type { RowSpace } from './row-space.ts';

/** Rows of a keyspace that is none any more. */
export interface ForgottenRows {
  /** The pattern that the keyspace had. */
  readonly match: ByteString;
  readonly rows: number;
}

/** A set of its own, of which nothing is ever written: the names of all the others. No pattern gives it this name. */
const NAMES = '%keyspaces';
const MATCH = 'match';
const MAX_NAMES = 10_000;

/**
 * Remembers in the store which keyspaces it has rows of: what waits of one that is taken out of the configuration, or gets another pattern, is
 * found by nobody.
 */
export class KnownSets {
  readonly #rows: DirtySet;
  readonly #records: RecordLog;

  constructor(rows: DirtySet, records: RecordLog) {
    this.#rows = rows;
    this.#records = records;
  }

  /** Remembers these keyspaces. @returns what waits of others that were known */
  async settle(spaces: readonly RowSpace[]): Promise<ForgottenRows[]> {
    for (const { set, name } of spaces) {
      const fields = [{ do: 'set', field: MATCH, value: name } as const];
      await this.#rows.put(NAMES, set, { kind: 'merge', fields }, { ack: 'memory', limit: MAX_NAMES });
    }
    const own = new Set(spaces.map(({ set }) => set));
    const forgotten: ForgottenRows[] = [];
    for (const partition of this.#partitions()) {
      for (const { key: set, fields } of await this.#rows.waiting(NAMES, partition, { count: MAX_NAMES })) {
        const rows = own.has(set) ? 0 : await this.#left(set);
        if (rows > 0) forgotten.push({ match: fields.get(MATCH) ?? set, rows });
      }
    }
    return forgotten;
  }

  async #left(set: ByteString): Promise<number> {
    const { waiting, claimed } = await this.#records.size(recordsOf(set));
    let sum = waiting + claimed;
    for (const partition of this.#partitions()) {
      const size = await this.#rows.size(set, partition);
      sum += size.waiting + size.claimed;
    }
    return sum;
  }

  #partitions(): number[] {
    return Array.from({ length: this.#rows.partitions }, (_, partition) => partition);
  }
}
