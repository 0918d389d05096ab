import { createHash, scryptSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashSecret, parseSecret, type SecretHash } from './secret.ts';

function fits(hash: SecretHash, given: string): boolean {
  const digest =
    hash.kind === 'sha256'
      ? createHash('sha256').update(given).digest()
      : scryptSync(given, hash.salt, hash.digest.length, { N: hash.n, r: hash.r, p: hash.p });
  return digest.equals(hash.digest);
}

describe('parseSecret', () => {
  it('hashes a plain secret, so that its text is not kept', () => {
    const parsed = parseSecret('open sesame');
    if (parsed === undefined) throw new Error('not read');
    expect(parsed.plain).toBe(true);
    expect(JSON.stringify(parsed)).not.toContain('sesame');
    expect(fits(parsed.hash, 'open sesame')).toBe(true);
    expect(fits(parsed.hash, 'open sesam')).toBe(false);
  });

  it('reads a sha256 hash', () => {
    const parsed = parseSecret(`sha256:${createHash('sha256').update('pw').digest('hex')}`);
    if (parsed === undefined) throw new Error('not read');
    expect(parsed.plain).toBe(false);
    expect(fits(parsed.hash, 'pw')).toBe(true);
    expect(fits(parsed.hash, '')).toBe(false);
  });

  it('reads what hashSecret writes', async () => {
    const text = await hashSecret('pw');
    expect(text).toMatch(/^scrypt:16384:8:1:/);
    const parsed = parseSecret(text);
    if (parsed === undefined) throw new Error('not read');
    expect(parsed.plain).toBe(false);
    expect(fits(parsed.hash, 'pw')).toBe(true);
    expect(fits(parsed.hash, 'pW')).toBe(false);
  });

  it.each([
    '',
    'sha256:',
    'sha256:xyz',
    'scrypt:1:2',
    `scrypt:16383:8:1:${'a'.repeat(22)}:${'a'.repeat(43)}`,
    `scrypt:67108864:8:1:${'a'.repeat(22)}:${'a'.repeat(43)}`,
    `scrypt:16384:0:1:${'a'.repeat(22)}:${'a'.repeat(43)}`,
  ])('refuses %j', (text) => {
    expect(parseSecret(text)).toBeUndefined();
  });
});
