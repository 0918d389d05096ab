import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from './protocol-error.ts';
import { ReplyFramer } from './reply-framer.ts';

/** A whole reply of any shape, as text. */
const scalar = fc.oneof(
  fc.constantFrom(
    '+OK\r\n',
    '-ERR no\r\n',
    ':1\r\n',
    '_\r\n',
    '#t\r\n',
    ',1.5\r\n',
    '(123456789012345678901\r\n',
    '$-1\r\n',
    '*-1\r\n',
  ),
  fc
    .string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 40 })
    .map((text) => `$${text.length}\r\n${text}\r\n`),
  fc.constantFrom('=7\r\ntxt:a\r\n\r\n', '!5\r\nERR x\r\n'),
);
const { reply } = fc.letrec<{ reply: string }>((tie) => ({
  reply: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('reply'), { maxLength: 4 }).map((items) => `*${items.length}\r\n${items.join('')}`),
    fc.array(tie('reply'), { maxLength: 4 }).map((items) => `~${items.length}\r\n${items.join('')}`),
    fc
      .array(fc.tuple(tie('reply'), tie('reply')), { maxLength: 3 })
      .map((items) => `%${items.length}\r\n${items.flat().join('')}`),
    fc.tuple(tie('reply'), tie('reply'), tie('reply')).map(([key, value, what]) => `|1\r\n${key}${value}${what}`),
    fc.array(tie('reply'), { maxLength: 3 }).map((items) => `>${items.length}\r\n${items.join('')}`),
  ),
}));

function framesOf(text: string, cuts: readonly number[]): string[] {
  const framer = new ReplyFramer();
  const frames: string[] = [];
  const bytes = Buffer.from(text, 'latin1');
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...at, bytes.length]) {
    framer.push(Buffer.from(bytes.subarray(from, to)));
    from = to;
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) frames.push(frame);
  }
  return frames;
}

describe('ReplyFramer', () => {
  it('finds every reply, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(reply, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (replies, cuts) => {
          expect(framesOf(replies.join(''), cuts)).toEqual(replies);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('finds them when the bytes come one at a time', () => {
    const text = '*2\r\n$3\r\nabc\r\n%1\r\n+k\r\n|1\r\n+a\r\n:1\r\n$-1\r\n-ERR x\r\n$0\r\n\r\n';
    expect(
      framesOf(
        text,
        Array.from({ length: text.length }, (_, i) => i),
      ),
    ).toEqual(['*2\r\n$3\r\nabc\r\n%1\r\n+k\r\n|1\r\n+a\r\n:1\r\n$-1\r\n', '-ERR x\r\n', '$0\r\n\r\n']);
  });

  it('needs no stack for nesting', () => {
    const text = `${'*1\r\n'.repeat(100_000)}:1\r\n`;
    expect(framesOf(text, [])).toEqual([text]);
  });

  it.each([
    ['$3\r\nabcd\r\n', 'expected CRLF after a bulk'],
    ['$-2\r\n', 'invalid length'],
    ['$1x\r\n', 'invalid length'],
    ['$\r\n', 'invalid length'],
    ['=-1\r\n', 'invalid bulk length'],
    ['%-1\r\n', 'invalid multibulk length'],
    ['+a\rb\r\n', 'carriage return without line feed'],
    ['hello\r\n', 'unexpected type byte'],
    ['$99999999999999999999\r\n', 'invalid length'],
    ['$999999999999\r\n', 'reply too long'],
  ])('refuses %j', (text, message) => {
    const framer = new ReplyFramer();
    framer.push(Buffer.from(text, 'latin1'));
    expect(() => framer.next()).toThrow(ProtocolError);
    expect(() => framer.next()).toThrow(message);
  });

  it('refuses a reply above its bound', () => {
    const framer = new ReplyFramer(100);
    framer.push(Buffer.from(`*2\r\n$60\r\n${'x'.repeat(60)}\r\n$60\r\n`));
    expect(() => framer.next()).toThrow('reply too long');
  });
});
