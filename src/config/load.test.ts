import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isSluiceError, type SluiceError } from '../errors.ts';
import type { ConfigFinding } from './finding.ts';
import { type ConfigInputs, type LoadedConfig, loadConfig, parseConfig } from './load.ts';
import { visiblePasswords } from './visible-secrets.ts';

const gibibyte = 1024 ** 3;
const context = { cwd: '/srv', memoryBytes: 4 * gibibyte };

function load(files: Record<string, string>, inputs: Partial<ConfigInputs> = {}): Promise<LoadedConfig> {
  return loadConfig({
    ...context,
    env: {},
    readFile: async (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
      return text;
    },
    ...inputs,
  });
}

async function refusal(promise: Promise<unknown>): Promise<SluiceError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isSluiceError(error)) throw new Error(`not refused with a SluiceError: ${String(error)}`);
  return error;
}

async function refusedFile(text: string): Promise<string> {
  return (await refusal(load({ '/srv/sluice.yaml': text }))).message;
}

describe('loadConfig', () => {
  it('has a default for everything', async () => {
    const { value, warnings, file, sources } = await load({});
    expect(value).toMatchObject({
      store: 'embedded',
      data: '/srv/sluice-data',
      durability: 'commit',
      maxBytes: 2 * gibibyte,
      checkpoint: { logBytes: 64 * 1024 * 1024 },
      http: { address: { host: '127.0.0.1', port: 8080 } },
      resp: { address: { host: '127.0.0.1', port: 6380 } },
      admin: { address: { host: '127.0.0.1', port: 8081 } },
      users: [],
      limits: {
        maxConnections: 10_000,
        http: { headerTimeout: 10_000 },
        resp: { outputBytes: { pubsub: 33_554_432 } },
      },
      log: { level: 'info', format: 'json', levels: {} },
      shutdownTimeout: 10_000,
    });
    expect(warnings).toEqual([]);
    expect(file).toBeUndefined();
    expect(sources.size).toBe(0);
  });

  it('lets a flag win over the environment, that over the file, that over the default', async () => {
    const { value, sources } = await load(
      { '/srv/sluice.yaml': 'http: :1\nresp: 127.0.0.1:2\nadmin: 127.0.0.1:3\nlog: { level: debug, format: text }\n' },
      {
        env: {
          SLUICE_HTTP: '127.0.0.1:4',
          SLUICE_RESP: '127.0.0.1:5',
          SLUICE_LIMITS_MAX_CONNECTIONS: '7',
          SLUICE_LOG_LEVEL: '',
        },
        flags: { http: { text: '127.0.0.1:6', flag: '--http' } },
      },
    );
    expect([value.http, value.resp, value.admin].map((listener) => listener?.address.port)).toEqual([6, 5, 3]);
    expect(value.limits.maxConnections).toBe(7);
    expect(value.log).toMatchObject({ level: 'debug', format: 'text' });
    expect(sources.get('http')).toEqual({ kind: 'flag', name: '--http' });
    expect(sources.get('resp')).toEqual({ kind: 'environment', name: 'SLUICE_RESP' });
    expect(sources.get('admin')).toEqual({ kind: 'file', file: 'sluice.yaml', line: 3, column: 1 });
    expect(sources.get('durability')).toBeUndefined();
  });

  it('reads mappings and booleans from the environment', async () => {
    const { value } = await load(
      {},
      { env: { SLUICE_LOG_LEVELS: '{ http: debug }', SLUICE_INSECURE: '1', SLUICE_HTTP: ':80' } },
    );
    expect(value.log.levels).toEqual({ http: 'debug' });
    expect(value.http?.address).toEqual({ host: '', port: 80 });
  });

  it.each([
    ['*', ['*']],
    ['*:profile', ['*:profile']],
    ['[a-z]*', ['[a-z]*']],
    ['["user:*", "*:page"]', ['user:*', '*:page']],
  ])('reads the globs %s from the environment', async (text, match) => {
    const { value } = await load({}, { env: { SLUICE_CACHE_MATCH: text, SLUICE_STORE: 'r:1' } });
    expect(value.cache.match).toEqual(match);
  });

  it('does not start a listener that is off', async () => {
    const { value } = await load({ '/srv/sluice.yaml': 'http: off\nresp: "off"\nadmin: { address: off }' });
    expect([value.http, value.resp, value.admin]).toEqual([undefined, undefined, undefined]);
  });

  it('is frozen to its leaves', async () => {
    const { value } = await load({});
    expect(Object.isFrozen(value)).toBe(true);
    expect(Object.isFrozen(value.limits.resp.outputBytes)).toBe(true);
    expect(Object.isFrozen(value.users)).toBe(true);
  });

  it('takes variables of the process over --env-file over .env', async () => {
    const files = {
      '/srv/.env': 'SLUICE_DATA=one\nA=dot\nB=dot\nC=dot',
      '/srv/my.env': 'A=file\nB=file',
      '/srv/sluice.yaml': 'data: "${A}/${B}/${C}"',
    };
    expect((await load(files, { envFile: 'my.env', env: { A: 'process' } })).value.data).toBe('/srv/one');
    delete (files as Record<string, string>)['/srv/.env'];
    const { value, files: watched } = await load(files, { envFile: 'my.env', env: { A: 'process', C: '' } });
    expect(value.data).toBe('/srv/process/file');
    expect(watched).toEqual(['/srv/sluice.yaml', '/srv/.env', '/srv/my.env']);
  });

  it('fills in the environment, also where a number is expected, and knows defaults and escapes', async () => {
    const text = 'limits:\n  maxConnections: ${MAX}\ndata: "${DIR:-here}/$${x}"\ninsecure: ${OPEN}';
    const { value } = await load({ '/srv/sluice.yaml': text }, { env: { MAX: '12', OPEN: 'true' } });
    expect(value.limits.maxConnections).toBe(12);
    expect(value.data).toBe('/srv/here/${x}');
    expect(value.insecure).toBe(true);
  });

  it('takes paths of the file relative to the file, others relative to the working directory', async () => {
    const files = {
      '/etc/sluice/main.yaml':
        'data: ./data\nhttp: { address: "127.0.0.1:1", tls: { cert: c.pem, key: /k.pem } }\nlog: { file: ../x.log }',
      '/etc/sluice/c.pem': '',
      '/k.pem': '',
    };
    const { value, files: watched } = await load(files, { file: '../etc/sluice/main.yaml' });
    expect(value.data).toBe('/etc/sluice/data');
    expect(value.log.file).toBe('/etc/x.log');
    expect(value.http?.tls).toMatchObject({ cert: '/etc/sluice/c.pem', key: '/k.pem', requestClientCert: false });
    expect(watched).toEqual(['/etc/sluice/main.yaml', '/etc/sluice/.env']);
    expect((await load(files, { file: '/etc/sluice/main.yaml', env: { SLUICE_DATA: 'other' } })).value.data).toBe(
      '/srv/other',
    );
  });

  it('refuses a certificate that cannot be read', async () => {
    expect(await refusedFile('http: { address: "127.0.0.1:1", tls: { cert: c.pem, key: k.pem } }')).toBe(
      'sluice.yaml:1:40: http.tls.cert: /srv/c.pem cannot be read: no such file\n' +
        'sluice.yaml:1:53: http.tls.key: /srv/k.pem cannot be read: no such file',
    );
    expect(await refusedFile('store: rediss://r\nupstream: { tls: { ca: ca.pem } }')).toBe(
      'sluice.yaml:2:20: upstream.tls.ca: /srv/ca.pem cannot be read: no such file',
    );
    await load({ '/srv/sluice.yaml': 'store: redis://r\nupstream: { tls: { ca: ca.pem } }' });
  });

  it('names line, column and nearest key of an unknown setting', async () => {
    expect(await refusedFile('store: embedded\nlimits:\n  maxConections: 3\n')).toBe(
      'sluice.yaml:3:3: limits.maxConections: unknown setting; did you mean maxConnections?',
    );
    expect(await refusedFile('maxConnections: 3')).toContain('did you mean limits.maxConnections?');
    expect(await refusedFile('level: 3')).toContain('did you mean log.level?');
    expect(await refusedFile('users: [{ nam: x, secret: "sha256:00" }]')).toContain(
      'users[0].nam: unknown setting; did you mean name?',
    );
    expect(await refusedFile('quite: wrong')).toContain('here may stand store, data,');
    expect(await refusedFile('__proto__: { a: 1 }')).toContain('__proto__: unknown setting');
  });

  it('says the form it expects and what it found, all at once', async () => {
    const message = await refusedFile(
      'http: 8080\nlimits: { http: { headerTimeout: 10, headerBytes: 16k, headerCount: many } }\ndurability: disk\nlog: info\n',
    );
    expect(message.split('\n')).toEqual([
      expect.stringMatching(/^sluice\.yaml:3:1: durability: expected one of memory, commit, fsync; found "disk"$/),
      expect.stringMatching(/^sluice\.yaml:1:1: http: expected an address such as .* found the number 8080$/),
      expect.stringMatching(
        /^sluice\.yaml:2:\d+: limits\.http\.headerBytes: expected a size with its unit, .* found "16k"$/,
      ),
      expect.stringMatching(
        /^sluice\.yaml:2:\d+: limits\.http\.headerCount: expected a whole number from 10 to 10000; found "many"$/,
      ),
      expect.stringMatching(
        /^sluice\.yaml:2:\d+: limits\.http\.headerTimeout: expected a duration with its unit, .* found the number 10$/,
      ),
      expect.stringMatching(/^sluice\.yaml:4:1: log: expected a mapping; found "info"$/),
    ]);
  });

  it('names the flag or variable that is wrong', async () => {
    const flags = { durability: { text: 'disk', flag: '--durability' } };
    const { message } = await refusal(load({}, { env: { SLUICE_SHUTDOWN_TIMEOUT: '10' }, flags }));
    expect(message).toContain('--durability: expected one of');
    expect(message).toContain('SLUICE_SHUTDOWN_TIMEOUT: expected a duration');
  });

  it('refuses what lies outside the bounds', async () => {
    expect(await refusedFile('limits: { http: { headerTimeout: 2h } }')).toContain('from 100ms to 1h; found "2h"');
    expect(await refusedFile('maxBytes: 5KiB')).toContain('at least 1MiB');
    expect(await refusedFile('limits: { resp: { queryBytes: 1MiB } }')).toContain(
      'must not be below limits.resp.bulkBytes',
    );
  });

  it('points at broken YAML, at a second document and at a missing variable', async () => {
    expect(await refusedFile('a: [1,\nb: 2')).toMatch(/^sluice\.yaml:\d+:\d+: /);
    expect(await refusedFile('a: 1\na: 2')).toMatch(/^sluice\.yaml:2:1: Map keys must be unique$/);
    expect(await refusedFile('- a')).toContain('expected a mapping of settings');
    expect(await refusedFile('{}\n---\n{}')).toContain('expected one YAML document');
    expect(await refusedFile('data: ${NOWHERE}')).toContain(
      'sluice.yaml:1:7: data: the environment variable NOWHERE is not set',
    );
  });

  it('does not fall for aliases that stand for too much', async () => {
    const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
    for (let i = 1; i < 9; i++)
      bomb.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(',')}]`,
      );
    expect(await refusedFile(bomb.join('\n'))).toContain('more than 200000 values');
    expect(await refusedFile('a: &a { b: *a }')).toContain('nested deeper');
  });

  it('fails when a named file is missing, not when the default one is', async () => {
    const error = await refusal(load({}, { file: 'other.yaml' }));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toBe('other.yaml: cannot be read: no such file');
    expect((await refusal(load({}, { envFile: 'x.env' }))).message).toContain('x.env: cannot be read');
  });

  it('names the line of a broken environment file', async () => {
    expect((await refusal(load({ '/srv/.env': 'A=1\nB' }))).message).toBe('.env:2:1: expected NAME=value');
  });

  it('never shows what stands in the address of a store', async () => {
    expect(await refusedFile('store: mysql://root:hunter2@x')).toMatch(
      /store: the scheme mysql:\/\/ is unknown; expected/,
    );
    expect(await refusedFile('store: mysql://root:hunter2@x')).not.toContain('hunter2');
  });

  it('binds only loopback addresses without users, unless it is told to', async () => {
    const error = await refusal(load({ '/srv/sluice.yaml': 'http: :8080\nresp: 0.0.0.0:1' }));
    expect(error.code).toBe('INSECURE_ADDRESS');
    expect(error.message).toMatch(
      /^sluice\.yaml:1:1: http: :8080 can be reached .*--insecure.*\nsluice\.yaml:2:1: resp: 0\.0\.0\.0:1 /,
    );
    const { warnings } = await load({ '/srv/sluice.yaml': 'http: :8080\ninsecure: true' });
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('open to everybody')]);
    const secured = await load(
      { '/srv/sluice.yaml': 'http: :8080\nusers: [{ name: a, secret: "${S}" }]' },
      { env: { S: 'x' } },
    );
    expect(secured.warnings).toEqual([]);
  });

  it('refuses two listeners on one address', async () => {
    expect(await refusedFile('http: 127.0.0.1:5\nresp: 127.0.0.1:5')).toContain(
      '127.0.0.1:5 is also the address of http',
    );
    await load({ '/srv/sluice.yaml': 'http: 127.0.0.1:0\nresp: 127.0.0.1:0' });
  });

  it('keeps only hashes of secrets and warns of one that stands in the file', async () => {
    const text = 'users:\n  - { name: a, secret: hunter2 }\n  - { name: b, secret: "${S}", namespaces: [compat] }\n';
    const { value, warnings } = await load({ '/srv/sluice.yaml': text }, { env: { S: 'fromenv' } });
    expect(warnings.map(({ path, source }: ConfigFinding) => [path, source])).toEqual([
      ['users[0].secret', { kind: 'file', file: 'sluice.yaml', line: 2, column: 16 }],
    ]);
    expect(JSON.stringify(value)).not.toMatch(/hunter2|fromenv/);
    const [a, b] = value.users;
    if (a === undefined || b === undefined) throw new Error('users are missing');
    expect(Buffer.from(a.secrets[0]?.digest ?? [])).toEqual(createHash('sha256').update('hunter2').digest());
    expect(Buffer.from(b.secrets[0]?.digest ?? [])).toEqual(createHash('sha256').update('fromenv').digest());
    expect(b.namespaces).toEqual(['compat']);
  });

  it('warns of a password of the store in the file or on the command line', async () => {
    const text =
      'store: redis+sentinel://:hunter2@a/m\nupstream:\n  sentinel: { username: u, password: hunter2 }\nresp: off\n';
    const { warnings, value } = await load({ '/srv/sluice.yaml': text });
    expect(warnings.map(({ path, source }) => [path, source])).toEqual([
      ['store', { kind: 'file', file: 'sluice.yaml', line: 1, column: 1 }],
      ['upstream.sentinel.password', { kind: 'file', file: 'sluice.yaml', line: 3, column: 28 }],
    ]);
    expect(JSON.stringify(warnings)).not.toContain('hunter2');
    expect(value.upstream.sentinel).toEqual({ username: 'u', password: 'hunter2' });
    const flag = '--redis';
    const ofFlags = visiblePasswords({ store: { text: 'redis://:hunter2@a', flag } });
    expect(ofFlags.map(({ path, source }) => [path, source])).toEqual([['store', { kind: 'flag', name: flag }]]);
    expect(JSON.stringify(ofFlags)).not.toContain('hunter2');
    for (const text of ['redis://a', 'a:1', 'memory', 'redis://:hunter2@'])
      expect(visiblePasswords({ store: { text, flag } })).toEqual([]);
    const { warnings: none } = await load(
      { '/srv/sluice.yaml': 'store: redis://u:${P}@a' },
      { env: { P: 'hunter2', SLUICE_UPSTREAM_SENTINEL_PASSWORD: 'x' } },
    );
    expect(none.map(({ path }) => path)).toEqual(['upstream.sentinel.password']);
    expect(none[0]?.message).toMatch(/^has no effect/);
  });

  it('never shows what is written for a password of the wrong kind', async () => {
    const texts = [
      'store: [redis://:hunter2@a]',
      'upstream: { sentinel: { password: [hunter2] } }',
      'store: { hunter2: 1 }',
    ];
    for (const text of texts) expect(await refusedFile(text)).not.toContain('hunter2');
  });

  it('never shows a secret in a message', async () => {
    const message = await refusedFile(
      'users:\n  - { name: "a b", secret: "sha256:hunter2" }\n  - { name: c, secret: [hunter2] }\n  - hunter2',
    );
    expect(message).toContain('users[0].name: expected a name');
    expect(message).toContain('users[0].secret: expected scrypt:');
    expect(message).not.toContain('hunter2');
    expect(await refusedFile('users: hunter2')).not.toContain('hunter2');
  });

  it('refuses users and tokens that say too little or too much, without their secrets', async () => {
    for (const [text, problem] of [
      ['users: [{ name: a }]', 'users[0].secret: give either secret or secrets'],
      ['users: [{ name: a, secret: x, secrets: [y] }]', 'give either secret or secrets'],
      ['users: [{ name: a, secret: x, acl: "on >hunter2" }]', 'users[0].acl: secrets belong into secret'],
      ['tokens: [{ name: a, secret: "scrypt:hunter2" }]', 'tokens[0].secret: expected sha256:HEX'],
      ['tokens: [{ name: a, secret: x, user: b, readOnly: true }]', 'leave out keys, verbs and readOnly'],
      ['tokens: [{ name: a, secret: x, verbs: [fly] }]', 'expected read, write, delete or count'],
      ['tokens: [{ name: a, secret: x }, { name: a, secret: y }]', 'tokens[1].name: the name is used twice'],
    ] as const) {
      const message = await refusedFile(text);
      expect(message).toContain(problem);
      expect(message).not.toContain('hunter2');
    }
  });

  it('refuses two users of one name', async () => {
    expect(await refusedFile('users: [{ name: a, secret: x }, { name: a, secret: y }]')).toContain(
      'users[1].name: the name is used twice',
    );
  });

  it('warns of settings that do nothing with the store that is configured', async () => {
    const found = async (text: string): Promise<string[]> => {
      const { warnings } = await load({ '/srv/sluice.yaml': text }, { env: { P: 'hunter2' } });
      return warnings.map(({ path, message }) => `${path}: ${message}`);
    };
    expect(
      await found('cache: { idle: 2m }\nupstream: { opsInFlight: 64, tls: { serverName: a } }\ndata: ./d'),
    ).toEqual([
      'upstream.opsInFlight: has no effect: the store is embedded, in this process',
      'upstream.tls.serverName: has no effect: the store is embedded, in this process',
      'cache.idle: has no effect: the store is embedded, in this process',
    ]);
    const remote = 'store: "redis://:${P}@r:6379"\n';
    expect(await found(`${remote}data: ./d\ndurability: fsync\nmaxBytes: 1GiB\ncache: { idle: 2m }`)).toEqual([
      'data: has no effect: keys are kept by redis://***@r:6379, not in this process',
      'durability: has no effect: keys are kept by redis://***@r:6379, not in this process',
      'maxBytes: has no effect: keys are kept by redis://***@r:6379, not in this process',
    ]);
    const buffered =
      'keyspaces: [{ match: "a:*", writeBehind: { sink: f, table: t, key: k, columns: [n], buffer: local } }]\nconnections: { f: "sqlite:f.db" }\n';
    expect(await found(`${remote}${buffered}data: ./d\ndurability: fsync`), 'that is where the buffer is').toEqual([]);
    expect(await found(`${remote}cache: { enabled: false, ttl: 1m, server: { maxMemory: 1GiB } }`)).toEqual([
      'cache.ttl: has no effect: cache.enabled is false',
    ]);
    expect(await found(`${remote}cache: { maxBytes: 1GiB }`)).toEqual([]);
    const tls = 'upstream: { tls: { serverName: a }, sentinel: { password: "${P}" } }';
    expect(await found(`store: redis://r\n${tls}`)).toEqual([
      'upstream.tls.serverName: has no effect: the store is not reached over TLS; write its address with rediss',
      'upstream.sentinel.password: has no effect: the store is not found by Sentinels',
    ]);
    expect(await found(`store: rediss+sentinel://r/m\n${tls}`)).toEqual([]);
  });

  it('warns of environment names that mean nothing, but not of those of tests', async () => {
    const { warnings } = await load({}, { env: { SLUICE_HTPT: ':1', SLUICE_TEST_REDIS: 'x' } });
    expect(warnings).toEqual([
      {
        path: '',
        message: 'no setting has this name; did you mean SLUICE_HTTP?',
        source: { kind: 'environment', name: 'SLUICE_HTPT' },
      },
    ]);
  });
});

describe('parseConfig', () => {
  it('starts no listener that is not asked for', () => {
    const { value } = parseConfig({ store: 'memory', resp: '127.0.0.1:0' }, context);
    expect(value.store).toBe('memory');
    expect(value.http).toBeUndefined();
    expect(value.resp?.address.port).toBe(0);
    expect(parseConfig({}, { ...context, listeners: 'default' }).value.http?.address.port).toBe(8080);
  });

  it('reads the same text as the file', () => {
    const { value } = parseConfig('data: "${D}"\nlimits: { maxConnections: 3 }', { ...context, env: { D: 'dir' } });
    expect(value.data).toBe('/srv/dir');
    expect(value.limits.maxConnections).toBe(3);
  });

  it('names the setting of an object that is wrong', () => {
    expect(() => parseConfig({ limits: { maxConnections: 0 } }, context)).toThrow(
      'limits.maxConnections: expected a whole number from 1 to 1000000; found the number 0',
    );
    expect(() => parseConfig({ htpt: ':0' } as never, context)).toThrow('htpt: unknown setting; did you mean http?');
    expect(() => parseConfig(null as never, context)).toThrow('expected an object or a YAML text');
    expect(() => parseConfig({ http: '0.0.0.0:0' }, context)).toThrow(
      expect.objectContaining({ code: 'INSECURE_ADDRESS' }),
    );
  });
});
