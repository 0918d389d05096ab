import { errorText } from '../../command/command-error.ts';
import type { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';

/** Who gives out what slots hold. */
export interface SlotOwner {
  /** A slot may be given out. */
  settled(slot: Slot): void;
}

/** What a slot's command does meanwhile. */
export type SlotWork = 'none' | 'plain' | 'write' | 'fill';

/** The place of one reply among the replies of a client, from the command until the reply is given out. */
export class Slot {
  /** The reply as RESP, once it may be given out. */
  text: ByteString | undefined;
  /** The client asked not to get it. */
  silent = false;
  /** What came right after the reply and answers nothing: messages. Given out behind it. */
  tail: ByteString = '';
  given = false;
  readonly work: SlotWork;
  /** Bytes of its command that are under way. */
  readonly bytes: number;
  readonly #owner: SlotOwner;
  readonly #before: ((done: () => void) => void) | undefined;

  /** @param before has to happen before the reply is given out */
  constructor(owner: SlotOwner, work: SlotWork, bytes = 0, before?: (done: () => void) => void) {
    this.#owner = owner;
    this.work = work;
    this.bytes = bytes;
    this.#before = before;
  }

  replied(frame: ByteString): void {
    if (this.#before === undefined) this.settle(frame);
    else this.#before(() => this.settle(frame));
  }

  failed(error: SluiceError): void {
    // What may have run may have changed what is kept; what was never sent has not.
    if (error.code === 'STORE_TIMEOUT') this.replied(errorFrame(error));
    else this.settle(errorFrame(error));
  }

  settle(text: ByteString): void {
    this.text = text;
    this.#owner.settled(this);
  }
}

/** An error as a reply. */
export function errorFrame(error: unknown): ByteString {
  return `-${errorText(error).replaceAll(/[\r\n\u0100-\uffff]+/g, ' ')}\r\n`;
}
