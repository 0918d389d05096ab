import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { encodeCommand } from '../resp/encode-command.ts';
import type { ReplyValue } from '../resp/reply-decoder.ts';
import { callOnce } from './call.ts';
import { ClusterDedicated } from './cluster-dedicated.ts';
import { partReceivers } from './cluster-merge.ts';
import { ClusterCommand, ClusterFetch } from './cluster-operation.ts';
import { ClusterRouter } from './cluster-router.ts';
import { cursorOf, parseCursor, placeOf, scanReply } from './cluster-scan.ts';
import {
  CROSS_SLOT,
  commonSlot,
  type Everywhere,
  everywhereRule,
  shardChannels,
  splitBySlot,
} from './cluster-special.ts';
import type { Endpoint } from './link-connection.ts';
import type { LinkContext } from './node-link.ts';
import { slotOf } from './slot.ts';
import type {
  DedicatedConnection,
  DedicatedOwner,
  FetchReceiver,
  ReplyReceiver,
  ReplySource,
  Route,
  Upstream,
  UpstreamNode,
} from './upstream.ts';

/**
 * A Redis Cluster as one store. Commands go to the node that has the slot of their keys; MGET, MSET, DEL, UNLINK, EXISTS and TOUCH over
 * several slots are taken apart (MSET is then not atomic), other commands over several slots are refused as a node refuses them.
 * Commands without keys go to one node, those that concern all of them (FLUSHALL, DBSIZE, KEYS, SCRIPT LOAD …) to all primaries.
 */
export class ClusterUpstream implements Upstream {
  readonly #router: ClusterRouter;

  /** @param onChange slots are at other nodes now */
  constructor(seeds: readonly Endpoint[], context: LinkContext, onChange: () => void) {
    this.#router = new ClusterRouter(seeds, context, onChange);
  }

  get nodes(): readonly UpstreamNode[] {
    const { nodes } = this.#router;
    return nodes.isKnown ? nodes.primaries : [nodes.seed];
  }

  send(argv: readonly ByteString[], route: Route, proto: 2 | 3, receiver: ReplyReceiver): void {
    const positions = route.keyPositions(argv);
    const key = positions.length === 1 ? argv[positions[0] as number] : undefined;
    if (key !== undefined) {
      this.#dispatch(slotOf(key), argv, route.idempotent, proto, receiver);
      return;
    }
    if (positions.length === 0) {
      this.#sendKeyless(argv, route.idempotent, proto, receiver);
      return;
    }
    const slot = commonSlot(argv, positions);
    if (slot !== undefined) this.#dispatch(slot, argv, route.idempotent, proto, receiver);
    else this.#sendSplit(argv, route.idempotent, proto, receiver);
  }

  fetch(key: ByteString, commands: ByteString, replies: number, receiver: FetchReceiver): void {
    const router = this.#router;
    router.dispatch(new ClusterFetch(router, slotOf(key), commands, replies, router.deadline(), receiver));
  }

  barrier(done: (complete: boolean) => void): void {
    const { primaries } = this.#router.nodes;
    let missing = primaries.length;
    let isComplete = true;
    if (missing === 0) queueMicrotask(() => done(false));
    for (const node of primaries) {
      node.barrier((complete) => {
        isComplete &&= complete;
        if (--missing === 0) done(isComplete);
      });
    }
  }

  dedicate(proto: 2 | 3, _database: number, owner: DedicatedOwner): DedicatedConnection {
    const { nodes } = this.#router;
    const own = new ClusterDedicated(nodes, proto, owner, (argv, route, receiver) =>
      this.send(argv, route, proto, receiver),
    );
    if (!nodes.isKnown) {
      own.pause();
      this.#whenKnown(
        () => own.resume(),
        (error) => own.refuse(error),
      );
    }
    return own;
  }

  call(
    argv: readonly ByteString[],
    route: Route,
    signal?: AbortSignal,
    answered?: (source: ReplySource) => void,
  ): Promise<ReplyValue> {
    return callOnce((receiver) => this.send(argv, route, 3, receiver), signal, answered);
  }

  close(): void {
    this.#router.close();
  }

  #dispatch(
    slot: number,
    argv: readonly ByteString[],
    idempotent: boolean,
    proto: 2 | 3,
    receiver: ReplyReceiver,
  ): void {
    const router = this.#router;
    const text = encodeCommand(argv);
    router.dispatch(new ClusterCommand(router, slot, text, idempotent, router.deadline(), proto, receiver));
  }

  #sendSplit(argv: readonly ByteString[], idempotent: boolean, proto: 2 | 3, receiver: ReplyReceiver): void {
    const split = splitBySlot(argv);
    if (split === undefined) {
      queueMicrotask(() => receiver.replied(CROSS_SLOT));
      return;
    }
    const router = this.#router;
    const { parts, merge } = split;
    const receivers = partReceivers(parts.length, merge, idempotent, receiver);
    const deadline = router.deadline();
    router.dispatchAll(
      parts.map(
        (part, i) =>
          new ClusterCommand(
            router,
            part.slot,
            encodeCommand(part.argv),
            idempotent,
            deadline,
            proto,
            receivers[i] as ReplyReceiver,
          ),
      ),
    );
  }

  #sendKeyless(argv: readonly ByteString[], idempotent: boolean, proto: 2 | 3, receiver: ReplyReceiver): void {
    const { nodes } = this.#router;
    const channels = shardChannels(argv);
    if (channels !== undefined && channels.length > 0) {
      this.#dispatch(slotOf(argv[channels[0] as number] as ByteString), argv, idempotent, proto, receiver);
      return;
    }
    const rule = everywhereRule(argv);
    const isScan = argv.length > 1 && /^scan$/i.test(argv[0] as ByteString);
    if (rule === undefined && !isScan) {
      this.#dispatch(-1, argv, idempotent, proto, receiver);
    } else if (!nodes.isKnown) {
      this.#whenKnown(
        () => this.#sendKeyless(argv, idempotent, proto, receiver),
        (error) => receiver.failed(error),
      );
    } else if (rule !== undefined) {
      this.#sendEverywhere(rule, argv, idempotent, proto, receiver);
    } else {
      this.#scan(argv, proto, receiver);
    }
  }

  #sendEverywhere(
    { merge, isOneEnough }: Everywhere,
    argv: readonly ByteString[],
    idempotent: boolean,
    proto: 2 | 3,
    receiver: ReplyReceiver,
  ): void {
    const { primaries } = this.#router.nodes;
    const receivers = partReceivers(primaries.length, merge, idempotent, receiver, isOneEnough);
    const text = encodeCommand(argv);
    for (const [i, node] of primaries.entries()) node.send(text, idempotent, proto, receivers[i] as ReplyReceiver);
  }

  #scan(argv: readonly ByteString[], proto: 2 | 3, receiver: ReplyReceiver): void {
    const { primaries, fingerprint } = this.#router.nodes;
    const refuse = (text: string): void => queueMicrotask(() => receiver.replied(`-ERR ${text}\r\n`));
    const cursor = parseCursor(argv[1]);
    if (cursor === undefined) {
      refuse('invalid cursor');
      return;
    }
    const place = placeOf(cursor, fingerprint);
    const node = place === undefined ? undefined : primaries[place.node];
    if (place === undefined || node === undefined) {
      refuse('the slots of the cluster have moved; begin the SCAN again with cursor 0');
      return;
    }
    const text = encodeCommand([argv[0] as ByteString, place.cursor, ...argv.slice(2)]);
    node.send(text, true, proto, {
      replied: (frame) => {
        const reply = scanReply(frame);
        if (reply === undefined) {
          receiver.replied(frame);
          return;
        }
        const next = reply.cursor === '0' ? { node: place.node + 1, cursor: '0' } : { ...place, cursor: reply.cursor };
        const word = next.node === primaries.length ? '0' : cursorOf(next, fingerprint);
        if (word === undefined)
          receiver.replied('-ERR the cursors of this cluster are too large for a SCAN over all nodes\r\n');
        else receiver.replied(`*2\r\n$${word.length}\r\n${word}\r\n${reply.rest}`);
      },
      failed: (error) => receiver.failed(error),
    });
  }

  /** Before the first map, as long as anything waits. */
  #whenKnown(run: () => void, refuse: (error: SluiceError) => void): void {
    const router = this.#router;
    const deadline = router.deadline();
    const look = (): void => {
      const { nodes } = router;
      if (nodes.isKnown) run();
      else if (nodes.closed || router.isLate(deadline))
        refuse(
          new SluiceError('STORE_UNAVAILABLE', `${nodes.reason}; the command was not sent, it is safe to try again`),
        );
      else nodes.later(look);
    };
    router.nodes.later(look);
  }
}
