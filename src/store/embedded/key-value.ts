import { setImmediate as nextTurn } from 'node:timers/promises';
import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { compileGlob } from '../../kernel/glob.ts';
import { toBytes, toOwned, ttlArg } from '../decisions/arguments.ts';
import { conditionArgs } from '../decisions/condition.ts';
import { contentTypeArg } from '../decisions/content-type.ts';
import type { Decision, DecisionSpace, ScriptReply } from '../decisions/decision.ts';
import { incrementValue } from '../decisions/increment-value.ts';
import { putValue } from '../decisions/put-value.ts';
import { removeValue } from '../decisions/remove-value.ts';
import { tagOf } from '../decisions/tag.ts';
import { stepArg64 } from '../decisions/whole-numbers.ts';
import { EntryClass } from '../engine/entry-class.ts';
import type { Keyspace } from '../engine/keyspace.ts';
import { ValueType } from '../engine/records.ts';
import type { CallOptions, Entry, KeyInput, KeyValue, ScanOptions, SetOptions, SetOutcome } from '../ports.ts';
import type { EmbeddedTurn } from './embedded-turn.ts';

const SCAN_COUNT = 100;

/** The `KeyValue` port on one dictionary of the engine. */
export class EmbeddedKeyValue implements KeyValue {
  readonly #turn: EmbeddedTurn;
  readonly #space: Keyspace;
  readonly #decisions: DecisionSpace;

  /** @param entryClass what the values written become; @default data */
  constructor(turn: EmbeddedTurn, space: Keyspace, entryClass: EntryClass = EntryClass.data) {
    this.#turn = turn;
    this.#space = space;
    this.#decisions = { turn: turn.engine.turn, keyspace: () => space, entryClass };
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

  async set(key: KeyInput, value: KeyInput, options: SetOptions = {}): Promise<SetOutcome> {
    const args = [
      '',
      toBytes(value),
      contentTypeArg(options.contentType),
      ttlArg(options.ttl),
      ...conditionArgs(options.onlyIf),
    ];
    return (await this.#decide(putValue, toBytes(key), args, options)) as SetOutcome;
  }

  async delete(
    key: KeyInput,
    options: CallOptions & { readonly onlyIf?: { readonly tags: readonly string[] } } = {},
  ): Promise<boolean> {
    return (await this.#decide(removeValue, toBytes(key), ['', ...conditionArgs(options.onlyIf)], options)) === 1;
  }

  async increment(key: KeyInput, by: bigint, options?: CallOptions): Promise<bigint> {
    return BigInt((await this.#decide(incrementValue, toBytes(key), ['', stepArg64(by)], options)) as ByteString);
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

  #decide(
    decision: Decision,
    key: ByteString,
    args: readonly ByteString[],
    options: CallOptions | undefined,
  ): Promise<ScriptReply> {
    const work = (): ScriptReply => decision.native(this.#decisions, [key], args);
    return this.#turn.write(options, work, decision.access === 'write');
  }

  #entry(key: ByteString): EmbeddedEntry | undefined {
    const { records } = this.#space;
    const ref = this.#space.find(key);
    if (ref === 0) return undefined;
    this.#space.requireType(ref, ValueType.string);
    return new EmbeddedEntry(records.value(ref), records.contentType(ref), records.expiresAt(ref));
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
