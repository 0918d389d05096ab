import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Relay, startRelay } from '../support/tcp-relay.ts';

interface Peer {
  readonly socket: Socket;
  text: string;
  readonly chunks: string[];
  ended: boolean;
  error: string | undefined;
}

function peerOf(socket: Socket): Peer {
  const peer: Peer = { socket, text: '', chunks: [], ended: false, error: undefined };
  socket.on('data', (chunk: Buffer) => {
    peer.chunks.push(chunk.latin1Slice());
    peer.text += chunk.latin1Slice();
  });
  socket.on('end', () => {
    peer.ended = true;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    peer.error = error.code;
  });
  return peer;
}

const targets: Peer[] = [];
const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => targets.push(peerOf(socket)));
let relay: Relay;

beforeEach(async () => {
  targets.length = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  relay = await startRelay({ target: { port: (server.address() as { port: number }).port } });
});

afterEach(async () => {
  await relay[Symbol.asyncDispose]();
  for (const { socket } of targets) socket.destroy();
  server.close();
  await once(server, 'close');
});

/** A client through the relay and what it reaches. */
async function open(): Promise<{ client: Peer; target: Peer }> {
  const known = targets.length;
  const socket = connect({ port: relay.port, host: relay.host, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  const client = peerOf(socket);
  return { client, target: await eventually(() => targets[known] ?? Promise.reject(new Error('not there'))) };
}

const until = (isTrue: () => boolean): Promise<void> =>
  eventually(() => {
    if (!isTrue()) throw new Error('not yet');
  });

describe('a relay', () => {
  it('passes bytes and ends on, both ways, and counts connections', async () => {
    const { client, target } = await open();
    expect([relay.connections, relay.accepted]).toEqual([1, 1]);
    client.socket.write('up\0\xff', 'latin1');
    target.socket.write('down');
    await until(() => target.text === 'up\0\xff' && client.text === 'down');
    client.socket.end();
    await until(() => target.ended);
    expect(client.ended).toBe(false);
    target.socket.end('last');
    await until(() => client.ended && client.text === 'downlast');
    await until(() => relay.connections === 0);
  });

  it('swallows one direction and lets the other through', async () => {
    const { client, target } = await open();
    relay.set('swallow', 'down');
    client.socket.write('a');
    await until(() => target.text === 'a');
    target.socket.write('lost');
    client.socket.write('b');
    await until(() => target.text === 'ab');
    relay.set('pass');
    target.socket.write('kept');
    await until(() => client.text !== '');
    expect(client.text).toBe('kept');
  });

  it('stalls until the mode changes, so that the sender is held up', async () => {
    relay.set('stall', 'up');
    const { client, target } = await open();
    const large = 'x'.repeat(16 * 2 ** 20);
    client.socket.write(large);
    target.socket.write('passes');
    await until(() => client.text === 'passes');
    expect(client.socket.writableLength).toBeGreaterThan(0);
    expect(target.text).toBe('');
    relay.set('pass');
    await until(() => target.text.length === large.length);
  });

  it('delays in order', async () => {
    const { client, target } = await open();
    relay.set({ kind: 'delay', ms: 50 }, 'up');
    const started = performance.now();
    client.socket.write('1');
    setTimeout(() => client.socket.end('2'), 10);
    await until(() => target.ended);
    expect(target.text).toBe('12');
    expect(performance.now() - started).toBeGreaterThan(45);
  });

  it('trickles and chops without changing a byte', async () => {
    const { client, target } = await open();
    relay.set({ kind: 'trickle', ms: 1 });
    client.socket.write('abcdef');
    await until(() => target.text === 'abcdef');
    expect(target.chunks.length).toBeGreaterThan(1);
    const random = [0, 0.5, 0.9];
    relay.set({ kind: 'chop', maxBytes: 10, random: () => random[target.text.length % 3] as number });
    client.socket.end('g'.repeat(1000));
    await until(() => target.ended);
    expect(target.text).toBe(`abcdef${'g'.repeat(1000)}`);
  });

  it('cuts by reset and by end', async () => {
    const first = await open();
    relay.cut('reset');
    await until(() => first.client.error === 'ECONNRESET' && first.target.error === 'ECONNRESET');
    const second = await open();
    second.client.socket.write('said');
    await until(() => second.target.text === 'said');
    relay.cut('end');
    await until(() => second.client.ended && second.target.ended);
    expect([second.client.error, second.target.error]).toEqual([undefined, undefined]);
    await until(() => relay.connections === 0);
  });

  it('half-closes', async () => {
    const { client, target } = await open();
    relay.halfClose('down');
    await until(() => client.ended);
    client.socket.write('still');
    await until(() => target.text === 'still');
    expect(target.ended).toBe(false);
  });

  it('refuses and ignores new connections', async () => {
    await relay.admit('refuse');
    const refused = peerOf(connect({ port: relay.port, host: relay.host }));
    await until(() => refused.error === 'ECONNREFUSED');
    await relay.admit('ignore');
    const ignored = peerOf(connect({ port: relay.port, host: relay.host }));
    await once(ignored.socket, 'connect');
    ignored.socket.write('anybody?');
    await relay.admit('pass');
    const { target } = await open();
    expect(targets).toEqual([target]);
    expect(ignored.ended).toBe(false);
  });
});
