import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startSluice } from '../../src/app/compose.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { SluiceConfig, SluiceConfigInput } from '../../src/config/schema.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';
import { tempDir } from '../support/temp-dir.ts';

const faces = { http: 'off', resp: '127.0.0.1:0', admin: 'off' } as const;
const NOT_THIS_KEY = '-NOPERM this user has no permissions to access one of the keys used as arguments\r\n';

async function open(node: TestNode, user = '', secret = ''): Promise<RawResp> {
  const client = await connectRaw({ port: Number(node.resp.split(':').at(-1)) });
  if (user !== '') expect(await client.command('AUTH', user, secret)).toBe('+OK\r\n');
  return client;
}

/** Runs `body` on a node with a store of its own and on one in front of a server. */
async function onBoth(config: object, body: (node: TestNode) => Promise<void>): Promise<void> {
  await using alone = await startNode({ ...faces, ...config });
  await body(alone);
  await using redis = await startRedis();
  await using proxy = await startNode({ ...faces, ...config, store: `redis://127.0.0.1:${redis.port}` });
  await body(proxy);
}

const users = [
  { name: 'root', secret: 'r' },
  { name: 'app', secrets: ['a', 'b'], acl: '~app:* %R~shared:* &app:* +@all -@dangerous +keys' },
];

describe('users of the configuration', () => {
  it('have their rules on either store, and everything without rules', async () => {
    await onBoth({ users }, async (node) => {
      await using root = await open(node, 'root', 'r');
      await using app = await open(node, 'app', 'b');
      expect(await root.command('SET', 'shared:1', 'x')).toBe('+OK\r\n');
      expect(await app.command('GET', 'shared:1')).toBe('$1\r\nx\r\n');
      expect(await app.command('SET', 'shared:1', 'y')).toBe(NOT_THIS_KEY);
      expect(await app.command('SET', 'app:1', 'y')).toBe('+OK\r\n');
      expect(await app.command('FLUSHALL')).toMatch(/^-NOPERM .*'flushall'/);
      expect(await app.command('MONITOR')).toMatch(/^-(?:NOPERM|ERR unknown command)/);
      expect(await app.command('CLIENT', 'KILL', 'TYPE', 'normal')).toMatch(/^-NOPERM/);
      expect(await app.command('CLIENT', 'LIST')).toMatch(/^-NOPERM/);
      expect(await app.command('CONFIG', 'SET', 'maxmemory', '1')).toMatch(/^-NOPERM/);
      expect(await app.command('ACL', 'SETUSER', 'app', '+@all')).toMatch(/^-NOPERM/);
      expect(await app.command('ACL', 'WHOAMI')).toBe('$3\r\napp\r\n');
      expect(await root.command('ACL', 'LIST')).toContain('user app on #');
      expect(await root.command('ACL', 'SAVE')).toMatch(/^-ERR .*aclFile/);
    });
  });

  it('cannot be talked round in a pipeline', async () => {
    await onBoth({ users }, async (node) => {
      await using client = await open(node);
      const replies = await client.pipeline([
        ['GET', 'x'],
        ['AUTH', 'app', 'a'],
        ['GET', 'x'],
        ['HELLO', '2', 'AUTH', 'root', 'wrong'],
        ['GET', 'x'],
        ['AUTH', 'root', 'r'],
        ['GET', 'x'],
        ['AUTH', 'app', 'a'],
        ['GET', 'x'],
        ['get', 'x'],
        ['RESET'],
        ['GET', 'app:x'],
      ]);
      expect(replies.map((reply) => reply.split(' ', 1)[0]?.trim())).toEqual([
        '-NOAUTH',
        '+OK',
        '-NOPERM',
        '-WRONGPASS',
        '-NOPERM',
        '+OK',
        '$-1',
        '+OK',
        '-NOPERM',
        '-NOPERM',
        '+RESET',
        '-NOAUTH',
      ]);
    });
  });

  it('are checked when a transaction is queued, and again when it runs', async () => {
    await onBoth({ users }, async (node) => {
      await using root = await open(node, 'root', 'r');
      await using app = await open(node, 'app', 'a');
      await app.command('MULTI');
      expect(await app.command('SET', 'app:t', '1')).toBe('+QUEUED\r\n');
      expect(await root.command('ACL', 'SETUSER', 'app', '-set')).toBe('+OK\r\n');
      const reply = await app.command('EXEC');
      expect(reply).toMatch(/^-EXECABORT|\*1\r\n-NOPERM ACLs rules changed/);
      expect(await root.command('EXISTS', 'app:t')).toBe(':0\r\n');
      await app.command('MULTI');
      expect(await app.command('SET', 'app:t', '1')).toMatch(/^-NOPERM/);
      expect(await app.command('EXEC')).toMatch(/^-EXECABORT/);
    });
  });

  it('are heard by a connection of its own at the server behind', async () => {
    await onBoth({ users }, async (node) => {
      await using root = await open(node, 'root', 'r');
      await using app = await open(node, 'app', 'a');
      await app.command('WATCH', 'app:w');
      expect(await app.command('GET', 'x')).toBe(NOT_THIS_KEY);
      expect(await app.command('BLPOP', 'x', '0.01')).toBe(NOT_THIS_KEY);
      await root.command('ACL', 'SETUSER', 'app', 'resetkeys');
      expect(await app.command('GET', 'app:w')).toBe(NOT_THIS_KEY);
    });
  });
});

describe('a change of users', () => {
  it('closes the connections of those who are deleted, that of the one who asks after its reply', async () => {
    await onBoth({ users }, async (node) => {
      await using root = await open(node, 'root', 'r');
      await root.command('ACL', 'SETUSER', 'gone', 'on', '>g', '+@all', '~*');
      await using gone = await open(node, 'gone', 'g');
      await using other = await open(node, 'gone', 'g');
      expect(await gone.command('ACL', 'DELUSER', 'gone')).toBe(':1\r\n');
      await gone.ended;
      await other.ended;
      expect(await root.command('PING')).toBe('+PONG\r\n');
    });
  });

  it('ends subscriptions to what may no longer be heard, and no others', async () => {
    await onBoth({ users }, async (node) => {
      await using root = await open(node, 'root', 'r');
      await root.command('ACL', 'SETUSER', 'ear', 'on', '>e', '+@all', '-monitor', 'resetchannels', '&a:*', '&b:*');
      await using ear = await open(node, 'ear', 'e');
      expect(await ear.command('SUBSCRIBE', 'a:1')).toContain('subscribe');
      await root.command('ACL', 'SETUSER', 'ear', '>another', '~x*');
      expect(await ear.command('PING')).toContain('pong');
      await root.command('ACL', 'SETUSER', 'ear', 'resetchannels', '&b:*');
      await ear.ended;
    });
  });
});

describe('a destination that is named twice', () => {
  it('is checked each time: to the server the last one counts', async () => {
    await using redis = await startRedis();
    await using node = await startNode({ ...faces, users, store: `redis://127.0.0.1:${redis.port}` });
    await using app = await open(node, 'app', 'a');
    // Until the server behind has told of it.
    await eventually(async () => expect(await app.command('GEOHASH', 'app:g')).toBe('*0\r\n'));
    const query = ['GEORADIUS', 'app:g', '1', '1', '1', 'km'];
    expect(await app.command(...query, 'STORE', 'app:h', 'STORE', 'x')).toBe(NOT_THIS_KEY);
    expect(await app.command(...query, 'STORE', 'app:h', 'STOREDIST', 'x')).toBe(NOT_THIS_KEY);
    expect(await app.command(...query, 'STORE', 'app:h')).toBe(':0\r\n');
  });
});

describe('scripts over a server', () => {
  it('are for users who may do everything, as nobody sees what they touch', async () => {
    await using redis = await startRedis();
    await using node = await startNode({ ...faces, users, store: `redis://127.0.0.1:${redis.port}` });
    await using root = await open(node, 'root', 'r');
    await using app = await open(node, 'app', 'a');
    const script = "return redis.call('set','other','1')";
    expect(await app.command('EVAL', script, '1', 'app:1')).toMatch(/^-NOPERM .*may do everything/);
    expect(await app.command('FCALL', 'f', '1', 'app:1')).toMatch(/^-NOPERM/);
    expect(await root.command('EVAL', script, '0')).toBe('+OK\r\n');
  });
});

describe('the ACL file', () => {
  it('is read at the start, by ACL LOAD and at a reload, all of it or nothing, and written by ACL SAVE', async () => {
    await using folder = await tempDir();
    const aclFile = join(folder.path, 'users.acl');
    await writeFile(aclFile, 'user ops on >o ~* &* +@all\nuser reader on >r %R~* +@read\n');
    const parse = (more: SluiceConfigInput = {}): SluiceConfig =>
      parseConfig(
        { store: 'memory', log: { level: 'silent' }, ...faces, aclFile, ...more },
        { cwd: folder.path, memoryBytes: 2 ** 33, env: {} },
      ).value;
    const running = await startSluice(parse());
    const node = { resp: running.addresses.resp ?? '' } as TestNode;
    try {
      await using ops = await open(node, 'ops', 'o');
      await using reader = await open(node, 'reader', 'r');
      await using stranger = await open(node);
      expect(await stranger.command('PING')).toMatch(/^-NOAUTH/);
      expect(await reader.command('SET', 'a', '1')).toMatch(/^-NOPERM/);
      await writeFile(aclFile, 'user ops on >o ~* &* +@all\nuser reader on >r +nosuch\n');
      expect(await ops.command('ACL', 'LOAD')).toMatch(/^-ERR .*users\.acl, line 2: Unknown command/);
      expect(() => running.reload(parse())).toThrow(/line 2/);
      expect(await reader.command('GET', 'a')).toBe('$-1\r\n');
      await writeFile(aclFile, 'user ops on >o ~* &* +@all\n');
      running.reload(parse());
      await reader.ended;
      expect(await ops.command('ACL', 'SETUSER', 'made', 'on', '>m', '~m*', '(%R~n* +get)')).toBe('+OK\r\n');
      running.reload(parse({ log: { level: 'silent', levels: { http: 'error' } } }));
      expect(await ops.command('ACL', 'SAVE')).toBe('+OK\r\n');
      const saved = await readFile(aclFile, 'utf8');
      expect(saved).toMatch(
        /^user made on #[0-9a-f]{64} ~m\* resetchannels -@all \(%R~n\* resetchannels -@all \+get\)\n/,
      );
      expect(saved).not.toMatch(/user default|>m/);
      expect((await stat(aclFile)).mode & 0o777).toBe(0o600);
      expect(await readdir(folder.path)).toEqual(['users.acl']);
      const before = await ops.command('ACL', 'LIST');
      expect(await ops.command('ACL', 'LOAD')).toBe('+OK\r\n');
      expect(await ops.command('ACL', 'LIST')).toBe(before);
      expect(() => running.reload(parse({ users: [{ name: 'ops', secret: 'x' }] }))).toThrow(/'ops' is defined in/);
    } finally {
      await running.close();
    }
    expect(() => parse({ resp: ':0' })).not.toThrow();
    await writeFile(aclFile, 'user default on nopass ~* &* +@all\n');
    await expect(startSluice(parse({ resp: '0.0.0.0:0' }))).rejects.toThrow(/--insecure/);
  });
});
