import type { Client } from '../../command/client.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { Fifo } from '../../kernel/fifo.ts';
import { Reply } from '../../resp/reply.ts';
import { Slot, type SlotOwner } from './slot.ts';

/** Gives a client its replies in the order of its commands, whenever they are known. */
export class ReplyOrder {
  readonly #client: Client;
  readonly #owner: SlotOwner;
  /** In the order of the commands. */
  readonly #slots = new Fifo<Slot>();

  /** @param owner of the slots made here */
  constructor(client: Client, owner: SlotOwner) {
    this.#client = client;
    this.#owner = owner;
  }

  /** Replies still to come. */
  get owed(): number {
    return this.#slots.length;
  }

  /** A reply that is known at once. */
  answer(text: ByteString): void {
    if (this.isSilent()) return;
    if (this.owed === 0) this.#client.reply.raw(text);
    else this.push(new Slot(this.#owner, 'none')).settle(text);
  }

  /** The value of a string. */
  answerBulk(value: ByteString | null): void {
    // The most frequent answer of all makes no closure.
    if (this.owed > 0 || this.isSilent()) this.#write((reply) => (value === null ? reply.nil() : reply.bulk(value)));
    else if (value === null) this.#client.reply.nil();
    else this.#client.reply.bulk(value);
  }

  answerBulks(values: readonly (ByteString | null)[]): void {
    this.#write((reply) => {
      reply.array(values.length);
      for (const value of values) {
        if (value === null) reply.nil();
        else reply.bulk(value);
      }
    });
  }

  error(message: string): void {
    this.answer(`-${message.replaceAll(/[\r\n]+/g, ' ')}\r\n`);
  }

  /** The place of a reply that is still to come. */
  push(slot: Slot): Slot {
    slot.silent = this.isSilent();
    this.#slots.push(slot);
    return slot;
  }

  /** What `run` writes to the client's reply gets its place among the others. */
  place<T>(run: () => T): T {
    if (this.owed === 0) return run();
    const { reply } = this.#client;
    const before = reply.take();
    const result = run();
    const text = reply.take();
    reply.raw(before);
    if (text !== '') this.push(new Slot(this.#owner, 'none')).settle(text);
    return result;
  }

  /** Gives out what is known by now. @returns whether there was any */
  give(): boolean {
    const { reply } = this.#client;
    let given = false;
    for (let slot = this.#slots.peek(); slot?.text !== undefined; slot = this.#slots.peek()) {
      this.#slots.shift();
      slot.given = true;
      if (!slot.silent) reply.raw(slot.text);
      if (slot.tail !== '') reply.raw(slot.tail);
      given = true;
    }
    return given;
  }

  /** The client asked for no reply. */
  isSilent(): boolean {
    const { replyMode } = this.#client;
    return replyMode === 'off' || replyMode === 'skip';
  }

  /** Straight into the client's output where nothing is owed before, which is mostly so. */
  #write(write: (reply: Reply) => void): void {
    if (this.isSilent()) return;
    if (this.owed === 0) {
      write(this.#client.reply);
      return;
    }
    const scratch = new Reply();
    scratch.proto = this.#client.reply.proto;
    write(scratch);
    this.push(new Slot(this.#owner, 'none')).settle(scratch.take());
  }
}
