import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ByteString } from '../../kernel/bytes.ts';
import { tagOf } from '../decisions/tag.ts';
import { EntryClass } from '../engine/entry-class.ts';
import type { Keyspace } from '../engine/keyspace.ts';
import { ValueType } from '../engine/records.ts';
import type { StoreKeys } from '../keys.ts';
import type { EmbeddedTurn } from './embedded-turn.ts';

const SCAN_COUNT = 500;

/** A read-through entry of the engine. */
export class EmbeddedKept {
  readonly value: ByteString | undefined;
  readonly beside: ByteString;
  readonly left: number;
  readonly proven = true;
  #tag: string | undefined;

  constructor(value: ByteString | undefined, beside: ByteString, left: number) {
    this.value = value;
    this.beside = beside;
    this.left = left;
  }

  /** Made when it is asked for. */
  get tag(): string {
    this.#tag ??= this.value === undefined ? '' : tagOf(this.value);
    return this.#tag;
  }
}

/** What is to be kept: a value, or a mark that there is none, for so long (ms); 0: nothing any more. */
interface EmbeddedOutcome {
  readonly value: ByteString | undefined;
  readonly beside: ByteString;
  readonly life: number;
}

/** The right to fetch keys, all of them. */
class EmbeddedRight {
  readonly flushes: number;
  readonly #entries: EmbeddedKeptEntries;

  constructor(entries: EmbeddedKeptEntries, flushes: number) {
    this.#entries = entries;
    this.flushes = flushes;
  }

  settle(key: ByteString, outcome: EmbeddedOutcome | undefined): boolean | Promise<boolean> {
    return this.#entries.settle(this.flushes, key, outcome);
  }
}

/**
 * Read-through entries in the engine, all of class `cached`: evicted when memory runs short, gone after a restart. What is kept beside a
 * value lies in the value's own record; a mark that there is none lies among the internal keys.
 */
export class EmbeddedKeptEntries {
  readonly #turn: EmbeddedTurn;
  readonly #keys: StoreKeys;
  /** No mark was ever made: none need be looked for. */
  #hasMarks = false;
  #right = new EmbeddedRight(this, 0);

  constructor(turn: EmbeddedTurn, keys: StoreKeys) {
    this.#turn = turn;
    this.#keys = keys;
  }

  read(key: ByteString): EmbeddedKept | undefined | Promise<EmbeddedKept | undefined> {
    return this.#turn.readNow(() => this.#read(key));
  }

  /** One process has the engine, so the right is everybody's, until all keys are dropped. */
  claim(): EmbeddedRight {
    const { flushes } = this.#turn.engine.user;
    if (this.#right.flushes !== flushes) this.#right = new EmbeddedRight(this, flushes);
    return this.#right;
  }

  /** @param flushes what there was when the right to it was given */
  settle(flushes: number, key: ByteString, outcome: EmbeddedOutcome | undefined): boolean | Promise<boolean> {
    const { engine } = this.#turn;
    if (outcome === undefined || flushes !== engine.user.flushes) return false;
    const { value, beside, life } = outcome;
    const space = this.#spaceOf(key);
    return this.#turn.writeNow(value === undefined || space === engine.internal, () => {
      const kept = { entryClass: EntryClass.cached, expiresAt: engine.turn.time + life };
      if (value !== undefined) {
        if (this.#hasMarks) engine.internal.delete(this.#keys.markOf(key));
        space.strings.set(key, value, { ...kept, contentType: beside });
        return true;
      }
      space.delete(key);
      const mark = this.#keys.markOf(key);
      if (life <= 0) {
        engine.internal.delete(mark);
        return false;
      }
      this.#hasMarks = true;
      engine.internal.strings.set(mark, beside, { ...kept, contentType: String(flushes) });
      return true;
    });
  }

  async purge(keys: readonly ByteString[]): Promise<number> {
    const { internal } = this.#turn.engine;
    let purged = 0;
    await this.#turn.writeInternal(
      undefined,
      () => {
        for (const key of keys) {
          internal.delete(this.#keys.markOf(key));
          if (this.#spaceOf(key).delete(key)) purged++;
        }
      },
      false,
    );
    return purged;
  }

  async *keys(): AsyncGenerator<ByteString> {
    const { user, internal } = this.#turn.engine;
    for (const space of [user, internal]) {
      let cursor = 0;
      do {
        const found: ByteString[] = [];
        cursor = await this.#turn.read(undefined, () => space.scan(cursor, SCAN_COUNT, (key) => found.push(key)));
        for (const name of found) {
          const key = space === user ? name : this.#keys.keyOfMark(name);
          if (key !== undefined) yield key;
        }
        // A long scan must not keep the event loop to itself.
        await nextTurn();
      } while (cursor !== 0);
    }
  }

  /** Sluice's own entries are not among the keys of clients. */
  #spaceOf(key: ByteString): Keyspace {
    const { user, internal } = this.#turn.engine;
    return this.#keys.isOwn(key) ? internal : user;
  }

  #read(key: ByteString): EmbeddedKept | undefined {
    const { user, internal, turn } = this.#turn.engine;
    const space = this.#spaceOf(key);
    const ref = space.find(key);
    if (ref !== 0) {
      space.requireType(ref, ValueType.string);
      const { records } = space;
      return new EmbeddedKept(records.value(ref), records.contentType(ref), leftOf(space, ref, turn.time));
    }
    if (!this.#hasMarks) return undefined;
    const mark = this.#keys.markOf(key);
    const beside = internal.strings.get(mark);
    // One from before all keys were dropped says nothing any more.
    if (beside === undefined || internal.strings.contentType(mark) !== String(user.flushes)) return undefined;
    return new EmbeddedKept(undefined, beside, Number.POSITIVE_INFINITY);
  }
}

function leftOf({ records }: Keyspace, ref: number, now: number): number {
  const expiresAt = records.expiresAt(ref);
  return expiresAt === 0 ? Number.POSITIVE_INFINITY : expiresAt - now;
}
