import { errorText } from '../../command/command-error.ts';
import type { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';

/** Who gives out what slots hold. */
export interface SlotOwner {
  settled(): void;
}

/** The place of one reply among the replies of a client, from the command until the reply is given out. */
export class Slot {
  /** The reply as RESP, once it may be given out. */
  text: ByteString | undefined;
  /** The client asked not to get it. */
  silent = false;
  readonly #owner: SlotOwner;
  readonly #done: (() => void) | undefined;
  readonly #before: ((done: () => void) => void) | undefined;

  /**
   * @param done called when the reply is there
   * @param before has to happen before the reply is given out
   */
  constructor(owner: SlotOwner, done: (() => void) | undefined, before?: (done: () => void) => void) {
    this.#owner = owner;
    this.#done = done;
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
    this.#done?.();
    this.#owner.settled();
  }
}

/** An error as a reply. */
export function errorFrame(error: unknown): ByteString {
  return `-${errorText(error).replaceAll(/[\r\n\u0100-\uffff]+/g, ' ')}\r\n`;
}
