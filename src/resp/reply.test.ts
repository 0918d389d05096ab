import { describe, expect, it } from 'vitest';
import { Reply } from './reply.ts';

function built(proto: 2 | 3, build: (reply: Reply) => void): string {
  const reply = new Reply();
  reply.proto = proto;
  build(reply);
  expect(reply.size).toBe(Buffer.from(reply.take(), 'latin1').length);
  build(reply);
  return reply.take();
}

describe('Reply', () => {
  it.each<[string, (reply: Reply) => void, string, string]>([
    ['ok', (r) => r.ok(), '+OK\r\n', '+OK\r\n'],
    ['simple', (r) => r.simple('PONG'), '+PONG\r\n', '+PONG\r\n'],
    ['error', (r) => r.error('ERR no'), '-ERR no\r\n', '-ERR no\r\n'],
    ['int', (r) => r.int(7), ':7\r\n', ':7\r\n'],
    ['large int', (r) => r.int(2 ** 53 - 1), ':9007199254740991\r\n', ':9007199254740991\r\n'],
    ['negative int', (r) => r.int(-1), ':-1\r\n', ':-1\r\n'],
    ['bigint', (r) => r.int(2n ** 63n - 1n), ':9223372036854775807\r\n', ':9223372036854775807\r\n'],
    ['bulk', (r) => r.bulk('a\r\nb'), '$4\r\na\r\nb\r\n', '$4\r\na\r\nb\r\n'],
    ['empty bulk', (r) => r.bulk(''), '$0\r\n\r\n', '$0\r\n\r\n'],
    ['nil', (r) => r.nil(), '$-1\r\n', '_\r\n'],
    ['nilArray', (r) => r.nilArray(), '*-1\r\n', '_\r\n'],
    ['array', (r) => r.array(2), '*2\r\n', '*2\r\n'],
    ['long array', (r) => r.array(100_000), '*100000\r\n', '*100000\r\n'],
    ['map', (r) => r.map(2), '*4\r\n', '%2\r\n'],
    ['set', (r) => r.set(2), '*2\r\n', '~2\r\n'],
    ['push', (r) => r.push(3), '*3\r\n', '>3\r\n'],
    ['double', (r) => r.double(0.1), '$19\r\n0.10000000000000001\r\n', ',0.10000000000000001\r\n'],
    ['whole double', (r) => r.double(3), '$1\r\n3\r\n', ',3\r\n'],
    ['infinity', (r) => r.double(Number.NEGATIVE_INFINITY), '$4\r\n-inf\r\n', ',-inf\r\n'],
    ['true', (r) => r.bool(true), ':1\r\n', '#t\r\n'],
    ['false', (r) => r.bool(false), ':0\r\n', '#f\r\n'],
    ['verbatim', (r) => r.verbatim('hi'), '$2\r\nhi\r\n', '=6\r\ntxt:hi\r\n'],
    ['markdown', (r) => r.verbatim('hi', 'mkd'), '$2\r\nhi\r\n', '=6\r\nmkd:hi\r\n'],
    [
      'bigNumber',
      (r) => r.bigNumber(-(10n ** 20n)),
      '$22\r\n-100000000000000000000\r\n',
      '(-100000000000000000000\r\n',
    ],
    ['raw', (r) => r.raw('|0\r\n'), '|0\r\n', '|0\r\n'],
  ])('builds %s', (_name, build, two, three) => {
    expect(built(2, build)).toBe(two);
    expect(built(3, build)).toBe(three);
  });

  it('keeps an error on its line, also where writing it as bytes would make line ends', () => {
    // U+010D and U+010A lose their high byte when they are written as latin1.
    expect(built(2, (reply) => reply.error('ERR a\r\nb\u010d\u010ac\xe9'))).toBe('-ERR a  b  c\xe9\r\n');
  });

  it('starts anew after it was taken', () => {
    const reply = new Reply();
    reply.int(1);
    expect(reply.take()).toBe(':1\r\n');
    expect(reply.size).toBe(0);
    expect(reply.take()).toBe('');
  });

  it('keeps the order of what is beyond one part', () => {
    const reply = new Reply();
    let expected = '*300000\r\n';
    reply.array(300_000);
    for (let i = 0; i < 300_000; i++) {
      reply.int(i);
      expected += `:${i}\r\n`;
    }
    expect(reply.size).toBe(expected.length);
    expect(reply.take()).toBe(expected);
    expect(reply.size).toBe(0);
  });

  it.each([0, 5, 70_000, 150_000, 199_999, 200_000, 300_000])('drops what was built after %d bytes', (size) => {
    const reply = new Reply();
    let all = '';
    for (let i = 0; all.length < 200_000; i++) {
      reply.bulk(`value ${i}`);
      const { length } = `value ${i}`;
      all += `$${length}\r\nvalue ${i}\r\n`;
    }
    reply.drop(size);
    expect(reply.size).toBe(Math.min(size, all.length));
    reply.ok();
    expect(reply.take()).toBe(`${all.slice(0, size)}+OK\r\n`);
  });
});
