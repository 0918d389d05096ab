import { createHash, randomBytes, scrypt } from 'node:crypto';

/** A secret as Sluice keeps it: never the text itself. */
export type SecretHash =
  | { readonly kind: 'sha256'; readonly digest: Uint8Array }
  | {
      readonly kind: 'scrypt';
      /** Cost parameters of scrypt (RFC 7914 section 2). */
      readonly n: number;
      readonly r: number;
      readonly p: number;
      readonly salt: Uint8Array;
      readonly digest: Uint8Array;
    };

/** The form a secret is written in, for messages. */
export const secretForm = `scrypt:N:R:P:SALT:HASH as "sluice hash-secret" prints it, sha256:HEX, or the secret itself as \${NAME} from the environment`;

/** The same for tokens, which are not stretched. */
export const tokenSecretForm = `sha256:HEX, or the token itself as \${NAME} from the environment`;

const scryptPattern = /^scrypt:(\d{1,8}):(\d{1,2}):(\d{1,2}):([A-Za-z0-9_-]{11,128}):([A-Za-z0-9_-]{22,128})$/;
/** What verifying one secret may need, so that a hash in a file cannot ask for all memory. */
const maxScryptBytes = 256 * 1024 * 1024;

/** How a secret was written, beside its hash. */
export interface ParsedSecret {
  readonly hash: SecretHash;
  /** Whether the text was the secret itself rather than its hash. */
  readonly plain: boolean;
}

/**
 * Reads a secret of the configuration: a `scrypt:` or `sha256:` hash, or else the secret itself, which is hashed here.
 * Returns undefined for an empty text and for a hash of the wrong form.
 */
export function parseSecret(text: string): ParsedSecret | undefined {
  if (text.startsWith('sha256:')) {
    const hex = text.slice('sha256:'.length);
    if (!/^[0-9A-Fa-f]{64}$/.test(hex)) return undefined;
    return { hash: { kind: 'sha256', digest: Buffer.from(hex, 'hex') }, plain: false };
  }
  if (text.startsWith('scrypt:')) {
    const match = scryptPattern.exec(text);
    if (match === null) return undefined;
    const [n, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
    const powerOfTwo = n > 1 && (n & (n - 1)) === 0;
    if (!powerOfTwo || r < 1 || p < 1 || 128 * n * r * p > maxScryptBytes) return undefined;
    const salt = Buffer.from(match[4] as string, 'base64url');
    const digest = Buffer.from(match[5] as string, 'base64url');
    return { hash: { kind: 'scrypt', n, r, p, salt, digest }, plain: false };
  }
  return text === '' ? undefined : { hash: { kind: 'sha256', digest: sha256(text) }, plain: true };
}

/** The `scrypt:` form of a secret under a new random salt (N 16384, R 8, P 1: 16 MiB and about 50 ms to verify). */
export async function hashSecret(secret: string): Promise<string> {
  const cost = { n: 16_384, r: 8, p: 1, salt: randomBytes(16) };
  const digest = await scryptDigest(secret, cost, 32);
  return `scrypt:${cost.n}:${cost.r}:${cost.p}:${cost.salt.toString('base64url')}:${digest.toString('base64url')}`;
}

function sha256(data: string): Buffer {
  return createHash('sha256').update(data).digest();
}

function scryptDigest(
  secret: string,
  cost: { readonly n: number; readonly r: number; readonly p: number; readonly salt: Uint8Array },
  length: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, cost.salt, length, { N: cost.n, r: cost.r, p: cost.p }, (error, digest) =>
      error === null ? resolve(digest) : reject(error),
    );
  });
}
