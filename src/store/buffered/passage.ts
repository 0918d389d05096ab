import { isSluiceError } from '../../errors.ts';
import { fullJitter } from '../../kernel/backoff.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { PassMark } from '../decisions/dirty-rows.ts';
import type { ClaimedRow, FieldChange, RowChange } from '../ports.ts';
import { type Buffer, type BufferedSets, type PassTarget, rowId } from './buffer.ts';
import { isAway, type Reach } from './reach.ts';

export interface PassageOptions {
  readonly from: Buffer;
  readonly to: PassTarget;
  readonly sets: BufferedSets;
  readonly reach: Reach;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Told of a row that the store refuses for good; it is tried again, a while later. */
  readonly onRefused: (set: ByteString, key: ByteString, error: unknown) => void;
}

const BATCH = 128;
/** Rows that cannot be passed on are looked past, for one server of several may be away; not past more in one round. */
const MAX_FAILED = 1000;
/** After that a row that was refused is tried again. */
const LEASE_MS = 60_000;
const RETRY = { first: 100, last: 2_000 };
/** Versions go by the clock, in microseconds. */
const VERSIONS_PER_MS = 1000;
/** What was passed on is kept no longer. */
const KEPT_MS = 1;

type Outcome = 'passed' | 'doubtful' | 'failed' | 'refused';

/** Passes on what was accepted while the store was away, what waits longest first. */
export class Passage {
  readonly #options: PassageOptions;
  /** Rows that are being passed on. */
  readonly #passing = new Map<string, Promise<void>>();
  /** Of these an earlier attempt may still arrive. */
  readonly #doubtful = new Set<string>();
  /** Rows up to this version may have been passed on by the process before this one. */
  readonly #inherited: number;
  /** Sets of which this process has claimed something. */
  readonly #claimed = new Set<ByteString>();
  #source = '';
  #failures = 0;
  #closing = false;
  #isAwake = false;
  #wake: (() => void) | undefined;
  #done: Promise<void> = Promise.resolve();

  constructor(options: PassageOptions) {
    this.#options = options;
    this.#inherited = options.clock.now() * VERSIONS_PER_MS;
  }

  /** @param source what this node is called in marks; the same after a restart */
  start(source: string): void {
    this.#source = source;
    this.#done = this.#run();
  }

  /** There may be something to pass on. */
  wake(): void {
    this.#isAwake = true;
    this.#wake?.();
  }

  /** Resolves when the row is not being passed on; undefined: it is not. */
  of(set: ByteString, key: ByteString): Promise<void> | undefined {
    return this.#passing.get(rowId(set, key));
  }

  /** Passes on what there is, until the store does not take it or the signal aborts. */
  async close(deadline: AbortSignal): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    await this.#done;
    if (this.#source === '') return;
    while (!deadline.aborted && this.#isHolding()) {
      const passed = await this.#round(deadline).catch(() => 0);
      if (passed === 0) return;
    }
  }

  async #run(): Promise<void> {
    while (!this.#closing) {
      this.#isAwake = false;
      const isWell = await this.#options.reach.ask();
      const passed = await this.#round(undefined).catch(() => 0);
      if (passed > 0) this.#failures = 0;
      if (isWell && !this.#isHolding()) await this.#pause(undefined);
      else if (passed === 0) await this.#pause(fullJitter(RETRY, this.#failures++, this.#options.random));
    }
  }

  #isHolding(): boolean {
    const { from, sets } = this.#options;
    return [...sets.keys()].some((set) => from.held(set).rows > 0);
  }

  /** Goes through all that is held once, a batch of each set in turn. @returns how many rows were passed on */
  async #round(deadline: AbortSignal | undefined): Promise<number> {
    const { from, sets, reach } = this.#options;
    const failed = new Map<ByteString, ByteString[]>();
    const left = new Set(sets.keys());
    let passed = 0;
    try {
      while (left.size > 0 && deadline?.aborted !== true && (deadline !== undefined || !this.#closing)) {
        for (const set of left) {
          const again = failed.get(set) ?? [];
          failed.set(set, again);
          const rows = again.length < MAX_FAILED && !reach.isAllAway(set) ? await this.#claim(set) : [];
          if (rows.length === 0) left.delete(set);
          else passed += await this.#batch(set, rows, again);
        }
      }
    } finally {
      for (const [set, keys] of failed) if (keys.length > 0) await from.fail(set, 0, keys);
    }
    return passed;
  }

  async #claim(set: ByteString): Promise<ClaimedRow[]> {
    const { from } = this.#options;
    if (from.held(set).rows === 0) return [];
    const takeOver = !this.#claimed.has(set);
    const claim = { count: BATCH, lease: LEASE_MS, minAge: 0, maxAge: 0, counts: this.#counts(set), takeOver };
    const rows = await from.claim(set, 0, claim);
    this.#claimed.add(set);
    return rows;
  }

  #counts(set: ByteString): boolean {
    return this.#options.sets.get(set)?.counts === true;
  }

  /** Rows that are to be tried again are added to `failed`. */
  async #batch(set: ByteString, rows: readonly ClaimedRow[], failed: ByteString[]): Promise<number> {
    const { from } = this.#options;
    const counts = this.#counts(set);
    const work = async (): Promise<number> => {
      const outcomes = await Promise.all(rows.map((row) => this.#pass(set, row, counts)));
      const isOf = (outcome: Outcome) => (_: ClaimedRow, i: number) => outcomes[i] === outcome;
      const passed = rows.filter(isOf('passed'));
      for (const { key } of rows.filter(isOf('doubtful'))) this.#doubtful.add(rowId(set, key));
      failed.push(...rows.filter((row, i) => isOf('doubtful')(row, i) || isOf('failed')(row, i)).map(({ key }) => key));
      await from.acknowledge(set, 0, passed, KEPT_MS);
      this.#forget(set, passed);
      return passed.length;
    };
    const working = work();
    const over = working.then(noop, noop);
    for (const { key } of rows) this.#passing.set(rowId(set, key), over);
    try {
      return await working;
    } finally {
      for (const { key } of rows) this.#passing.delete(rowId(set, key));
    }
  }

  async #pass(set: ByteString, row: ClaimedRow, counts: boolean): Promise<Outcome> {
    const { to, reach, onRefused } = this.#options;
    const partition = to.partitionOf(row.key);
    if (reach.isAway(set, partition)) return 'failed';
    try {
      await to.pass(set, row.key, changeOf(row, counts), this.#markOf(row));
      return 'passed';
    } catch (error) {
      if (isSluiceError(error, 'STORE_TIMEOUT')) return 'doubtful';
      if (isAway(error)) reach.lost(set, partition);
      if (isAway(error) || isLater(error)) return 'failed';
      onRefused(set, row.key, error);
      return 'refused';
    }
  }

  #markOf({ key, version }: ClaimedRow): PassMark {
    return { mark: `${this.#source}:${key}`, number: version };
  }

  /** Marks keep out an earlier attempt that arrives late; of most rows there was none. */
  #forget(set: ByteString, rows: readonly ClaimedRow[]): void {
    const { to } = this.#options;
    const parts = new Map<number, PassMark[]>();
    for (const row of rows) {
      if (this.#doubtful.delete(rowId(set, row.key)) || row.version <= this.#inherited) continue;
      const partition = to.partitionOf(row.key);
      const marks = parts.get(partition);
      if (marks === undefined) parts.set(partition, [this.#markOf(row)]);
      else marks.push(this.#markOf(row));
    }
    // They end by themselves, too.
    for (const [partition, marks] of parts) to.forget(set, partition, marks).catch(noop);
  }

  /** Until it is woken; where a time is given, no longer, and whatever there is. */
  #pause(ms: number | undefined): Promise<void> {
    if (this.#closing || (ms === undefined && this.#isAwake)) return Promise.resolve();
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const over = (): void => {
        timer?.cancel();
        this.#wake = undefined;
        resolve();
      };
      if (ms !== undefined) timer = this.#options.clock.setTimer(over, ms);
      this.#wake = ms === undefined ? over : () => this.#closing && over();
    });
  }
}

/** The store may take it later. */
function isLater(error: unknown): boolean {
  const codes = ['OVERLOADED', 'OUT_OF_MEMORY', 'STORE_READ_ONLY'] as const;
  return codes.some((code) => isSluiceError(error, code));
}

function changeOf({ change, fields }: ClaimedRow, counts: boolean): RowChange {
  if (change === 'delete') return { kind: 'delete' };
  const changes = [...fields].map(([field, value]): FieldChange => {
    if (value === undefined) return { do: 'drop', field };
    return counts ? { do: 'count', field, by: Number(value) } : { do: 'set', field, value };
  });
  return { kind: change, fields: changes };
}

function noop(): void {}
