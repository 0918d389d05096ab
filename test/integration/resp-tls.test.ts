import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { encodeCommand } from '../support/raw-resp.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

let folder: TempDir;
let ca: Buffer;
let node: TestNode;

beforeAll(async () => {
  folder = await tempDir();
  const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', key, '-out', cert],
  ]);
  ca = await readFile(cert);
  node = await startNode({
    store: 'embedded',
    data: join(folder.path, 'data'),
    resp: { address: '127.0.0.1:0', tls: { cert, key } },
    limits: { maxConnections: 2 },
  });
});

afterAll(async () => {
  await node?.close();
  await folder?.[Symbol.asyncDispose]();
});

const port = (): number => Number(node.resp.split(':').at(-1));

async function dial(): Promise<TLSSocket> {
  // `allowHalfOpen` is missing in the types of TLS, not in the thing.
  const options = { port: port(), host: '127.0.0.1', ca, allowHalfOpen: true };
  const socket = connectTls(options);
  await once(socket, 'secureConnect');
  return socket;
}

async function textUntilEnd(socket: TLSSocket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += (chunk as Buffer).toString('latin1');
  return text;
}

it('commands are answered over TLS, also those whose client has said all it has to say', async () => {
  const socket = await dial();
  const commands = 5000;
  socket.write(encodeCommand(['SET', 'k', 'x'.repeat(1000)]) + encodeCommand(['GET', 'k']).repeat(commands), 'latin1');
  // The last write is not yet durable when the end of the input arrives.
  socket.end(encodeCommand(['SET', 'last', 'x']), 'latin1');
  expect(await textUntilEnd(socket)).toBe(`+OK\r\n${`$1000\r\n${'x'.repeat(1000)}\r\n`.repeat(commands)}+OK\r\n`);
});

it('a client that does not speak TLS is closed, and takes nobody else along', async () => {
  const plain = connectTcp({ port: port(), host: '127.0.0.1' });
  plain.on('error', () => {});
  plain.resume().write('PING\r\n');
  await once(plain, 'close');
  const socket = await dial();
  socket.write('PING\r\n');
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  expect(chunk.toString('latin1')).toBe('+PONG\r\n');
  socket.destroy();
});

it('a client that says nothing, not even TLS, does not hold up the end', async () => {
  const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')];
  const other = await startNode({ resp: { address: '127.0.0.1:0', tls: { cert, key } }, shutdownTimeout: '200ms' });
  const silent = connectTcp({ port: Number(other.resp.split(':').at(-1)), host: '127.0.0.1' });
  silent.on('error', () => {});
  await once(silent, 'connect');
  const started = performance.now();
  await other.close();
  expect(performance.now() - started).toBeLessThan(5000);
});

it('one connection too many is told so', async () => {
  const sockets = [await dial(), await dial()];
  for (const socket of sockets) {
    socket.write('PING\r\n');
    await once(socket, 'data');
  }
  expect(await textUntilEnd(await dial())).toBe('-ERR max number of clients reached\r\n');
  for (const socket of sockets) socket.destroy();
  await eventually(async () => {
    const socket = await dial();
    socket.end('QUIT\r\n');
    expect(await textUntilEnd(socket)).toBe('+OK\r\n');
  });
});
