import { createHash, scryptSync, timingSafeEqual } from 'node:crypto';
import type { ByteString } from '../kernel/bytes.ts';

/** A secret as it is kept: its SHA-256, or a salted scrypt digest with its cost (RFC 7914). */
export type StoredSecret =
  | { readonly kind: 'sha256'; readonly digest: Uint8Array }
  | {
      readonly kind: 'scrypt';
      readonly n: number;
      readonly r: number;
      readonly p: number;
      readonly salt: Uint8Array;
      readonly digest: Uint8Array;
    };

export interface UserOptions {
  readonly name: string;
  readonly secret: StoredSecret;
  /** May reach the keys that other programs agree on. */
  readonly compat: boolean;
}

/** Who a client is. */
export interface User {
  readonly name: string;
  readonly compat: boolean;
}

/** After a wrong secret of a scrypt user, others of them are refused unseen for so long: a guesser must not buy our CPU time. */
const GUESS_PAUSE_MS = 200;
const SCRYPT_MAX_BYTES = 288 * 1024 * 1024;
/** Compared against for unknown names, so that they take as long as known ones. */
const NOBODY = sha256('');

/** The configured users. One for all faces; secrets are compared in constant time. */
export class Credentials {
  #users: ReadonlyMap<string, UserOptions>;
  /** SHA-256 of scrypt secrets that were right once, by user. */
  readonly #known = new Map<string, Buffer>();
  readonly #monotonic: () => number;
  readonly #onRefused: () => void;
  #guessedAt = Number.NEGATIVE_INFINITY;

  /** @param onRefused told of every refusal, for the log; @default nobody */
  constructor(users: readonly UserOptions[], monotonic: () => number, onRefused: () => void = () => {}) {
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#monotonic = monotonic;
    this.#onRefused = onRefused;
  }

  /** False when no users are configured: then everybody who can connect is let in. */
  get required(): boolean {
    return this.#users.size > 0;
  }

  /** Takes the users of a new configuration; connections keep who they are. */
  replace(users: readonly UserOptions[]): void {
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#known.clear();
  }

  /** @returns undefined when name or secret are wrong. */
  authenticate(name: string, secret: ByteString): User | undefined {
    const user = this.#users.get(name);
    const given = sha256(secret);
    if (user === undefined) {
      timingSafeEqual(given, NOBODY);
      this.#onRefused();
      return undefined;
    }
    const right =
      user.secret.kind === 'sha256' ? timingSafeEqual(given, user.secret.digest) : this.#scrypt(user, secret, given);
    if (!right) this.#onRefused();
    return right ? { name: user.name, compat: user.compat } : undefined;
  }

  /** The user whose secret this is, for a bearer token. Only `sha256` secrets, as each is compared. */
  authenticateToken(secret: ByteString): User | undefined {
    const given = sha256(secret);
    let found: User | undefined;
    for (const user of this.#users.values()) {
      if (user.secret.kind === 'sha256' && timingSafeEqual(given, user.secret.digest))
        found = { name: user.name, compat: user.compat };
    }
    if (found === undefined) this.#onRefused();
    return found;
  }

  #scrypt(user: UserOptions, secret: ByteString, given: Buffer): boolean {
    const known = this.#known.get(user.name);
    if (known !== undefined && timingSafeEqual(given, known)) return true;
    if (user.secret.kind !== 'scrypt' || this.#monotonic() - this.#guessedAt < GUESS_PAUSE_MS) return false;
    const { n, r, p, salt, digest } = user.secret;
    const derived = scryptSync(Buffer.from(secret, 'latin1'), salt, digest.length, {
      N: n,
      r,
      p,
      maxmem: SCRYPT_MAX_BYTES,
    });
    const right = timingSafeEqual(derived, digest);
    if (right) this.#known.set(user.name, given);
    else this.#guessedAt = this.#monotonic();
    return right;
  }
}

function sha256(secret: ByteString): Buffer {
  return createHash('sha256').update(secret, 'latin1').digest();
}
