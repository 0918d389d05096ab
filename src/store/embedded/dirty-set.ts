import type { ByteString } from '../../kernel/bytes.ts';
import { acknowledgeDirty } from '../decisions/acknowledge-dirty.ts';
import { countArg } from '../decisions/arguments.ts';
import { claimDirty } from '../decisions/claim-dirty.ts';
import { countDirty } from '../decisions/count-dirty.ts';
import { ROW_REMOVED, ROW_WHOLE, rowLetter } from '../decisions/dirty-keys.ts';
import {
  acknowledgeDirtyArgs,
  claimDirtyArgs,
  claimedCounts,
  claimedRow,
  dirtySize,
  loadDirtyArgs,
  putDirtyArgs,
  rowChanged,
  storedRow,
  type UnwrittenRow,
  unwrittenRow,
  waitingCounts,
} from '../decisions/dirty-rows.ts';
import { failDirty } from '../decisions/fail-dirty.ts';
import { freezeCounts } from '../decisions/freeze-counts.ts';
import { listDirty } from '../decisions/list-dirty.ts';
import { loadDirty } from '../decisions/load-dirty.ts';
import { putDirty } from '../decisions/put-dirty.ts';
import { readDirty } from '../decisions/read-dirty.ts';
import { type DirtyKeys, StoreKeys } from '../keys.ts';
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
import type { EmbeddedTurn } from './embedded-turn.ts';

const keys = new StoreKeys();

/** The `DirtySet` port among the internal keys; one process has them all, so one part is enough. */
export class EmbeddedDirtySet implements DirtySet {
  readonly partitions = 1;
  readonly #turn: EmbeddedTurn;
  readonly #keys = new Map<ByteString, DirtyKeys>();

  constructor(turn: EmbeddedTurn) {
    this.#turn = turn;
  }

  partitionOf(): number {
    return 0;
  }

  /** Sets are few, and asked for with every change. */
  #keysOf(set: ByteString): DirtyKeys {
    const known = this.#keys.get(set);
    if (known !== undefined) return known;
    const made = keys.dirty(set, 0);
    this.#keys.set(set, made);
    return made;
  }

  put(
    set: ByteString,
    key: ByteString,
    change: RowChange,
    { ack, limit }: PutOptions,
  ): RowChanged | undefined | Promise<RowChanged | undefined> {
    const { dirty, versions, row } = this.#keysOf(set);
    // Said at once: it reveals nothing that would have to be committed before.
    const waiting = this.#turn.engine.internal.sortedSets.read(dirty);
    if (waiting !== undefined && waiting.size >= limit && waiting.score(key) === undefined) return undefined;
    const names = [row + key, dirty, versions];
    const args = putDirtyArgs(key, change, limit);
    const reply = this.#turn.decideNow(putDirty, names, args, ack === 'store');
    return reply instanceof Promise ? reply.then(rowChanged) : rowChanged(reply);
  }

  read(set: ByteString, key: ByteString): StoredRow | undefined | Promise<StoredRow | undefined> {
    const reply = this.#turn.decideNow(readDirty, [this.#keysOf(set).row + key], ['']);
    return reply instanceof Promise ? reply.then(storedRow) : storedRow(reply);
  }

  async load(set: ByteString, key: ByteString, row: RowLoad): Promise<boolean> {
    return (await this.#turn.decide(loadDirty, [this.#keysOf(set).row + key], loadDirtyArgs(row), undefined)) === 1;
  }

  async waiting(
    set: ByteString,
    _: number,
    { count, counts = false }: { readonly count: number; readonly counts?: boolean },
  ): Promise<ClaimedRow[]> {
    const { dirty, inflight, since, row } = this.#keysOf(set);
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
    const { dirty, inflight, since, row } = this.#keysOf(set);
    const args = claimDirtyArgs(claim);
    const names = (await this.#turn.decide(claimDirty, [dirty, inflight, since], args, undefined)) as ByteString[];
    const isCounts = claim.counts === true;
    // Together: what was changed a moment ago waits for its commit, and all of it for one.
    const replies = await Promise.all(
      names.map(async (name) =>
        isCounts
          ? this.#turn.decide(freezeCounts, [row + name], [''], undefined)
          : this.#turn.decideNow(readDirty, [row + name], ['']),
      ),
    );
    const rows = replies.flatMap((reply, i) => {
      const name = names[i] as ByteString;
      return (isCounts ? claimedCounts(name, reply) : claimedRow(name, reply)) ?? [];
    });
    return rows;
  }

  async acknowledge(
    set: ByteString,
    _: number,
    rows: readonly Pick<ClaimedRow, 'key' | 'version'>[],
    keepFor?: number,
  ): Promise<number> {
    if (rows.length === 0) return 0;
    const { dirty, inflight, since, versions, row } = this.#keysOf(set);
    const names = [dirty, inflight, since, versions, ...rows.map(({ key }) => row + key)];
    const args = acknowledgeDirtyArgs(rows, keepFor);
    return (await this.#turn.decide(acknowledgeDirty, names, args, undefined)) as number;
  }

  async fail(set: ByteString, _: number, names: readonly ByteString[]): Promise<number> {
    const { dirty, inflight, since } = this.#keysOf(set);
    return (await this.#turn.decide(failDirty, [dirty, inflight, since], ['', ...names], undefined)) as number;
  }

  async size(set: ByteString, _: number): Promise<DirtySize> {
    const { dirty, inflight, since } = this.#keysOf(set);
    return dirtySize(await this.#turn.decide(countDirty, [dirty, inflight, since], [''], undefined));
  }

  /** Whether something of the row is not written yet. At once, committed or not. @throws SluiceError STORE_LOADING */
  holds(set: ByteString, key: ByteString): boolean {
    const { engine } = this.#turn;
    if (engine.state === 'loading') engine.requireWritable();
    const { dirty, inflight } = this.#keysOf(set);
    const { sortedSets } = engine.internal;
    return sortedSets.read(dirty)?.score(key) !== undefined || sortedSets.read(inflight)?.score(key) !== undefined;
  }

  /** How many rows are not written yet, and since when the oldest waits. At once; none while the data is loaded. */
  held(set: ByteString): { readonly rows: number; readonly oldest: number | undefined } {
    const { state, internal } = this.#turn.engine;
    if (state === 'loading') return { rows: 0, oldest: undefined };
    const { dirty, inflight, since } = this.#keysOf(set);
    const waiting = internal.sortedSets.read(dirty);
    const claimed = internal.sortedSets.read(inflight);
    let rows = (waiting?.size ?? 0) + (claimed?.size ?? 0);
    let oldest = waiting === undefined ? undefined : [...waiting.range(0, 1)][0]?.score;
    for (const { member } of claimed?.range(0, claimed.size) ?? []) {
      // Changed since it was claimed.
      if (waiting?.score(member) !== undefined) rows--;
      const begun = Number(internal.hashes.read(since)?.get(member) ?? Number.NaN);
      if (begun < (oldest ?? Number.POSITIVE_INFINITY)) oldest = begun;
    }
    return { rows, oldest };
  }

  /** Whether what is not written yet says all of a field. At once, committed or not. */
  knows(set: ByteString, key: ByteString, field: ByteString): boolean {
    if (!this.holds(set, key)) return false;
    const row = this.#turn.engine.internal.hashes.read(this.#keysOf(set).row + key);
    const signs = [ROW_REMOVED, ROW_WHOLE, rowLetter.dirty + field, rowLetter.dropped + field];
    return row !== undefined && signs.some((name) => row.has(name));
  }

  /** What is not written yet; undefined where all is. */
  async unwritten(set: ByteString, key: ByteString): Promise<UnwrittenRow | undefined> {
    return unwrittenRow(key, await this.#turn.decideNow(readDirty, [this.#keysOf(set).row + key], ['']));
  }
}
