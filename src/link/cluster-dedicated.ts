import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { redirectionOf } from './cluster-map.ts';
import type { ClusterNodes } from './cluster-nodes.ts';
import { CROSS_SLOT, commonSlot, everywhereRule, shardChannels, splitBySlot } from './cluster-special.ts';
import { ClusterTransaction, type TransactionPlace } from './cluster-transaction.ts';
import type { NodeLink } from './node-link.ts';
import type { DedicatedConnection, DedicatedOwner, ReplyReceiver, Route } from './upstream.ts';

const MAX_REDIRECTS = 8;
const MINUS = 0x2d;
const plain: Route = { idempotent: false, keyPositions: () => [] };
const ignored: ReplyReceiver = { replied: () => undefined, failed: () => undefined };

/** A connection of this client's own to one node. */
interface Place extends TransactionPlace {
  readonly node: NodeLink;
  readonly link: DedicatedConnection;
}

/**
 * What looks to one client like a connection of its own to the cluster: a connection to the node of each key it uses, opened when the
 * first key is named. A transaction is on one node, in one slot; MULTI is answered here and sent with its first key.
 */
export class ClusterDedicated implements DedicatedConnection {
  readonly #nodes: ClusterNodes;
  readonly #proto: 2 | 3;
  readonly #owner: DedicatedOwner;
  readonly #sendShared: (argv: readonly ByteString[], route: Route, receiver: ReplyReceiver) => void;
  /** The first one is where what has no key goes. */
  readonly #places = new Map<NodeLink, Place>();
  #transaction: ClusterTransaction | undefined;
  /** Where WATCH was. */
  #watch: Place | undefined;
  #watchesOwed = 0;
  readonly #afterWatch: (() => void)[] = [];
  #isClean = true;
  /** What was sent before it is known which nodes there are. */
  #early: Parameters<DedicatedConnection['send']>[] | undefined;
  #released = false;
  /** Why it is gone. */
  #lostBy: SluiceError | undefined;

  constructor(
    nodes: ClusterNodes,
    proto: 2 | 3,
    owner: DedicatedOwner,
    sendShared: (argv: readonly ByteString[], route: Route, receiver: ReplyReceiver) => void,
  ) {
    this.#nodes = nodes;
    this.#proto = proto;
    this.#owner = owner;
    this.#sendShared = sendShared;
  }

  send(argv: readonly ByteString[], route: Route, receiver: ReplyReceiver, replies = 1): void {
    const lostBy = this.#lostBy;
    if (lostBy !== undefined) queueMicrotask(() => receiver.failed(lostBy));
    if (this.#released || lostBy !== undefined) return;
    if (this.#early !== undefined) {
      this.#early.push([argv, route, receiver, replies]);
      return;
    }
    const name = (argv[0] as ByteString).toLowerCase();
    const positions = shardChannels(argv) ?? route.keyPositions(argv);
    const slot = commonSlot(argv, positions);
    try {
      if (this.#transaction !== undefined) this.#inTransaction(this.#transaction, name, argv, slot, receiver);
      else if (name === 'multi') this.#begin(receiver);
      else if (name === 'exec' || name === 'discard') answer(receiver, `-ERR ${name.toUpperCase()} without MULTI\r\n`);
      else if (name === 'watch') this.#sendWatch(argv, slot, receiver);
      else if (name === 'unwatch') this.#sendUnwatch(argv, receiver);
      else if (name === 'client' && /^tracking$/i.test(argv[1] ?? '')) answer(receiver, NO_TRACKING);
      else if (slot === undefined && splitBySlot(argv) === undefined) answer(receiver, CROSS_SLOT);
      else if (slot === undefined || (slot < 0 && isForAll(argv))) this.#share(argv, route, receiver);
      else this.#sendPlain(argv, route, slot, receiver, replies);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      queueMicrotask(() => receiver.failed(error));
    }
  }

  /** Keeps what is sent until `resume` or `refuse`. */
  pause(): void {
    this.#early = [];
  }

  resume(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const command of early) this.send(...command);
  }

  /** It will not come to be. */
  refuse(error: SluiceError): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    if (this.#released) return;
    this.#lostBy = error;
    for (const [, , receiver] of early) receiver.failed(error);
    this.#owner.lost(error);
  }

  release(clean: boolean): void {
    this.#released = true;
    for (const { link } of this.#places.values()) link.release(clean && this.#isClean);
    this.#places.clear();
  }

  get #isOver(): boolean {
    return this.#released || this.#lostBy !== undefined;
  }

  #begin(receiver: ReplyReceiver): void {
    const watch = this.#watch;
    this.#transaction = new ClusterTransaction(watch, (slot) => this.#placeOf(slot), {
      over: () => {
        this.#transaction = undefined;
        this.#watch = undefined;
      },
      moved: (frame, place) => this.#note(frame, place as Place),
    });
    answer(receiver, '+OK\r\n');
  }

  #inTransaction(
    transaction: ClusterTransaction,
    name: string,
    argv: readonly ByteString[],
    slot: number | undefined,
    receiver: ReplyReceiver,
  ): void {
    if (slot === undefined) transaction.refuse(CROSS_SLOT, receiver);
    else transaction.send(name, argv, slot, receiver);
  }

  #sendWatch(argv: readonly ByteString[], slot: number | undefined, receiver: ReplyReceiver): void {
    const place = slot === undefined ? undefined : this.#placeOf(slot);
    // What is watched has to be on one node, where the transaction will be.
    if (place === undefined || (this.#watch !== undefined && this.#watch !== place)) {
      answer(receiver, CROSS_SLOT);
      return;
    }
    const isFirst = this.#watch === undefined;
    this.#watch ??= place;
    this.#watchesOwed++;
    const over = (): void => {
      this.#watchesOwed--;
      if (this.#watchesOwed === 0) for (const run of this.#afterWatch.splice(0)) run();
    };
    const answered: ReplyReceiver = {
      replied: (frame) => {
        over();
        receiver.replied(frame);
      },
      failed: (error) => {
        over();
        receiver.failed(error);
      },
    };
    this.#follow(place, argv, plain, answered, 0, (next) => {
      // A transaction that has begun meanwhile will not be where this is watched: it is refused, and the watch is left behind.
      this.#isClean = false;
      if (isFirst && this.#watch === place) this.#watch = next;
    });
  }

  /** Over connections that others use, too: not before what is watched is. */
  #share(argv: readonly ByteString[], route: Route, receiver: ReplyReceiver): void {
    if (this.#watchesOwed === 0) this.#sendShared(argv, route, receiver);
    else this.#afterWatch.push(() => this.#sendShared(argv, route, receiver));
  }

  #sendUnwatch(argv: readonly ByteString[], receiver: ReplyReceiver): void {
    const watch = this.#watch;
    this.#watch = undefined;
    if (watch === undefined) answer(receiver, '+OK\r\n');
    else watch.link.send(argv, plain, receiver);
  }

  #sendPlain(argv: readonly ByteString[], route: Route, slot: number, receiver: ReplyReceiver, replies: number): void {
    const place = this.#placeOf(slot);
    if (replies === 0) place.link.send(argv, route, receiver, 0);
    else this.#follow(place, argv, route, receiver, 0);
  }

  /** Sends it, and where the slot is elsewhere, there. @param moved told of the other place before */
  #follow(
    place: Place,
    argv: readonly ByteString[],
    route: Route,
    receiver: ReplyReceiver,
    redirects: number,
    moved?: (place: Place) => void,
  ): void {
    place.link.send(argv, route, {
      failed: (error) => receiver.failed(error),
      replied: (frame) => {
        const redirection =
          frame.charCodeAt(0) === MINUS && !this.#isOver && redirects < MAX_REDIRECTS
            ? redirectionOf(frame, this.#nodes.endpointOf(place.node))
            : undefined;
        if (redirection === undefined || redirection.kind === 'later') {
          receiver.replied(frame);
          return;
        }
        try {
          const isAsk = redirection.kind === 'ask';
          if (!isAsk) this.#nodes.moved(redirection.slot, redirection.endpoint);
          const next = this.#placeAt(this.#nodes.link(redirection.endpoint));
          moved?.(next);
          if (isAsk) next.link.send(['ASKING'], plain, ignored);
          this.#follow(next, argv, route, receiver, redirects + 1, moved);
        } catch (error) {
          receiver.failed(error as SluiceError);
        }
      },
    });
  }

  /** A redirection in a transaction cannot be followed: it is remembered for the next one. */
  #note(frame: ByteString, { node }: Place): void {
    const redirection = redirectionOf(frame, this.#nodes.endpointOf(node));
    if (redirection?.kind === 'moved') this.#nodes.moved(redirection.slot, redirection.endpoint);
    else this.#nodes.refresh();
  }

  /** @throws SluiceError STORE_UNAVAILABLE, OVERLOADED */
  #placeOf(slot: number): Place {
    const [first] = this.#places.values();
    if (slot < 0 && first !== undefined) return first;
    const node = slot < 0 ? this.#nodes.any() : this.#nodes.owners[slot];
    if (node === undefined) {
      throw new SluiceError(
        'STORE_UNAVAILABLE',
        `${this.#nodes.reason}; the command was not sent, it is safe to try again`,
      );
    }
    return this.#placeAt(node);
  }

  #placeAt(node: NodeLink): Place {
    const known = this.#places.get(node);
    if (known !== undefined) return known;
    const link = node.dedicate(this.#proto, 0, {
      pushed: (frame) => this.#pushed(frame, place),
      lost: (error) => this.#lost(place, error),
    });
    const place: Place = { node, link };
    this.#places.set(node, place);
    return place;
  }

  #pushed(frame: ByteString, place: Place): void {
    // The answer to SSUBSCRIBE at a node that does not have the slot. Whoever subscribes again gets there.
    if (frame.startsWith('-MOVED')) {
      this.#note(frame, place);
      this.#owner.pushed('-TRYAGAIN the slot of this channel has moved to another node\r\n');
      return;
    }
    this.#owner.pushed(frame);
  }

  #lost(place: Place, error: SluiceError): void {
    if (this.#released || this.#places.get(place.node) !== place) return;
    this.#lostBy = error;
    this.#nodes.refresh();
    for (const { link } of this.#places.values()) link.release(false);
    this.#places.clear();
    this.#owner.lost(error);
  }
}

const NO_TRACKING = '-ERR CLIENT TRACKING over a cluster is not part of this version\r\n';

function answer(receiver: ReplyReceiver, frame: ByteString): void {
  queueMicrotask(() => receiver.replied(frame));
}

function isForAll(argv: readonly ByteString[]): boolean {
  return everywhereRule(argv) !== undefined || /^scan$/i.test(argv[0] as ByteString);
}
