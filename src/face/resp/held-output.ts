/** Output that may not leave before a write is durable, or that waits behind such output. */
interface Held {
  readonly text: string;
  /** The write it reveals. */
  readonly seq: number;
  /** Commands whose replies the text is made of; undefined when it also holds what answers no command. */
  readonly replies: number | undefined;
  /** False: it only waits for its turn. */
  readonly waits: boolean;
}

/** Output of one connection that is not to be told yet, in order. */
export class HeldOutput {
  #queue: Held[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  push(held: Held): void {
    this.#queue.push(held);
    this.#bytes += held.text.length;
  }

  /** What may be told now that every write up to `committed` is durable; '' when that is nothing. */
  release(committed: number): string {
    const blocked = this.#queue.findIndex(({ seq }) => seq > committed);
    return textOf(this.#take(blocked < 0 ? this.#queue.length : blocked));
  }

  /**
   * What to say when the writes are not durable and will not be for now: each reply that waited for one becomes `error`, the others
   * stay. @returns undefined when replies and commands do not pair.
   */
  fail(error: string): { readonly text: string; readonly failed: number } | undefined {
    const all = this.#take(this.#queue.length);
    let text = '';
    let failed = 0;
    for (const held of all) {
      if (!held.waits) text += held.text;
      else if (held.replies === undefined) return undefined;
      else {
        text += error.repeat(held.replies);
        failed += held.replies;
      }
    }
    return { text, failed };
  }

  clear(): void {
    this.#take(this.#queue.length);
  }

  #take(count: number): readonly Held[] {
    const taken = this.#queue;
    if (count === taken.length) {
      this.#queue = [];
      this.#bytes = 0;
      return taken;
    }
    const front = taken.splice(0, count);
    for (const { text } of front) this.#bytes -= text.length;
    return front;
  }
}

function textOf(held: readonly Held[]): string {
  let text = '';
  for (const one of held) text += one.text;
  return text;
}
