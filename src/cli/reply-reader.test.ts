import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorReply, ReplyReader, type ReplyValue } from './reply-reader.ts';

function readAll(chunks: readonly Buffer[]): ReplyValue[] {
  const reader = new ReplyReader();
  const replies: ReplyValue[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let reply = reader.next(); reply !== undefined; reply = reader.next()) replies.push(reply);
  }
  return replies;
}

describe('ReplyReader', () => {
  const text =
    '+OK\r\n:-12\r\n$-1\r\n$0\r\n\r\n$4\r\n\r\n\xff\0\r\n*2\r\n$1\r\n7\r\n*2\r\n$1\r\na\r\n*-1\r\n-ERR no\r\n';
  const expected = ['OK', -12, null, '', '\r\n\xff\0', ['7', ['a', null]], new ErrorReply('ERR no')];

  it('reads replies wherever the stream is cut', () => {
    const bytes = Buffer.from(text, 'latin1');
    expect(readAll([bytes])).toEqual(expected);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
        const ends = [...cuts.sort((a, b) => a - b), bytes.length];
        expect(readAll(ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)))).toEqual(expected);
      }),
    );
  });

  it.each(['HTTP/1.1 400 Bad Request\r\n', ':x\r\n', '$1e9\r\n', '*1\r\n'.repeat(20), 'x'.repeat(70_000)])(
    'refuses what is no reply (%#)',
    (bytes) => {
      expect(() => readAll([Buffer.from(bytes)])).toThrow();
    },
  );
});
