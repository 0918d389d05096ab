import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { halfSipHash } from '../kernel/half-sip-hash.ts';
import { SinkFailure } from '../sink/sink.ts';
import type { ClaimedRecord, DirtySet, FieldChange, RecordLog } from '../store/ports.ts';
import type { RowSpace } from './row-space.ts';

/** A row as it is set aside: what was to be written. */
export interface LetterRow {
  readonly key: ByteString;
  readonly version: number;
  /** Of the row, in the words of what it waited in. */
  readonly change: string;
  /** Null: to be emptied. */
  readonly fields: Readonly<Record<ByteString, ByteString | null>>;
}

/** A row that could not be written. */
export interface DeadLetter extends LetterRow {
  /** Among those of all keyspaces. */
  readonly id: string;
  readonly space: RowSpace;
  /** What the sink said. */
  readonly reason: string;
  /** When it was set aside, ms since the epoch. */
  readonly at: number;
}

/** Letters by their ids, or all: of one keyspace, or of every. */
export type WhichLetters = { readonly ids: readonly string[] } | { readonly all: readonly RowSpace[] };

/** What became of letters that were to be written again. */
export interface Replayed {
  /** Were written, or are there already. */
  written: number;
  /** Are no more of use: something newer is known of their rows. Gone, too. */
  skipped: number;
  /** Can still not be written; they stay. */
  failed: number;
  /** Were not there. */
  unknown: number;
  /** What the sink said of the last that failed. */
  reason: string | undefined;
}

/** What writes rows, for once not from those that wait. */
export interface LetterWriter {
  /** In one batch, as they are; with different keys. @throws SinkFailure */
  rewrite(rows: readonly LetterRow[]): Promise<void>;
  /** Adds to a row what could not be added. @throws SluiceError OVERLOADED … */
  recount(key: ByteString, fields: readonly FieldChange[]): Promise<void>;
}

export interface DeadLettersOptions {
  readonly spaces: readonly RowSpace[];
  readonly log: RecordLog;
  readonly rows: Pick<DirtySet, 'read'>;
  readonly clock: Clock;
}

const PAGE = 100;

/**
 * Rows that their sink can never take, by keyspace, until somebody writes them again or drops them. They lie in the store as long as that is
 * durable.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #counts = new Map<RowSpace, number>();

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** How many there were when that was last looked at. */
  count(space: RowSpace): number {
    return this.#counts.get(space) ?? 0;
  }

  /** Whether there are so many that no more are taken. */
  isFull(space: RowSpace): boolean {
    return this.count(space) >= space.policy.maxDeadLetters;
  }

  /** Looks at how many there are. */
  async look(): Promise<void> {
    for (const space of this.#options.spaces) await this.#look(space);
  }

  /** Sets a row aside. @throws SinkFailure `schema` when there are too many already: the row has to wait */
  async add(space: RowSpace, row: LetterRow, reason: string): Promise<void> {
    if (this.isFull(space)) await this.#look(space);
    if (this.isFull(space)) {
      throw new SinkFailure(
        'schema',
        `there are ${this.count(space)} dead letters; mend what they say and write them again (sluice dead-letters)`,
      );
    }
    const letter = JSON.stringify({ ...row, reason, at: this.#options.clock.now() });
    this.#counts.set(space, await this.#options.log.append(logOf(space), [letter]));
  }

  /** Oldest first, by keyspace. @param after the id of the letter they come after */
  async list(spaces: readonly RowSpace[], count: number, after?: string): Promise<DeadLetter[]> {
    const [tag, number] = after === undefined ? [] : partsOf(after);
    const begun = tag === undefined ? 0 : spaces.findIndex((space) => tagOf(space) === tag);
    if (begun < 0) return [];
    const letters: DeadLetter[] = [];
    for (const [i, space] of spaces.slice(begun).entries()) {
      const left = count - letters.length;
      if (left <= 0) break;
      letters.push(...(await this.#page(space, left, i === 0 ? number : undefined)));
    }
    return letters;
  }

  /** Undefined: there is none of that id. */
  async find(id: string): Promise<DeadLetter | undefined> {
    const [tag, number] = partsOf(id);
    const space = this.#options.spaces.find((one) => tagOf(one) === tag);
    if (space === undefined || number === undefined || Number(number) < 1) return undefined;
    const [letter] = await this.#page(space, 1, String(Number(number) - 1));
    return letter?.id === id ? letter : undefined;
  }

  /** @returns how many were there */
  async drop(which: WhichLetters): Promise<number> {
    let dropped = 0;
    for await (const letters of this.#some(which)) {
      if (letters.length > 0) dropped += await this.#remove(letters);
    }
    return dropped;
  }

  /**
   * Writes letters again, as the changes they were and with the versions they had: the sink leaves rows as they are that have a newer one. What
   * was to be added to a counter is added anew. A letter that is written is gone.
   * @throws SluiceError STORE_UNAVAILABLE when the sink cannot be written to at all; letters that were not tried stay
   */
  async replay(which: WhichLetters, writerOf: (space: RowSpace) => LetterWriter): Promise<Replayed> {
    const done: Replayed = { written: 0, skipped: 0, failed: 0, unknown: 0, reason: undefined };
    let found = 0;
    for await (const letters of this.#some(which)) {
      found += letters.length;
      const stale: DeadLetter[] = [];
      const fresh: DeadLetter[] = [];
      for (const letter of letters) ((await this.#isStale(letter)) ? stale : fresh).push(letter);
      done.skipped += await this.#remove(stale);
      for (const batch of withDifferentKeys(fresh)) await this.#rewrite(batch, writerOf, done);
    }
    if ('ids' in which) done.unknown = new Set(which.ids).size - found;
    return done;
  }

  /** One keyspace's; halves of what has a bad row among it, until that is alone. */
  async #rewrite(
    letters: readonly DeadLetter[],
    writerOf: (space: RowSpace) => LetterWriter,
    done: Replayed,
  ): Promise<void> {
    const [first] = letters;
    if (first === undefined) return;
    try {
      await again(letters, writerOf(first.space));
    } catch (error) {
      if (!(error instanceof SinkFailure)) throw error;
      if (error.kind !== 'data') {
        throw new SluiceError(
          'STORE_UNAVAILABLE',
          `${first.space.mapping.table} cannot be written to: ${error.message}; ${done.written} letters were written before`,
          { cause: error },
        );
      }
      if (letters.length === 1) {
        done.failed++;
        done.reason = error.message;
        return;
      }
      const half = letters.length >> 1;
      await this.#rewrite(letters.slice(0, half), writerOf, done);
      await this.#rewrite(letters.slice(half), writerOf, done);
      return;
    }
    await this.#remove(letters);
    done.written += letters.length;
  }

  /** Counters have no newest change: each counts. */
  async #isStale({ space, key, version }: DeadLetter): Promise<boolean> {
    if (space.mapping.shape !== 'row') return false;
    const known = await this.#options.rows.read(space.set, key);
    return known !== undefined && known.version > version;
  }

  /** Pages of letters, each of one keyspace. Those that are left where they are come once. */
  async *#some(which: WhichLetters): AsyncGenerator<readonly DeadLetter[]> {
    if ('ids' in which) {
      for (const space of this.#options.spaces) {
        const numbers = [...new Set(which.ids)].filter((id) => partsOf(id)[0] === tagOf(space));
        const letters: DeadLetter[] = [];
        for (const id of numbers) letters.push(...[await this.find(id)].filter((letter) => letter !== undefined));
        letters.sort((a, b) => a.version - b.version);
        for (let from = 0; from < letters.length; from += PAGE) yield letters.slice(from, from + PAGE);
      }
      return;
    }
    for (const space of which.all) {
      // What is set aside meanwhile is left for the next time.
      const size = await this.#look(space);
      let after: string | undefined;
      for (let seen = 0; seen < size; seen += PAGE) {
        const page = await this.#page(space, Math.min(PAGE, size - seen), after);
        if (page.length === 0) break;
        after = partsOf((page.at(-1) as DeadLetter).id)[1];
        yield page;
      }
    }
  }

  async #page(space: RowSpace, count: number, after?: string): Promise<DeadLetter[]> {
    const range = { count, ...(after === undefined ? {} : { after }) };
    const records = await this.#options.log.read(logOf(space), range);
    return records.map((record) => letterOf(space, record));
  }

  async #remove(letters: readonly DeadLetter[]): Promise<number> {
    const [first] = letters;
    if (first === undefined) return 0;
    const numbers = letters.map(({ id }) => partsOf(id)[1] ?? '');
    const removed = await this.#options.log.remove(logOf(first.space), numbers);
    await this.#look(first.space);
    return removed;
  }

  async #look(space: RowSpace): Promise<number> {
    const { waiting } = await this.#options.log.size(logOf(space));
    this.#counts.set(space, waiting);
    return waiting;
  }
}

async function again(letters: readonly DeadLetter[], writer: LetterWriter): Promise<void> {
  const [first] = letters;
  if (first?.space.mapping.shape !== 'counter' || first.change === 'delete') {
    await writer.rewrite(letters);
    return;
  }
  for (const { key, fields } of letters) {
    const sums = Object.entries(fields).flatMap(([field, value]): FieldChange[] =>
      value === null ? [] : [{ do: 'recount', field, by: Number(value) }],
    );
    await writer.recount(key, sums);
  }
}

/** In their order; what a batch has a row of already goes to the next. Counters go one by one, for each is gone once it was added. */
function withDifferentKeys(letters: readonly DeadLetter[]): DeadLetter[][] {
  const batches: DeadLetter[][] = [];
  let keys = new Set<ByteString>();
  for (const letter of letters) {
    const batch = batches.at(-1);
    if (batch === undefined || keys.has(letter.key) || letter.space.mapping.shape === 'counter') {
      batches.push([letter]);
      keys = new Set([letter.key]);
    } else {
      batch.push(letter);
      keys.add(letter.key);
    }
  }
  return batches;
}

/** The name of a keyspace's log. */
function logOf(space: RowSpace): string {
  return `dead-letters:${space.set}`;
}

/** What the ids of a keyspace's letters begin with: made of its name, so that it stays the same. */
function tagOf(space: RowSpace): string {
  return (halfSipHash(space.set, 0, 0) >>> 0).toString(16).padStart(8, '0').slice(0, 6);
}

function partsOf(id: string): [tag?: string, number?: string] {
  const parts = /^([0-9a-f]{6})-(\d{1,15})$/.exec(id);
  return parts === null ? [] : [parts[1] as string, parts[2] as string];
}

function letterOf(space: RowSpace, { id, value }: ClaimedRecord): DeadLetter {
  const written = JSON.parse(new TextDecoder().decode(value)) as Omit<DeadLetter, 'id' | 'space'>;
  return { ...written, id: `${tagOf(space)}-${id}`, space };
}
