import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { certificateWarningMs } from '../../src/app/certificates.ts';
import { type RunningSluice, startSluice } from '../../src/app/compose.ts';
import { systemClock } from '../../src/app/system-clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { SluiceConfig, SluiceConfigInput } from '../../src/config/schema.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import {
  type CertificateMaker,
  type CertificateText,
  certificateMaker,
  replaceFile,
} from '../support/certificate-files.ts';
import { eventually } from '../support/eventually.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

let maker: CertificateMaker;
let first: CertificateText;
let second: CertificateText;

beforeAll(async () => {
  maker = await certificateMaker();
  first = await maker.make('/CN=first');
  second = await maker.make('/CN=second');
});
afterAll(() => maker[Symbol.asyncDispose]());

interface Node extends AsyncDisposable {
  readonly sluice: RunningSluice;
  readonly config: SluiceConfig;
  readonly files: { readonly cert: string; readonly key: string };
  /** Lines of the log so far. */
  readonly log: () => Promise<readonly Record<string, unknown>[]>;
}

async function startTls(pair: CertificateText, more: Record<string, unknown> = {}, clock?: Clock): Promise<Node> {
  const folder: TempDir = await tempDir();
  const files = { cert: join(folder.path, 'cert.pem'), key: join(folder.path, 'key.pem') };
  await writeFile(files.cert, pair.cert);
  await writeFile(files.key, pair.key);
  const listener = { address: '127.0.0.1:0', tls: { ...files, ...more } };
  const logFile = join(folder.path, 'logs', 'log');
  const input = {
    store: 'memory',
    http: listener,
    resp: listener,
    admin: listener,
    log: { level: 'debug', file: logFile },
  } as SluiceConfigInput;
  const { value } = parseConfig(input, { cwd: folder.path, memoryBytes: 2 ** 30 });
  const sluice = await startSluice(value, clock === undefined ? {} : { clock });
  return {
    sluice,
    config: value,
    files,
    log: async () =>
      (await readFile(logFile, 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    [Symbol.asyncDispose]: async () => {
      await sluice.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function dial(address: string | undefined, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const [host = '', port] = (address ?? '').split(':');
  const socket = connectTls({ host, port: Number(port), ca: maker.ca, ...options });
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

async function nameOf(address: string | undefined): Promise<string> {
  // In 1.3 the client is done before the server.
  const socket = await dial(address, { maxVersion: 'TLSv1.2' });
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

/** A connection over which commands go on. */
async function ping(socket: TLSSocket): Promise<string> {
  socket.write('PING\r\n');
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString('latin1');
}

it('new certificates are served when the files change; connections of before stay', async () => {
  await using node = await startTls(first);
  const { http, resp, admin } = node.sluice.addresses;
  const open = await dial(resp);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (): Promise<{ readonly status: number | undefined; readonly reused: boolean }> =>
    new Promise((resolve, reject) => {
      const outgoing = httpsRequest(`https://${http}/k`, { ca: maker.ca, agent }, (response) => {
        response.resume().on('end', () => resolve({ status: response.statusCode, reused: outgoing.reusedSocket }));
      });
      outgoing.on('error', reject).end();
    });
  expect(await ask()).toEqual({ status: 404, reused: false });
  expect(await ping(open)).toBe('+PONG\r\n');
  expect(await nameOf(resp)).toBe('first');

  await replaceFile(node.files.key, second.key);
  await replaceFile(node.files.cert, second.cert);
  for (const address of [http, resp, admin]) await eventually(async () => expect(await nameOf(address)).toBe('second'));

  expect(await ping(open)).toBe('+PONG\r\n');
  expect(open.getPeerCertificate().subject.CN).toBe('first');
  expect(await ask()).toEqual({ status: 404, reused: true });
  open.destroy();
  agent.destroy();
});

it('a pair that does not match is told of, and the old one stays', async () => {
  await using node = await startTls(first);
  await replaceFile(node.files.cert, second.cert);
  const told = async (): Promise<unknown> =>
    (await node.log()).find(({ level, msg }) => level === 40 && String(msg).includes('cannot be used together'));
  await eventually(async () => expect(await told()).toMatchObject({ part: 'tls', face: 'http' }));
  expect(await nameOf(node.sluice.addresses.http)).toBe('first');
  await replaceFile(node.files.key, second.key);
  await eventually(async () => expect(await nameOf(node.sluice.addresses.http)).toBe('second'));
});

it('a reload of the configuration reads the files, also those that are no certificate', async () => {
  await using node = await startTls(first);
  await writeFile(node.files.cert, 'nonsense');
  node.sluice.reload(node.config);
  await eventually(async () =>
    expect((await node.log()).some(({ msg }) => String(msg).includes('is no certificate'))).toBe(true),
  );
  expect(await nameOf(node.sluice.addresses.http)).toBe('first');
});

it('a certificate that has ended does not replace one that has not', async () => {
  const ended = await maker.make('/CN=ended', 0);
  const later = Date.now() + 60_000;
  const clock: Clock = { ...systemClock, now: () => later };
  await using node = await startTls(first, {}, clock);
  await writeFile(node.files.key, ended.key);
  await writeFile(node.files.cert, ended.cert);
  node.sluice.reload(node.config);
  await eventually(async () =>
    expect((await node.log()).some(({ msg }) => String(msg).includes('the new certificate ended'))).toBe(true),
  );
  expect(await nameOf(node.sluice.addresses.http)).toBe('first');
});

it('a node does not start with a pair that does not match', async () => {
  await expect(startTls({ cert: first.cert, key: second.key })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('cannot be used together') as string,
  });
});

it('TLS 1.1 is refused, 1.2 and 1.3 are not', async () => {
  await using node = await startTls(first);
  const old: ConnectionOptions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' };
  await expect(dial(node.sluice.addresses.http, old)).rejects.toThrow();
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await dial(node.sluice.addresses.http, { minVersion: version, maxVersion: version });
    expect(socket.getProtocol()).toBe(version);
    socket.destroy();
  }
});

it('the time that is left is a metric, and 14 days before the end a warning', async () => {
  let now = Date.now();
  const clock: Clock = { ...systemClock, now: () => now };
  await using node = await startTls(first, {}, clock);
  const days = async (): Promise<number> => {
    const socket = await dial(node.sluice.addresses.admin);
    socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    const line = /^sluice_tls_certificate_expiry_seconds\{face="resp"\} (\S+)$/m.exec(text);
    return Number(line?.[1]) / 86_400;
  };
  const warned = async (): Promise<boolean> =>
    (await node.log()).some(({ msg, level }) => level === 40 && msg === 'the certificate ends soon');
  expect(await days()).toBeGreaterThan(99);
  node.sluice.reload(node.config);
  expect(await warned()).toBe(false);
  now += 100 * 86_400_000 - certificateWarningMs;
  expect(await days()).toBeLessThan(14);
  node.sluice.reload(node.config);
  await eventually(async () => expect(await warned()).toBe(true));
});
