import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StoreReport } from '../../src/app/inspect-store.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startSentinel } from '../support/redis-sentinel.ts';
import { startRedis } from '../support/redis-server.ts';
import { makeCertificates, startTlsRedis } from '../support/redis-tls.ts';
import { runCli } from '../support/run-cli.ts';
import { startSluiceProcess } from '../support/sluice-process.ts';
import { tempDir } from '../support/temp-dir.ts';

/** What the report says of each thing, by what it is about; those of the whole and of all servers together. */
async function verdicts(
  store: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly report: StoreReport; readonly said: ReadonlyMap<string, string> }> {
  const { status, stdout, stderr } = await runCli(['check', '--store', '--json'], {
    env: { SLUICE_STORE: store, ...env },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const report = JSON.parse(stdout.toString()) as StoreReport;
  const all = [...report.promises, ...report.servers.flatMap(({ promises }) => promises)];
  return { report, said: new Map(all.map(({ about, verdict, text }) => [about, `${verdict} ${text}`])) };
}

describe('sluice check --store', () => {
  it('says in plain lines what a server that keeps nothing can and cannot do', async () => {
    await using redis = await startRedis();
    const { status, stdout, stderr } = await runCli(['check', '--store', '--redis', `127.0.0.1:${redis.port}`]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const text = stdout.toString();
    expect(text).toMatch(
      /: (?:Redis|Valkey) \d+\.\d+\.\d+, standalone, primary, 0 replicas, round trip [\d.]+ ms, clock /,
    );
    expect(text).toContain('  can     keep what is stored: maxmemory is 0');
    expect(text).toContain('  cannot  keep anything: an acknowledged write survives nothing, not even a restart');
    expect(text).toContain('  can     tell of every changed key');
    expect(text).toContain('  can     run scripts');
  });

  it.each([
    [
      ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'],
      /^can keep an acknowledged write through a loss of power/,
    ],
    [
      ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'],
      /^cannot .* loss of power: about 1 s may be lost/,
    ],
    [['--save', '', '--appendonly', 'yes', '--appendfsync', 'no'], /^cannot .* about 30 s, may be lost/],
    [
      ['--save', '900 1 60 100', '--appendonly', 'no'],
      /^cannot .* kill -9 .* up to 900 s may be lost; it survives an orderly/,
    ],
  ])('tells what an acknowledged write survives with %j', async (args, expected) => {
    await using redis = await startRedis({ args });
    const { said } = await verdicts(`127.0.0.1:${redis.port}`);
    expect(said.get('durability')).toMatch(expected);
  });

  it('tells of eviction, of a small tracking table and of too few connections', async () => {
    const args = ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru', '--tracking-table-max-keys', '1000'];
    await using redis = await startRedis({ args: [...args, '--maxclients', '100'] });
    const { said } = await verdicts(`127.0.0.1:${redis.port}`);
    expect(said.get('memory')).toBe(
      'cannot keep everything: what is stored may be evicted at maxmemory 64MiB (allkeys-lru)',
    );
    expect(said.get('tracking-table')).toMatch(/^cannot .* is 1000, cache\.maxEntries 100000/);
    expect(said.get('connections')).toMatch(/of maxclients 100 free, upstream\.dedicated asks for up to 259$/);
    await using client = await connectRaw({ port: redis.port });
    await client.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    const after = await verdicts(`127.0.0.1:${redis.port}`, { SLUICE_CACHE_ENABLED: 'false' });
    expect(after.said.get('memory')).toMatch(/^can .* refused with OOM$/);
    expect([...after.said.keys()]).not.toContain('tracking');
  });

  it('tells what it was not allowed to ask', async () => {
    await using redis = await startRedis();
    await using client = await connectRaw({ port: redis.port });
    await client.command('ACL', 'SETUSER', 'app', 'on', '>hunter2', '~*', '&*', '+@all', '-config', '-info', '-eval');
    const { said, report } = await verdicts(`redis://app:hunter2@127.0.0.1:${redis.port}`);
    for (const about of ['memory', 'durability', 'replication']) expect(said.get(about)).toMatch(/^unknown .*NOPERM/);
    expect(said.get('scripts')).toMatch(/^cannot run scripts: .*NOPERM/);
    expect(said.get('tracking')).toMatch(/^can /);
    expect(JSON.stringify(report)).not.toContain('hunter2');
  });

  it('says in one line, without the password, that the login is wrong or missing', async () => {
    await using redis = await startRedis({ args: ['--requirepass', 'right'] });
    for (const [login, words] of [
      [':hunter2@', 'the user or the password is wrong'],
      ['nobody:hunter2@', 'the user or the password is wrong'],
      ['', 'a password is asked for and none is configured'],
    ]) {
      const { status, stdout, stderr } = await runCli(['check', '--store'], {
        env: { SLUICE_STORE: `redis://${login}127.0.0.1:${redis.port}` },
      });
      expect(stderr).toMatch(new RegExp(`^sluice: 127\\.0\\.0\\.1:${redis.port}: ${words} .*\\n$`));
      expect(stderr).not.toMatch(/hunter2/);
      expect({ status, stdout: stdout.toString() }).toEqual({ status: 1, stdout: '' });
    }
    const { said } = await verdicts(`redis://:right@127.0.0.1:${redis.port}`);
    expect(said.get('tracking')).toMatch(/^can /);
  });

  it('says in one line what else is wrong: nobody there, HTTP, silence, a database there is not', async () => {
    const http = createHttpServer((_, response) => void response.end()).listen(0, '127.0.0.1');
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await Promise.all([once(http, 'listening'), once(silent, 'listening')]);
    await using redis = await startRedis({ args: ['--databases', '2'] });
    const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
    for (const [where, words] of [
      ['127.0.0.1:1', /ECONNREFUSED/],
      [`127.0.0.1:${portOf(http)}`, /not a server that speaks the protocol of Redis/],
      [`127.0.0.1:${portOf(silent)}`, /no answer within 200 ms/],
      [`redis://127.0.0.1:${redis.port}/7`, /the database 7 was refused/],
      [`rediss://127.0.0.1:${redis.port}`, /./],
      [`redis+cluster://127.0.0.1:${redis.port}`, /is not a node of a cluster/],
    ] as const) {
      const { status, stderr } = await runCli(['check', '--store', '--redis', where], {
        env: { SLUICE_UPSTREAM_CONNECT_TIMEOUT: '200ms' },
      });
      expect(stderr).toMatch(/^sluice: .*\n$/);
      expect(stderr).toMatch(words);
      expect(status).toBe(1);
    }
    http.close();
    silent.close();
  });

  it('takes a Sluice for what it is', async () => {
    await using sluice = await startSluiceProcess({ args: ['--http', 'off', '--admin', 'off'] });
    const { said, report } = await verdicts(`127.0.0.1:${sluice.resp.port}`);
    expect(report.servers[0]?.facts).toMatchObject({ flavour: 'sluice', role: 'primary' });
    expect(said.get('tracking')).toMatch(/^can /);
    expect(said.get('scripts')).toMatch(/^can .*own scripts/);
    expect(said.get('durability')).toMatch(/^cannot .*through a loss of power.*kill -9 \(its journal\)/);
  });

  it('connects over TLS with a client certificate, as the configuration says', async () => {
    await using certificates = await makeCertificates();
    await using redis = await startTlsRedis({ certificates, clients: 'with certificate' });
    await using folder = await tempDir('sluice-cli-');
    const file = join(folder.path, 'sluice.yaml');
    const tls = `{ ca: ${certificates.ca}, cert: ${certificates.clientCert}, key: ${certificates.clientKey} }`;
    const text = `store: rediss://127.0.0.1:${redis.tlsPort}\nupstream:\n  tls: `;
    await writeFile(file, `${text}${tls}\n`);
    const good = await runCli(['check', '--store', '--config', file]);
    expect({ status: good.status, stderr: good.stderr }).toEqual({ status: 0, stderr: '' });
    await writeFile(file, `${text}{ ca: ${certificates.ca} }\n`);
    const bad = await runCli(['check', '--store', '--config', file]);
    expect(bad.stderr).toMatch(/^sluice: 127\.0\.0\.1:\d+: TLS: .*certificate required\n$/);
    expect(bad.status).toBe(1);
    await writeFile(file, `${text}{ ca: ./missing.pem }\n`);
    const missing = await runCli(['check', '--store', '--config', file]);
    expect(missing.stderr).toMatch(/^sluice: .*upstream\.tls\.ca: .*missing\.pem cannot be read.*\n$/);
    expect(missing.status).toBe(2);
  });

  it('asks Sentinels for the primary, and tells of replicas and quorum', { timeout: 60_000 }, async () => {
    await using setup = await startSentinel({ password: 'right', sentinelPassword: 'guard' });
    const hosts = setup.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const store = `redis+sentinel://:right@127.0.0.1:1,${hosts}/${setup.name}`;
    const { said, report } = await verdicts(store, { SLUICE_UPSTREAM_SENTINEL_PASSWORD: 'guard' });
    const primary = await setup.primary();
    expect(report.servers.map(({ facts }) => facts.address)).toEqual([`127.0.0.1:${primary.port}`]);
    expect(report.servers[0]?.facts.replicas).toEqual([expect.objectContaining({ state: 'online' })]);
    expect(said.get('failover')).toMatch(/^can fail over .*3 Sentinels, quorum 2, 1 replicas/);
    expect(said.get('sentinels')).toMatch(/^cannot be asked at all Sentinels: 127\.0\.0\.1:1: /);
    expect(said.get('replication')).toMatch(/^cannot carry every acknowledged write over a failover/);
    const plain = await runCli(['check', '--store', '--redis', `:guard@127.0.0.1:${setup.sentinels[0]?.port}`]);
    expect(plain.stderr).toMatch(/is a Sentinel: name it as redis\+sentinel/);
    expect(plain.status).toBe(1);
    const unknown = await runCli(['check', '--store', '--redis', `${store}x`], {
      env: { SLUICE_UPSTREAM_SENTINEL_PASSWORD: 'guard' },
    });
    expect(unknown.stderr).toMatch(/no Sentinel is of use: .*no primary of the name mainx/);
    expect(unknown.status).toBe(1);
  });

  it('asks every primary of a cluster, and tells whether all slots are served', { timeout: 60_000 }, async () => {
    await using cluster = await startCluster({ replicas: 0 });
    const [first, second] = cluster.nodes;
    const { said, report } = await verdicts(`redis+cluster://127.0.0.1:1,127.0.0.1:${first?.port}`);
    expect(report.servers.map(({ facts }) => facts.address).sort()).toEqual(
      cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).sort(),
    );
    expect(said.get('cluster')).toBe(
      'can serve every key (cluster_state ok, 16384 of 16384 slots, 3 primaries, 3 nodes)',
    );
    expect(said.get('replication')).toMatch(/^cannot outlive the loss of its machine: .* fail over to$/);
    const plain = await verdicts(`127.0.0.1:${second?.port}`);
    expect(plain.said.get('topology')).toMatch(/^cannot serve all keys: .*redis\+cluster/);
  });

  it('has nothing to ask where keys are kept in this process', async () => {
    await using folder = await tempDir('sluice-cli-');
    const { status, stderr } = await runCli(['check', '--store'], { cwd: folder.path });
    expect(stderr).toMatch(/^sluice: the store is embedded, in this process.*\n$/);
    expect(status).toBe(2);
    expect((await runCli(['check', '--json'], { cwd: folder.path })).status).toBe(2);
  });
});
