import type { ByteString } from '../../kernel/bytes.ts';
import { acknowledgeDirty } from '../decisions/acknowledge-dirty.ts';
import { countArg } from '../decisions/arguments.ts';
import { claimDirty } from '../decisions/claim-dirty.ts';
import { countDirty } from '../decisions/count-dirty.ts';
import {
  acknowledgeDirtyArgs,
  claimDirtyArgs,
  claimedCounts,
  claimedRow,
  loadDirtyArgs,
  putDirtyArgs,
  rowChanged,
  storedRow,
  waitingCounts,
} from '../decisions/dirty-rows.ts';
import { failDirty } from '../decisions/fail-dirty.ts';
import { freezeCounts } from '../decisions/freeze-counts.ts';
import { listDirty } from '../decisions/list-dirty.ts';
import { loadDirty } from '../decisions/load-dirty.ts';
import { putDirty } from '../decisions/put-dirty.ts';
import { readDirty } from '../decisions/read-dirty.ts';
import { StoreKeys } from '../keys.ts';
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
import type { EmbeddedTurn } from './embedded-turn.ts';

const keys = new StoreKeys();

/** The `DirtySet` port among the internal keys; one process has them all, so one part is enough. */
export class EmbeddedDirtySet implements DirtySet {
  readonly partitions = 1;
  readonly #turn: EmbeddedTurn;

  constructor(turn: EmbeddedTurn) {
    this.#turn = turn;
  }

  partitionOf(): number {
    return 0;
  }

  put(
    set: ByteString,
    key: ByteString,
    change: RowChange,
    { ack, limit }: PutOptions,
  ): RowChanged | undefined | Promise<RowChanged | undefined> {
    const { dirty, versions, row } = keys.dirty(set, 0);
    // Said at once: it reveals nothing that would have to be committed before.
    const waiting = this.#turn.engine.internal.sortedSets.read(dirty);
    if (waiting !== undefined && waiting.size >= limit && waiting.score(key) === undefined) return undefined;
    const names = [row + key, dirty, versions];
    const args = putDirtyArgs(key, change, limit);
    const reply = this.#turn.decideNow(putDirty, names, args, ack === 'store');
    return reply instanceof Promise ? reply.then(rowChanged) : rowChanged(reply);
  }

  read(set: ByteString, key: ByteString): StoredRow | undefined | Promise<StoredRow | undefined> {
    const reply = this.#turn.decideNow(readDirty, [keys.dirty(set, 0).row + key], ['']);
    return reply instanceof Promise ? reply.then(storedRow) : storedRow(reply);
  }

  async load(set: ByteString, key: ByteString, row: RowLoad): Promise<boolean> {
    return (await this.#turn.decide(loadDirty, [keys.dirty(set, 0).row + key], loadDirtyArgs(row), undefined)) === 1;
  }

  async waiting(
    set: ByteString,
    _: number,
    { count, counts = false }: { readonly count: number; readonly counts?: boolean },
  ): Promise<ClaimedRow[]> {
    const { dirty, inflight, since, row } = keys.dirty(set, 0);
    const names = await this.#turn.decide(listDirty, [dirty, inflight, since], [countArg('count', count)], undefined);
    const rows: ClaimedRow[] = [];
    for (const name of names as ByteString[]) {
      const reply = await this.#turn.decideNow(readDirty, [row + name], ['']);
      const waiting = counts ? waitingCounts(name, reply) : claimedRow(name, reply);
      if (waiting !== undefined) rows.push(waiting);
    }
    return rows;
  }

  async claim(set: ByteString, _: number, claim: RowClaim): Promise<ClaimedRow[]> {
    const { dirty, inflight, since, row } = keys.dirty(set, 0);
    const args = claimDirtyArgs(claim);
    const names = (await this.#turn.decide(claimDirty, [dirty, inflight, since], args, undefined)) as ByteString[];
    const rows: ClaimedRow[] = [];
    for (const name of names) {
      const claimed =
        claim.counts === true
          ? claimedCounts(name, await this.#turn.decide(freezeCounts, [row + name], [''], undefined))
          : claimedRow(name, await this.#turn.decideNow(readDirty, [row + name], ['']));
      if (claimed !== undefined) rows.push(claimed);
    }
    return rows;
  }

  async acknowledge(
    set: ByteString,
    _: number,
    rows: readonly Pick<ClaimedRow, 'key' | 'version'>[],
    keepFor?: number,
  ): Promise<number> {
    if (rows.length === 0) return 0;
    const { dirty, inflight, since, row } = keys.dirty(set, 0);
    const names = [dirty, inflight, since, ...rows.map(({ key }) => row + key)];
    const args = acknowledgeDirtyArgs(rows, keepFor);
    return (await this.#turn.decide(acknowledgeDirty, names, args, undefined)) as number;
  }

  async fail(set: ByteString, _: number, names: readonly ByteString[]): Promise<number> {
    const { dirty, inflight, since } = keys.dirty(set, 0);
    return (await this.#turn.decide(failDirty, [dirty, inflight, since], ['', ...names], undefined)) as number;
  }

  async size(
    set: ByteString,
    _: number,
  ): Promise<{ readonly waiting: number; readonly claimed: number; readonly oldest: number | undefined }> {
    const { dirty, inflight, since } = keys.dirty(set, 0);
    const [waiting, claimed, oldest] = (await this.#turn.decide(
      countDirty,
      [dirty, inflight, since],
      [],
      undefined,
    )) as [number, number, number];
    return { waiting, claimed, oldest: oldest < 0 ? undefined : oldest };
  }
}
