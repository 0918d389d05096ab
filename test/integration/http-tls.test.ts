import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

let folder: TempDir;
let cert = '';
let key = '';
let ca: Buffer;
let node: TestNode;

beforeAll(async () => {
  folder = await tempDir();
  cert = join(folder.path, 'cert.pem');
  key = join(folder.path, 'key.pem');
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', key, '-out', cert],
  ]);
  ca = await readFile(cert);
  node = await startNode({
    http: { address: '127.0.0.1:0', tls: { cert, key } },
    admin: { address: '127.0.0.1:0', tls: { cert, key } },
    limits: { maxConnections: 2, http: { headerTimeout: '500ms' } },
  });
});
afterAll(async () => {
  await node.close();
  await folder[Symbol.asyncDispose]();
});

function ask(address: string, path: string, options: RequestOptions = {}, body = ''): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(`https://${address}${path}`, { ca, agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve([response.statusCode ?? 0, text]));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

describe('a listener with TLS', () => {
  it('serves keys and the admin API', async () => {
    expect(await ask(node.http, '/k', { method: 'PUT' }, 'value')).toEqual([201, '']);
    expect(await ask(node.http, '/k')).toEqual([200, 'value']);
    expect(await ask(node.admin, '/ready')).toEqual([200, 'ready\n']);
  });

  it('sends and takes values larger than a record', async () => {
    const large = 'v'.repeat(3 * 1024 * 1024);
    expect((await ask(node.http, '/large', { method: 'PUT' }, large))[0]).toBe(201);
    const [status, text] = await ask(node.http, '/large');
    expect(status).toBe(200);
    expect(text === large).toBe(true);
  });

  it('refuses malformed input in its answer, and offers HTTP/1.1 only', async () => {
    const [host = '', port] = node.http.split(':');
    const socket = connectTls({ host, port: Number(port), ca, ALPNProtocols: ['h2', 'http/1.1'] });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.latin1Slice();
    });
    socket.write('nonsense\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(socket.alpnProtocol).toBe('http/1.1');
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('closes who does not speak TLS, or does not finish the handshake, and counts both as connections', async () => {
    const [host = '', port] = node.http.split(':');
    const closed = (input: string): Promise<void> =>
      new Promise((resolve) => {
        const socket = connectTcp({ host, port: Number(port) });
        socket.on('error', () => socket.destroy());
        socket.resume();
        socket.on('close', () => resolve());
        socket.write(input);
      });
    await closed('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const silent = [closed(''), closed('')];
    await eventually(() => expect(ask(node.http, '/k')).rejects.toThrow());
    await Promise.all(silent);
    await eventually(async () => expect(await ask(node.http, '/k')).toEqual([200, 'value']));
  });

  it('asks for a certificate where it is told to', async () => {
    await using strict = await startNode({
      http: { address: '127.0.0.1:0', tls: { cert, key, ca: cert, requestClientCert: true } },
    });
    await expect(ask(strict.http, '/k')).rejects.toThrow();
    const own = { cert: ca, key: await readFile(key) };
    expect((await ask(strict.http, '/k', own))[0]).toBe(404);
  });
});
