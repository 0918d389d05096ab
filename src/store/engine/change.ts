import type { ByteString } from '../../kernel/bytes.ts';

/**
 * What can happen to a key. Every effect names exactly one key (`flush`: one space), and its cost does not depend on the size of
 * the value it changes. `a`, `b`, `n`, `m` carry the operands:
 *
 * | op | a | b | n | m |
 * |---|---|---|---|---|
 * | setString | value | content type or '' | expiry instant or 0 | entry class |
 * | delete, flush | | | | |
 * | expire | | | expiry instant, 0 = never | |
 * | append | bytes | | | |
 * | setRange | bytes | | offset | |
 * | hashSet | field | value | | entry class |
 * | hashDelete | field | | | |
 * | pushLeft, pushRight | element | | | entry class |
 * | popLeft, popRight | | | | |
 * | listSet, listInsert | element | | index | |
 * | listRemove | | | index | |
 * | listTrim | | | start | stop (inclusive) |
 * | setAdd | member | | | entry class |
 * | setRemove | member | | | |
 * | sortedSetAdd | member | | score | entry class |
 * | sortedSetRemove | member | | | |
 */
export const Op = {
  setString: 1,
  delete: 2,
  expire: 3,
  append: 4,
  setRange: 5,
  hashSet: 6,
  hashDelete: 7,
  pushLeft: 8,
  pushRight: 9,
  popLeft: 10,
  popRight: 11,
  listSet: 12,
  listInsert: 13,
  listRemove: 14,
  listTrim: 15,
  setAdd: 16,
  setRemove: 17,
  sortedSetAdd: 18,
  sortedSetRemove: 19,
  flush: 20,
} as const;
export type Op = (typeof Op)[keyof typeof Op];

/** The three separate dictionaries; equal names in two of them are different keys. */
export const Space = { user: 0, compat: 1, internal: 2 } as const;
export type Space = (typeof Space)[keyof typeof Space];

/** Why a key left or changed; only observers look at it, replay does not. */
export const Cause = { command: 0, expired: 1, evicted: 2 } as const;
export type Cause = (typeof Cause)[keyof typeof Cause];

/** One effect. The stream reuses a single object: a consumer copies what it keeps. */
export interface Change {
  seq: number;
  space: Space;
  op: Op;
  cause: Cause;
  key: ByteString;
  a: ByteString;
  b: ByteString;
  n: number;
  m: number;
  /** False for `cached` entries, which are not journalled. */
  durable: boolean;
}

export interface ChangeConsumer {
  /** Called in the turn of the write, in sequence order. Must neither throw nor write to the engine. */
  change(change: Readonly<Change>): void;
}

/** The one ordered way out of the engine: journal, WATCH, blocked clients, invalidation and dirty sets all consume it. */
export class ChangeStream {
  /** Sequence number of the newest effect; the first is 1. */
  seq = 0;
  readonly #change: Change = {
    seq: 0,
    space: Space.user,
    op: Op.delete,
    cause: Cause.command,
    key: '',
    a: '',
    b: '',
    n: 0,
    m: 0,
    durable: true,
  };
  #consumers: readonly ChangeConsumer[] = [];

  /** @returns a function that ends the subscription. */
  subscribe(consumer: ChangeConsumer): () => void {
    this.#consumers = [...this.#consumers, consumer];
    return () => {
      this.#consumers = this.#consumers.filter((other) => other !== consumer);
    };
  }

  emit(
    space: Space,
    op: Op,
    cause: Cause,
    key: ByteString,
    a: ByteString,
    b: ByteString,
    n: number,
    m: number,
    durable: boolean,
  ): void {
    const change = this.#change;
    change.seq = ++this.seq;
    change.space = space;
    change.op = op;
    change.cause = cause;
    change.key = key;
    change.a = a;
    change.b = b;
    change.n = n;
    change.m = m;
    change.durable = durable;
    for (const consumer of this.#consumers) consumer.change(change);
  }
}
