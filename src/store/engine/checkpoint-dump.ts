import type { ByteString } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Ref } from '../../kernel/slab.ts';
import { type Change, type ChangeConsumer, Op, Space } from './change.ts';
import { HASH_END } from './checkpoint-ranges.ts';
import type { Collection, ElementEffect } from './collections.ts';
import { EffectWriter, UPTO } from './effect-codec.ts';
import type { Engine } from './engine.ts';
import { EntryClass } from './entry-class.ts';
import type { Keyspace } from './keyspace.ts';
import { ValueType } from './records.ts';

/** A piece of an image, before it is given its generation. */
export interface DumpedPiece {
  readonly space: Space;
  readonly from: number;
  readonly to: number;
  readonly piece: number;
  readonly last: boolean;
  readonly upto: number;
  /** The log must be durable up to this change before the piece is stored: the image is never ahead of the log. */
  readonly after: number;
  readonly effects: Uint8Array;
}

export interface DumpLimits {
  readonly clock: Clock;
  /** Length of one slice. */
  readonly sliceMs: number;
  /** Size at which a piece is full. */
  readonly pieceBytes: number;
  /** A collection that takes more memory is dumped in slices of its own. */
  readonly largeBytes: number;
  /** Elements of a large collection between two looks at the clock. */
  readonly elementsPerLook: number;
}

const SLOTS_PER_STEP = 16;

interface Range {
  readonly space: Space;
  readonly from: number;
  readonly to: number;
  readonly upto: number;
  piece: number;
}

/** A collection on its way into the image over several slices. */
interface LargeDump {
  readonly key: ByteString;
  readonly effects: Iterator<ElementEffect>;
  readonly entryClass: EntryClass;
  /** For a value dumped as it was at the first slice: that change and the expiry then. */
  readonly exact: { readonly upto: number; readonly expiresAt: number } | undefined;
  /** Set when the value was deleted or replaced meanwhile: the change that did it, which the image contains. */
  gone: number;
}

/**
 * One pass over all keys: gives the pieces of an image one after the other, each made in one short slice; between two calls the
 * engine may change in any way.
 *
 * A slice takes the next keys in the order of their hashes, in one go: they are exact as of the range's `upto`, and replay adds
 * the effects after it. A large collection would make the slice long, so it is left out and dumped afterwards in slices of its
 * own, as of a later change that a frame `UPTO` names. A list can be held as it was. The other types are dumped as they are at
 * each slice, and every effect on the key in between is written into the image too, in its place: so element by element the last
 * word in the image is the newest, and at the end the value is exactly that of the end.
 */
export class ImageDump implements ChangeConsumer {
  readonly #engine: Engine;
  readonly #limits: DumpLimits;
  readonly #writer = new EffectWriter(64 * 1024);
  #space: Space | 3 = Space.user;
  #cursor = 0;
  #range: Range | undefined;
  /** Large collections of the range that are still to be dumped. */
  readonly #left: ByteString[] = [];
  #large: LargeDump | undefined;
  #unsubscribe: (() => void) | undefined;
  #until = 0;

  constructor(engine: Engine, limits: DumpLimits) {
    this.#engine = engine;
    this.#limits = limits;
  }

  /** Makes the next piece, in about `sliceMs`. @returns undefined at the end. */
  next(): DumpedPiece | undefined {
    this.#until = this.#limits.clock.monotonic() + this.#limits.sliceMs;
    let range = this.#range;
    if (range === undefined) {
      if (this.#space === 3) return undefined;
      range = this.#openRange(this.#space);
    } else this.#continue(range);
    const last = this.#large === undefined && this.#left.length === 0;
    const { space, from, to, upto, piece } = range;
    range.piece++;
    this.#range = last ? undefined : range;
    return { space, from, to, upto, piece, last, after: this.#engine.changes.seq, effects: this.#writer.take() };
  }

  /** Ends the pass early. */
  stop(): void {
    this.#unsubscribe?.();
    this.#large = undefined;
    this.#left.length = 0;
    this.#range = undefined;
    this.#space = 3;
  }

  /** While a large collection is being dumped: what happens to it goes into the image as well. */
  change(change: Readonly<Change>): void {
    const large = this.#large;
    if (large === undefined || large.gone > 0 || change.space !== this.#range?.space) return;
    if (change.op === Op.flush) this.#gone(large, change.seq);
    else if (change.key !== large.key) return;
    else if (change.op === Op.delete) this.#gone(large, change.seq);
    else {
      this.#writer.write(change);
      // The one effect that puts a new value in the place of any other.
      if (change.op === Op.setString) large.gone = change.seq;
    }
  }

  #openRange(space: Space): Range {
    const keyspace = this.#engine.space(space);
    const from = this.#cursor;
    const upto = this.#engine.changes.seq;
    let to = from;
    do {
      const next = keyspace.walk(to, SLOTS_PER_STEP, (ref) => {
        // A table that has shrunk since begins its slot before the cursor.
        if (keyspace.records.hash(ref) >>> 0 >= from) this.#take(keyspace, space, ref);
      });
      to = next === 0 ? HASH_END : next;
    } while (to < HASH_END && !this.#isFull());
    if (to < HASH_END) this.#cursor = to;
    else {
      this.#cursor = 0;
      this.#space = (space + 1) as Space | 3;
    }
    return { space, from, to, upto, piece: 0 };
  }

  #take(keyspace: Keyspace, space: Space, ref: Ref): void {
    const { records } = keyspace;
    const entryClass = records.entryClass(ref);
    if (entryClass === EntryClass.cached) return;
    const key = records.key(ref);
    if (records.type(ref) === ValueType.string) {
      this.#string(keyspace, space, ref, key, entryClass);
      return;
    }
    const collection = keyspace.collectionOf(ref);
    const bound = this.#isFull() ? this.#limits.largeBytes / 16 : this.#limits.largeBytes;
    if (collection.bytes > bound) {
      this.#left.push(key);
      return;
    }
    for (const effect of collection.effects()) this.#element(space, key, effect, entryClass);
    this.#expiry(space, key, records.expiresAt(ref));
  }

  #continue(range: Range): void {
    do {
      if (this.#large === undefined) {
        const key = this.#left.pop();
        if (key === undefined) return;
        this.#large = this.#begin(range.space, key);
      } else this.#some(range.space, this.#large);
    } while (!this.#isFull());
  }

  /** Whatever the key holds by now. */
  #begin(space: Space, key: ByteString): LargeDump | undefined {
    const keyspace = this.#engine.space(space);
    const { records } = keyspace;
    const upto = this.#engine.changes.seq;
    const ref = keyspace.peek(key);
    const entryClass = ref === 0 ? EntryClass.cached : records.entryClass(ref);
    if (ref === 0 || entryClass === EntryClass.cached || records.type(ref) === ValueType.string) {
      if (entryClass !== EntryClass.cached) this.#string(keyspace, space, ref, key, entryClass);
      this.#upto(space, key, upto);
      return undefined;
    }
    const collection: Collection = keyspace.collectionOf(ref);
    const effects = collection.effects();
    // The first step is what holds a list as it is now.
    const first = effects.next();
    if (first.done !== true) this.#element(space, key, first.value, entryClass);
    const exact = collection.exactSnapshot ? { upto, expiresAt: records.expiresAt(ref) } : undefined;
    if (exact === undefined) this.#unsubscribe = this.#engine.changes.subscribe(this);
    return { key, effects, entryClass, exact, gone: 0 };
  }

  #some(space: Space, large: LargeDump): void {
    for (let count = 0; count < this.#limits.elementsPerLook && large.gone === 0; count++) {
      const next = large.effects.next();
      if (next.done !== true) {
        this.#element(space, large.key, next.value, large.entryClass);
        continue;
      }
      this.#end(space, large);
      return;
    }
    if (large.gone > 0) this.#end(space, large);
  }

  #end(space: Space, large: LargeDump): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#large = undefined;
    if (large.exact !== undefined) {
      this.#expiry(space, large.key, large.exact.expiresAt);
      this.#upto(space, large.key, large.exact.upto);
    } else if (large.gone > 0) this.#upto(space, large.key, large.gone);
    else {
      const keyspace = this.#engine.space(space);
      // Last, because frames before it can have emptied the value for a moment, and its expiry went with it.
      this.#expiry(space, large.key, keyspace.records.expiresAt(keyspace.peek(large.key)));
      this.#upto(space, large.key, this.#engine.changes.seq);
    }
  }

  #gone(large: LargeDump, seq: number): void {
    large.gone = seq;
    const space = this.#range?.space ?? Space.user;
    this.#writer.write({ op: Op.delete, space, key: large.key, a: '', b: '', n: 0, m: 0 });
  }

  #string(keyspace: Keyspace, space: Space, ref: Ref, key: ByteString, entryClass: EntryClass): void {
    const { records } = keyspace;
    const a = records.value(ref);
    const b = records.contentType(ref);
    this.#writer.write({ op: Op.setString, space, key, a, b, n: records.expiresAt(ref), m: entryClass });
  }

  #element(space: Space, key: ByteString, effect: ElementEffect, entryClass: EntryClass): void {
    this.#writer.write({ op: effect.op, space, key, a: effect.a, b: effect.b, n: effect.n, m: entryClass });
  }

  #expiry(space: Space, key: ByteString, instant: number): void {
    if (instant !== 0) this.#writer.write({ op: Op.expire, space, key, a: '', b: '', n: instant, m: 0 });
  }

  #upto(space: Space, key: ByteString, seq: number): void {
    this.#writer.write({ op: UPTO, space, key, a: '', b: '', n: seq, m: 0 });
  }

  #isFull(): boolean {
    return this.#writer.length >= this.#limits.pieceBytes || this.#limits.clock.monotonic() >= this.#until;
  }
}
