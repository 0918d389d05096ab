import type { ByteString } from '../kernel/bytes.ts';
import { encodeCommand } from '../resp/encode-command.ts';
import type { ReplyValue } from '../resp/reply-decoder.ts';
import { callOnce } from './call.ts';
import type { NodeLink } from './node-link.ts';
import type {
  DedicatedConnection,
  DedicatedOwner,
  FetchReceiver,
  ReplyReceiver,
  ReplySource,
  Route,
  Upstream,
} from './upstream.ts';

/** All keys are on one server: standalone, or the primary that Sentinels name. */
export class SingleUpstream implements Upstream {
  readonly nodes: readonly NodeLink[];
  readonly #node: NodeLink;
  readonly #onClose: () => void;

  constructor(node: NodeLink, onClose: () => void = () => undefined) {
    this.nodes = [node];
    this.#node = node;
    this.#onClose = onClose;
  }

  send(argv: readonly ByteString[], { idempotent }: Route, proto: 2 | 3, receiver: ReplyReceiver): void {
    this.#node.send(encodeCommand(argv), idempotent, proto, receiver);
  }

  fetch(_key: ByteString, commands: ByteString, replies: number, receiver: FetchReceiver): void {
    this.#node.fetch(commands, replies, receiver);
  }

  barrier(done: (complete: boolean) => void): void {
    this.#node.barrier(done);
  }

  dedicate(proto: 2 | 3, database: number, owner: DedicatedOwner): DedicatedConnection {
    return this.#node.dedicate(proto, database, owner);
  }

  call(
    argv: readonly ByteString[],
    { idempotent }: Route,
    signal?: AbortSignal,
    answered?: (source: ReplySource) => void,
  ): Promise<ReplyValue> {
    const text = encodeCommand(argv);
    return callOnce((receiver) => this.#node.send(text, idempotent, 3, receiver), signal, answered);
  }

  close(): void {
    this.#onClose();
    this.#node.close();
  }
}
