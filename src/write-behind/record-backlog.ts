import type { ByteString } from '../kernel/bytes.ts';
import type { SinkRow } from '../sink/sink.ts';
import type { ClaimedRecord, RecordLog } from '../store/ports.ts';
import type { Backlog, BacklogClaim, BacklogSize } from './backlog.ts';
import type { LetterRow } from './dead-letters.ts';
import { CAPTURE_FIELD, type RowSpace } from './row-space.ts';

/** A record that waits. */
export interface WaitingRecord {
  /** In its log. */
  readonly id: string;
  /** In the table. */
  readonly recordId: ByteString;
  readonly key: ByteString;
  readonly fields: ReadonlyMap<ByteString, ByteString | null>;
}

export interface RecordBacklogOptions {
  readonly space: RowSpace;
  readonly log: RecordLog;
  /** A new id, different from all others. */
  readonly newId: () => string;
  /** Ms since the epoch. */
  readonly now: () => number;
}

/** The name of a keyspace's log. */
export function recordsOf(set: ByteString): ByteString {
  return `records:${set}`;
}

/** Records that wait, in the order they came. One node at a time writes them: their order is that of one log. */
export class RecordBacklog implements Backlog<WaitingRecord> {
  readonly partitions = 1;
  readonly #options: RecordBacklogOptions;
  readonly #name: ByteString;
  /** What was claimed and not written comes first again. */
  #takeOver = false;

  constructor(options: RecordBacklogOptions) {
    this.#options = options;
    this.#name = recordsOf(options.space.set);
  }

  /**
   * All of them or none.
   * @returns how many wait now; undefined: there is no room
   */
  async append(
    key: ByteString,
    records: readonly ReadonlyMap<ByteString, ByteString | null>[],
  ): Promise<number | undefined> {
    const { space, log, newId, now } = this.#options;
    const { maxPending, onFull, replica } = space.policy;
    const excess = space.pending + records.length - maxPending;
    if (excess > 0) {
      if (onFull !== 'drop-oldest' || records.length > maxPending) return undefined;
      const oldest = await log.read(this.#name, { count: excess });
      space.stats.dropped += await log.remove(
        this.#name,
        oldest.map(({ id }) => id),
      );
    }
    const at = now();
    const bodies = records.map((fields) =>
      JSON.stringify({ id: newId(), key, at, fields: Object.fromEntries(fields) } satisfies StoredRecord),
    );
    const waiting = await log.append(this.#name, bodies, { replica });
    space.waits(0, waiting);
    return waiting;
  }

  partitionOf(): number {
    return 0;
  }

  async claim(_: number, { count, lease, minAge, maxAge, takeOver }: BacklogClaim): Promise<WaitingRecord[]> {
    const { log, now } = this.#options;
    let isAgain = takeOver || this.#takeOver;
    if (!isAgain && maxAge > 0) {
      const { waiting, claimed } = await log.size(this.#name);
      // There is no other writer, and this one has nothing under way: the answer to its claim was lost.
      isAgain = claimed > 0;
      const since = waiting === 0 ? undefined : await this.#oldest();
      if (!isAgain && (since === undefined || now() - since < (waiting < count ? maxAge : minAge))) return [];
    }
    // Until it is known what was claimed.
    this.#takeOver = true;
    const claimed = await log.claim(this.#name, { count, lease, takeOver: isAgain });
    this.#takeOver = false;
    return claimed.map(waitingRecord);
  }

  async waiting(_: number, count: number): Promise<WaitingRecord[]> {
    return (await this.#options.log.read(this.#name, { count })).map(waitingRecord);
  }

  problemOf({ fields }: WaitingRecord): string | undefined {
    const { space } = this.#options;
    for (const field of fields.keys())
      if (!space.has(field)) return `the field ${JSON.stringify(field)} has no column any more`;
    return undefined;
  }

  sinkRow({ recordId, key, fields }: WaitingRecord): SinkRow {
    const { space } = this.#options;
    const values = new Map<ByteString, ByteString | null>();
    for (const [field, value] of fields) if (space.has(field)) values.set(field, value);
    for (const [name, value] of space.capturesOf(key) ?? []) values.set(CAPTURE_FIELD + name, value);
    return { key: [recordId], version: 0, change: 'whole', values };
  }

  letter({ recordId, key, fields }: WaitingRecord): LetterRow {
    return { key, version: 0, change: 'record', fields: { ...Object.fromEntries(fields), [CAPTURE_FIELD]: recordId } };
  }

  rowOf({ key, fields }: LetterRow): SinkRow | undefined {
    const { [CAPTURE_FIELD]: recordId, ...others } = fields;
    if (recordId === undefined || recordId === null) return undefined;
    return this.sinkRow({ id: '', recordId, key, fields: new Map(Object.entries(others)) });
  }

  async acknowledge(_: number, records: readonly WaitingRecord[]): Promise<void> {
    const ids = records.map(({ id }) => id);
    await this.#options.log.acknowledge(this.#name, ids);
  }

  async fail(): Promise<void> {
    this.#takeOver = true;
  }

  async isWritten(): Promise<boolean> {
    return true;
  }

  async size(): Promise<BacklogSize> {
    const { log, now } = this.#options;
    const sizes = await log.size(this.#name);
    return { ...sizes, oldest: sizes.waiting === 0 ? undefined : await this.#oldest(), now: now() };
  }

  async #oldest(): Promise<number | undefined> {
    const [first] = await this.#options.log.read(this.#name, { count: 1 });
    return first === undefined ? undefined : storedRecord(first).at;
  }
}

/** As it lies in its log; bytes are text with one character each. */
interface StoredRecord {
  readonly id: string;
  readonly key: ByteString;
  /** When it was accepted, ms since the epoch. */
  readonly at: number;
  readonly fields: Readonly<Record<ByteString, ByteString | null>>;
}

function storedRecord({ value }: ClaimedRecord): StoredRecord {
  return JSON.parse(Buffer.from(value).toString('utf8')) as StoredRecord;
}

function waitingRecord(record: ClaimedRecord): WaitingRecord {
  const { id, key, fields } = storedRecord(record);
  return { id: record.id, recordId: id, key, fields: new Map(Object.entries(fields)) };
}
