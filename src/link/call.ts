import type { SluiceError } from '../errors.ts';
import { toBuffer } from '../kernel/bytes.ts';
import { ReplyDecoder, type ReplyValue } from '../resp/reply-decoder.ts';
import type { ReplyReceiver, ReplySource } from './upstream.ts';

/** Waits for one reply and decodes it. `start` sends the command to the receiver it is given. @param answered told where it came from */
export function callOnce(
  start: (receiver: ReplyReceiver) => void,
  signal: AbortSignal | undefined,
  answered?: (source: ReplySource) => void,
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
      replied: (frame, source) => {
        over();
        if (source !== undefined) answered?.(source);
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
