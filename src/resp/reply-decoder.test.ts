import { describe, expect, it } from 'vitest';
import { ProtocolError } from './protocol-error.ts';
import {
  PushMessage,
  ReplyDecoder,
  ReplyError,
  type ReplyLimits,
  type ReplyValue,
  VerbatimText,
  WithAttributes,
} from './reply-decoder.ts';

/** The replies in `input`, given in chunks of `size` bytes; the message of the error that ended it, if one did, comes last. */
function decode(input: string, size = Number.POSITIVE_INFINITY, limits?: Partial<ReplyLimits>): ReplyValue[] {
  const decoder = new ReplyDecoder(limits);
  const bytes = Buffer.from(input, 'latin1');
  const replies: ReplyValue[] = [];
  try {
    for (let at = 0; at < bytes.length; at += size) {
      decoder.push(bytes.subarray(at, at + size));
      for (let reply = decoder.next(); reply !== undefined; reply = decoder.next()) replies.push(reply);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    replies.push(error.message);
  }
  return replies;
}

describe('ReplyDecoder', () => {
  it.each<[string, ReplyValue]>([
    ['+OK\r\n', 'OK'],
    ['+\r\n', ''],
    ['-ERR no\r\n', new ReplyError('ERR no')],
    ['!7\r\nERR\r\nno\r\n', new ReplyError('ERR\r\nno')],
    [':7\r\n', 7],
    [':-7\r\n', -7],
    [':+7\r\n', 7],
    [':9007199254740991\r\n', 9007199254740991],
    [':9223372036854775807\r\n', 9223372036854775807n],
    [':-9223372036854775808\r\n', -9223372036854775808n],
    ['$4\r\na\r\nb\r\n', 'a\r\nb'],
    ['$0\r\n\r\n', ''],
    ['$3\r\n\x00\xff\x80\r\n', '\x00\xff\x80'],
    ['$-1\r\n', null],
    ['*-1\r\n', null],
    ['_\r\n', null],
    ['#t\r\n', true],
    ['#f\r\n', false],
    [',3\r\n', 3],
    [',-1.5e-07\r\n', -1.5e-7],
    [',.5\r\n', 0.5],
    [',inf\r\n', Number.POSITIVE_INFINITY],
    [',-inf\r\n', Number.NEGATIVE_INFINITY],
    [',nan\r\n', Number.NaN],
    [',-nan\r\n', Number.NaN],
    ['(-100000000000000000000\r\n', -(10n ** 20n)],
    ['=6\r\ntxt:hi\r\n', new VerbatimText('txt', 'hi')],
    ['*0\r\n', []],
    ['*3\r\n*0\r\n*1\r\n:1\r\n$-1\r\n', [[], [1], null]],
    ['~2\r\n+a\r\n+b\r\n', new Set(['a', 'b'])],
    [
      '%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n',
      new Map<ReplyValue, ReplyValue>([
        ['a', 1],
        ['b', [2]],
      ]),
    ],
    ['%0\r\n', new Map()],
    ['>2\r\n+message\r\n$1\r\nx\r\n', new PushMessage(['message', 'x'])],
    ['|1\r\n+ttl\r\n:5\r\n+v\r\n', new WithAttributes(new Map([['ttl', 5]]), 'v')],
    [
      '|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n+v\r\n',
      new WithAttributes(
        new Map([
          ['a', 1],
          ['b', 2],
        ]),
        'v',
      ),
    ],
    ['*2\r\n|1\r\n+a\r\n:1\r\n*1\r\n:1\r\n:2\r\n', [new WithAttributes(new Map([['a', 1]]), [1]), 2]],
    ['|1\r\n+a\r\n*1\r\n:1\r\n*1\r\n:1\r\n', new WithAttributes(new Map([['a', [1]]]), [1])],
    ['*1\r\n|0\r\n:1\r\n', [new WithAttributes(new Map(), 1)]],
  ])('decodes %j under any split', (input, value) => {
    for (const size of [1, 2, 3, 1000]) expect(decode(`${input}:1\r\n${input}`, size)).toEqual([value, 1, value]);
  });

  it.each([
    ['x\r\n', 'invalid reply type "x"'],
    ['PING\r\n', 'invalid reply type "P"'],
    [':1x\r\n', 'invalid integer'],
    [':\r\n', 'invalid integer'],
    ['_x\r\n', 'invalid null'],
    ['#x\r\n', 'invalid boolean'],
    [',1.2.3\r\n', 'invalid double'],
    [',\r\n', 'invalid double'],
    ['(1.5\r\n', 'invalid big number'],
    ['=3\r\ntxt\r\n', 'verbatim string without format'],
    ['$-2\r\n', 'invalid bulk length'],
    ['$\r\n', 'invalid bulk length'],
    ['$9999999999999999\r\n', 'invalid bulk length'],
    ['!-1\r\n', 'invalid bulk length'],
    ['=-1\r\n', 'invalid bulk length'],
    ['*-2\r\n', 'invalid multibulk length'],
    ['*x\r\n', 'invalid multibulk length'],
    ['%-1\r\n', 'invalid multibulk length'],
    ['*4294967295\r\n', 'reply of too many elements'],
    ['*?\r\n', 'streamed strings and aggregates are not taken'],
    ['$?\r\n', 'streamed strings and aggregates are not taken'],
    ['*1\r\n>0\r\n', 'push message inside a reply'],
    ['$1\r\nab\r\n', 'expected CRLF after a bulk'],
    ['+a\rb\r\n', 'carriage return without line feed'],
    ['+a\nb\r\n', 'line feed without carriage return'],
    [`+${'a'.repeat(65_537)}`, 'too long a line'],
    [`+${'a'.repeat(65_537)}\r\n`, 'too long a line'],
  ])('refuses %.20j', (input, text) => {
    for (const size of [1, 7, 1_000_000]) {
      expect(decode(`+OK\r\n${input}`, size)).toEqual(['OK', `Protocol error: ${text}`]);
    }
  });

  it('takes 128 levels by default and refuses more, 50,000 as well', () => {
    expect(decode(`${'*1\r\n'.repeat(128)}:1\r\n`)).toHaveLength(1);
    expect(decode(`${'*1\r\n'.repeat(50_000)}:1\r\n`)).toEqual(['Protocol error: reply nested too deep']);
    expect(decode('|1\r\n'.repeat(50_000), 3)).toEqual(['Protocol error: reply nested too deep']);
  });

  it('needs no stack for depth that is allowed', () => {
    expect(decode(`${'*1\r\n'.repeat(50_000)}:1\r\n`, 1000, { maxDepth: 50_000 })).toHaveLength(1);
  });

  it('counts the elements of all levels of one reply, and of that only', () => {
    const limits = { maxElements: 5 };
    expect(decode('*2\r\n*1\r\n:1\r\n%1\r\n:1\r\n:1\r\n'.repeat(3), 4, limits)).toHaveLength(3);
    expect(decode('*2\r\n*1\r\n:1\r\n%2\r\n', 4, limits)).toEqual(['Protocol error: reply of too many elements']);
  });

  it('refuses a string above the limit before it has come', () => {
    expect(decode('$11\r\n', 1, { maxBulkBytes: 10 })).toEqual(['Protocol error: invalid bulk length']);
  });

  it('throws again after an error, whatever comes', () => {
    const decoder = new ReplyDecoder();
    decoder.push(Buffer.from('x\r\n+OK\r\n'));
    expect(() => decoder.next()).toThrow(ProtocolError);
    decoder.push(Buffer.from('+OK\r\n'));
    expect(() => decoder.next()).toThrow(ProtocolError);
    expect(decoder.buffered).toBe(0);
  });
});
