import { createHash, scryptSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { type AclStorage, type CommandList, Credentials, type TokenOptions, type UserOptions } from './credentials.ts';

const catalog: CommandList = {
  version: 1,
  has: (name) => ['get', 'set', 'del', 'incrby', 'select'].includes(name),
  subcommandsOf: () => [],
  answeredIn: () => undefined,
  learn: () => undefined,
  inCategory: (category) => (category === 'read' ? ['get'] : category === 'all' ? ['get', 'set', 'del'] : undefined),
};

const plain = (name: string, secret: string, compat = false): UserOptions => ({
  name,
  compat,
  secrets: [{ kind: 'sha256', digest: createHash('sha256').update(secret, 'latin1').digest() }],
});

function stretched(name: string, secret: string): UserOptions {
  const salt = Buffer.from('sixteen bytes of');
  const digest = scryptSync(Buffer.from(secret, 'latin1'), salt, 32, { N: 16, r: 8, p: 1 });
  return { name, compat: false, secrets: [{ kind: 'scrypt', n: 16, r: 8, p: 1, salt, digest }] };
}

function credentialsOf(...users: UserOptions[]): { credentials: Credentials; clock: FakeClock } {
  const clock = new FakeClock();
  return { credentials: new Credentials({ users, catalog, monotonic: () => clock.monotonic() }), clock };
}

describe('Credentials', () => {
  it('are needed only where users are configured', () => {
    expect(credentialsOf().credentials.required).toBe(false);
    expect(credentialsOf(plain('app', 's')).credentials.required).toBe(true);
  });

  it('let in the right name with the right secret, and nobody else', () => {
    const { credentials } = credentialsOf(plain('app', 'one', true), plain('other', 'two'));
    expect(credentials.authenticate('app', 'one')).toMatchObject({ name: 'app', compat: true, permissions: undefined });
    expect(credentials.authenticate('other', 'two')).toMatchObject({ name: 'other', compat: false });
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
    expect(credentials.identifyToken('one')).toMatchObject({ name: 'app', isAdmin: true });
    expect(credentials.identifyToken('two')).toBeUndefined();
    expect(credentials.identifyToken('')).toBeUndefined();
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
    const users = [{ name: 'app', secrets: [secret], compat: false }];
    const credentials = new Credentials({ users, catalog, monotonic: () => 0, onRefused: () => refused++ });
    credentials.authenticate('app', 'right');
    credentials.identifyToken('right');
    expect(refused).toBe(0);
    credentials.authenticate('app', 'wrong');
    credentials.authenticate('nobody', 'right');
    credentials.identifyToken('wrong');
    expect(refused).toBe(3);
  });

  it('keep users who were named by a command until their place says otherwise', () => {
    const { credentials } = credentialsOf(plain('app', 'one'));
    credentials.setUser('extra', ['on', '>two', '~x*', '+get']);
    const extra = credentials.authenticate('extra', 'two');
    expect(extra?.permissions?.allows('get', 'x1', 1)).toBe(true);
    credentials.replace([plain('app', 'other')]);
    expect(credentials.authenticate('extra', 'two')).toBe(extra);
    credentials.setUser('extra', ['-get']);
    expect(extra?.permissions?.allows('get', 'x1', 1)).toBe(false);
    expect(credentials.deleteUser('extra')).toBe(true);
    expect(credentials.authenticate('extra', 'two')).toBeUndefined();
  });

  it('do not keep the open default user of before once users are configured', () => {
    const { credentials } = credentialsOf();
    credentials.setUser('default', ['+@all']);
    expect(credentials.required).toBe(false);
    credentials.replace([plain('app', 'one')]);
    expect(credentials.required).toBe(true);
  });

  it('refuse what would let everybody in where others can reach a listener', () => {
    const options = { users: [plain('app', 's')], catalog, monotonic: () => 0, mayBeOpen: false };
    const credentials = new Credentials(options);
    expect(() => credentials.setUser('default', ['on', 'nopass', '+get'])).toThrow(/--insecure/);
    expect(credentials.required).toBe(true);
    expect(() => credentials.replace([])).toThrow(/--insecure/);
    expect(credentials.authenticate('app', 's')).toBeDefined();
    const storage = memory('user default on nopass ~* &* +@all');
    expect(() => new Credentials({ ...options, users: [], storage })).toThrow(/--insecure/);
  });

  it('take a file as a whole or not at all, and name its line', () => {
    const storage = memory('# people\n\nuser a on >one ~a* +get\nuser b on >two ~* +@all\n');
    const credentials = new Credentials({ users: [plain('app', 's')], catalog, monotonic: () => 0, storage });
    const a = credentials.authenticate('a', 'one');
    expect(a).toBeDefined();
    for (const [text, problem] of [
      ['user a on >new\nuser c on +nosuch\n', /users\.acl, line 2: Unknown command/],
      ['user a on >new\nuser c on hunter2\n', /line 2: Syntax error$/],
      ['user a on\nuser a off', /line 2: the user 'a' is defined twice/],
      ['user a on (+get', /line 1: a parenthesis is not closed/],
      ['users a on', /line 1: a line begins with the word 'user'/],
      ['user app on', /'app' is defined in the configuration and in the ACL file/],
    ] as const) {
      storage.text = text;
      expect(() => credentials.load()).toThrow(problem);
      expect(() => credentials.replace([plain('app', 'changed')])).toThrow(problem);
      expect(credentials.authenticate('a', 'one')).toBe(a);
      expect(credentials.authenticate('app', 's')).toBeDefined();
    }
    const told: string[] = [];
    credentials.watch(({ name }, change) => told.push(`${name} ${change}`));
    storage.text = 'user a on >three ~a* +get\n';
    credentials.load();
    expect(told).toContain('b deleted');
    expect(credentials.authenticate('a', 'three')).toBe(a);
    credentials.setUser('d', ['on', '#'.padEnd(65, 'a'), '(+get ~d* %R~e*)']);
    credentials.save();
    expect(storage.text.split('\n').map((line) => line.split(' ', 2).join(' '))).toEqual(['user a', 'user d', '']);
    const again = new Credentials({ users: [], catalog, monotonic: () => 0, storage });
    expect(again.find('d')?.account).toEqual(credentials.find('d')?.account);
  });

  it('bind tokens to a user, or to keys and verbs', () => {
    const acl = 'resetchannels ~mine:* +get +set';
    const users: UserOptions[] = [{ ...plain('app', 's'), acl }, plain('root', 'r')];
    const tokens = [
      token('of-app', { user: 'app' }),
      token('reader', { keys: ['user:*'], verbs: ['read'] }),
      token('ops', { admin: true, verbs: ['read'] }),
      token('all', {}),
    ];
    const credentials = new Credentials({ users, tokens, catalog, monotonic: () => 0 });
    const rightsOf = (name: string) => credentials.identifyToken(`${name}-secret`)?.rights;
    expect(credentials.identifyToken('of-app-secret')).toMatchObject({ name: 'of-app', isAdmin: false });
    expect(rightsOf('of-app')?.refusal('read', 'mine:1')).toBeUndefined();
    expect(rightsOf('of-app')?.refusal('read', 'other')).toMatch(/do not reach this key/);
    expect(rightsOf('of-app')?.refusal('delete', 'mine:1')).toMatch(/'del'/);
    expect(rightsOf('reader')?.refusal('read', 'user:1')).toBeUndefined();
    expect(rightsOf('reader')?.refusal('read', 'users')).toMatch(/keys/);
    expect(rightsOf('reader')?.refusal('write', 'user:1')).toMatch(/'write'/);
    expect(credentials.identifyToken('ops-secret')?.isAdmin).toBe(true);
    expect(credentials.identifyToken('all-secret')).toMatchObject({ rights: undefined, isAdmin: false });
    credentials.setUser('app', ['off']);
    expect(credentials.identifyToken('of-app-secret')).toBeUndefined();
    expect(credentials.authenticate('app', 's')).toBeUndefined();
    credentials.setUser('app', ['on', '+del']);
    expect(rightsOf('of-app')?.refusal('delete', 'mine:1')).toBeUndefined();
    expect(() => credentials.replace(users, [token('x', { user: 'nobody' })])).toThrow(/'nobody'.*does not exist/);
  });
});

function token(name: string, rest: Omit<TokenOptions, 'name' | 'digest'>): TokenOptions {
  return { name, digest: createHash('sha256').update(`${name}-secret`).digest(), ...rest };
}

function memory(text: string): AclStorage & { text: string } {
  const storage = {
    path: 'users.acl',
    text,
    read: () => storage.text,
    write(next: string) {
      storage.text = next;
    },
  };
  return storage;
}
