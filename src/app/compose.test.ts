import { describe, expect, it } from 'vitest';
import { tempDir } from '../../test/support/temp-dir.ts';
import { openSluice } from './open-sluice.ts';

describe('a node that cannot start', () => {
  it.each([
    ['a certificate is missing', { address: '127.0.0.1:0', tls: { cert: '/missing.pem', key: '/missing.pem' } }],
    ['a listener has no address to bind', '192.0.2.1:0'],
  ])('leaves nothing open: %s', async (_why, http) => {
    await using folder = await tempDir();
    const users = [{ name: 'default', secret: 'a secret of good length' }];
    await expect(openSluice({ data: folder.path, users, http })).rejects.toMatchObject({ name: 'SluiceError' });
    await using sluice = await openSluice({ data: folder.path });
    expect(await sluice.set('k', 'v')).toBe('created');
  });
});
