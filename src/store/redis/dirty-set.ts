import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { slotOf } from '../../link/slot.ts';
import { acknowledgeDirty } from '../decisions/acknowledge-dirty.ts';
import { countArg } from '../decisions/arguments.ts';
import { claimDirty } from '../decisions/claim-dirty.ts';
import { countDirty } from '../decisions/count-dirty.ts';
import {
  acknowledgeDirtyArgs,
  claimDirtyArgs,
  claimedCounts,
  claimedRow,
  dirtySize,
  loadDirtyArgs,
  type PassMark,
  passDirtyArgs,
  putDirtyArgs,
  rowChanged,
  storedRow,
  waitingCounts,
} from '../decisions/dirty-rows.ts';
import { failDirty } from '../decisions/fail-dirty.ts';
import { forgetPassed } from '../decisions/forget-passed.ts';
import { freezeCounts } from '../decisions/freeze-counts.ts';
import { listDirty } from '../decisions/list-dirty.ts';
import { loadDirty } from '../decisions/load-dirty.ts';
import { passDirty } from '../decisions/pass-dirty.ts';
import { putDirty } from '../decisions/put-dirty.ts';
import { readDirty } from '../decisions/read-dirty.ts';
import type {
  ClaimedRow,
  DirtySet,
  DirtySize,
  PutOptions,
  RowChange,
  RowChanged,
  RowClaim,
  RowLoad,
  StoredRow,
} from '../ports.ts';
import type { RedisCalls } from './redis-calls.ts';
import type { ReplicaBarrier } from './replica-barrier.ts';

/** Each part lies in one hash slot, so that a cluster divides the work; a fixed number, as it says where a row is. */
const PARTITIONS = 16;
/** Keys of one script: a longer one holds up everybody else on the server. */
const MAX_ROWS_A_CALL = 500;

/** The `DirtySet` port; rows wait by the clock of the server. */
export class RedisDirtySet implements DirtySet {
  readonly partitions = PARTITIONS;
  readonly #calls: RedisCalls;
  readonly #replicas: ReplicaBarrier | undefined;

  /** @param replicas where changes with `ack: replica` wait; without, there are none such */
  constructor(calls: RedisCalls, replicas?: ReplicaBarrier) {
    this.#calls = calls;
    this.#replicas = replicas;
  }

  partitionOf(key: ByteString): number {
    return slotOf(key) % PARTITIONS;
  }

  /** There is nothing to be told of sooner than the server answers. */
  async put(
    set: ByteString,
    key: ByteString,
    change: RowChange,
    { ack, limit, replica }: PutOptions,
  ): Promise<RowChanged | undefined> {
    const { dirty, versions, row, barrier } = this.#calls.keys.dirty(set, this.partitionOf(key));
    const keys = [row + key, dirty, versions];
    const args = putDirtyArgs(key, change, limit);
    if (ack !== 'replica') return rowChanged(await this.#calls.decide(putDirty, keys, args));
    if (this.#replicas === undefined || replica === undefined)
      throw new SluiceError('NOT_SUPPORTED', 'there are no replicas to wait for');
    const accepted = await this.#replicas.after(barrier, replica, async (answered) =>
      rowChanged(await this.#calls.decide(putDirty, keys, args, { answered })),
    );
    return accepted && { ...accepted.result, kept: accepted.kept };
  }

  /** Passes on what was accepted elsewhere, which happens once, however often it is tried. @throws as `put` */
  async pass(set: ByteString, key: ByteString, change: RowChange, mark: PassMark): Promise<void> {
    const { dirty, versions, passed, row } = this.#calls.keys.dirty(set, this.partitionOf(key));
    await this.#calls.decide(passDirty, [row + key, dirty, versions, passed], passDirtyArgs(key, change, mark));
  }

  /** Drops marks of what will not be passed on again. */
  async forget(set: ByteString, partition: number, marks: readonly PassMark[]): Promise<void> {
    const { passed } = this.#calls.keys.dirty(set, partition);
    const args = marks.flatMap(({ mark, number }) => [mark, String(number)]);
    await this.#calls.decide(forgetPassed, [passed], args);
  }

  async read(set: ByteString, key: ByteString): Promise<StoredRow | undefined> {
    const { row } = this.#calls.keys.dirty(set, this.partitionOf(key));
    return storedRow(await this.#calls.decide(readDirty, [row + key], ['']));
  }

  async load(set: ByteString, key: ByteString, load: RowLoad): Promise<boolean> {
    const { row } = this.#calls.keys.dirty(set, this.partitionOf(key));
    return (await this.#calls.decide(loadDirty, [row + key], loadDirtyArgs(load))) === 1;
  }

  async waiting(
    set: ByteString,
    partition: number,
    { count, counts = false }: { readonly count: number; readonly counts?: boolean },
  ): Promise<ClaimedRow[]> {
    const { dirty, inflight, since, row } = this.#calls.keys.dirty(set, partition);
    const args = [countArg('count', count)];
    const names = (await this.#calls.decide(listDirty, [dirty, inflight, since], args)) as ByteString[];
    const waiting = counts ? waitingCounts : claimedRow;
    const replies = await Promise.all(names.map((name) => this.#calls.decide(readDirty, [row + name], [''])));
    return replies.flatMap((reply, i) => waiting(names[i] as ByteString, reply) ?? []);
  }

  async claim(set: ByteString, partition: number, claim: RowClaim): Promise<ClaimedRow[]> {
    const { dirty, inflight, since, row } = this.#calls.keys.dirty(set, partition);
    const args = claimDirtyArgs(claim);
    const names = (await this.#calls.decide(claimDirty, [dirty, inflight, since], args)) as ByteString[];
    const decision = claim.counts === true ? freezeCounts : readDirty;
    const claimed = claim.counts === true ? claimedCounts : claimedRow;
    const replies = await Promise.all(names.map((name) => this.#calls.decide(decision, [row + name], [''])));
    return replies.flatMap((reply, i) => claimed(names[i] as ByteString, reply) ?? []);
  }

  async acknowledge(
    set: ByteString,
    partition: number,
    rows: readonly Pick<ClaimedRow, 'key' | 'version'>[],
    keepFor?: number,
  ): Promise<number> {
    const { dirty, inflight, since, versions, row } = this.#calls.keys.dirty(set, partition);
    let count = 0;
    for (let from = 0; from < rows.length; from += MAX_ROWS_A_CALL) {
      const some = rows.slice(from, from + MAX_ROWS_A_CALL);
      const names = [dirty, inflight, since, versions, ...some.map(({ key }) => row + key)];
      const args = acknowledgeDirtyArgs(some, keepFor);
      count += (await this.#calls.decide(acknowledgeDirty, names, args)) as number;
    }
    return count;
  }

  async fail(set: ByteString, partition: number, names: readonly ByteString[]): Promise<number> {
    const { dirty, inflight, since } = this.#calls.keys.dirty(set, partition);
    return (await this.#calls.decide(failDirty, [dirty, inflight, since], ['', ...names])) as number;
  }

  async size(set: ByteString, partition: number): Promise<DirtySize> {
    const { dirty, inflight, since } = this.#calls.keys.dirty(set, partition);
    return dirtySize(await this.#calls.decide(countDirty, [dirty, inflight, since], ['']));
  }
}
