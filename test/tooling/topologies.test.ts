import { once } from 'node:events';
import { connect } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { connectRaw } from '../support/raw-resp.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startSentinel } from '../support/redis-sentinel.ts';
import { makeCertificates, startTlsRedis } from '../support/redis-tls.ts';

describe('the topologies that tests run against', () => {
  it('a primary, a replica and Sentinels fail over', { timeout: 60_000 }, async () => {
    await using setup = await startSentinel({ password: 'pw', sentinelPassword: 'sp' });
    const [first, second] = setup.nodes;
    expect(await setup.primary()).toBe(first);
    expect(await setup.failOver()).toBe(second);
  });

  it('a cluster moves slots and fails over', { timeout: 60_000 }, async () => {
    await using cluster = await startCluster();
    // Slot 15495.
    expect(await cluster.ownerOf(15_495)).toBe(2);
    expect(await cluster.nodes[2]?.ask('SET', 'a', '1')).toBe('+OK\r\n');
    const seen: string[] = [];
    await cluster.moveSlot(15_495, 0, {
      opened: async () => {
        seen.push(
          (await cluster.nodes[2]?.ask('GET', '{a}none')) ?? '',
          (await cluster.nodes[2]?.ask('GET', 'a')) ?? '',
        );
      },
      moved: async () => {
        seen.push((await cluster.nodes[2]?.ask('GET', 'a')) ?? '');
      },
    });
    const port = cluster.nodes[0]?.port;
    expect(seen).toEqual([`-ASK 15495 127.0.0.1:${port}\r\n`, '$1\r\n1\r\n', `-ASK 15495 127.0.0.1:${port}\r\n`]);
    expect(await cluster.nodes[0]?.ask('GET', 'a')).toBe('$1\r\n1\r\n');
    expect(await cluster.failOver(0)).toBe(3);
    expect(await cluster.nodes[3]?.ask('GET', 'a')).toBe('$1\r\n1\r\n');
    await cluster.nodes[0]?.restart();
    await cluster.healthy();
    await cluster.switchOver(0);
    expect(await cluster.ownerOf(0)).toBe(0);
  });

  it('a server speaks TLS and asks for a certificate', async () => {
    await using certificates = await makeCertificates();
    await using redis = await startTlsRedis({ certificates, clients: 'with certificate' });
    const socket = connect({ port: redis.tlsPort, host: '127.0.0.1', ...certificates.clientOptions });
    socket.write('PING\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.latin1Slice()).toBe('+PONG\r\n');
    socket.destroy();
    await using plain = await connectRaw({ port: redis.port });
    expect(await plain.command('PING')).toBe('+PONG\r\n');
  });
});
