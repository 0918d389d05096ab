import { setMaxListeners } from 'node:events';
import { SluiceError } from '../../errors.ts';
import { type ByteString, fromBuffer, toBuffer, utf8ToBytes } from '../../kernel/bytes.ts';
import type { Durability } from '../engine/durability.ts';
import type { Engine } from '../engine/engine.ts';
import type { CallOptions, KeyInput } from '../ports.ts';

/** What every port of the embedded store stands on: one turn of the engine, told when it is durable. */
export class EmbeddedTurn {
  readonly engine: Engine;
  readonly #durability: Durability;

  constructor(engine: Engine, durability: Durability) {
    this.engine = engine;
    this.#durability = durability;
  }

  /** @throws SluiceError STORE_LOADING, STORE_READ_ONLY */
  read<T>(options: CallOptions | undefined, work: () => T): Promise<T> {
    return this.#run(options, work, () => {
      if (this.engine.state === 'loading') this.engine.requireWritable();
    });
  }

  /** The same at once, unless what was read waits for its commit. @throws SluiceError STORE_LOADING, STORE_READ_ONLY */
  readNow<T>(work: () => T): T | Promise<T> {
    const { engine } = this;
    engine.begin();
    if (engine.state === 'loading') engine.requireWritable();
    const result = work();
    const { revealed } = engine;
    return revealed > this.#durability.committed ? this.#committed(revealed, undefined).then(() => result) : result;
  }

  /** A write to user or compatibility keys. @throws SluiceError STORE_LOADING, STORE_READ_ONLY, OUT_OF_MEMORY */
  write<T>(options: CallOptions | undefined, work: () => T, takesMemory = true): Promise<T> {
    return this.#run(options, work, () => {
      this.engine.requireWritable();
      if (takesMemory) this.engine.requireMemory();
    });
  }

  /** A write to Sluice's own keys. @throws SluiceError STORE_LOADING, STORE_READ_ONLY, OUT_OF_MEMORY */
  writeInternal<T>(options: CallOptions | undefined, work: () => T, takesMemory = true): Promise<T> {
    return this.#run(options, work, () => {
      this.engine.requireWritable();
      if (takesMemory) this.engine.requireInternalMemory();
    });
  }

  async #run<T>(options: CallOptions | undefined, work: () => T, check: () => void): Promise<T> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    const { engine } = this;
    engine.begin();
    check();
    const result = work();
    const { revealed } = engine;
    if (revealed > this.#durability.committed) await this.#committed(revealed, signal);
    return result;
  }

  #committed(seq: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal?.reason);
      // Many calls under one signal are no leak, which Node would warn of from the eleventh on.
      if (signal !== undefined) setMaxListeners(0, signal);
      signal?.addEventListener('abort', abort, { once: true });
      this.#durability.onCommitted(seq, {
        committed: (error) => {
          signal?.removeEventListener('abort', abort);
          if (error === undefined) resolve();
          else reject(error);
        },
      });
    });
  }
}

/** The last instant that a Date can tell. */
const LAST_INSTANT = 8.64e15;

/** When what lives so long from now on ends; whole milliseconds, never early. @throws SluiceError INVALID_ARGUMENT */
export function endOf(now: number, duration: number): number {
  const instant = Math.ceil(now + duration);
  if (typeof duration === 'number' && duration > 0 && instant <= LAST_INSTANT) return instant;
  throw new SluiceError(
    'INVALID_ARGUMENT',
    `a duration is a number of milliseconds greater than 0, not ${String(duration)}; leave a ttl out for ever`,
  );
}

/** @throws SluiceError INVALID_ARGUMENT for anything but text and bytes, which JavaScript lets through */
export function toBytes(input: KeyInput): ByteString {
  if (typeof input === 'string') return utf8ToBytes(input);
  if (input instanceof Uint8Array) return fromBuffer(input);
  throw new SluiceError('INVALID_ARGUMENT', `a key or value is ${typeof input}; give text or a Uint8Array`);
}

/** Bytes of the caller's own, not a view of a shared pool. */
export function toOwned(bytes: ByteString): Uint8Array {
  return bytes.length > 4096 ? toBuffer(bytes) : Uint8Array.prototype.slice.call(toBuffer(bytes));
}

/** @throws SluiceError NOT_AN_INTEGER, OVERFLOW */
export function addIntegers(text: ByteString | undefined, by: number): number {
  const current = text === undefined ? 0 : Number(text);
  if (!Number.isSafeInteger(current) || (text !== undefined && !/^(0|-?[1-9]\d*)$/.test(text))) {
    throw new SluiceError('NOT_AN_INTEGER', 'the value is not a whole number; set it to one before counting');
  }
  const sum = current + by;
  if (!Number.isSafeInteger(sum)) throw new SluiceError('OVERFLOW', 'the sum leaves the range of exact whole numbers');
  return sum;
}

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** The same over 64 bits, as Redis's INCRBY counts. @throws SluiceError NOT_AN_INTEGER, OVERFLOW */
export function addInt64(text: ByteString | undefined, by: bigint): bigint {
  if (text !== undefined && !/^(0|-?[1-9]\d{0,18})$/.test(text)) {
    throw new SluiceError('NOT_AN_INTEGER', 'the value is not a whole number; set it to one before counting');
  }
  const current = BigInt(text ?? 0);
  const sum = current + by;
  if (current > MAX_INT64 || current < MIN_INT64 || sum > MAX_INT64 || sum < MIN_INT64) {
    throw new SluiceError('OVERFLOW', 'the sum leaves the range of 64 bits');
  }
  return sum;
}
