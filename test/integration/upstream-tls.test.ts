import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { openUpstream, type UpstreamTarget } from '../../src/link/open-upstream.ts';
import type { Route, Upstream } from '../../src/link/upstream.ts';
import { eventually } from '../support/eventually.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startSentinel } from '../support/redis-sentinel.ts';
import { type Certificates, makeCertificates, startTlsRedis } from '../support/redis-tls.ts';

const route: Route = { idempotent: true, keyPositions: () => [1] };

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(() => certificates?.[Symbol.asyncDispose]());

function open(target: UpstreamTarget, tls: object): Upstream & Disposable {
  const upstream = openUpstream({
    target,
    login: { connectTimeout: 1000, tls },
    settings: { opsInFlight: 100, maxQueued: 1000, dedicated: 8, timeout: 2000, retryFor: 500, heartbeat: 500 },
    clock: systemClock,
    random: Math.random,
  });
  return Object.assign(upstream, { [Symbol.dispose]: () => upstream.close() });
}

const at = (host: string, port: number): UpstreamTarget => ({
  kind: 'standalone',
  endpoints: [{ host, port }],
  database: 0,
});
const listOf = (servers: readonly { readonly host: string; readonly peerPort: number }[]) =>
  servers.map(({ host, peerPort }) => ({ host, port: peerPort }));

describe('a store over TLS', { timeout: 60_000 }, () => {
  it('is believed by its certificate, and shown one where it asks', async () => {
    await using redis = await startTlsRedis({ certificates, clients: 'with certificate' });
    const { ca, cert, key } = certificates.clientOptions;
    for (const host of ['127.0.0.1', 'localhost']) {
      using store = open(at(host, redis.tlsPort), { ca, cert, key });
      expect(await store.call(['SET', 'k', 'v'], route)).toBe('OK');
      expect(await store.call(['GET', 'k'], route)).toBe('v');
    }
    using withoutCertificate = open(at('127.0.0.1', redis.tlsPort), { ca });
    await expect(withoutCertificate.call(['GET', 'k'], route)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    using unbelieving = open(at('127.0.0.1', redis.tlsPort), { cert, key });
    await expect(unbelieving.call(['GET', 'k'], route)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('certificate'),
    });
  });

  it('may be one behind Sentinels', async () => {
    await using setup = await startSentinel({ certificates });
    const { ca } = certificates.clientOptions;
    const target = { kind: 'sentinel', primaryName: setup.name, database: 0 } as const;
    using store = open({ ...target, endpoints: listOf(setup.sentinels) }, { ca });
    expect(await store.call(['SET', 'k', 'v'], route)).toBe('OK');
    await setup.failOver();
    await eventually(() => store.call(['SET', 'k', 'w'], { ...route, idempotent: false }), { timeoutMs: 5000 });
  });

  it('may be a cluster', async () => {
    await using cluster = await startCluster({ certificates, replicas: 0 });
    const { ca } = certificates.clientOptions;
    using store = open({ kind: 'cluster', endpoints: listOf(cluster.nodes.slice(0, 1)), database: 0 }, { ca });
    const keys = Array.from({ length: 20 }, (_, i) => `key:${i}`);
    for (const key of keys) expect(await store.call(['SET', key, key], route)).toBe('OK');
    expect(store.nodes.map(({ name }) => name).sort()).toEqual(
      listOf(cluster.nodes)
        .map(({ host, port }) => `${host}:${port}`)
        .sort(),
    );
    await cluster.moveSlot(await cluster.slotOf('key:1'), 0);
    await cluster.moveSlot(await cluster.slotOf('key:1'), 1);
    expect(await store.call(['GET', 'key:1'], route)).toBe('key:1');
  });
});
