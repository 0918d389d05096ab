import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { ReplyReceiver } from './upstream.ts';

/** Makes one reply of the replies of all parts, none of which is an error; in the order of the parts. */
export type Merge = (frames: readonly ByteString[]) => ByteString;

const MINUS = 0x2d;

/**
 * The receivers of the parts of one command. It is answered when all parts are: by what `merge` makes of them, or by the first error.
 * @param isOneEnough an answer that is no error outweighs errors
 */
export function partReceivers(
  count: number,
  merge: Merge,
  idempotent: boolean,
  receiver: ReplyReceiver,
  isOneEnough = false,
): ReplyReceiver[] {
  const frames = new Array<ByteString>(count);
  let missing = count;
  let refusal: ByteString | undefined;
  let failure: SluiceError | undefined;
  let done = 0;
  const over = (): void => {
    if (--missing > 0) return;
    if (isOneEnough && done > 0) receiver.replied(merge(frames.filter((frame) => frame !== undefined)));
    else if (failure !== undefined) receiver.failed(partial(failure, idempotent || done === 0));
    else receiver.replied(refusal ?? merge(frames));
  };
  return Array.from({ length: count }, (_, i) => ({
    replied: (frame) => {
      if (frame.charCodeAt(0) === MINUS) refusal ??= frame;
      else {
        frames[i] = frame;
        done++;
      }
      over();
    },
    failed: (error) => {
      // That something may have run outweighs that something was not sent.
      if (failure === undefined || failure.code === 'STORE_UNAVAILABLE') failure = error;
      over();
    },
  }));
}

/** A write of which some parts have run must not be called unsent. */
function partial(error: SluiceError, isWhole: boolean): SluiceError {
  if (isWhole || error.code === 'STORE_TIMEOUT') return error;
  return new SluiceError(
    'STORE_TIMEOUT',
    `only some of the nodes were reached, where the command has run: ${error.message}`,
  );
}

/** Integers, added. */
export function sum(frames: readonly ByteString[]): ByteString {
  return `:${frames.reduce((total, frame) => total + Number(frame.slice(1, -2)), 0)}\r\n`;
}

/** The first of them; for those that are all the same. */
export function first(frames: readonly ByteString[]): ByteString {
  return frames[0] as ByteString;
}

/** Arrays (or sets), one after the other. */
export function concatenated(frames: readonly ByteString[]): ByteString {
  let count = 0;
  let elements = '';
  for (const frame of frames) {
    const end = frame.indexOf('\r\n');
    count += Math.max(0, Number(frame.slice(1, end)));
    elements += frame.slice(end + 2);
  }
  return `${frames[0]?.[0] ?? '*'}${count}\r\n${elements}`;
}

/** Arrays of 0 and 1: 1 where all of them have 1. */
export function everywhere(frames: readonly ByteString[]): ByteString {
  const all = frames.map((frame) => elementsOf(frame));
  const merged = (all[0] ?? []).map((_, i) =>
    all.every((elements) => elements[i] === ':1\r\n') ? ':1\r\n' : ':0\r\n',
  );
  return `*${merged.length}\r\n${merged.join('')}`;
}

/** Arrays whose elements belong at these places of the merged one. */
export function interleaved(places: readonly (readonly number[])[], length: number): Merge {
  return (frames) => {
    const merged = new Array<ByteString>(length);
    for (const [i, frame] of frames.entries()) {
      for (const [n, element] of elementsOf(frame).entries()) merged[places[i]?.[n] as number] = element;
    }
    return `*${length}\r\n${merged.join('')}`;
  };
}

/** The elements of an array of strings, integers and nulls, as they are. */
function elementsOf(frame: ByteString): ByteString[] {
  const elements: ByteString[] = [];
  for (let at = frame.indexOf('\r\n') + 2; at < frame.length; ) {
    let end = frame.indexOf('\r\n', at) + 2;
    const length = frame.charCodeAt(at) === 0x24 ? Number(frame.slice(at + 1, end - 2)) : -1;
    if (length >= 0) end += length + 2;
    elements.push(frame.slice(at, end));
    at = end;
  }
  return elements;
}
