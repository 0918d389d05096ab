import { createHash, scryptSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { Credentials, type UserOptions } from './credentials.ts';

const plain = (name: string, secret: string, compat = false): UserOptions => ({
  name,
  compat,
  secret: { kind: 'sha256', digest: createHash('sha256').update(secret, 'latin1').digest() },
});

function stretched(name: string, secret: string): UserOptions {
  const salt = Buffer.from('sixteen bytes of');
  const digest = scryptSync(Buffer.from(secret, 'latin1'), salt, 32, { N: 16, r: 8, p: 1 });
  return { name, compat: false, secret: { kind: 'scrypt', n: 16, r: 8, p: 1, salt, digest } };
}

function credentialsOf(...users: UserOptions[]): { credentials: Credentials; clock: FakeClock } {
  const clock = new FakeClock();
  return { credentials: new Credentials(users, () => clock.monotonic()), clock };
}

describe('Credentials', () => {
  it('are needed only where users are configured', () => {
    expect(credentialsOf().credentials.required).toBe(false);
    expect(credentialsOf(plain('app', 's')).credentials.required).toBe(true);
  });

  it('let in the right name with the right secret, and nobody else', () => {
    const { credentials } = credentialsOf(plain('app', 'one', true), plain('other', 'two'));
    expect(credentials.authenticate('app', 'one')).toEqual({ name: 'app', compat: true });
    expect(credentials.authenticate('other', 'two')).toEqual({ name: 'other', compat: false });
    for (const [name, secret] of [
      ['app', 'two'],
      ['other', 'one'],
      ['nobody', 'one'],
      ['app', ''],
      ['nobody', ''],
      ['', ''],
    ] as const) {
      expect(credentials.authenticate(name, secret)).toBeUndefined();
    }
  });

  it('know a user by the secret alone, where it is not stretched', () => {
    const { credentials } = credentialsOf(plain('app', 'one'), stretched('slow', 'two'));
    expect(credentials.authenticateToken('one')).toEqual({ name: 'app', compat: false });
    expect(credentials.authenticateToken('two')).toBeUndefined();
    expect(credentials.authenticateToken('')).toBeUndefined();
  });

  it('take one guess at a stretched secret in 200 ms; one that was right once needs no guess', () => {
    const { credentials, clock } = credentialsOf(stretched('slow', 'right'), stretched('second', 'other'));
    expect(credentials.authenticate('slow', 'right')).toBeDefined();
    expect(credentials.authenticate('slow', 'wrong')).toBeUndefined();
    expect(credentials.authenticate('second', 'other')).toBeUndefined();
    expect(credentials.authenticate('slow', 'right')).toBeDefined();
    clock.advance(200);
    expect(credentials.authenticate('second', 'other')).toBeDefined();
  });

  it('follow a new configuration', () => {
    const { credentials } = credentialsOf(stretched('app', 'old'));
    expect(credentials.authenticate('app', 'old')).toBeDefined();
    credentials.replace([stretched('app', 'new')]);
    expect(credentials.authenticate('app', 'old')).toBeUndefined();
    credentials.replace([]);
    expect(credentials.required).toBe(false);
  });

  it('tells of every refusal and of nothing else', () => {
    let refused = 0;
    const secret = { kind: 'sha256', digest: createHash('sha256').update('right').digest() } as const;
    const credentials = new Credentials(
      [{ name: 'app', secret, compat: false }],
      () => 0,
      () => refused++,
    );
    credentials.authenticate('app', 'right');
    credentials.authenticateToken('right');
    expect(refused).toBe(0);
    credentials.authenticate('app', 'wrong');
    credentials.authenticate('nobody', 'right');
    credentials.authenticateToken('wrong');
    expect(refused).toBe(3);
  });
});
