import type { ByteString } from '../kernel/bytes.ts';
import { CROSS_SLOT } from './cluster-special.ts';
import type { DedicatedConnection, ReplyReceiver, Route } from './upstream.ts';

/** Where it runs. */
export interface TransactionPlace {
  readonly link: DedicatedConnection;
}

export interface TransactionEvents {
  /** EXEC or DISCARD was sent or answered: what comes next is outside. */
  over(): void;
  /** The node has said that the slot is not, or not all, there. */
  moved(frame: ByteString, place: TransactionPlace): void;
}

/** Commands without a key before the first key that are kept. */
const MAX_HELD = 1024;
const plain: Route = { idempotent: false, keyPositions: () => [] };
const ignored: ReplyReceiver = { replied: () => undefined, failed: () => undefined };
const ABORTED = '-EXECABORT Transaction discarded because of previous errors.\r\n';
const ELSEWHERE = '-TRYAGAIN the slot of the key has moved to another node; run the transaction again\r\n';

/**
 * MULTI to EXEC on one node of a cluster, in one slot. Which node that is is known with the first key: until then commands are answered
 * QUEUED here, and are sent behind MULTI then.
 */
export class ClusterTransaction {
  readonly #watched: TransactionPlace | undefined;
  readonly #placeOf: (slot: number) => TransactionPlace;
  readonly #events: TransactionEvents;
  #place: TransactionPlace | undefined;
  #slot = -1;
  readonly #held: (readonly ByteString[])[] = [];
  /** A command was refused here: it must not run. */
  #isSpoilt = false;

  /** @param watched where WATCH was sent; it has to run there */
  constructor(
    watched: TransactionPlace | undefined,
    placeOf: (slot: number) => TransactionPlace,
    events: TransactionEvents,
  ) {
    this.#watched = watched;
    this.#placeOf = placeOf;
    this.#events = events;
  }

  /** @param slot of its keys, -1 where it has none. @throws SluiceError STORE_UNAVAILABLE, OVERLOADED */
  send(name: string, argv: readonly ByteString[], slot: number, receiver: ReplyReceiver): void {
    if (name === 'exec') this.#exec(argv, receiver);
    else if (name === 'discard') this.#discard(argv, receiver);
    else if (name === 'multi') answer(receiver, '-ERR MULTI calls can not be nested\r\n');
    else if (name === 'watch') answer(receiver, '-ERR WATCH inside MULTI is not allowed\r\n');
    else if (slot < 0 && this.#place === undefined) this.#hold(argv, receiver);
    else if (slot >= 0 && !this.#isFor(slot)) this.refuse(CROSS_SLOT, receiver);
    else this.#queue(argv, receiver);
  }

  /** Answers a command with an error, after which EXEC does so too. */
  refuse(error: ByteString, receiver: ReplyReceiver): void {
    this.#isSpoilt = true;
    answer(receiver, error);
  }

  /** Opens it at the node of the first key. @returns false when it is of another slot than that, or of another node than WATCH */
  #isFor(slot: number): boolean {
    if (this.#slot >= 0) return this.#slot === slot;
    const place = this.#find(slot);
    if (this.#watched !== undefined && this.#watched !== place) return false;
    this.#slot = slot;
    this.#open(place);
    return true;
  }

  #find(slot: number): TransactionPlace {
    try {
      return this.#placeOf(slot);
    } catch (error) {
      this.#isSpoilt = true;
      throw error;
    }
  }

  #open(place: TransactionPlace): void {
    this.#place = place;
    place.link.send(['MULTI'], plain, ignored);
    for (const held of this.#held.splice(0)) place.link.send(held, plain, ignored);
  }

  #hold(argv: readonly ByteString[], receiver: ReplyReceiver): void {
    if (this.#held.length >= MAX_HELD) {
      this.refuse('-ERR too many commands before the first key of a transaction over a cluster\r\n', receiver);
      return;
    }
    this.#held.push(argv);
    answer(receiver, '+QUEUED\r\n');
  }

  #queue(argv: readonly ByteString[], receiver: ReplyReceiver): void {
    const place = this.#place as TransactionPlace;
    place.link.send(argv, plain, {
      failed: (error) => receiver.failed(error),
      replied: (frame) => {
        if (!isElsewhere(frame)) {
          receiver.replied(frame);
          return;
        }
        // The node discards the transaction by itself at EXEC.
        this.#events.moved(frame, place);
        receiver.replied(ELSEWHERE);
      },
    });
  }

  #exec(argv: readonly ByteString[], receiver: ReplyReceiver): void {
    if (this.#isSpoilt) {
      this.#events.over();
      const used = this.#place ?? this.#watched;
      if (used === undefined) answer(receiver, ABORTED);
      else used.link.send([this.#place === undefined ? 'UNWATCH' : 'DISCARD'], plain, instead(ABORTED, receiver));
      return;
    }
    if (this.#place === undefined) {
      // Without a key it runs where WATCH was, or anywhere.
      try {
        this.#open(this.#watched ?? this.#placeOf(-1));
      } finally {
        this.#events.over();
      }
    } else {
      this.#events.over();
    }
    const place = this.#place as TransactionPlace;
    place.link.send(argv, plain, {
      failed: (error) => receiver.failed(error),
      replied: (frame) => {
        if (!isElsewhere(frame)) {
          receiver.replied(frame);
          return;
        }
        this.#events.moved(frame, place);
        receiver.replied('-EXECABORT Transaction discarded because its slot has moved to another node.\r\n');
      },
    });
  }

  #discard(argv: readonly ByteString[], receiver: ReplyReceiver): void {
    this.#events.over();
    if (this.#place !== undefined) this.#place.link.send(argv, plain, receiver);
    else if (this.#watched !== undefined) this.#watched.link.send(['UNWATCH'], plain, receiver);
    else answer(receiver, '+OK\r\n');
  }
}

function isElsewhere(frame: ByteString): boolean {
  return frame.charCodeAt(0) === 0x2d && /^-(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /.test(frame);
}

function answer(receiver: ReplyReceiver, frame: ByteString): void {
  queueMicrotask(() => receiver.replied(frame));
}

function instead(frame: ByteString, receiver: ReplyReceiver): ReplyReceiver {
  return { replied: () => receiver.replied(frame), failed: (error) => receiver.failed(error) };
}
