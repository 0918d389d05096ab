/** Nodes whose last token is remembered. */
const MAX_NODES = 1024;

export interface SyncTokenOptions {
  /** Names this process among all nodes, without a dot. */
  readonly nodeId: string;
  /** Calls back once every change made before the call is known here; false when that cannot be known. */
  readonly barrier: (done: (complete: boolean) => void) => void;
}

/**
 * Reading one's own writes across nodes. A node gives out a token with the answer to a write; a read that brings the token to another
 * node sees at least what that write left.
 *
 * A token is the node's name and a number that grows. A node that meets a token newer than the last it has seen of that node asks the
 * link that tells of changes for everything told so far (one round trip), which contains that write, since the token was given out
 * after it. So no clock and no position in the store's log is needed.
 */
export class SyncTokens {
  readonly #options: SyncTokenOptions;
  readonly #seen = new Map<string, number>();
  #count = 0;

  constructor(options: SyncTokenOptions) {
    this.#options = options;
  }

  /** To be given out with the answer to a write that has its reply. */
  issue(): string {
    return `${this.#options.nodeId}.${(++this.#count).toString(36)}`;
  }

  /** Whether the text has the form of a token. */
  isToken(text: string): boolean {
    return /^[A-Za-z0-9_-]{1,64}\.[0-9a-z]{1,10}$/.test(text);
  }

  /** @param done true: what is cached here is at least as new as the token; false: that cannot be known now */
  honour(token: string, done: (current: boolean) => void): void {
    const [node = '', text = ''] = token.split('.', 2);
    const number = Number.parseInt(text, 36);
    if (node === this.#options.nodeId || (this.#seen.get(node) ?? 0) >= number) {
      done(true);
      return;
    }
    this.#options.barrier((complete) => {
      if (complete) this.#note(node, number);
      done(complete);
    });
  }

  #note(node: string, number: number): void {
    const before = this.#seen.get(node) ?? 0;
    this.#seen.delete(node);
    this.#seen.set(node, Math.max(before, number));
    if (this.#seen.size <= MAX_NODES) return;
    const [oldest] = this.#seen.keys();
    if (oldest !== undefined) this.#seen.delete(oldest);
  }
}
