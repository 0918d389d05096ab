import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SluiceError } from '../../errors.ts';
import { type ByteString, toBuffer } from '../../kernel/bytes.ts';
import { compileGlob } from '../../kernel/glob.ts';
import { EntryClass } from '../engine/entry-class.ts';
import type { Keyspace } from '../engine/keyspace.ts';
import { ValueType } from '../engine/records.ts';
import type { CallOptions, Entry, KeyInput, KeyValue, OnlyIf, ScanOptions, SetOptions, SetOutcome } from '../ports.ts';
import { addInt64, type EmbeddedTurn, endOf, toBytes, toOwned } from './embedded-turn.ts';

const SCAN_COUNT = 100;

/** The `KeyValue` port on one dictionary of the engine. */
export class EmbeddedKeyValue implements KeyValue {
  readonly #turn: EmbeddedTurn;
  readonly #space: Keyspace;
  readonly #entryClass: EntryClass;

  /** @param entryClass what the values written become; @default data */
  constructor(turn: EmbeddedTurn, space: Keyspace, entryClass: EntryClass = EntryClass.data) {
    this.#turn = turn;
    this.#space = space;
    this.#entryClass = entryClass;
  }

  get(key: KeyInput, options?: CallOptions): Promise<Entry | undefined> {
    return this.#turn.read(options, () => this.#entry(toBytes(key)));
  }

  /** {@link get} by the bytes of the key, at once unless what was read waits for its commit. */
  read(key: ByteString): EmbeddedEntry | undefined | Promise<EmbeddedEntry | undefined> {
    return this.#turn.readNow(() => this.#entry(key));
  }

  getMany(keys: readonly KeyInput[], options?: CallOptions): Promise<(Entry | undefined)[]> {
    return this.#turn.read(options, () => keys.map((key) => this.#entry(toBytes(key))));
  }

  set(key: KeyInput, value: KeyInput, options: SetOptions = {}): Promise<SetOutcome> {
    return this.#turn.write(options, () => {
      const name = toBytes(key);
      // Asked for its type too: a hash must not be lost to a value of the same name.
      const existed = this.#space.strings.has(name);
      if (!this.#holds(name, existed, options.onlyIf)) return 'refused';
      const expiresAt = options.ttl === undefined ? 0 : endOf(this.#turn.engine.turn.time, options.ttl);
      const contentType = requireFieldValue(options.contentType ?? '');
      this.#space.strings.set(name, toBytes(value), { expiresAt, contentType, entryClass: this.#entryClass });
      return existed ? 'replaced' : 'created';
    });
  }

  delete(
    key: KeyInput,
    options: CallOptions & { readonly onlyIf?: { readonly tags: readonly string[] } } = {},
  ): Promise<boolean> {
    return this.#turn.write(
      options,
      () => {
        const name = toBytes(key);
        return this.#holds(name, this.#space.has(name), options.onlyIf) && this.#space.delete(name);
      },
      false,
    );
  }

  increment(key: KeyInput, by: bigint, options?: CallOptions): Promise<bigint> {
    return this.#turn.write(options, () => {
      const name = toBytes(key);
      const { strings } = this.#space;
      const sum = addInt64(strings.get(name), by);
      const expiresAt = this.#space.expiresAt(name) ?? 0;
      const contentType = strings.contentType(name);
      strings.set(name, String(sum), { expiresAt, contentType, entryClass: this.#entryClass });
      return sum;
    });
  }

  async *scan(options: ScanOptions = {}): AsyncGenerator<Uint8Array> {
    const { count = SCAN_COUNT } = options;
    if (!Number.isSafeInteger(count) || count < 1)
      throw new SluiceError('INVALID_ARGUMENT', `count is a whole number greater than 0, not ${String(count)}`);
    const matches = options.match === undefined ? undefined : compileGlob(toBytes(options.match));
    let cursor = 0;
    do {
      const keys: ByteString[] = [];
      cursor = await this.#turn.read(options, () =>
        this.#space.scan(cursor, count, (key) => {
          if (matches?.(key) ?? true) keys.push(key);
        }),
      );
      for (const key of keys) yield toOwned(key);
      // A long scan must not keep the event loop to itself.
      await nextTurn();
    } while (cursor !== 0);
  }

  #entry(key: ByteString): EmbeddedEntry | undefined {
    const { records } = this.#space;
    const ref = this.#space.find(key);
    if (ref === 0) return undefined;
    this.#space.requireType(ref, ValueType.string);
    return new EmbeddedEntry(records.value(ref), records.contentType(ref), records.expiresAt(ref));
  }

  #holds(key: ByteString, exists: boolean, condition: OnlyIf | undefined): boolean {
    if (condition === undefined) return true;
    if (condition === 'absent') return !exists;
    if (condition === 'present') return exists;
    if (!exists) return false;
    return condition.tags.includes(tagOf(this.#space.strings.get(key) as ByteString));
  }
}

/** Bytes and tag are made when asked for: who writes text needs no bytes, who wants the value no tag. */
class EmbeddedEntry implements Entry {
  /** The value. */
  readonly text: ByteString;
  readonly contentType: string;
  readonly expiresAt: number | undefined;
  #value: Uint8Array | undefined;
  #tag: string | undefined;

  constructor(text: ByteString, contentType: string, expiresAt: number) {
    this.text = text;
    this.contentType = contentType;
    this.expiresAt = expiresAt === 0 ? undefined : expiresAt;
  }

  get value(): Uint8Array {
    this.#value ??= toOwned(this.text);
    return this.#value;
  }

  get tag(): string {
    this.#tag ??= tagOf(this.text);
    return this.#tag;
  }
}

const ASCII_ONLY = /^[\x00-\x7f]*$/;

/** As Redis's `redis.sha1hex` and `sha1sum` print it. Text of ASCII is hashed as it is: its UTF-8 is its bytes. */
function tagOf(text: ByteString): string {
  return hash('sha1', ASCII_ONLY.test(text) ? text : toBuffer(text));
}

/** A media type goes out as a header field as it came: what no field may hold is refused (RFC 9110 section 5.5). */
function requireFieldValue(contentType: string): ByteString {
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(contentType)) return contentType;
  throw new SluiceError(
    'INVALID_ARGUMENT',
    'the content type has characters that a header field cannot hold; use visible ASCII',
  );
}
