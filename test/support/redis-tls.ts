import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from './redis-server.ts';
import { tempDir } from './temp-dir.ts';

/** Paths of PEM files: an authority, and what it signed for a server at 127.0.0.1 and localhost and for a client. */
export interface Certificates extends AsyncDisposable {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
  /** Contents of `ca`, `clientCert` and `clientKey`, as `tls.connect` takes them. */
  readonly clientOptions: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

export interface TlsRedis extends RedisServer {
  readonly tlsPort: number;
}

const run = promisify(execFile);

/** Made by openssl in a temporary folder, for two days. */
export async function makeCertificates(): Promise<Certificates> {
  const folder = await tempDir('sluice-tls-');
  const at = (name: string): string => join(folder.path, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=Test authority'],
    ...['-keyout', at('ca.key'), '-out', at('ca.pem')],
  ]);
  for (const [name, subject, extension] of [
    ['server', '/CN=localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ['client', '/CN=client', 'extendedKeyUsage=clientAuth'],
  ] as const) {
    await run('openssl', [
      ...['req', ...newKey, '-subj', subject, '-addext', extension],
      ...['-keyout', at(`${name}.key`), '-out', at(`${name}.csr`)],
    ]);
    await run('openssl', [
      ...['x509', '-req', '-in', at(`${name}.csr`), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'],
      ...['-days', '2', '-copy_extensions', 'copyall', '-out', at(`${name}.pem`)],
    ]);
  }
  const [ca, cert, key] = await Promise.all([
    readFile(at('ca.pem')),
    readFile(at('client.pem')),
    readFile(at('client.key')),
  ]);
  return {
    ca: at('ca.pem'),
    serverCert: at('server.pem'),
    serverKey: at('server.key'),
    clientCert: at('client.pem'),
    clientKey: at('client.key'),
    clientOptions: { ca, cert, key },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

export type ClientCertificates = 'without certificate' | 'with certificate';

/** Options of redis-server for TLS on that port; replication, Sentinels and the bus of a cluster use it then, too. */
export function tlsArgs(
  { ca, serverCert, serverKey }: Certificates,
  tlsPort: number,
  clients: ClientCertificates = 'without certificate',
): string[] {
  return [
    ...['--tls-port', `${tlsPort}`, '--tls-cert-file', serverCert, '--tls-key-file', serverKey],
    ...['--tls-ca-cert-file', ca, '--tls-auth-clients', clients === 'with certificate' ? 'yes' : 'no'],
    ...['--tls-replication', 'yes', '--tls-cluster', 'yes'],
  ];
}

/**
 * redis-server with TLS on `tlsPort`, beside the plain `port`.
 * @param clients whether a client has to show a certificate. @default without
 */
export async function startTlsRedis({
  certificates,
  clients = 'without certificate',
  args = [],
  ...options
}: RedisServerOptions & {
  readonly certificates: Certificates;
  readonly clients?: ClientCertificates;
}): Promise<TlsRedis> {
  for (let attempt = 1; ; attempt++) {
    const tlsPort = await freePort();
    try {
      const server = await startRedis({ ...options, args: [...tlsArgs(certificates, tlsPort, clients), ...args] });
      return Object.assign(server, { tlsPort });
    } catch (error) {
      // Another process may have taken the port.
      if (attempt === 3) throw error;
    }
  }
}
