import { hash, scryptSync, timingSafeEqual } from 'node:crypto';
import { type ByteString, toBuffer } from '../kernel/bytes.ts';

/** A salted scrypt digest with its cost (RFC 7914). */
export interface StretchedSecret {
  readonly kind: 'scrypt';
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Uint8Array;
  readonly digest: Uint8Array;
}

/** A secret as it is kept: its SHA-256, or stretched. */
export type StoredSecret = { readonly kind: 'sha256'; readonly digest: Uint8Array } | StretchedSecret;

/** After a wrong secret of a scrypt user, others of them are refused unseen for so long: a guesser must not buy our CPU time. */
const GUESS_PAUSE_MS = 200;
const SCRYPT_MAX_BYTES = 288 * 1024 * 1024;

/** The hexadecimal SHA-256 of the bytes. */
export function sha256Hex(secret: ByteString): string {
  return hash('sha256', toBuffer(secret), 'hex');
}

/** Whether two hexadecimal digests are the same, in constant time. */
export function isSameDigest(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(one, 'latin1'), Buffer.from(other, 'latin1'));
}

/** Tries secrets that are costly to try, and remembers those that were right. */
export class StretchedSecrets {
  /** SHA-256 of secrets that were right once. */
  readonly #known = new WeakMap<StretchedSecret, string>();
  readonly #monotonic: () => number;
  #guessedAt = Number.NEGATIVE_INFINITY;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** @param given the hexadecimal SHA-256 of the secret */
  isRight(stored: StretchedSecret, secret: ByteString, given: string): boolean {
    const known = this.#known.get(stored);
    if (known !== undefined && isSameDigest(given, known)) return true;
    if (this.#monotonic() - this.#guessedAt < GUESS_PAUSE_MS) return false;
    const { n, r, p, salt, digest } = stored;
    const derived = scryptSync(toBuffer(secret), salt, digest.length, { N: n, r, p, maxmem: SCRYPT_MAX_BYTES });
    const right = timingSafeEqual(derived, digest);
    if (right) this.#known.set(stored, given);
    else this.#guessedAt = this.#monotonic();
    return right;
  }
}
