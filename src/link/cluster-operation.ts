import type { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { encodeCommand } from '../resp/encode-command.ts';
import type { NodeLink } from './node-link.ts';
import type { FetchReceiver, ReplyReceiver, ReplySource } from './upstream.ts';

/** Who sees to it that an operation reaches the node that has its slot. */
export interface OperationRouter {
  /** An error reply came. @returns whether the operation is sent again, or told */
  redirected(operation: ClusterOperation, frame: ByteString): boolean;
  /** It failed. @returns whether it is sent again */
  retried(operation: ClusterOperation, error: SluiceError): boolean;
  /** It is over. */
  settled(operation: ClusterOperation): void;
}

/** Something that is sent to the node of a slot, elsewhere when the slot is elsewhere. */
export interface ClusterOperation {
  /** -1 where it has no key. */
  slot: number;
  readonly idempotent: boolean;
  /** Until when it may wait or be sent again, monotonic ms. */
  readonly deadline: number;
  /** How often it was sent elsewhere. */
  redirects: number;
  /** Where it was sent. */
  node: NodeLink | undefined;
  /** It counts among those under way in its slot. */
  counted: boolean;
  sendTo(node: NodeLink): void;
  /** To a node that is being given the slot: it answers for this once. */
  sendAsking(node: NodeLink): void;
  fail(error: SluiceError): void;
}

const asking = encodeCommand(['ASKING']);
const MINUS = 0x2d;

/** One command. */
export class ClusterCommand implements ClusterOperation, ReplyReceiver {
  slot: number;
  readonly idempotent: boolean;
  readonly deadline: number;
  redirects = 0;
  node: NodeLink | undefined;
  counted = false;
  readonly text: ByteString;
  readonly proto: 2 | 3;
  readonly #router: OperationRouter;
  readonly #receiver: ReplyReceiver;

  constructor(
    router: OperationRouter,
    slot: number,
    text: ByteString,
    idempotent: boolean,
    deadline: number,
    proto: 2 | 3,
    receiver: ReplyReceiver,
  ) {
    this.#router = router;
    this.slot = slot;
    this.text = text;
    this.idempotent = idempotent;
    this.deadline = deadline;
    this.proto = proto;
    this.#receiver = receiver;
  }

  sendTo(node: NodeLink): void {
    node.send(this.text, this.idempotent, this.proto, this);
  }

  sendAsking(node: NodeLink): void {
    let isAnswer = false;
    const receiver: ReplyReceiver = {
      replied: (frame, source) => {
        if (isAnswer) this.replied(frame, source);
        isAnswer = true;
      },
      failed: (error) => this.failed(error),
    };
    // Never sent again below: what came of it would be counted twice.
    node.send(asking + this.text, false, this.proto, receiver, 2);
  }

  replied(frame: ByteString, source?: ReplySource): void {
    if (frame.charCodeAt(0) === MINUS && this.#router.redirected(this, frame)) return;
    this.#router.settled(this);
    this.#receiver.replied(frame, source);
  }

  failed(error: SluiceError): void {
    if (!this.#router.retried(this, error)) this.fail(error);
  }

  fail(error: SluiceError): void {
    this.#router.settled(this);
    this.#receiver.failed(error);
  }
}

/** Reads of one key on the tracked lane. */
export class ClusterFetch implements ClusterOperation, FetchReceiver {
  readonly slot: number;
  readonly idempotent = true;
  readonly deadline: number;
  redirects = 0;
  node: NodeLink | undefined;
  counted = false;
  readonly #router: OperationRouter;
  readonly #commands: ByteString;
  readonly #replies: number;
  readonly #receiver: FetchReceiver;
  #have = 0;
  /** The first redirection among the replies: all is read again then. */
  #redirection: ByteString | undefined;

  constructor(
    router: OperationRouter,
    slot: number,
    commands: ByteString,
    replies: number,
    deadline: number,
    receiver: FetchReceiver,
  ) {
    this.#router = router;
    this.slot = slot;
    this.#commands = commands;
    this.#replies = replies;
    this.deadline = deadline;
    this.#receiver = receiver;
  }

  sendTo(node: NodeLink): void {
    node.fetch(this.#commands, this.#replies, this);
  }

  sendAsking(node: NodeLink): void {
    let have = 0;
    const receiver: ReplyReceiver = {
      replied: (frame) => {
        if (++have % 2 === 0) this.replied(frame);
      },
      failed: (error) => this.failed(error),
    };
    // Not over the tracked lane: who tells of changes to the key is open until the slot has moved, so this must not be kept.
    this.begun(0);
    node.send(withAsking(this.#commands), false, 3, receiver, 2 * this.#replies);
  }

  begun(source: number): void {
    this.#have = 0;
    this.#redirection = undefined;
    this.#receiver.begun(source);
  }

  replied(frame: ByteString): void {
    const isLast = ++this.#have === this.#replies;
    if (frame.charCodeAt(0) === MINUS && isRedirection(frame)) this.#redirection ??= frame;
    const redirection = this.#redirection;
    if (redirection === undefined) {
      if (isLast) this.#router.settled(this);
      this.#receiver.replied(frame);
      return;
    }
    if (!isLast || this.#router.redirected(this, redirection)) return;
    // It stays an error: in the place of all replies that were not given out.
    this.#router.settled(this);
    this.#receiver.begun(0);
    for (let i = 0; i < this.#replies; i++) this.#receiver.replied(redirection);
  }

  failed(error: SluiceError): void {
    if (!this.#router.retried(this, error)) this.fail(error);
  }

  fail(error: SluiceError): void {
    this.#router.settled(this);
    this.#receiver.failed(error);
  }
}

function isRedirection(frame: ByteString): boolean {
  return /^-(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN)/.test(frame);
}

/** Whole commands, each with ASKING before it. */
function withAsking(commands: ByteString): ByteString {
  let text = '';
  for (let at = 0; at < commands.length; ) {
    let end = commands.indexOf('\r\n', at);
    const words = Number(commands.slice(at + 1, end));
    end += 2;
    for (let i = 0; i < words; i++) {
      const line = commands.indexOf('\r\n', end);
      end = line + 2 + Number(commands.slice(end + 1, line)) + 2;
    }
    text += asking + commands.slice(at, end);
    at = end;
  }
  return text;
}
