import { describe, expect, it } from 'vitest';
import type { ByteString } from '../kernel/bytes.ts';
import { CommandDecoder, type DecoderLimits } from './decoder.ts';
import { ProtocolError } from './protocol-error.ts';

const limits: DecoderLimits = {
  maxBulkBytes: 64 * 1024 * 1024,
  maxArguments: 1024 * 1024,
  maxInlineBytes: 64 * 1024,
  maxQueryBytes: 256 * 1024 * 1024,
};
const stranger: DecoderLimits = { ...limits, maxArguments: 10, maxBulkBytes: 16 * 1024 };

const encode = (...argv: ByteString[]): string =>
  `*${argv.length}\r\n${argv.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;

/** The commands in `input`, given in chunks of `size` bytes; the message of the error that ended it, if one did, comes last. */
function decode(input: string, size = Number.POSITIVE_INFINITY, with_ = limits): (ByteString[] | string)[] {
  const decoder = new CommandDecoder(with_);
  const bytes = Buffer.from(input, 'latin1');
  const commands: (ByteString[] | string)[] = [];
  try {
    for (let at = 0; at < bytes.length; at += size) {
      decoder.push(bytes.subarray(at, at + size));
      for (let argv = decoder.next(); argv !== undefined; argv = decoder.next()) commands.push(argv);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    commands.push(error.message);
  }
  return commands;
}

const refusal = (text: string): string => `Protocol error: ${text}`;

describe('CommandDecoder', () => {
  it('decodes pipelined commands of both forms, in order', () => {
    const input = `${encode('SET', 'k', 'v')}PING\r\n${encode('GET', 'k')}ECHO "a b"\n`;
    const commands = [['SET', 'k', 'v'], ['PING'], ['GET', 'k'], ['ECHO', 'a b']];
    for (const size of [1, 2, 3, 7, 1000]) expect(decode(input, size)).toEqual(commands);
  });

  it('keeps every byte of an argument, line ends included', () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).latin1Slice();
    for (const size of [1, 5, 1000])
      expect(decode(encode(all, '', '\r\n', '*1\r\n'), size)).toEqual([[all, '', '\r\n', '*1\r\n']]);
  });

  it('skips empty lines, empty commands and negative counts', () => {
    expect(decode('\r\n\n  \r\n*0\r\n*-1\r\n*-9223372036854775808\r\nPING\r\n')).toEqual([['PING']]);
  });

  it.each([
    ['*01\r\n', 'invalid multibulk length'],
    ['*+1\r\n', 'invalid multibulk length'],
    ['*-0\r\n', 'invalid multibulk length'],
    ['*-9223372036854775809\r\n', 'invalid multibulk length'],
    ['*\r\n', 'invalid multibulk length'],
    ['*abc\r\n', 'invalid multibulk length'],
    ['* 1\r\n', 'invalid multibulk length'],
    ['*1048577\r\n', 'invalid multibulk length'],
    ['*99999999999999999999\r\n', 'invalid multibulk length'],
    ['*1\r\n$-1\r\n', 'invalid bulk length'],
    ['*1\r\n$-0\r\n', 'invalid bulk length'],
    ['*1\r\n$04\r\n', 'invalid bulk length'],
    ['*1\r\n$\r\n', 'invalid bulk length'],
    ['*1\r\n$67108865\r\n', 'invalid bulk length'],
    ['*1\r\n$18446744073709551616\r\n', 'invalid bulk length'],
    ['*1\r\nPING\r\n', "expected '$', got 'P'"],
    ['*1\r\n:1\r\n', "expected '$', got ':'"],
    ['*2\r\n$1\r\na\r\n*1\r\n', "expected '$', got '*'"],
    ['*1\r\n\r\n', "expected '$', got '\r'"],
    ['"abc\r\n', 'unbalanced quotes in request'],
    [`${'A'.repeat(65_537)}`, 'too big inline request'],
    [`${'A'.repeat(65_537)}\r\n`, 'too big inline request'],
    [`*${'1'.repeat(65_536)}`, 'too big mbulk count string'],
    [`*1\r\n$${'1'.repeat(65_536)}`, 'too big bulk count string'],
    [`*1\r\n${'x'.repeat(65_537)}`, 'too big bulk count string'],
  ])('refuses %.20j as Redis does', (input, text) => {
    for (const size of [1, 1000, Number.POSITIVE_INFINITY]) {
      expect(decode(`PING\r\n${input}`, size)).toEqual([['PING'], refusal(text)]);
    }
  });

  it.each([
    ['*1\rX', 'invalid multibulk length'],
    ['*1\r\n$4\rXPING\r\n', 'invalid bulk length'],
    ['*1\r\n$4\r\nPINGxx', 'expected CRLF after a bulk'],
    ['*1\r\n$4\r\nPING\rx', 'expected CRLF after a bulk'],
    ['PI\0NG\r\n', 'NUL in inline request'],
  ])('refuses %j, which Redis repairs or waits on', (input, text) => {
    for (const size of [1, 1000]) expect(decode(input, size)).toEqual([refusal(text)]);
  });

  it('judges a line only once it is whole', () => {
    expect(decode('*abc')).toEqual([]);
    expect(decode('*1\r\nPING')).toEqual([]);
    expect(decode('A'.repeat(65_536))).toEqual([]);
  });

  it('takes an inline command of the greatest length', () => {
    const word = 'a'.repeat(65_536);
    expect(decode(`${word}\n`, 1000)).toEqual([[word]]);
  });

  it('refuses in the words for clients that have yet to authenticate, at their limits', () => {
    const largest = 'x'.repeat(16 * 1024);
    expect(decode(encode(largest), 100, stranger)).toEqual([[largest]]);
    expect(decode('*1\r\n$16385\r\n', 100, stranger)).toEqual([refusal('unauthenticated bulk length')]);
    expect(decode('*11\r\n', 100, stranger)).toEqual([refusal('unauthenticated multibulk length')]);
    expect(decode('*2147483648\r\n', 100, stranger)).toEqual([refusal('invalid multibulk length')]);
    expect(decode('*1\r\n$536870913\r\n', 100, stranger)).toEqual([refusal('invalid bulk length')]);
    expect(decode('*x\r\n', 100, stranger)).toEqual([refusal('invalid multibulk length')]);
    expect(decode('*1\r\n$-1\r\n', 100, stranger)).toEqual([refusal('invalid bulk length')]);
  });

  it('goes by new limits from the next length on', () => {
    const decoder = new CommandDecoder(stranger);
    decoder.push(Buffer.from(`AUTH x\r\n*11\r\n${'$1\r\na\r\n'.repeat(11)}`));
    expect(decoder.next()).toEqual(['AUTH', 'x']);
    decoder.limits = limits;
    expect(decoder.next()).toHaveLength(11);
  });

  it('refuses a command whose arguments together are too many bytes, before they have come', () => {
    const small = { ...limits, maxQueryBytes: 100 };
    for (const size of [1, 1000]) {
      expect(decode(encode('x'.repeat(40), 'x'.repeat(60)), size, small)).toHaveLength(1);
      expect(decode('*3\r\n$1\r\na\r\n$100\r\n', size, small)).toEqual([refusal('too big query buffer')]);
    }
  });

  it('holds a bounded amount of commands that nobody takes', () => {
    const decoder = new CommandDecoder({ ...limits, maxQueryBytes: 1000 });
    const chunk = Buffer.from('PING\r\n'.repeat(1000));
    let most = 0;
    for (let i = 0; i < 1000; i++) {
      decoder.push(chunk);
      most = Math.max(most, decoder.buffered);
    }
    expect(most).toBeLessThan(1000 + 65_536 + 2 + chunk.length + 1);
    expect(most).toBe(decoder.buffered);
    // What was taken in is still whole; what came after is not there.
    for (let i = 0; i < most / 'PING\r\n'.length; i++) expect(decoder.next()).toEqual(['PING']);
    expect(() => decoder.next()).toThrow(new ProtocolError('too big query buffer'));
    expect(decoder.buffered).toBe(0);
  });

  it('throws again after an error, whatever comes', () => {
    const decoder = new CommandDecoder(limits);
    decoder.push(Buffer.from('*x\r\nPING\r\n'));
    expect(() => decoder.next()).toThrow(ProtocolError);
    decoder.push(Buffer.from('PING\r\n'));
    expect(() => decoder.next()).toThrow(ProtocolError);
    expect(decoder.buffered).toBe(0);
  });

  it('counts what is buffered', () => {
    const decoder = new CommandDecoder(limits);
    decoder.push(Buffer.from('*2\r\n$3\r\nGET\r\n$10\r\nabc'));
    expect(decoder.next()).toBeUndefined();
    expect(decoder.buffered).toBe('GET'.length + 'abc'.length);
    decoder.push(Buffer.from('defghij\r\n'));
    expect(decoder.next()).toEqual(['GET', 'abcdefghij']);
    expect(decoder.buffered).toBe(0);
  });

  it('decodes several pushes that come before the first call', () => {
    const decoder = new CommandDecoder(limits);
    const value = 'v'.repeat(200_000);
    const bytes = Buffer.from(encode('SET', 'k', value).repeat(3), 'latin1');
    decoder.push(bytes.subarray(0, 100));
    expect(decoder.next()).toBeUndefined();
    for (let at = 100; at < bytes.length; at += 1000) decoder.push(bytes.subarray(at, at + 1000));
    for (let i = 0; i < 3; i++) expect(decoder.next()).toEqual(['SET', 'k', value]);
    expect(decoder.next()).toBeUndefined();
  });
});
