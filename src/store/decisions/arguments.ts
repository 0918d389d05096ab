import { SluiceError } from '../../errors.ts';
import { type ByteString, fromBuffer, toBuffer, utf8ToBytes } from '../../kernel/bytes.ts';
import type { KeyInput } from '../ports.ts';

/** @throws SluiceError INVALID_ARGUMENT for anything but text and bytes, which JavaScript lets through */
export function toBytes(input: KeyInput): ByteString {
  if (typeof input === 'string') return utf8ToBytes(input);
  if (input instanceof Uint8Array) return fromBuffer(input);
  throw new SluiceError('INVALID_ARGUMENT', `a key or value is ${typeof input}; give text or a Uint8Array`);
}

/** Bytes of the caller's own, not a view of a shared pool. */
export function toOwned(bytes: ByteString): Uint8Array {
  return bytes.length > 4096 ? toBuffer(bytes) : Uint8Array.prototype.slice.call(toBuffer(bytes));
}

/** So that the instant it leads to is one that a Date can tell. */
const MAX_DURATION = 8e15;

/**
 * A duration as a decision takes it: whole milliseconds, never too early.
 * @throws SluiceError INVALID_ARGUMENT
 */
export function durationArg(duration: number): ByteString {
  if (typeof duration === 'number' && duration > 0 && duration <= MAX_DURATION) return String(Math.ceil(duration));
  throw new SluiceError(
    'INVALID_ARGUMENT',
    `a duration is a number of milliseconds greater than 0, not ${String(duration)}; leave a ttl out for ever`,
  );
}

/** The same for a time to live that may be absent: '' = for ever. @throws SluiceError INVALID_ARGUMENT */
export function ttlArg(ttl: number | undefined): ByteString {
  return ttl === undefined ? '' : durationArg(ttl);
}

/** A whole number from 0 on; what is no number must not let everything pass. @throws SluiceError INVALID_ARGUMENT */
export function countArg(name: string, count: number): ByteString {
  if (Number.isSafeInteger(count) && count >= 0) return String(count);
  throw new SluiceError('INVALID_ARGUMENT', `${name} is a whole number from 0 on, not ${String(count)}`);
}

/** What a decision is given as a number. @throws SluiceError INVALID_ARGUMENT */
export function numberIn(text: ByteString | undefined): number {
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new SluiceError('INVALID_ARGUMENT', 'an argument of the script is no whole number');
}
