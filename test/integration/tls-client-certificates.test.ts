import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type CertificateMaker,
  type CertificateText,
  certificateMaker,
  replaceFile,
} from '../support/certificate-files.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

let maker: CertificateMaker;
let stranger: CertificateMaker;
let own: CertificateText;
let foreign: CertificateText;
let folder: TempDir;
let files: { readonly cert: string; readonly key: string; readonly ca: string };

beforeAll(async () => {
  [maker, stranger, folder] = await Promise.all([certificateMaker(), certificateMaker(), tempDir()]);
  const server = await maker.make('/CN=localhost');
  own = await maker.make('/O=Fleet/CN=reader');
  foreign = await stranger.make('/CN=foreign');
  files = { cert: join(folder.path, 'cert.pem'), key: join(folder.path, 'key.pem'), ca: join(folder.path, 'ca.pem') };
  await writeFile(files.cert, server.cert);
  await writeFile(files.key, server.key);
  await writeFile(files.ca, maker.ca);
});
afterAll(async () => {
  for (const it of [maker, stranger, folder]) await it[Symbol.asyncDispose]();
});

const start = (requestClientCert: boolean | 'optional' | 'required', file?: string): Promise<TestNode> => {
  const listener = { address: '127.0.0.1:0', tls: { ...files, requestClientCert } };
  return startNode({
    http: listener,
    resp: listener,
    ...(file === undefined ? {} : { log: { level: 'debug', file } }),
  });
};

/** What a client hears over TLS until the server closes; the name of the error when there is none. */
function hear(address: string, text: string, pair?: CertificateText): Promise<string> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connectTls({ host, port: Number(port), ca: maker.ca, ...pair }, () => socket.write(text));
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk.latin1Slice();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(heard));
  });
}

const get = 'GET /k HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
const quit = 'PING\r\nQUIT\r\n';

it.each([true, 'required'] as const)(
  '%s: only clients with a certificate of the authority are served',
  async (word) => {
    await using node = await start(word);
    expect(await hear(node.http, get, own)).toMatch(/^HTTP\/1\.1 404 /);
    expect(await hear(node.resp, quit, own)).toBe('+PONG\r\n+OK\r\n');
    for (const pair of [undefined, foreign]) {
      expect(await hear(node.http, get, pair)).toBe('');
      expect(await hear(node.resp, quit, pair)).toBe('');
    }
  },
);

it('optional: those without one are served too, those with another are not', async () => {
  await using node = await start('optional');
  for (const pair of [undefined, own]) {
    expect(await hear(node.http, get, pair)).toMatch(/^HTTP\/1\.1 404 /);
    expect(await hear(node.resp, quit, pair)).toBe('+PONG\r\n+OK\r\n');
  }
  expect(await hear(node.http, get, foreign)).toBe('');
  expect(await hear(node.resp, quit, foreign)).toBe('');
});

it('the log tells who came and who was refused', async () => {
  const file = join(folder.path, 'told.log');
  await using node = await start('optional', file);
  await hear(node.http, get, own);
  await hear(node.http, get, foreign);
  await eventually(async () => {
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries.find(({ msg }) => msg === 'client certificate')).toMatchObject({
      certificate: 'O=Fleet, CN=reader',
    });
    const refused = entries.find(({ msg }) => msg === 'client certificates were refused');
    expect(refused).toMatchObject({ level: 40, certificate: 'CN=foreign', face: 'http' });
  });
});

it('another authority takes effect for new connections, also for those that would resume a session', async () => {
  await using node = await start('required');
  const [host = '', port] = node.http.split(':');
  const options = { host, port: Number(port), ca: maker.ca, maxVersion: 'TLSv1.2', ...own } as const;
  const session = await new Promise<Buffer>((resolve, reject) => {
    const socket = connectTls(options, () => socket.end(get));
    socket.resume().on('error', reject);
    socket.on('session', resolve);
  });
  const resumes = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connectTls({ ...options, session }, () => {
        resolve(socket.isSessionReused());
        socket.destroy();
      });
      socket.on('error', () => resolve(false));
    });
  expect(await resumes()).toBe(true);
  await replaceFile(files.ca, stranger.ca);
  await eventually(async () => expect(await hear(node.http, get, foreign)).toMatch(/^HTTP\/1\.1 404 /));
  expect(await resumes()).toBe(false);
  expect(await hear(node.http, get, own)).toBe('');
});
