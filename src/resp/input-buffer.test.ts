import { describe, expect, it } from 'vitest';
import { InputBuffer } from './input-buffer.ts';

const left = (input: InputBuffer): string => input.bytes.latin1Slice(input.at, input.end);

/** Counts the bytes that reach `copy`, which is all that moving costs. */
function countingCopies(run: () => void): number {
  const original = Buffer.prototype.copy;
  let copied = 0;
  Buffer.prototype.copy = function copy(this: Buffer, ...args: unknown[]): number {
    const bytes = original.apply(this, args as Parameters<typeof original>);
    copied += bytes;
    return bytes;
  };
  try {
    run();
  } finally {
    Buffer.prototype.copy = original;
  }
  return copied;
}

describe('InputBuffer', () => {
  it('holds the chunk itself while nothing is left over', () => {
    const input = new InputBuffer();
    const chunk = Buffer.from('abc');
    input.push(chunk);
    expect(input.bytes).toBe(chunk);
    input.at = 3;
    const second = Buffer.from('de');
    input.push(second);
    expect(input.bytes).toBe(second);
  });

  it('joins what is left with what comes', () => {
    const input = new InputBuffer();
    let expected = '';
    for (let i = 0; i < 2000; i++) {
      const text = `${i},`.repeat(i % 7);
      input.push(Buffer.from(text));
      expected += text;
      const taken = Math.min(expected.length, (i * 31) % 23);
      input.at += taken;
      expected = expected.slice(taken);
      input.settle();
      expect(left(input)).toBe(expected);
    }
  });

  it('copies each byte a few times at most, however small the chunks', () => {
    const bytes = 1 << 18;
    const one = Buffer.from('x');
    const waiting = countingCopies(() => {
      const input = new InputBuffer();
      for (let i = 0; i < bytes; i++) input.push(one);
      expect(input.length).toBe(bytes);
    });
    expect(waiting).toBeLessThan(4 * bytes);
    const draining = countingCopies(() => {
      const input = new InputBuffer();
      input.push(Buffer.alloc(1000));
      for (let i = 0; i < bytes; i++) {
        input.push(one);
        input.at++;
        input.settle();
      }
    });
    expect(draining).toBeLessThan(4 * bytes);
    const full = countingCopies(() => {
      const input = new InputBuffer();
      input.push(Buffer.alloc(1));
      input.expected = bytes;
      input.push(Buffer.alloc(bytes - 1));
      while (input.end < input.bytes.length) input.push(one);
      for (let i = 0; i < 1000; i++) {
        input.at++;
        input.push(one);
      }
    });
    expect(full).toBeLessThan(4 * bytes);
  });

  it('grows to what is expected and little more', () => {
    const input = new InputBuffer();
    const chunk = Buffer.alloc(64 * 1024);
    input.push(chunk);
    input.expected = 10 * 1024 * 1024;
    while (input.length < input.expected) input.push(chunk);
    expect(input.bytes.length).toBeLessThanOrEqual(input.expected + 128 * 1024);
  });

  it('lets go of memory that a little rest does not need', () => {
    const input = new InputBuffer();
    input.push(Buffer.alloc(1));
    input.push(Buffer.alloc(1 << 20));
    input.at = input.end - 10;
    input.settle();
    expect(input.length).toBe(10);
    expect(input.bytes.length).toBeLessThan(1024);
    input.at = input.end;
    input.settle();
    expect(input.bytes.length).toBe(0);
  });
});
