import { describe, expect, it } from 'vitest';
import { bytesToUtf8, fromBuffer, holdsBytes, toBuffer, utf8ToBytes, writeBytes } from './bytes.ts';

const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

describe('byte strings', () => {
  it('hold each byte as one char code', () => {
    const bytes = fromBuffer(allBytes);
    expect(Array.from(bytes, (char) => char.charCodeAt(0))).toEqual([...allBytes]);
    expect(toBuffer(bytes)).toEqual(allBytes);
  });

  it('take the part of the memory that an array views', () => {
    expect(fromBuffer(new Uint8Array(allBytes).subarray(65, 68))).toBe('ABC');
  });

  it('are the UTF-8 of a text', () => {
    for (const text of ['', 'plain', 'é', '日本', '\0', '😀']) {
      const bytes = utf8ToBytes(text);
      expect(toBuffer(bytes)).toEqual(Buffer.from(text, 'utf8'));
      expect(bytesToUtf8(bytes)).toBe(text);
    }
  });

  it('show what is no UTF-8 as U+FFFD', () => {
    expect(bytesToUtf8('a\xff')).toBe('a\uFFFD');
  });

  it('are written to memory and compared with it, short and long', () => {
    for (const length of [0, 1, 23, 24, 25, 256]) {
      const bytes = fromBuffer(allBytes.subarray(256 - length));
      const memory = Buffer.alloc(300, 1);
      writeBytes(memory, 7, bytes);
      expect(memory.latin1Slice(7, 7 + length)).toBe(bytes);
      expect(memory.subarray(7 + length).every((byte) => byte === 1)).toBe(true);
      expect(holdsBytes(memory, 7, bytes)).toBe(true);
      if (length > 0) expect(holdsBytes(memory, 7, `${bytes.slice(0, -1)}\x02`)).toBe(false);
    }
  });
});
