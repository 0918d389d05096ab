import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

let folder: TempDir;
let node: TestNode;

beforeAll(async () => {
  folder = await tempDir();
  const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', key, '-out', cert],
  ]);
  node = await startNode({
    http: { address: '127.0.0.1:0', tls: { cert, key } },
    resp: { address: '127.0.0.1:0', tls: { cert, key } },
    admin: '127.0.0.1:0',
    limits: { connectionsPerAddress: 3, http: { headerTimeout: '300ms' } },
  });
});

afterAll(async () => {
  await node?.close();
  await folder?.[Symbol.asyncDispose]();
});

/** A metric by its name and labels, as the page writes them; 0 where it is not on it. */
async function metric(name: string): Promise<number> {
  const page = await (await fetch(`http://${node.admin}/metrics`)).text();
  const line = page.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

const port = (address: string): number => Number(address.split(':').at(-1));

async function dialTls(address: string, localAddress: string): Promise<TLSSocket> {
  // `localAddress` is missing in the types of TLS, not in the thing.
  const options = { host: '127.0.0.1', port: port(address), localAddress, rejectUnauthorized: false };
  const socket = connectTls(options);
  await once(socket, 'secureConnect');
  return socket;
}

it.each(['resp', 'http'] as const)(
  '%s counts connections of an address that never finish the handshake',
  async (face) => {
    const halfOpen = [0, 1, 2].map(() =>
      connect({ host: '127.0.0.1', port: port(node[face]), localAddress: '127.0.0.5' }),
    );
    for (const socket of halfOpen) {
      socket.on('error', () => socket.destroy());
      await once(socket, 'connect');
    }
    await eventually(async () => expect(await metric('sluice_limit_connections')).toBeGreaterThanOrEqual(4));
    await expect(dialTls(node[face], '127.0.0.5')).rejects.toThrow();
    expect(await metric(`sluice_limit_hits_total{face="${face}",limit="connectionsPerAddress"}`)).toBe(1);
    (await dialTls(node[face], '127.0.0.6')).destroy();
    if (face === 'http') {
      for (const socket of halfOpen) if (!socket.closed) await once(socket.resume(), 'close');
      expect(await metric('sluice_limit_hits_total{face="http",limit="tls.handshake"}')).toBe(3);
    }
    for (const socket of halfOpen) socket.resetAndDestroy();
    await eventually(async () => expect(await metric('sluice_limit_addresses')).toBe(1));
    (await dialTls(node[face], '127.0.0.5')).destroy();
  },
);
