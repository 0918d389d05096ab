import type { ByteString } from '../kernel/bytes.ts';
import type { SinkRow } from '../sink/sink.ts';
import type { ClaimedRow, DirtySet } from '../store/ports.ts';
import type { Backlog, BacklogClaim } from './backlog.ts';
import type { LetterRow } from './dead-letters.ts';
import type { RowSpace } from './row-space.ts';

const CHANGES = { merge: 'merge', replace: 'whole', delete: 'remove' } as const;

/** Rows and counters that wait. */
export class RowBacklog implements Backlog<ClaimedRow> {
  readonly partitions: number;
  readonly #space: RowSpace;
  readonly #rows: DirtySet;

  constructor(space: RowSpace, rows: DirtySet) {
    this.partitions = rows.partitions;
    this.#space = space;
    this.#rows = rows;
  }

  partitionOf(key: ByteString): number {
    return this.#rows.partitionOf(key);
  }

  claim(partition: number, claim: BacklogClaim): Promise<ClaimedRow[]> {
    return this.#rows.claim(this.#space.set, partition, { ...claim, counts: this.#space.mapping.shape === 'counter' });
  }

  waiting(partition: number, count: number): Promise<ClaimedRow[]> {
    const counts = this.#space.mapping.shape === 'counter';
    return this.#rows.waiting(this.#space.set, partition, { count, counts });
  }

  problemOf({ fields }: ClaimedRow): string | undefined {
    for (const field of fields.keys())
      if (!this.#space.has(field)) return `the field ${JSON.stringify(field)} has no column any more`;
    return undefined;
  }

  sinkRow({ key, version, change, fields }: ClaimedRow): SinkRow | undefined {
    const space = this.#space;
    if (change === 'delete' && space.policy.deletes === 'ignore') return undefined;
    const values = new Map<ByteString, ByteString | null>();
    for (const [field, value] of fields) if (space.has(field)) values.set(field, value ?? null);
    return { key: space.keyOf(key) ?? [], version, change: CHANGES[change], values };
  }

  letter({ key, version, change, fields }: ClaimedRow): LetterRow {
    const values = Object.fromEntries([...fields].map(([name, value]) => [name, value ?? null]));
    return { key, version, change, fields: values };
  }

  rowOf({ key, version, change, fields }: LetterRow): SinkRow | undefined {
    const values = Object.entries(fields).map(([name, value]) => [name, value ?? undefined] as const);
    return this.sinkRow({ key, version, change: change as ClaimedRow['change'], fields: new Map(values) });
  }

  async acknowledge(partition: number, rows: readonly ClaimedRow[]): Promise<void> {
    await this.#rows.acknowledge(this.#space.set, partition, rows, this.#space.policy.keepFor);
  }

  async fail(partition: number, rows: readonly ClaimedRow[]): Promise<void> {
    await this.#rows.fail(
      this.#space.set,
      partition,
      rows.map(({ key }) => key),
    );
  }

  async isWritten(key: ByteString): Promise<boolean> {
    const row = await this.#rows.read(this.#space.set, key);
    return row === undefined || !row.isDirty;
  }

  size(partition: number): ReturnType<DirtySet['size']> {
    return this.#rows.size(this.#space.set, partition);
  }
}
