import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashSecret, parseSecret, verifySecret } from './secret.ts';

describe('parseSecret', () => {
  it('hashes a plain secret, so that its text is not kept', async () => {
    const parsed = parseSecret('open sesame');
    if (parsed === undefined) throw new Error('not read');
    expect(parsed.plain).toBe(true);
    expect(JSON.stringify(parsed)).not.toContain('sesame');
    expect(await verifySecret(parsed.hash, 'open sesame')).toBe(true);
    expect(await verifySecret(parsed.hash, 'open sesam')).toBe(false);
    expect(await verifySecret(parsed.hash, Buffer.from('open sesame'))).toBe(true);
  });

  it('reads a sha256 hash', async () => {
    const parsed = parseSecret(`sha256:${createHash('sha256').update('pw').digest('hex')}`);
    if (parsed === undefined) throw new Error('not read');
    expect(parsed.plain).toBe(false);
    expect(await verifySecret(parsed.hash, 'pw')).toBe(true);
    expect(await verifySecret(parsed.hash, '')).toBe(false);
  });

  it('reads what hashSecret writes', async () => {
    const text = await hashSecret('pw');
    expect(text).toMatch(/^scrypt:16384:8:1:/);
    const parsed = parseSecret(text);
    if (parsed === undefined) throw new Error('not read');
    expect(parsed.plain).toBe(false);
    expect(await verifySecret(parsed.hash, 'pw')).toBe(true);
    expect(await verifySecret(parsed.hash, 'pW')).toBe(false);
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
