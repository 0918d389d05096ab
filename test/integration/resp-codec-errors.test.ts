/** What our decoder makes of malformed input against what a real server answers to the same bytes. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ByteString } from '../../src/kernel/bytes.ts';
import { CommandDecoder, type DecoderLimits } from '../../src/resp/decoder.ts';
import { ProtocolError } from '../../src/resp/protocol-error.ts';
import { Reply } from '../../src/resp/reply.ts';
import { findProgram, howToInstall } from '../support/programs.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

const missing = findProgram('redis-server') === undefined ? howToInstall('redis-server') : undefined;
const title = `the decoder and a real server${missing === undefined ? '' : ` (skipped: ${missing})`}`;

const limits: DecoderLimits = {
  maxBulkBytes: 512 * 1024 * 1024,
  maxArguments: 2 ** 31 - 1,
  maxInlineBytes: 64 * 1024,
  maxQueryBytes: 1024 * 1024 * 1024,
};
const stranger: DecoderLimits = { ...limits, maxArguments: 10, maxBulkBytes: 16 * 1024 };

/** Sent after every input: its answer, or the end of the connection, says that the server is done. */
const END = 'echo the-end\r\n';
const END_REPLY = '$7\r\nthe-end\r\n';
const CLOSED = '<closed>';

/** All the server answers to `input` and `end`, until it has answered that or closed the connection. */
function answersOfServer(port: number, input: string, end = END): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answers = '';
    const timer = setTimeout(() => {
      socket.destroy();
      const told = JSON.stringify([input.slice(0, 100), answers.slice(0, 100)]);
      reject(new Error(`the server waits for more; input and answers: ${told}`));
    }, 5000);
    const done = (text: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    socket.on('data', (chunk: Buffer) => {
      answers += chunk.latin1Slice();
      if (answers.endsWith(END_REPLY)) done(answers);
    });
    // It may close before it has read everything.
    socket.on('error', () => {});
    socket.on('close', () => done(answers + CLOSED));
    socket.write(input + end, 'latin1');
  });
}

/** What a server with our decoder would answer, byte by byte; it knows the commands that the inputs here use. */
function answersOfOurs(input: string, with_: DecoderLimits, chunkSize: number): string {
  const decoder = new CommandDecoder(with_);
  const reply = new Reply();
  const bytes = Buffer.from(input + END, 'latin1');
  try {
    for (let at = 0; at < bytes.length; at += chunkSize) {
      decoder.push(bytes.subarray(at, at + chunkSize));
      for (let argv = decoder.next(); argv !== undefined; argv = decoder.next()) run(argv, reply);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    reply.error(`ERR ${error.message}`);
    return reply.take() + CLOSED;
  }
  return reply.take();
}

function run(argv: readonly ByteString[], reply: Reply): void {
  const [given = '', ...words] = argv;
  const name = given.toLowerCase();
  if (name === 'ping' && words.length === 0) reply.simple('PONG');
  else if ((name === 'ping' || name === 'echo') && words.length === 1) reply.bulk(words[0] as string);
  else if (name === 'ping' || name === 'echo') reply.error(`ERR wrong number of arguments for '${name}' command`);
  else if (name === 'eval') {
    // EVAL "return ARGV" 0 …
    reply.array(words.length - 2);
    for (const word of words.slice(2)) reply.bulk(word);
  } else
    reply.error(`ERR unknown command '${given}', with args beginning with: ${words.map((w) => `'${w}' `).join('')}`);
}

describe.skipIf(missing !== undefined)(title, () => {
  let open: RedisServer;
  let closed: RedisServer;
  beforeAll(async () => {
    [open, closed] = await Promise.all([startRedis(), startRedis({ args: ['--requirepass', 'secret'] })]);
  });
  afterAll(async () => {
    await Promise.all([open?.stop(), closed?.stop()]);
  });

  it.each([
    // Counts.
    '*01\r\n$4\r\nPING\r\n',
    '*+1\r\n$4\r\nPING\r\n',
    '*-0\r\n',
    '*-1\r\n',
    '*-5\r\nPING\r\n',
    '*0\r\n*-3\r\nPING\r\n',
    '*-9223372036854775808\r\n',
    '*-9223372036854775809\r\n',
    '*-x\r\n',
    '*--1\r\n',
    '*\r\n',
    '*abc\r\n',
    '*abc',
    '* 1\r\n',
    '*1 \r\n',
    '*2147483648\r\n',
    '*9223372036854775808\r\n',
    '*99999999999999999999\r\n',
    `*${'1'.repeat(65_000)}`,
    // Lengths.
    '*1\r\n$-1\r\n',
    '*1\r\n$-0\r\n',
    '*1\r\n$04\r\nPING\r\n',
    '*1\r\n$+4\r\nPING\r\n',
    '*1\r\n$\r\n',
    '*1\r\n$4 \r\nPING\r\n',
    '*1\r\n$536870913\r\n',
    '*1\r\n$9223372036854775807\r\n',
    '*1\r\n$18446744073709551616\r\n',
    '*1\r\n$0\r\n\r\n',
    '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n',
    // Something else where a length should be.
    '*1\r\nPING\r\n',
    '*1\r\nPING',
    '*1\r\n\r\n',
    '*1\r\n\n\r\n',
    '*1\r\n:1\r\n',
    '*1\r\n\xe9\r\n',
    '*2\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n',
    // Inline.
    '\r\n\n  \r\n\t\r\n',
    '"abc\r\n',
    "'abc\r\n",
    '"a"b\r\n',
    "'a'b\r\n",
    '"\r\n',
    '"\\\r\n',
    'PING "abc\\"\r\n',
    "PING 'abc\\'\r\n",
    'PING a"b c"\r\n',
    `PING 'a\\'b\\n'\r\n`,
    'PING "\\x41\\n\\r\\t\\b\\a\\q\\\\\\"\\x4"\r\n',
    'PING "\\x4g\\xfF\\x00"\r\n',
    'PING a\vb\r\n',
    '\vPING\f a\r\n',
    'PING "a"\vb\r\n',
    'PING a\rb\n',
    'PING a\r\r\n',
    'PING\n',
    '"" a\r\n',
    '""\r\n',
    'PING ""\r\n',
    'PING\r\n*x\r\nPING\r\n',
  ])('agree on %.40j', async (input) => {
    const answers = await answersOfServer(open.port, input);
    for (const size of [1, 7, Number.POSITIVE_INFINITY]) expect(answersOfOurs(input, limits, size)).toBe(answers);
  });

  it.each([
    'A'.repeat(65_537),
    `*${'1'.repeat(65_536)}`,
    `*1\r\n$${'1'.repeat(65_536)}`,
    `*1\r\n${'x'.repeat(65_537)}`,
  ])('agree on %.10j…, a line that does not end', async (input) => {
    const answers = await answersOfServer(open.port, input, '');
    for (const size of [7, Number.POSITIVE_INFINITY]) expect(answersOfOurs(input, limits, size)).toBe(answers);
  });

  it.each([
    '*11\r\n$4\r\nPING\r\n',
    '*1\r\n$16385\r\n',
    '*2147483648\r\n',
    '*1\r\n$536870913\r\n',
    '*x\r\n',
    '*1\r\n$-1\r\n',
    '*1\r\n:\r\n',
  ])('agree on %j before authentication', async (input) => {
    expect(answersOfOurs(input, stranger, 3)).toBe(await answersOfServer(closed.port, input));
  });

  it('agree on how lines are split into words', async () => {
    const piece = fc.constantFrom(
      'a',
      'b ',
      ' ',
      '\t',
      '"',
      "'",
      '\\',
      '\\"',
      "\\'",
      '\\x4',
      '1',
      '\\n',
      '\v',
      '\f',
      '\r',
      'é',
    );
    const lines = fc.array(piece, { maxLength: 14 }).map((pieces) => `eval "return ARGV" 0 ${pieces.join('')}\n`);
    await fc.assert(
      fc.asyncProperty(lines, async (input) => {
        expect(answersOfOurs(input, limits, 5)).toBe(await answersOfServer(open.port, input));
      }),
      { numRuns: 250 },
    );
  });

  it('agree on what is put together at random from pieces of the protocol', async () => {
    const piece = fc.constantFrom(
      ...['*', '$', '1', '2', '4', '0', '-', '\r\n', '\r\n', '\n', 'PING', 'PING\r\n', 'ECHO', ' ', '"', "'", ':', 'x'],
      ...[
        '*1\r\n',
        '*2\r\n',
        '*3\r\n',
        '$4\r\n',
        '$1\r\n',
        '$0\r\n\r\n',
        '$4\r\nPING\r\n',
        '$4\r\nECHO\r\n',
        '$1\r\na\r\n',
      ],
    );
    const inputs = fc
      .array(piece, { maxLength: 12 })
      // A count left open takes the end for its own; both sides would wait.
      .map((pieces) => `${pieces.join('')}\r\n`)
      .filter((input) => {
        const ours = answersOfOurs(input, limits, 1000);
        // Here we refuse what Redis skips unseen.
        if (ours.includes('expected CRLF after a bulk')) return false;
        return ours.endsWith(CLOSED) || ours.endsWith(END_REPLY);
      });
    await fc.assert(
      fc.asyncProperty(inputs, async (input) => {
        expect(answersOfOurs(input, limits, 3)).toBe(await answersOfServer(open.port, input));
      }),
      { numRuns: 250 },
    );
  });
});
