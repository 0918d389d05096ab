import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { redirectionOf } from './cluster-map.ts';
import { ClusterNodes } from './cluster-nodes.ts';
import type { ClusterCommand, ClusterOperation, OperationRouter } from './cluster-operation.ts';
import type { Endpoint } from './link-connection.ts';
import type { LinkContext, NodeLink } from './node-link.ts';
import { SLOTS } from './slot.ts';
import type { ReplyReceiver } from './upstream.ts';

/** How often one operation is sent elsewhere before that is an error. */
const MAX_REDIRECTS = 8;

/** Operations of a slot whose node has changed while others were under way to the node before. */
interface Hold {
  /** Came back from there, in order. */
  readonly redirected: ClusterOperation[];
  /** Came since. */
  readonly fresh: ClusterOperation[];
}

/**
 * Sends operations to the nodes of their slots and follows what the nodes say.
 *
 * Operations of one slot arrive in the order in which they were sent, also when the slot moves: while some are still under way to the
 * node that had it, those that come wait, and what is sent back goes before them. Two writes to a key in one pipeline can so not
 * overtake each other.
 */
export class ClusterRouter implements OperationRouter {
  readonly nodes: ClusterNodes;
  readonly #context: LinkContext;
  /** Operations under way, by slot. */
  readonly #underWay = new Uint32Array(SLOTS);
  readonly #holds = new Map<number, Hold>();
  /** Operations in holds, and those that wait for the map. */
  #waiting = 0;

  constructor(seeds: readonly Endpoint[], context: LinkContext, onChange: () => void) {
    this.#context = context;
    this.nodes = new ClusterNodes({
      seeds,
      context,
      changing: (slot) => {
        if ((this.#underWay[slot] as number) > 0 && !this.#holds.has(slot))
          this.#holds.set(slot, { redirected: [], fresh: [] });
      },
      changed: onChange,
    });
  }

  /** For an operation that begins now. */
  deadline(): number {
    return this.#context.clock.monotonic() + this.#context.settings.retryFor;
  }

  isLate(deadline: number): boolean {
    return this.#context.clock.monotonic() >= deadline;
  }

  dispatch(operation: ClusterOperation): void {
    const { slot } = operation;
    if (slot < 0) {
      const node = this.nodes.any();
      if (node === undefined) this.#wait(operation);
      else this.#send(operation, node);
      return;
    }
    const hold = this.#holds.size === 0 ? undefined : this.#holds.get(slot);
    if (hold !== undefined) {
      if (this.#hasRoom(operation)) hold.fresh.push(operation);
      return;
    }
    const node = this.nodes.owners[slot];
    if (node === undefined) this.#wait(operation);
    else this.#send(operation, node);
  }

  /** Several that belong together: those of one node leave as one. */
  dispatchAll(commands: readonly ClusterCommand[]): void {
    const batches = new Map<NodeLink, ClusterCommand[]>();
    for (const command of commands) {
      const node = this.#holds.has(command.slot) ? undefined : this.nodes.owners[command.slot];
      if (node === undefined) {
        this.dispatch(command);
        continue;
      }
      const batch = batches.get(node);
      if (batch === undefined) batches.set(node, [command]);
      else batch.push(command);
    }
    for (const [node, batch] of batches) {
      const [first] = batch;
      if (first === undefined) continue;
      if (batch.length === 1) {
        this.#send(first, node);
        continue;
      }
      for (const command of batch) this.#count(command, node);
      let text = '';
      for (const command of batch) text += command.text;
      node.send(text, false, first.proto, inTurn(batch), batch.length);
    }
  }

  redirected(operation: ClusterOperation, frame: ByteString): boolean {
    const { node } = operation;
    if (node === undefined || this.nodes.closed) return false;
    const redirection = redirectionOf(frame, this.nodes.endpointOf(node));
    if (redirection === undefined) return false;
    if (redirection.kind === 'later') {
      this.nodes.refresh();
      return this.#mayTryLater(operation);
    }
    const { kind, slot, endpoint } = redirection;
    if (++operation.redirects > MAX_REDIRECTS) {
      if (this.#mayTryLater(operation)) return true;
      operation.fail(
        new SluiceError(
          'STORE_UNAVAILABLE',
          `the nodes of the cluster do not agree who has slot ${slot}; it did not run`,
        ),
      );
      return true;
    }
    if (kind === 'ask') {
      const target = this.nodes.link(endpoint);
      operation.node = target;
      operation.sendAsking(target);
      return true;
    }
    this.nodes.moved(slot, endpoint);
    this.#again(operation, slot);
    return true;
  }

  retried(operation: ClusterOperation, { code }: SluiceError): boolean {
    if (this.nodes.closed || code === 'OVERLOADED') return false;
    const { slot, node, idempotent } = operation;
    const owner = slot < 0 ? undefined : this.nodes.owners[slot];
    const wasSent = code !== 'STORE_UNAVAILABLE';
    // Another node has the slot now: what was never sent, or can be repeated, goes there.
    if ((!wasSent || idempotent) && owner !== undefined && owner !== node && ++operation.redirects <= MAX_REDIRECTS) {
      this.#again(operation, slot);
      return true;
    }
    this.nodes.refresh();
    return this.#mayTryLater(operation);
  }

  settled(operation: ClusterOperation): void {
    if (operation.counted) this.#uncount(operation);
  }

  close(): void {
    this.nodes.close();
  }

  #send(operation: ClusterOperation, node: NodeLink): void {
    this.#count(operation, node);
    operation.sendTo(node);
  }

  #count(operation: ClusterOperation, node: NodeLink): void {
    operation.node = node;
    if (operation.slot < 0) return;
    operation.counted = true;
    (this.#underWay[operation.slot] as number)++;
  }

  #uncount(operation: ClusterOperation): void {
    if (!operation.counted) return;
    operation.counted = false;
    const { slot } = operation;
    const left = --(this.#underWay[slot] as number);
    if (left > 0 || this.#holds.size === 0) return;
    const hold = this.#holds.get(slot);
    if (hold === undefined) return;
    this.#holds.delete(slot);
    this.#waiting -= hold.redirected.length + hold.fresh.length;
    for (const held of hold.redirected) this.dispatch(held);
    for (const held of hold.fresh) this.dispatch(held);
  }

  /** Sends it to the node that has the slot now, behind those that came back before it. */
  #again(operation: ClusterOperation, slot: number): void {
    const hold = this.#holds.get(slot);
    if (hold !== undefined && operation.counted) {
      hold.redirected.push(operation);
      this.#waiting++;
      this.#uncount(operation);
      return;
    }
    this.#uncount(operation);
    // A command whose keys nobody could tell.
    operation.slot = slot;
    this.dispatch(operation);
  }

  /** Reads are tried again until their deadline. */
  #mayTryLater(operation: ClusterOperation): boolean {
    if (!operation.idempotent || this.isLate(operation.deadline)) return false;
    this.#uncount(operation);
    this.#wait(operation);
    return true;
  }

  /** Until there is a node for it, or until its deadline. */
  #wait(operation: ClusterOperation): void {
    const { nodes } = this;
    const isHopeless = !operation.idempotent && (nodes.isKnown || nodes.seed.state === 'down');
    if (nodes.closed || isHopeless || this.isLate(operation.deadline)) {
      const reason = nodes.closed ? 'Sluice closes' : nodes.reason;
      const error = new SluiceError(
        'STORE_UNAVAILABLE',
        `${reason}; the command was not sent, it is safe to try again`,
      );
      queueMicrotask(() => operation.fail(error));
      return;
    }
    if (!this.#hasRoom(operation)) return;
    nodes.later(() => {
      this.#waiting--;
      this.dispatch(operation);
    });
  }

  /** @returns false when it was refused */
  #hasRoom(operation: ClusterOperation): boolean {
    const { maxQueued } = this.#context.settings;
    if (this.#waiting < maxQueued) {
      this.#waiting++;
      return true;
    }
    const error = new SluiceError('OVERLOADED', `${maxQueued} commands wait for the cluster already; it was not sent`);
    queueMicrotask(() => operation.fail(error));
    return false;
  }
}

/** The replies of a batch, each for its own. */
function inTurn(batch: readonly ClusterCommand[]): ReplyReceiver {
  let next = 0;
  return {
    replied: (frame) => batch[next++]?.replied(frame),
    failed: (error) => {
      while (next < batch.length) batch[next++]?.failed(error);
    },
  };
}
