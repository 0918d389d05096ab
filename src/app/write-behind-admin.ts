import type { SluiceConfig } from '../config/schema.ts';
import { SluiceError } from '../errors.ts';
import type { ComponentHealth } from '../face/admin/admin-routes.ts';
import type { FlushOutcome, Letter, LetterChoice, WriteBehindSources } from '../face/admin/write-behind-routes.ts';
import { bytesToUtf8 } from '../kernel/bytes.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import type { NodeLog } from '../telemetry/log.ts';
import type { DeadLetter, DeadLetters, LetterRow, LetterWriter, WhichLetters } from '../write-behind/dead-letters.ts';
import type { ForgottenRows } from '../write-behind/known-sets.ts';
import { CAPTURE_FIELD, type RowSpace } from '../write-behind/row-space.ts';
import type { WriteBehind } from '../write-behind/write-behind.ts';
import {
  type Alarm,
  type AlarmLimits,
  type AlarmName,
  alarmsOf,
  healthOf,
  lagOf,
  lettersOf,
} from './write-behind-alarms.ts';

/** What operators need of what writes a keyspace. */
export interface FlushableRows {
  /** Writes what waits at the call, whatever its age, until the signal aborts. @returns whether all of that is written, and how much waits now */
  flush(deadline: AbortSignal): Promise<{ readonly left: number; readonly isWritten: boolean }>;
  /** The statements that the next batches would run. Claims nothing and writes nothing. */
  explain(): Promise<readonly string[]>;
  /** Writes rows as they are, beside those that wait. @throws SinkFailure */
  rewrite(letters: readonly LetterRow[]): Promise<void>;
}

/** What is written behind, as far as operators have to do with it. */
export interface WritesForOperators {
  readonly rows: WriteBehind;
  readonly flushers: ReadonlyMap<RowSpace, FlushableRows>;
  readonly letters: DeadLetters;
  /** Parts of a set of rows, each with batches of its own. */
  readonly partitions: number;
  /** What waited at the start of keyspaces that are none any more. */
  readonly forgotten: readonly ForgottenRows[];
}

export interface WriteBehindAdminParts {
  readonly config: SluiceConfig;
  readonly writes: WritesForOperators;
  readonly clock: Clock;
  readonly log: NodeLog;
}

/** Nobody waits for longer. */
const UNAWAITED_FLUSH_MS = 60_000;
/** Dead letters of other nodes are seen that late; so are alarms in the log. */
const WATCH_MS = 5_000;

/** What operators see of rows that are written behind, and do with them. */
export class WriteBehindAdmin implements WriteBehindSources {
  readonly #parts: WriteBehindAdminParts;
  readonly #limits: ReadonlyMap<string, AlarmLimits>;
  /** Alarms that the log was told of, by keyspace. */
  readonly #told = new Map<string, ReadonlySet<AlarmName>>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(parts: WriteBehindAdminParts) {
    this.#parts = parts;
    this.#limits = new Map(
      parts.config.keyspaces.flatMap(({ match, writeBehind }) =>
        writeBehind === undefined ? [] : [[match, writeBehind.alarm]],
      ),
    );
  }

  /** Looks at dead letters and alarms from now on; the log is told of those that begin and end. */
  async watch(): Promise<void> {
    // A store that is away is told of elsewhere.
    await this.#parts.writes.letters.look().catch(() => undefined);
    this.#tell();
    if (!this.#isClosed) this.#timer = this.#parts.clock.setTimer(() => void this.watch(), WATCH_MS);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #tell(): void {
    const log = this.#parts.log.part('write-behind');
    for (const space of this.#parts.writes.rows.spaces) {
      const alarms = this.alarms(space);
      const before = this.#told.get(space.name);
      for (const { name, text } of alarms) {
        // The flusher tells of trouble as soon as there is any.
        if (name !== 'trouble' && before?.has(name) !== true) log.warn({ keyspace: space.name, alarm: name }, text);
      }
      const now = new Set(alarms.map(({ name }) => name));
      for (const name of before ?? [])
        if (name !== 'trouble' && !now.has(name)) log.info({ keyspace: space.name, alarm: name }, 'the alarm is over');
      this.#told.set(space.name, now);
    }
  }

  /** What is wrong with a keyspace. */
  alarms(space: RowSpace): Alarm[] {
    const { writes, clock } = this.#parts;
    const limits = this.#limits.get(space.name) as AlarmLimits;
    return alarmsOf(space, lettersOf(writes.letters, space), limits, clock.now());
  }

  health(): Record<string, ComponentHealth> {
    const { rows, forgotten } = this.#parts.writes;
    const checks = Object.fromEntries(
      rows.spaces.map((space) => [`write-behind:${space.name}`, healthOf(this.alarms(space))]),
    );
    for (const { match, rows: count } of forgotten) {
      const output = `${count} rows waited at the start, and no keyspace of this pattern writes them any more`;
      checks[`write-behind:${bytesToUtf8(match)}`] = { status: 'warn', output };
    }
    return checks;
  }

  async status(): Promise<readonly unknown[]> {
    const { writes, clock } = this.#parts;
    // They are told as they were last seen, when the store is away.
    await writes.letters.look().catch(() => undefined);
    return writes.rows.spaces.map((space) => {
      const { name, mapping, policy, stats, traffic, pending, buffered, trouble } = space;
      return {
        keyspace: name,
        shape: mapping.shape,
        table: mapping.table,
        pending,
        maxPending: policy.maxPending,
        buffered: buffered.rows,
        lagSeconds: lagOf(space, clock.now()) / 1000,
        ...stats,
        trouble: trouble ?? null,
        deadLetters: writes.letters.count(space),
        reduction: traffic.reduction(stats, writes.partitions, clock.monotonic()) ?? null,
        alarms: this.alarms(space).map(({ name: alarm, text }) => ({ alarm, text })),
      };
    });
  }

  async flush(keyspace: string | undefined, timeout: number | undefined): Promise<readonly FlushOutcome[]> {
    const deadline = AbortSignal.timeout(timeout ?? UNAWAITED_FLUSH_MS);
    const flushes = this.#spaces(keyspace).map(async (space): Promise<FlushOutcome> => {
      const { name } = space;
      const flushed = this.#flusher(space).flush(deadline);
      if (timeout === undefined) {
        // What is in its way is told by the log and by the status.
        flushed.catch(() => undefined);
        return { keyspace: name, isWritten: undefined, pending: space.pending, trouble: space.trouble };
      }
      const { isWritten, left } = await flushed;
      return { keyspace: name, isWritten, pending: left, trouble: space.trouble };
    });
    return Promise.all(flushes);
  }

  async explain(keyspace: string | undefined): Promise<readonly unknown[]> {
    const { writes } = this.#parts;
    const told: unknown[] = [];
    for (const space of this.#spaces(keyspace)) {
      const statements = await this.#flusher(space).explain();
      const reduction = space.traffic.reduction(space.stats, writes.partitions, this.#parts.clock.monotonic());
      told.push({ keyspace: space.name, pending: space.pending, statements, reduction: reduction ?? null });
    }
    return told;
  }

  async letters(range: { keyspace: string | undefined; after: string | undefined; limit: number }): Promise<Letter[]> {
    const { letters } = this.#parts.writes;
    return (await letters.list(this.#spaces(range.keyspace), range.limit, range.after)).map(asText);
  }

  async letter(id: string): Promise<Letter | undefined> {
    const found = await this.#parts.writes.letters.find(id);
    return found === undefined ? undefined : asText(found);
  }

  async replay(choice: LetterChoice): Promise<Readonly<Record<string, unknown>>> {
    const replayed = await this.#parts.writes.letters.replay(this.#which(choice), (space) => this.#writer(space));
    return { ...replayed, reason: replayed.reason ?? null };
  }

  drop(choice: LetterChoice): Promise<number> {
    return this.#parts.writes.letters.drop(this.#which(choice));
  }

  #flusher(space: RowSpace): FlushableRows {
    return this.#parts.writes.flushers.get(space) as FlushableRows;
  }

  #writer(space: RowSpace): LetterWriter {
    const { rows } = this.#parts.writes;
    return {
      rewrite: (letters) => this.#flusher(space).rewrite(letters),
      async recount(key, fields) {
        const target = rows.find(key);
        if (target !== undefined) await rows.put(target, { kind: 'merge', fields });
      },
    };
  }

  #which(choice: LetterChoice): WhichLetters {
    return 'ids' in choice ? choice : { all: this.#spaces(choice.keyspace) };
  }

  /** @throws SluiceError INVALID_ARGUMENT */
  #spaces(keyspace: string | undefined): readonly RowSpace[] {
    const { spaces } = this.#parts.writes.rows;
    if (keyspace === undefined) return spaces;
    const space = spaces.find(({ name }) => name === keyspace);
    if (space !== undefined) return [space];
    const all = spaces.map(({ name }) => name).join(', ');
    throw new SluiceError(
      'INVALID_ARGUMENT',
      `nothing is written behind as ${JSON.stringify(keyspace.slice(0, 100))}; there is ${all}`,
    );
  }
}

function asText({ id, space, key, version, change, fields, reason, at }: DeadLetter): Letter {
  const { [CAPTURE_FIELD]: recordId, ...others } = fields;
  const values = Object.entries(others).map(([field, value]) => [
    bytesToUtf8(field),
    value === null ? null : bytesToUtf8(value),
  ]);
  return {
    id,
    keyspace: space.name,
    key: bytesToUtf8(key),
    ...(typeof recordId === 'string' ? { recordId } : {}),
    version,
    change,
    fields: Object.fromEntries(values),
    reason,
    at: new Date(at).toISOString(),
  };
}
