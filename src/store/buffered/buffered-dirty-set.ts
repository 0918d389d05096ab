import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { UnwrittenRow } from '../decisions/dirty-rows.ts';
import type {
  ClaimedRow,
  DirtySet,
  PutOptions,
  RowChange,
  RowChanged,
  RowClaim,
  RowLoad,
  StoredRow,
} from '../ports.ts';
import { type Buffer, type BufferedSets, type PassTarget, rowId } from './buffer.ts';
import { Passage, type PassageOptions } from './passage.ts';
import { isAway, Reach } from './reach.ts';

export interface BufferedDirtySetOptions {
  readonly remote: PassTarget;
  /** Durable, and this process's alone. */
  readonly buffer: Buffer;
  readonly sets: BufferedSets;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly onRefused: PassageOptions['onRefused'];
}

/**
 * The rows of a store that may be away: some sets are accepted in a buffer meanwhile, and passed on later. As long as something of a row is
 * in the buffer all its changes go there, so that they keep their order. Claims and what belongs to them are of the store alone.
 */
export class BufferedDirtySet implements DirtySet {
  readonly partitions: number;
  readonly #remote: PassTarget;
  readonly #buffer: Buffer;
  readonly #sets: BufferedSets;
  readonly #reach: Reach;
  readonly #passage: Passage;
  /** The last change of a row that is under way. */
  readonly #underWay = new Map<string, Promise<void>>();
  /** Rows that wait in the store, by set and part, as of the last answer. */
  readonly #waiting = new Map<ByteString, number[]>();

  constructor({ remote, buffer, sets, clock, random, onRefused }: BufferedDirtySetOptions) {
    this.partitions = remote.partitions;
    this.#remote = remote;
    this.#buffer = buffer;
    this.#sets = sets;
    this.#reach = new Reach(remote);
    this.#passage = new Passage({ from: buffer, to: remote, sets, reach: this.#reach, clock, random, onRefused });
  }

  /** Begins to pass on. @param source what this node is called in the store; the same after a restart */
  start(source: string): void {
    this.#passage.start(source);
  }

  /** Passes on what it can until the signal aborts; then no more. What is left stays in the buffer. */
  close(deadline: AbortSignal): Promise<void> {
    return this.#passage.close(deadline);
  }

  /** How many rows are in the buffer, and since when the oldest is. */
  held(set: ByteString): { readonly rows: number; readonly oldest: number | undefined } {
    return this.#buffer.held(set);
  }

  partitionOf(key: ByteString): number {
    return this.#remote.partitionOf(key);
  }

  put(
    set: ByteString,
    key: ByteString,
    change: RowChange,
    options: PutOptions,
  ): RowChanged | undefined | Promise<RowChanged | undefined> {
    if (!this.#sets.has(set)) return this.#remote.put(set, key, change, options);
    const id = rowId(set, key);
    const place = (): Promise<RowChanged | undefined> => this.#place(set, key, change, options);
    // A row that is being passed on goes to the store again after that; a hot one would never leave the buffer.
    const before = this.#underWay.get(id) ?? this.#passage.of(set, key);
    const changed = before === undefined ? place() : before.then(place);
    const over: Promise<void> = changed.then(noop, noop).then(() => {
      if (this.#underWay.get(id) === over) this.#underWay.delete(id);
    });
    this.#underWay.set(id, over);
    return changed;
  }

  read(set: ByteString, key: ByteString): StoredRow | undefined | Promise<StoredRow | undefined> {
    const before = this.#underWay.get(rowId(set, key)) ?? this.#passage.of(set, key);
    // What is being changed may be in the store or in the buffer then.
    if (before !== undefined) return before.then(() => this.read(set, key));
    if (!this.#sets.has(set) || !this.#buffer.holds(set, key)) return this.#remote.read(set, key);
    return this.#readOver(set, key);
  }

  load(set: ByteString, key: ByteString, row: RowLoad): Promise<boolean> {
    return this.#remote.load(set, key, row);
  }

  waiting(
    set: ByteString,
    partition: number,
    range: { readonly count: number; readonly counts?: boolean },
  ): Promise<ClaimedRow[]> {
    return this.#remote.waiting(set, partition, range);
  }

  claim(set: ByteString, partition: number, claim: RowClaim): Promise<ClaimedRow[]> {
    return this.#remote.claim(set, partition, claim);
  }

  acknowledge(
    set: ByteString,
    partition: number,
    rows: readonly Pick<ClaimedRow, 'key' | 'version'>[],
    keepFor?: number,
  ): Promise<number> {
    return this.#remote.acknowledge(set, partition, rows, keepFor);
  }

  fail(set: ByteString, partition: number, keys: readonly ByteString[]): Promise<number> {
    return this.#remote.fail(set, partition, keys);
  }

  async size(set: ByteString, partition: number): ReturnType<DirtySet['size']> {
    const size = await this.#remote.size(set, partition);
    this.#counted(set, partition, size.waiting);
    return size;
  }

  /** In the store, or in the buffer where the store is away for sure. */
  async #place(
    set: ByteString,
    key: ByteString,
    change: RowChange,
    options: PutOptions,
  ): Promise<RowChanged | undefined> {
    const partition = this.partitionOf(key);
    if (this.#buffer.holds(set, key) || this.#reach.isAway(set, partition))
      return this.#keep(set, key, change, options);
    try {
      const share = Math.ceil(this.#buffer.held(set).rows / this.partitions);
      const limit = Math.max(0, options.limit - share);
      const changed = await this.#remote.put(set, key, change, { ...options, limit });
      if (changed?.waiting !== undefined) this.#counted(set, partition, changed.waiting);
      return changed;
    } catch (error) {
      if (!isAway(error)) throw error;
      this.#reach.lost(set, partition);
      return this.#keep(set, key, change, options);
    }
  }

  /** In the buffer. */
  async #keep(
    set: ByteString,
    key: ByteString,
    change: RowChange,
    { ack, limit }: PutOptions,
  ): Promise<RowChanged | undefined> {
    this.#requireKnown(set, key, change);
    const waiting = this.#waiting.get(set) ?? [];
    const free = limit * this.partitions - waiting.reduce((sum, one) => sum + (one ?? 0), 0);
    const kept = this.#buffer.put(set, key, change, { ack, limit: Math.max(0, free) });
    this.#passage.wake();
    const changed = await kept;
    return changed && { ...changed, waiting: waiting[this.partitionOf(key)] ?? 0 };
  }

  /** @throws SluiceError STORE_UNAVAILABLE: what the change adds to is not known here */
  #requireKnown(set: ByteString, key: ByteString, change: RowChange): void {
    if (change.kind !== 'merge') return;
    const unknown = change.fields.find(({ do: what, field }) => what === 'add' && !this.#buffer.knows(set, key, field));
    if (unknown === undefined) return;
    throw new SluiceError(
      'STORE_UNAVAILABLE',
      `the store is away, or this node has changes of the row that are not passed on to it yet: what is added to is not known; nothing was changed, it is safe to try again`,
    );
  }

  async #readOver(set: ByteString, key: ByteString): Promise<StoredRow | undefined> {
    const unwritten = await this.#buffer.unwritten(set, key);
    if (unwritten === undefined) return this.read(set, key);
    if (unwritten.change !== 'merge') return overlaid(undefined, unwritten);
    const isThere = !this.#reach.isAway(set, this.partitionOf(key));
    const below = isThere ? Promise.resolve(this.#remote.read(set, key)) : undefined;
    // Better what is known here than nothing.
    return overlaid(await below?.catch(() => undefined), unwritten);
  }

  #counted(set: ByteString, partition: number, waiting: number): void {
    const counts = this.#waiting.get(set) ?? [];
    counts[partition] = waiting;
    this.#waiting.set(set, counts);
  }
}

/** The row with what was changed since. The version stays that of the store, which knows no other. */
function overlaid(below: StoredRow | undefined, { change, fields, steps }: UnwrittenRow): StoredRow {
  const isWhole = change !== 'merge';
  const all = new Map(isWhole ? [] : below?.fields);
  for (const [field, value] of fields) {
    if (value === undefined) all.delete(field);
    else all.set(field, value);
  }
  for (const [field, step] of steps) all.set(field, String(Number(all.get(field) ?? 0) + step));
  return {
    version: below?.version ?? 0,
    fields: all,
    isDirty: true,
    isRemoved: change === 'delete',
    isKnown: isWhole || below?.isKnown === true,
  };
}

function noop(): void {}
