import type { SluiceError } from '../errors.ts';
import { toBuffer } from '../kernel/bytes.ts';
import { ReplyDecoder, type ReplyValue } from '../resp/reply-decoder.ts';
import type { ReplyReceiver } from './upstream.ts';

/** Waits for one reply and decodes it. `start` sends the command to the receiver it is given. */
export function callOnce(
  start: (receiver: ReplyReceiver) => void,
  signal: AbortSignal | undefined,
): Promise<ReplyValue> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const over = (): void => signal?.removeEventListener('abort', abort);
    start({
      replied: (frame) => {
        over();
        const decoder = new ReplyDecoder();
        decoder.push(toBuffer(frame));
        resolve(decoder.next() as ReplyValue);
      },
      failed: (error: SluiceError) => {
        over();
        reject(error);
      },
    });
  });
}
