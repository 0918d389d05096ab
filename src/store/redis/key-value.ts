import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { toBytes, toOwned, ttlArg } from '../decisions/arguments.ts';
import { conditionArgs } from '../decisions/condition.ts';
import { contentTypeArg } from '../decisions/content-type.ts';
import { incrementValue } from '../decisions/increment-value.ts';
import { putValue } from '../decisions/put-value.ts';
import { readValue } from '../decisions/read-value.ts';
import { removeValue } from '../decisions/remove-value.ts';
import { tagOf } from '../decisions/tag.ts';
import { stepArg64 } from '../decisions/whole-numbers.ts';
import type { CallOptions, Entry, KeyInput, KeyValue, ScanOptions, SetOptions, SetOutcome } from '../ports.ts';
import type { RedisCalls } from './redis-calls.ts';

const SCAN_COUNT = 100;

/**
 * The `KeyValue` port on the keys that other clients of the server use too: the value lies under its key as it is. Its content type lies
 * beside it (`StoreKeys.metaKeyOf`) after the tag of the value it was given with, so that a value written by somebody else has none.
 * The few keys that nothing can lie beside keep no content type.
 *
 * @throws SluiceError FORBIDDEN for keys of Sluice's own; otherwise as the port says
 */
export class RedisKeyValue implements KeyValue {
  readonly #calls: RedisCalls;

  constructor(calls: RedisCalls) {
    this.#calls = calls;
  }

  async get(key: KeyInput, options?: CallOptions): Promise<Entry | undefined> {
    const reply = await this.#calls.decide(readValue, this.#keysOf(key), [''], options);
    if (reply === null) return undefined;
    const [value, expiresAt, beside] = reply as readonly [ByteString, number, ByteString];
    return new RedisEntry(value, expiresAt, beside);
  }

  getMany(keys: readonly KeyInput[], options?: CallOptions): Promise<(Entry | undefined)[]> {
    return Promise.all(keys.map((key) => this.get(key, options)));
  }

  async set(key: KeyInput, value: KeyInput, options: SetOptions = {}): Promise<SetOutcome> {
    const keys = this.#keysOf(key);
    const bytes = toBytes(value);
    const contentType = contentTypeArg(options.contentType);
    const beside = contentType === '' || keys.length === 1 ? '' : tagOf(bytes) + contentType;
    const args = ['', bytes, beside, ttlArg(options.ttl), ...conditionArgs(options.onlyIf)];
    return (await this.#calls.decide(putValue, keys, args, options)) as SetOutcome;
  }

  async delete(
    key: KeyInput,
    options: CallOptions & { readonly onlyIf?: { readonly tags: readonly string[] } } = {},
  ): Promise<boolean> {
    const args = ['', ...conditionArgs(options.onlyIf)];
    return (await this.#calls.decide(removeValue, this.#keysOf(key), args, options)) === 1;
  }

  async increment(key: KeyInput, by: bigint, options?: CallOptions): Promise<bigint> {
    const sum = await this.#calls.decide(incrementValue, this.#keysOf(key), ['', stepArg64(by)], options);
    return BigInt(sum as ByteString);
  }

  async *scan(options: ScanOptions = {}): AsyncGenerator<Uint8Array> {
    const { count = SCAN_COUNT, match, signal } = options;
    if (!Number.isSafeInteger(count) || count < 1)
      throw new SluiceError('INVALID_ARGUMENT', `count is a whole number greater than 0, not ${String(count)}`);
    const args = [...(match === undefined ? [] : ['MATCH', toBytes(match)]), 'COUNT', String(count)];
    let cursor = '0';
    do {
      const step = await this.#calls.commands.scan(cursor, args, signal);
      for (const key of step.keys) if (!this.#calls.keys.isOwn(key)) yield toOwned(key);
      cursor = step.cursor;
    } while (cursor !== '0');
  }

  /** The key of the value, and of what lies beside it where there is a place for that. */
  #keysOf(key: KeyInput): ByteString[] {
    const { keys } = this.#calls;
    const name = toBytes(key);
    if (keys.isOwn(name)) throw new SluiceError('FORBIDDEN', "the key is one of Sluice's own; choose another name");
    const beside = keys.metaKeyOf(name);
    return beside === undefined ? [name] : [name, beside];
  }
}

/** Letters of a tag. */
const TAG_LENGTH = 40;

class RedisEntry implements Entry {
  readonly value: Uint8Array;
  readonly tag: string;
  readonly contentType: string;
  readonly expiresAt: number | undefined;

  /** @param expiresAt 0 = never @param beside the tag of the value it belongs to, and its content type */
  constructor(value: ByteString, expiresAt: number, beside: ByteString) {
    this.value = toOwned(value);
    this.tag = tagOf(value);
    this.contentType = beside.startsWith(this.tag) ? beside.slice(TAG_LENGTH) : '';
    this.expiresAt = expiresAt === 0 ? undefined : expiresAt;
  }
}
