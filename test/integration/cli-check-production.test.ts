import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenPoint, ProductionFacts } from '../../src/app/open-point.ts';
import { productionCheck, productionFacts } from '../../src/app/production-check.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type CertificateMaker, certificateMaker } from '../support/certificate-files.ts';
import { runCli } from '../support/run-cli.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

let folder: TempDir;
let maker: CertificateMaker;
const at = (name: string): string => join(folder.path, name);

const sha = `sha256:${'0'.repeat(64)}`;
/** A configuration with nothing open, in parts that the tests replace. */
const good: Readonly<Record<string, string>> = {
  data: 'data: ./data',
  maxBytes: 'maxBytes: 64MiB',
  http: 'http: { address: 0.0.0.0:8443, tls: { cert: cert.pem, key: key.pem } }',
  resp: 'resp: 127.0.0.1:6380',
  admin: 'admin: 127.0.0.1:8081',
  users: `users: [{ name: app, secret: "${sha}" }]`,
  limits: 'limits: { maxConnections: 500, rate: { perUser: 1000/1s, perAddress: 100/1s } }',
};

beforeAll(async () => {
  [folder, maker] = await Promise.all([tempDir(), certificateMaker()]);
  const [pair, other] = [await maker.make('/CN=localhost'), await maker.make('/CN=other')];
  await writeFile(at('cert.pem'), pair.cert);
  await writeFile(at('key.pem'), pair.key, { mode: 0o600 });
  await writeFile(at('other.pem'), other.key, { mode: 0o600 });
  await writeFile(at('open.pem'), pair.key, { mode: 0o644 });
  await writeFile(at('users.acl'), '', { mode: 0o644 });
  await mkdir(at('data'), { mode: 0o700 });
  await mkdir(at('open-data'));
  await chmod(at('open-data'), 0o755);
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  await maker[Symbol.asyncDispose]();
});

interface Given {
  /** Parts of the configuration instead of those of `good`; '' leaves one out. */
  readonly parts?: Readonly<Record<string, string>>;
  readonly facts?: Partial<ProductionFacts>;
  readonly mode?: number;
  readonly env?: Readonly<Record<string, string>>;
}

async function writeConfig({ parts = {}, mode = 0o640 }: Given): Promise<string> {
  const file = at('sluice.yaml');
  await writeFile(file, `${Object.values({ ...good, ...parts }).join('\n')}\n`);
  await chmod(file, mode);
  return file;
}

async function check(given: Given = {}): Promise<readonly OpenPoint[]> {
  const loaded = await loadConfig({
    file: await writeConfig(given),
    cwd: folder.path,
    memoryBytes: 2 ** 31,
    env: given.env ?? {},
    readFile: (path) => readFile(path, 'utf8'),
  });
  const own = await productionFacts(Date.now());
  return productionCheck(loaded, { ...own, openFiles: 65_536, memoryBound: 2 ** 31, ...given.facts, ...uidOf(given) });
}

/** Tests may run as root, which is itself a point. */
function uidOf({ facts }: Given): Pick<ProductionFacts, 'uid'> {
  return { uid: facts !== undefined && 'uid' in facts ? facts.uid : undefined };
}

const keyspace = (more: string, origin = 'http: "https://api.example.com/{1}", rate: 10/1s'): string =>
  `keyspaces: [{ match: "user:*", origin: { ${origin} }, ${more} }]`;

const written = (more = 'ack: store'): string =>
  `connections: { c: "sqlite:./c.db" }
keyspaces: [{ match: "user:*", writeBehind: { sink: c, table: t, key: id, columns: [a], ${more} } }]`;

describe('the check for production', () => {
  it('finds nothing in a configuration that has all', async () => {
    expect(await check()).toEqual([]);
    expect(await check({ parts: { keyspaces: keyspace('grace: 10m') } })).toEqual([]);
    expect(await check({ parts: { keyspaces: written() } })).toEqual([]);
    const fetch = 'fetch: { allow: ["https://api.example.com/*"], rate: 10/1s, addresses: [10.1.2.0/24] }';
    expect(await check({ parts: { fetch } })).toEqual([]);
    expect(
      await check({
        parts: { store: 'store: "rediss://:${PW}@redis.example.com"', maxBytes: '', data: '' },
        env: { PW: 'x' },
      }),
    ).toEqual([]);
    expect(await check({ parts: { tokens: `tokens: [{ name: t, secret: "${sha}" }]`, users: '' } })).toEqual([]);
  });

  it.each<[about: string, mend: string, given: Given]>([
    ['users', 'users:', { parts: { users: '', http: 'http: 127.0.0.1:8080' } }],
    ['insecure', 'insecure: false', { parts: { insecure: 'insecure: true' } }],
    ['cors', 'http.cors.origins', { parts: { http: 'http: { address: 127.0.0.1:1, cors: { origins: ["*"] } }' } }],
    ['tls', 'http: { address: "0.0.0.0:8080", tls:', { parts: { http: 'http: 0.0.0.0:8080' } }],
    ['tls', 'resp: { address:', { parts: { resp: 'resp: "[::]:6380"' } }],
    [
      'admin',
      'admin: 127.0.0.1:8081',
      { parts: { admin: 'admin: { address: 0.0.0.0:8081, tls: { cert: cert.pem, key: key.pem } }' } },
    ],
    ['root', 'a user of its own', { facts: { uid: 0 } }],
    ['durability', 'store: embedded', { parts: { store: 'store: memory', data: '' } }],
    ['durability', 'durability: commit', { parts: { durability: 'durability: memory' } }],
    [
      'store-tls',
      'rediss',
      { parts: { store: 'store: "redis://:${PW}@redis.example.com"', data: '', maxBytes: '' }, env: { PW: 'x' } },
    ],
    ['store-password', 'PASSWORD', { parts: { store: 'store: rediss://redis.example.com', data: '', maxBytes: '' } }],
    [
      'rate-user',
      'limits.rate.perUser',
      { parts: { limits: 'limits: { maxConnections: 9, rate: { perAddress: 9/1s } }' } },
    ],
    [
      'rate-address',
      'limits.rate.perAddress',
      { parts: { limits: 'limits: { maxConnections: 9, rate: { perUser: 9/1s } }' } },
    ],
    [
      'connections',
      'limits.connectionsPerAddress',
      {
        parts: {
          limits: 'limits: { connectionsPerAddress: 0, maxConnections: 9, rate: { perUser: 9/1s, perAddress: 9/1s } }',
        },
      },
    ],
    [
      'buffers',
      'limits.inFlight.bytes',
      {
        parts: {
          limits: 'limits: { inFlight: { bytes: 0 }, maxConnections: 9, rate: { perUser: 9/1s, perAddress: 9/1s } }',
        },
      },
    ],
    [
      'requests',
      'limits.inFlight.requests',
      {
        parts: {
          limits: 'limits: { inFlight: { requests: 0 }, maxConnections: 9, rate: { perUser: 9/1s, perAddress: 9/1s } }',
        },
      },
    ],
    ['memory', 'maxBytes: 4GiB', { parts: { maxBytes: '' }, facts: { memoryBound: undefined } }],
    ['open-files', 'LimitNOFILE=1756', { facts: { openFiles: 1755 } }],
    ['log-level', 'log.level: info', { parts: { log: 'log: { level: debug }' } }],
    ['log-level', 'log.level: info', { parts: { log: 'log: { levels: { http: trace } }' } }],
    ['audit', 'log.audit.file', { parts: { log: 'log: { level: silent }' } }],
    ['write-behind-ack', 'keyspaces[0].writeBehind.ack', { parts: { keyspaces: written('ack: memory') } }],
    [
      'write-behind-fence',
      'keyspaces[0].writeBehind.fence',
      {
        parts: { store: 'store: "rediss://:${PW}@redis.example.com"', maxBytes: '', data: '', keyspaces: written() },
        env: { PW: 'x' },
      },
    ],
    [
      'write-behind-alarm',
      'keyspaces[0].writeBehind.alarm.lag',
      { parts: { keyspaces: written('alarm: { lag: 0, pending: 0 }') } },
    ],
    ['grace', 'keyspaces[0].grace', { parts: { keyspaces: keyspace('ttl: 1m') } }],
    [
      'origin-rate',
      'keyspaces[0].origin.rate',
      { parts: { keyspaces: keyspace('grace: 1m', 'http: "https://a.example/{1}"') } },
    ],
    ['origin-timeout', 'keyspaces[0].timeout', { parts: { keyspaces: keyspace('grace: 1m, timeout: 31s') } }],
    [
      'origin-tls',
      'https://',
      {
        parts: {
          keyspaces: keyspace(
            'grace: 1m',
            'http: "http://a.example/{1}", rate: 1/1s, headers: { Authorization: "${T}" }',
          ),
        },
        env: { T: 'x' },
      },
    ],
    [
      'fetch-allow',
      'fetch.allow[0]',
      { parts: { fetch: 'fetch: { allow: ["https://*.example.com/*"], rate: 1/1s }' } },
    ],
    [
      'fetch-allow',
      'fetch.allow[0]: https',
      { parts: { fetch: 'fetch: { allow: ["http://a.example/*"], rate: 1/1s }' } },
    ],
    ['fetch-rate', 'fetch.rate', { parts: { fetch: 'fetch: { allow: ["https://a.example/*"] }' } }],
    ...[
      '127.0.0.0/8',
      '169.254.169.254/32',
      '0.0.0.0/0',
      '::1/128',
      'fe80::/10',
      '::ffff:127.0.0.1/128',
      '2000::/3',
    ].map((range): [string, string, Given] => [
      'fetch-addresses',
      'fetch.addresses[0]',
      { parts: { fetch: `fetch: { allow: ["https://a.example/*"], rate: 1/1s, addresses: ["${range}"] }` } },
    ]),
    ['plain-secret', 'users[0].secret', { parts: { users: 'users: [{ name: app, secret: "the secret itself" }]' } }],
    [
      'plain-secret',
      'store:',
      { parts: { store: 'store: rediss://:hidden@redis.example.com', data: '', maxBytes: '' } },
    ],
    ['plain-secret', 'connections.db', { parts: { connections: 'connections: { db: "postgres://u:hidden@h/d" }' } }],
    [
      'plain-secret',
      'connections.db.url',
      { parts: { connections: 'connections: { db: { url: "mysql://u:hidden@h/d" } }' } },
    ],
    [
      'plain-secret',
      'keyspaces[0].origin.headers.X-Api-Key',
      {
        parts: {
          keyspaces: keyspace('grace: 1m', 'http: "https://a.example/{1}", rate: 1/1s, headers: { X-Api-Key: hidden }'),
        },
      },
    ],
    ['file-mode', 'chmod 640', { mode: 0o644 }],
    ['file-mode', 'chmod 640', { mode: 0o660 }],
    [
      'file-mode',
      'open.pem',
      { parts: { http: 'http: { address: 0.0.0.0:1, tls: { cert: cert.pem, key: open.pem } }' } },
    ],
    ['file-mode', 'users.acl', { parts: { aclFile: 'aclFile: users.acl' } }],
    [
      'certificate',
      'http.tls.key',
      { parts: { http: 'http: { address: 0.0.0.0:1, tls: { cert: cert.pem, key: other.pem } }' } },
    ],
    ['certificate', 'http.tls.cert', { facts: { now: Date.now() + 87 * 86_400_000 } }],
    ['certificate', 'http.tls.cert', { facts: { now: Date.now() + 101 * 86_400_000 } }],
    ['data-folder', 'chmod 700', { parts: { data: 'data: ./open-data' } }],
    ['data-owner', 'chown', { facts: { uid: 12_345 } }],
  ])('%s: mended by %s', async (about, mend, given) => {
    const points = await check(given);
    expect(points.map((point) => point.about)).toEqual([about]);
    expect(points[0]?.mend).toContain(mend);
    expect(JSON.stringify(points)).not.toContain('hidden');
    expect(JSON.stringify(points)).not.toContain('secret itself"');
  });

  it('tells of rows that would be accepted into memory only, beside the store itself', async () => {
    for (const parts of [{ store: 'store: memory', data: '' }, { durability: 'durability: memory' }]) {
      const points = await check({ parts: { ...parts, keyspaces: written() } });
      expect(points.map(({ about }) => about)).toEqual(['durability', 'write-behind-store']);
    }
  });

  it('secrets that come from the environment are fine', async () => {
    const parts = {
      users: 'users: [{ name: app, secret: "${SECRET}" }]',
      connections: 'connections: { db: "postgres://u:${SECRET}@h/d" }',
      keyspaces: keyspace(
        'grace: 1m',
        'http: "https://a.example/{1}", rate: 1/1s, headers: { Authorization: "Bearer ${SECRET}" }',
      ),
    };
    expect(await check({ parts, env: { SECRET: 'something' } })).toEqual([]);
  });

  it('a certificate is fine until 14 days before its end, and limits of files as far as they go', async () => {
    expect(await check({ facts: { now: Date.now() + 85 * 86_400_000, openFiles: 1756 } })).toEqual([]);
    expect(await check({ facts: { openFiles: undefined } })).toEqual([]);
  });
});

describe('sluice check --production', () => {
  it('names the points of the defaults, and ends with status 1', async () => {
    const { status, stdout, stderr } = await runCli(['check', '--production'], { cwd: at('data') });
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    const text = stdout.toString();
    expect(text).toMatch(/^users: .+\n {2}mend: users: /m);
    expect(text).toMatch(/^no configuration file, the defaults: \d+ open points\n$/m);
    const { stdout: json } = await runCli(['check', '--production', '--json'], { cwd: at('data') });
    const points = JSON.parse(json.toString()) as OpenPoint[];
    expect(points.map(({ about }) => about)).toEqual(expect.arrayContaining(['users', 'rate-user', 'rate-address']));
  });

  it('ends with status 0 when nothing is open', async () => {
    // Who runs the tests, and on what machine, is not up to the configuration.
    const own = await productionFacts(Date.now());
    const config = await writeConfig({ parts: { limits: (good['limits'] as string).replace('500', '20') } });
    const { status, stdout } = await runCli(['check', '--production', '--config', config]);
    if (own.uid === 0) expect(stdout.toString()).toMatch(/^root: .+\n {2}mend: .+\n.+: 1 open point\n$/);
    else expect({ status, text: stdout.toString() }).toEqual({ status: 0, text: `${config}: no open points\n` });
  });

  it('ends with status 2 for a wrong configuration or use', async () => {
    const config = await writeConfig({ parts: { users: '' } });
    const refused = await runCli(['check', '--production', '--config', config]);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('0.0.0.0:8443');
    expect((await runCli(['check', '--production', '--store'])).status).toBe(2);
    expect((await runCli(['check', '--production', '--config', at('missing.yaml')])).status).toBe(2);
  });
});
