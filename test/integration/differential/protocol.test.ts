import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { findProgram, howToInstall } from '../../support/programs.ts';
import { connectRaw } from '../../support/raw-resp.ts';
import { type RedisServer, startRedis } from '../../support/redis-server.ts';
import type { Endpoint } from './sides.ts';
import { startTarget, type Target } from './target.ts';

/** Bytes as they come from a client that is no ordinary one, each on a new connection to either server. */
const inputs: Readonly<Record<string, readonly string[]>> = {
  'inline commands': [
    'PING\r\n',
    'PING\n',
    'ping hello\r\n',
    '  PING  \r\n',
    '\tPING\t\n',
    '\r\n\r\nPING\r\n',
    '\n\n\nPING\n',
    'ECHO "hello world"\r\n',
    "ECHO 'hello world'\r\n",
    'ECHO "a\\x41\\n\\r\\t\\b\\a\\"\\\\z"\r\n',
    "ECHO 'a\\'b\\x41'\r\n",
    'ECHO ""\r\n',
    'ECHO a"b"\r\n',
    'ECHO "a"b\r\n',
    'ECHO "a\r\n',
    "ECHO 'a\r\n",
    'ECHO \x00\r\n',
    'ECHO a\x00b\r\n',
    'ECHO \xff\r\n',
    'PING\r\nPING\r\nPING\r\n',
    'PING\rPING\r\n',
    'NOSUCH a b\r\n',
    '"PING"\r\n',
    '""\r\n',
    'GET\r\n',
    'SET inline 1\r\nGET inline\r\n',
    '$4\r\nPING\r\n',
    '+PING\r\n',
    ':1\r\n',
    '%1\r\n',
    'PI',
    'PING',
  ],
  'arrays of bulk strings': [
    '*1\r\n$4\r\nPING\r\n',
    '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n',
    '*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n',
    '*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n',
    '*0\r\n*1\r\n$4\r\nPING\r\n',
    '*-1\r\n*1\r\n$4\r\nPING\r\n',
    '*-100\r\nPING\r\n',
    '*01\r\n$4\r\nPING\r\n',
    '*1\r\n$04\r\nPING\r\n',
    '*+1\r\n$4\r\nPING\r\n',
    '*1\r\n$+4\r\nPING\r\n',
    '* 1\r\n$4\r\nPING\r\n',
    '*1 \r\n$4\r\nPING\r\n',
    '*1\r\n$4 \r\nPING\r\n',
    '*1\n$4\nPING\n',
    '*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n',
    '*1\r\n$4\r\nPING\n\n*1\r\n$4\r\nPING\r\n',
    '*1\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n',
    '*2\r\n$4\r\nPING\r\n',
    '*1\r\n$4\r\nPIN',
    '*1\r\n',
    '*',
    '*1\r\n\r\n',
  ],
  'what is no RESP': [
    '*abc\r\n',
    '*\r\n',
    '*1.5\r\n',
    '*99999999999\r\n',
    '*1048577\r\n',
    '*2147483648\r\n',
    '*9223372036854775808\r\n',
    '*1\r\n$abc\r\n',
    '*1\r\n$\r\n',
    '*1\r\n$-1\r\n',
    '*1\r\n$-2\r\n',
    '*1\r\n$536870913\r\n',
    '*1\r\n$9223372036854775808\r\n',
    '*1\r\nPING\r\n',
    '*1\r\n:1\r\n',
    '*1\r\n+PING\r\n',
    '*1\r\n*1\r\n$4\r\nPING\r\n',
    '*1\r\n\xff\r\n',
    '*2\r\n$4\r\nECHO\r\n:1\r\n',
    'PING\r\n*x\r\nPING\r\n',
    '*1\r\n$4\r\nPING\r\n*1\r\n$x\r\n*1\r\n$4\r\nPING\r\n',
    `*${'1'.repeat(70_000)}`,
    `*1\r\n$${'1'.repeat(70_000)}`,
    'x'.repeat(70_000),
    `PING ${'x'.repeat(60_000)}\r\n`,
  ],
  'what a web browser sends': [
    'POST / HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'Host: localhost\r\n',
    'host: localhost\r\n',
    'post / HTTP/1.1\r\n',
    '*1\r\n$4\r\nPOST\r\n',
    '*1\r\n$5\r\nHost:\r\n',
    '*1\r\n$4\r\npost\r\n*1\r\n$4\r\nPING\r\n',
  ],
  'pipelines around an end of the connection': [
    'PING\r\nQUIT\r\nPING\r\n',
    'MULTI\r\nQUIT\r\n',
    'SUBSCRIBE a\r\nQUIT\r\n',
    'NOSUCH\r\nPING\r\nGET\r\nPING\r\n',
    'MULTI\r\nSET pipelined 1\r\nGET pipelined\r\nEXEC\r\nPING\r\n',
    'HELLO 3\r\nGET nosuch\r\nHELLO 2\r\nGET nosuch\r\n',
    'SUBSCRIBE a\r\nPING\r\nGET x\r\nUNSUBSCRIBE\r\nPING\r\n',
  ],
};

/** Where Sluice is meant to answer otherwise: why, and how. */
const differences: Readonly<Record<string, { readonly reason: string; readonly received: string }>> = {
  'ECHO \x00\r\n': {
    reason: 'Redis sees no end of a line behind a zero byte and waits for ever',
    received: '-ERR Protocol error: NUL in inline request\r\n',
  },
  'ECHO a\x00b\r\n': {
    reason: 'Redis sees no end of a line behind a zero byte and waits for ever',
    received: '-ERR Protocol error: NUL in inline request\r\n',
  },
  '*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n': {
    reason:
      'Redis skips any two bytes after a bulk string; two parsers that disagree on where a command ends are a way in',
    received: '-ERR Protocol error: expected CRLF after a bulk\r\n',
  },
  '*1\r\n$4\r\nPING\n\n*1\r\n$4\r\nPING\r\n': {
    reason: 'as above',
    received: '-ERR Protocol error: expected CRLF after a bulk\r\n',
  },
  '*1048577\r\n': {
    reason: 'Redis allows 2147483647 words in one command; Sluice 1048576',
    received: '-ERR Protocol error: invalid multibulk length\r\n',
  },
};

const missing = findProgram('redis-server') === undefined ? howToInstall('redis-server') : undefined;

let reference: RedisServer;
let target: Target;

beforeAll(async () => {
  if (missing !== undefined) return;
  reference = await startRedis();
  target = await startTarget();
});

afterAll(async () => {
  await target?.[Symbol.asyncDispose]();
  await reference?.stop();
});

/** A connection that keeps whatever comes, whether it is RESP or not. */
async function send(
  endpoint: Endpoint,
  input: string,
): Promise<{ received: () => string; isClosed: () => boolean } & AsyncDisposable> {
  const client = await connectRaw(endpoint);
  let received = '';
  let closed = false;
  client.socket.removeAllListeners('data');
  client.socket.on('data', (chunk) => {
    received += chunk.latin1Slice();
  });
  // Version and connection id, as in compare.ts.
  const masked = (): string => received.replace(/(version\r\n\$)\d\r\n[\d.]+|(id\r\n:)\d+/g, '$1$2…');
  client.socket.on('close', () => {
    closed = true;
  });
  client.write(input);
  return { received: masked, isClosed: () => closed, [Symbol.asyncDispose]: client.close };
}

const shortened = (input: string): string => JSON.stringify(input.length > 60 ? `${input.slice(0, 60)}…` : input);

describe.skipIf(missing !== undefined).each(Object.entries(inputs))('%s', (_, group) => {
  test.concurrent.each(group.map((input) => [shortened(input), input]))('%s', async (__, input) => {
    const difference = process.env['SLUICE_DIFF_TARGET'] === 'redis' ? undefined : differences[input];
    if (difference !== undefined) {
      await using actual = await send(target.endpoint, input);
      await eventually(() => expect([actual.received(), actual.isClosed()]).toEqual([difference.received, true]));
      return;
    }
    await using expected = await send(reference, input);
    // Nothing says that a server has nothing more to say.
    await sleep(150);
    await using actual = await send(target.endpoint, input);
    await eventually(
      () => expect([actual.received(), actual.isClosed()]).toEqual([expected.received(), expected.isClosed()]),
      { timeoutMs: 2_000 },
    );
    if (!expected.isClosed()) await sleep(50);
    expect([actual.received(), actual.isClosed()]).toEqual([expected.received(), expected.isClosed()]);
  });
});

describe.skipIf(missing !== undefined)('whatever the pieces a pipeline comes in', () => {
  test('the replies are the same', async () => {
    const values = ['', 'x', '\r\n', '*1\r\n$4\r\nPING\r\n', 'y'.repeat(70_000), '\x00\xff'.repeat(1_000)];
    const commands = values.flatMap((value, i) => [
      `*3\r\n$3\r\nSET\r\n$2\r\nk${i}\r\n$${value.length}\r\n${value}\r\n`,
      `GET k${i}\r\n`,
      `*2\r\n$6\r\nSTRLEN\r\n$2\r\nk${i}\r\n`,
    ]);
    const stream = `${commands.join('')}MGET ${values.map((_, i) => `k${i}`).join(' ')}\r\n`;
    const replies = async (endpoint: Endpoint, pieces: readonly string[]): Promise<string> => {
      await using client = await connectRaw(endpoint);
      for (const piece of pieces) {
        client.write(piece);
        // So that the pieces arrive as such.
        await new Promise((resolve) => setImmediate(resolve));
      }
      const all: string[] = [];
      for (let i = 0; i <= commands.length; i++) all.push(await client.next());
      return all.join('');
    };
    const expected = await replies(reference, [stream]);
    for (const size of [1, 2, 3, 7, 1_000, 16_384, 65_536, stream.length]) {
      const head = stream.slice(0, size * 200);
      const pieces = [...(head.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []), stream.slice(head.length)];
      expect((await replies(target.endpoint, pieces)) === expected, `pieces of ${size}`).toBe(true);
    }
  });

  test('many commands at once are answered in order', async () => {
    const commands = Array.from({ length: 5_000 }, (_, i) => [
      ['INCR', 'n'],
      ['RPUSH', 'l', `${i}`],
      ['SET', `key${i % 100}`, `${i}`],
      ['GET', `key${(i * 7) % 100}`],
      ['LRANGE', 'l', `${i}`, '-1'],
    ]).flat();
    const [expected, actual] = await Promise.all(
      [reference, target.endpoint].map(async (endpoint) => {
        await using client = await connectRaw(endpoint);
        await client.command('FLUSHALL');
        return await client.pipeline(commands);
      }),
    );
    expect(actual?.length).toBe(expected?.length);
    expect(actual?.findIndex((reply, i) => reply !== expected?.[i])).toBe(-1);
  });
});
