import type { ByteString } from '../kernel/bytes.ts';
import type { Validators } from '../origin/origin.ts';

/** What is kept beside a value that was fetched, or instead of one that the origin does not have. */
export interface Beside {
  /** Media type, '' when there is none. */
  readonly contentType: string;
  /** How long of its life in the store it is no longer fresh, ms. */
  readonly grace: number;
  /** When the origin was asked; ms since the epoch. */
  readonly fetchedAt: number;
  /** When a mark ends; ms since the epoch. 0 beside a value. */
  readonly until: number;
  readonly validators: Validators;
  /** What exactly was fetched, where the key alone does not say; '' where it does. */
  readonly identity: string;
}

const SEPARATOR = '\n';
const PARTS = 7;

/** The media type comes first, so that it can be read without the rest. None of the parts can have a line end. */
export function encodeBeside({ contentType, grace, fetchedAt, until, validators, identity }: Beside): ByteString {
  const { etag, lastModified } = validators;
  const isPlain = ![contentType, etag, lastModified, identity].some((part) => part.includes(SEPARATOR));
  if (isPlain) return `${contentType}\n${grace}\n${fetchedAt}\n${until}\n${etag}\n${lastModified}\n${identity}`;
  // An origin that got a line end into a field says nothing by it.
  return encodeBeside({
    ...{ grace, fetchedAt, until, identity: identity.replaceAll(SEPARATOR, ' ') },
    contentType: contentType.replaceAll(SEPARATOR, ' '),
    validators: { etag: etag.replaceAll(SEPARATOR, ' '), lastModified: lastModified.replaceAll(SEPARATOR, ' ') },
  });
}

/** @returns undefined for what {@link encodeBeside} has not made: the value was written by somebody else */
export function decodeBeside(text: ByteString): Beside | undefined {
  const parts = text.split(SEPARATOR);
  if (parts.length !== PARTS) return undefined;
  const [contentType = '', grace, fetchedAt, until, etag = '', lastModified = '', identity = ''] = parts;
  const numbers = [grace, fetchedAt, until].map(Number);
  if (!numbers.every(Number.isFinite)) return undefined;
  return {
    contentType,
    grace: numbers[0] as number,
    fetchedAt: numbers[1] as number,
    until: numbers[2] as number,
    validators: { etag, lastModified },
    identity,
  };
}
