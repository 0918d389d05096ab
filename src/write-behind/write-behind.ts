import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { parseJsonRow } from '../kernel/json-row.ts';
import type { DirtySet, RowChange, RowChanged, StoredRow } from '../store/ports.ts';
import type { RecordBacklog } from './record-backlog.ts';
import type { RowLoader } from './row-loader.ts';
import type { RowSpace } from './row-space.ts';

/** A keyspace and what serves it. */
export interface WriteSpace {
  readonly space: RowSpace;
  /** Absent where rows can be read nowhere else. */
  readonly loader?: RowLoader | undefined;
  /** Of a keyspace of records. */
  readonly records?: RecordBacklog | undefined;
  /**
   * Writes a change before those that wait, and resolves when it is written.
   * @throws SluiceError STORE_TIMEOUT when that takes too long, INVALID_ARGUMENT when it can never be
   */
  readonly writeNow: (key: ByteString, version: number) => Promise<void>;
  /** Whether that has a chance at present. */
  readonly writesNow: () => boolean;
}

/** One key that is written behind. */
export interface RowTarget extends WriteSpace {
  readonly key: ByteString;
}

/** Rows that are accepted now and written to a database later. What was accepted is read at once. */
export class WriteBehind {
  readonly spaces: readonly RowSpace[];
  readonly #all: readonly WriteSpace[];
  readonly #rows: DirtySet;

  /** @param all narrower patterns first */
  constructor(all: readonly WriteSpace[], rows: DirtySet) {
    this.spaces = all.map(({ space }) => space);
    this.#all = all;
    this.#rows = rows;
  }

  /** The keyspace of a key, undefined for a key that is none's. */
  find(key: ByteString): RowTarget | undefined {
    for (const one of this.#all) if (one.space.keyOf(key) !== undefined) return { key, ...one };
    return undefined;
  }

  /**
   * Accepts a change. At once where it can.
   * @throws SluiceError INVALID_ARGUMENT (a field without a column), MANAGED_KEY (not for the shape of its keyspace), OVERLOADED (too many rows
   * wait), NOT_AN_INTEGER, OVERFLOW, OUT_OF_MEMORY, STORE_UNAVAILABLE …
   */
  put(target: RowTarget, change: RowChange): RowChanged | Promise<RowChanged> {
    const changed = this.#put(target, change);
    if (target.space.policy.ack !== 'replica' || !(changed instanceof Promise)) return changed;
    // Only the answer waits for that; changes and reads that come after do not.
    return changed.then(async (accepted) => {
      await accepted.kept;
      return accepted;
    });
  }

  #put(target: RowTarget, change: RowChange): RowChanged | Promise<RowChanged> {
    const { key, space } = target;
    const { onFull, timeout } = space.policy;
    const { room } = space;
    const fitting = changeFor(space, change);
    const attempt = (): RowChanged | undefined | Promise<RowChanged | undefined> => this.#attempt(target, fitting);
    const enter = (): Promise<RowChanged> => room.enter(key, attempt, timeout, () => fullError(space));
    const now = (): RowChanged | Promise<RowChanged> =>
      onFull === 'block' && room.isBusy ? enter() : this.#accept(target, attempt, enter);
    const before = room.of(key);
    const loading = this.#loadedFor(target, fitting, before);
    if (before === undefined && loading === undefined) {
      const changed = now();
      // Whether there is room may be told later only, and what comes after must not overtake it.
      if (onFull === 'block' && changed instanceof Promise) room.hold(key, changed);
      return changed;
    }
    const changed = (loading ?? (before as Promise<unknown>)).then(now);
    room.hold(key, changed);
    return changed;
  }

  /**
   * The row as of now; undefined: there is none, or nothing is known of it.
   * @param wanted fields that are asked for; all, where it is not given
   * @throws SluiceError MANAGED_KEY for records; of rows that are read through: ORIGIN_FAILED, ORIGIN_TIMEOUT, ORIGIN_OVERLOADED
   */
  read(target: RowTarget, wanted?: readonly ByteString[]): StoredRow | undefined | Promise<StoredRow | undefined> {
    const { key, space } = target;
    if (space.mapping.shape === 'record')
      throw new SluiceError('MANAGED_KEY', `${JSON.stringify(space.name)} are records, which are written and not read`);
    const before = space.room.of(key);
    if (before !== undefined) return before.then(() => this.#read(target, wanted));
    return this.#read(target, wanted);
  }

  /**
   * Accepts records, all of them or none.
   * @param bodies JSON objects of plain values @returns how many wait now
   * @throws SluiceError MANAGED_KEY, INVALID_ARGUMENT, OVERLOADED, OUT_OF_MEMORY, STORE_UNAVAILABLE …
   */
  async append({ key, space, records }: RowTarget, bodies: readonly ByteString[]): Promise<number> {
    if (records === undefined)
      throw new SluiceError('MANAGED_KEY', `${JSON.stringify(space.name)} are no records but ${space.mapping.shape}s`);
    const parsed = bodies.map((body) => {
      const fields = parseJsonRow(body);
      if (fields === undefined) throw new SluiceError('INVALID_ARGUMENT', 'a record is a JSON object of plain values');
      requireColumns(space, fields.keys());
      return fields;
    });
    const attempt = async (): Promise<number | undefined> => {
      const waiting = await records.append(key, parsed);
      if (waiting !== undefined) space.stats.accepted += parsed.length;
      return waiting;
    };
    const { onFull, timeout } = space.policy;
    const { room } = space;
    const now = async (): Promise<number> => {
      if (onFull === 'block' && room.isBusy) return room.enter(key, attempt, timeout, () => fullError(space));
      const waiting = await attempt();
      if (waiting !== undefined) return waiting;
      if (onFull === 'block') return room.enter(key, attempt, timeout, () => fullError(space));
      throw fullError(space);
    };
    // Records of a key keep their order, also where one of them has to wait.
    const before = room.of(key);
    const appended = before === undefined ? now() : before.then(now);
    room.hold(key, appended);
    return appended;
  }

  #attempt(
    { key, space, writesNow }: RowTarget,
    change: RowChange,
  ): RowChanged | undefined | Promise<RowChanged | undefined> {
    const { ack, maxPending, onFull, replica } = space.policy;
    // What cannot be written now would only wait beside the others.
    const isBounded = onFull !== 'through' || !writesNow();
    const limit = isBounded ? Math.ceil(maxPending / this.#rows.partitions) : Number.POSITIVE_INFINITY;
    return this.#rows.put(space.set, key, change, { ack, limit, replica });
  }

  #accept(
    target: RowTarget,
    attempt: () => RowChanged | undefined | Promise<RowChanged | undefined>,
    enter: () => Promise<RowChanged>,
  ): RowChanged | Promise<RowChanged> {
    const { space, key, writeNow } = target;
    const { onFull, maxPending } = space.policy;
    const done = (changed: RowChanged | undefined): RowChanged | Promise<RowChanged> => {
      if (changed === undefined) {
        if (onFull === 'block') return enter();
        throw fullError(space);
      }
      space.stats.accepted++;
      space.waits(this.#rows.partitionOf(key), changed.waiting);
      if (onFull !== 'through' || space.pending <= maxPending) return changed;
      return writeNow(key, changed.version).then(() => changed);
    };
    const changed = attempt();
    return changed instanceof Promise ? changed.then(done) : done(changed);
  }

  #read(target: RowTarget, wanted?: readonly ByteString[]): StoredRow | undefined | Promise<StoredRow | undefined> {
    const { key, space, loader } = target;
    const row = this.#rows.read(space.set, key);
    if (loader === undefined) return row instanceof Promise ? row.then(unlessRemoved) : unlessRemoved(row);
    const whole = (known: StoredRow | undefined): StoredRow | undefined | Promise<StoredRow | undefined> => {
      const isEnough = known?.isKnown === true || wanted?.every((field) => known?.fields.has(field) === true) === true;
      return isEnough ? unlessRemoved(known) : loader.load(space, key).then(unlessRemoved);
    };
    return row instanceof Promise ? row.then(whole) : whole(row);
  }

  /** What is added to has to be known: reads it, once what came before has ended. @returns undefined where nothing has to be read */
  #loadedFor(target: RowTarget, change: RowChange, before: Promise<unknown> | undefined): Promise<unknown> | undefined {
    const { space, key, loader } = target;
    if (loader === undefined || change.kind !== 'merge') return undefined;
    const sums = change.fields.flatMap(({ do: what, field }) => (what === 'add' || what === 'count' ? [field] : []));
    if (sums.length === 0) return undefined;
    if (before !== undefined) return before.then(() => this.#read(target, sums));
    const row = this.#rows.read(space.set, key);
    const isKnown = (known: StoredRow | undefined): boolean =>
      known !== undefined && (known.isKnown || sums.every((field) => known.fields.has(field)));
    if (row instanceof Promise) return row.then((known) => (isKnown(known) ? known : loader.load(space, key)));
    return isKnown(row) ? undefined : loader.load(space, key);
  }
}

/** The change as the keyspace takes it. @throws SluiceError INVALID_ARGUMENT, MANAGED_KEY */
function changeFor(space: RowSpace, change: RowChange): RowChange {
  const { shape } = space.mapping;
  if (change.kind !== 'delete')
    requireColumns(
      space,
      change.fields.map(({ field }) => field),
    );
  if (shape === 'row') return change;
  const name = JSON.stringify(space.name);
  if (shape === 'record')
    throw new SluiceError('MANAGED_KEY', `${name} are records: append them (RPUSH, POST), each a JSON object`);
  if (change.kind !== 'merge' || change.fields.some(({ do: what }) => what !== 'add' && what !== 'recount'))
    throw new SluiceError('MANAGED_KEY', `${name} are counters, which are only added to (HINCRBY, INCRBY)`);
  return {
    kind: 'merge',
    fields: change.fields.map((one) => (one.do === 'add' ? { ...one, do: 'count' } : one)),
  };
}

function fullError(space: RowSpace): SluiceError {
  const { stats, pending, name, trouble, policy } = space;
  stats.refused++;
  const rows = Math.max(pending, policy.maxPending);
  const because = trouble === undefined ? '' : `: ${trouble}`;
  return new SluiceError(
    'OVERLOADED',
    `${rows} rows of ${JSON.stringify(name)} wait to be written${because}; try again later`,
  );
}

function unlessRemoved(row: StoredRow | undefined): StoredRow | undefined {
  return row === undefined || row.fields.size === 0 ? undefined : row;
}

function requireColumns(space: RowSpace, fields: Iterable<ByteString>): void {
  for (const field of fields) {
    if (space.has(field)) continue;
    throw new SluiceError(
      'INVALID_ARGUMENT',
      `the field ${JSON.stringify(field.slice(0, 100))} has no column in ${space.mapping.table}; add it to writeBehind.columns`,
    );
  }
}
