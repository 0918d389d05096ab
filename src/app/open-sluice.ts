import { parseConfig } from '../config/load.ts';
import type { SluiceConfigInput } from '../config/schema.ts';
import { SluiceError } from '../errors.ts';
import type { Clock } from '../kernel/clock.ts';
import type { CallOptions, Entry, KeyInput, SetOptions, SetOutcome } from '../store/ports.ts';
import { startSluice } from './compose.ts';
import { type FetchedValue, type FetchWanted, fetchedValue } from './fetched-value.ts';
import { LoopHold } from './loop-hold.ts';
import { foundValue, ManagedKeyValue } from './managed-key-value.ts';
import { usableMemory } from './usable-memory.ts';

export interface OpenSluiceOptions {
  /** @default the clock of the machine */
  readonly clock?: Clock;
}

/** A node inside this program. Keys and values are text (its UTF-8) or bytes; durations are milliseconds. */
export interface Sluice extends AsyncDisposable {
  /** Where the listeners that were asked for are bound, as HOST:PORT. */
  readonly addresses: { readonly http?: string; readonly resp?: string; readonly admin?: string };
  /** The value, or undefined when the key is absent. @throws WRONG_TYPE, STORE_READ_ONLY */
  get(key: KeyInput, options?: CallOptions): Promise<Uint8Array | undefined>;
  /** The value with its tag, content type and expiry. @throws WRONG_TYPE, STORE_READ_ONLY */
  entry(key: KeyInput, options?: CallOptions): Promise<Entry | undefined>;
  /**
   * The value and how it came: of a read-through key from the cache, the store or its origin. Undefined when there is none. `get` reads the
   * same way, and tells only the value.
   * @throws ORIGIN_FAILED, ORIGIN_TIMEOUT, ORIGIN_OVERLOADED, VALUE_TOO_LARGE, WRONG_TYPE
   */
  read(key: KeyInput, options?: CallOptions): Promise<FetchedValue | undefined>;
  /** Resolves once the write is as durable as configured. @throws WRONG_TYPE, OUT_OF_MEMORY, STORE_READ_ONLY, KEY_TOO_LONG */
  set(key: KeyInput, value: KeyInput, options?: SetOptions): Promise<SetOutcome>;
  /** @returns false when the key was absent. @throws STORE_READ_ONLY */
  delete(key: KeyInput, options?: CallOptions): Promise<boolean>;
  /**
   * Adds to a whole number; an absent key counts as 0.
   * @returns the sum. @throws NOT_AN_INTEGER, OVERFLOW (also where the sum is no safe integer: use `incrBig`)
   */
  incr(key: KeyInput, by?: number, options?: CallOptions): Promise<number>;
  /** The same over all 64 bits. */
  incrBig(key: KeyInput, by: bigint, options?: CallOptions): Promise<bigint>;
  /** Keys that match the glob (all by default), each at least once, in no order. */
  scan(match?: KeyInput, options?: CallOptions): AsyncIterable<Uint8Array>;
  /**
   * The value at a URL, kept under a key of its own namespace; `fetch.allow` says which URLs. Undefined when there is none (404, 410).
   * @throws INVALID_ARGUMENT, FORBIDDEN, KEY_CONFLICT (the key holds another URL, or other parameters), ORIGIN_FAILED, ORIGIN_TIMEOUT,
   * ORIGIN_OVERLOADED, VALUE_TOO_LARGE, NOT_SUPPORTED (nothing may be fetched)
   */
  fetch(wanted: FetchWanted): Promise<FetchedValue | undefined>;
  /** Makes everything durable and closes; idempotent. Every later call fails with CLOSED. */
  close(): Promise<void>;
}

/**
 * Opens a node with the same configuration as the file, given as an object or as YAML text. No listener is started unless the
 * configuration names it. Resolves when the data is loaded.
 *
 * @throws SluiceError CONFIG_INVALID, INSECURE_ADDRESS, NOT_SUPPORTED, ADDRESS_IN_USE, DATA_LOCKED (the data folder is open already,
 * here or in another process), DATA_DAMAGED, DATA_VERSION, DATA_UNAVAILABLE
 */
export async function openSluice(
  config: SluiceConfigInput | string = {},
  options: OpenSluiceOptions = {},
): Promise<Sluice> {
  const { value } = parseConfig(config, { cwd: process.cwd(), memoryBytes: usableMemory(), env: process.env });
  const node = await startSluice(value, options);
  try {
    await node.ready;
  } catch (error) {
    await node.close();
    throw error;
  }
  const { keys } = node;
  const hold = new LoopHold();
  let closed = false;
  const open = <T>(work: () => Promise<T>): Promise<T> =>
    closed ? Promise.reject(new SluiceError('CLOSED', 'this Sluice was closed; open another one')) : hold.during(work);
  const incrBig = (key: KeyInput, by: bigint, call?: CallOptions): Promise<bigint> =>
    open(() => keys.increment(key, by, call));
  const close = (): Promise<void> => {
    closed = true;
    return hold.during(() => node.close());
  };
  return {
    addresses: node.addresses,
    get: (key, call) => open(async () => (await keys.get(key, call))?.value),
    entry: (key, call) => open(() => keys.get(key, call)),
    read: (key, call) =>
      open(async () =>
        keys instanceof ManagedKeyValue ? keys.read(key, call) : foundValue(await keys.get(key, call)),
      ),
    set: (key, value, call) => open(() => keys.set(key, value, call)),
    delete: (key, call) => open(() => keys.delete(key, call)),
    incrBig,
    async incr(key, by, call) {
      const addend = by ?? 1;
      if (!Number.isSafeInteger(addend)) throw new SluiceError('NOT_AN_INTEGER', 'incr adds a whole number');
      const sum = Number(await incrBig(key, BigInt(addend), call));
      if (Number.isSafeInteger(sum)) return sum;
      throw new SluiceError(
        'OVERFLOW',
        'the sum is beyond the exact whole numbers of JavaScript, though stored; read it with incrBig',
      );
    },
    async *scan(match, call) {
      if (closed) throw new SluiceError('CLOSED', 'this Sluice was closed; open another one');
      yield* keys.scan({ ...call, ...(match === undefined ? {} : { match }) });
    },
    fetch: (wanted) => open(() => fetchedValue(node.fetchByUrl, wanted)),
    close,
    [Symbol.asyncDispose]: close,
  };
}
