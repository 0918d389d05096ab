import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { Canceller } from '../kernel/cancellation.ts';
import type { Clock } from '../kernel/clock.ts';
import { parseJsonRow } from '../kernel/json-row.ts';
import type { DirtySet, StoredRow } from '../store/ports.ts';
import type { RowSpace } from './row-space.ts';

/** Where rows are read that are not known here. */
export interface RowOrigin {
  /** @throws SluiceError ORIGIN_FAILED, ORIGIN_TIMEOUT, ORIGIN_OVERLOADED */
  fetch(request: {
    readonly key: ByteString;
    readonly captures: ReadonlyMap<string, ByteString>;
    readonly validators: undefined;
    readonly signal: Canceller;
  }): Promise<{ readonly kind: 'value'; readonly value: ByteString } | { readonly kind: 'absent' | 'unchanged' }>;
}

export interface RowLoaderOptions {
  readonly origin: RowOrigin;
  readonly rows: DirtySet;
  readonly clock: Clock;
  /** Of one reading, ms. */
  readonly timeout: number;
  /** How long it is remembered that there is no such row, ms. */
  readonly negativeTtl: number;
  /** How long rows that are known are kept, ms. */
  readonly ttl: number;
}

/** Readings at a time, of one keyspace. */
const MAX_LOADS = 10_000;
/** A row that changes whenever it is read is given out as it is known. */
const MAX_TRIES = 5;

/** Reads rows that are not known where they are written to, each once at a time. What was changed here meanwhile stays. */
export class RowLoader {
  readonly #options: RowLoaderOptions;
  readonly #flights = new Map<ByteString, Promise<StoredRow | undefined>>();

  constructor(options: RowLoaderOptions) {
    this.#options = options;
  }

  /** @returns all there is of the row @throws SluiceError ORIGIN_FAILED, ORIGIN_TIMEOUT, ORIGIN_OVERLOADED, OVERLOADED */
  load(space: RowSpace, key: ByteString): Promise<StoredRow | undefined> {
    const flight = this.#flights.get(key);
    if (flight !== undefined) return flight;
    if (this.#flights.size >= MAX_LOADS)
      return Promise.reject(new SluiceError('OVERLOADED', 'too many rows are being read; try again later'));
    const started = this.#load(space, key).finally(() => this.#flights.delete(key));
    this.#flights.set(key, started);
    return started;
  }

  async #load(space: RowSpace, key: ByteString): Promise<StoredRow | undefined> {
    const { rows, ttl, negativeTtl, timeout } = this.#options;
    for (let tries = 0; ; tries++) {
      const known = await rows.read(space.set, key);
      if (known?.isKnown === true || tries === MAX_TRIES) return known;
      const fields = await this.#fetch(space, key);
      space.stats.loaded++;
      // Longer than a reading may take: one that began before cannot bring back what was there then.
      const keepFor = Math.max(fields.size === 0 ? negativeTtl : ttl, timeout + 1);
      await rows.load(space.set, key, { version: known?.version ?? 0, fields, keepFor });
    }
  }

  async #fetch(space: RowSpace, key: ByteString): Promise<Map<ByteString, ByteString>> {
    const { origin, clock, timeout } = this.#options;
    const signal = new Canceller();
    const late = (): void => signal.abort(new SluiceError('ORIGIN_TIMEOUT', 'the row was not read in time'));
    const timer = clock.setTimer(late, timeout);
    const fields = new Map<ByteString, ByteString>();
    try {
      const captures = space.capturesOf(key) ?? new Map<string, ByteString>();
      const answer = await origin.fetch({ key, captures, validators: undefined, signal });
      if (answer.kind !== 'value') return fields;
      const row = parseJsonRow(answer.value);
      if (row === undefined)
        throw new SluiceError(
          'ORIGIN_FAILED',
          `the origin of ${JSON.stringify(space.name)} gave no JSON object of plain values`,
        );
      for (const [field, value] of row) if (value !== null) fields.set(field, value);
      return fields;
    } finally {
      timer.cancel();
    }
  }
}
