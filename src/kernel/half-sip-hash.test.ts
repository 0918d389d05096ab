import { describe, expect, it } from 'vitest';
import { halfSipHash } from './half-sip-hash.ts';

describe('halfSipHash', () => {
  it('depends on every byte, the length and both words of the key', () => {
    const seen = new Set<number>();
    const texts = [
      '',
      '\0',
      '\0\0',
      'a',
      'b',
      'ab',
      'ba',
      'abc',
      'abcd',
      'abcde',
      'abcdefgh',
      'abcdefgi',
      '\xff\xff\xff\xff',
      '\xff\xff\xff',
    ];
    for (const text of texts)
      for (const [key0, key1] of [
        [0, 0],
        [1, 0],
        [0, 1],
      ] as const)
        seen.add(halfSipHash(text, key0, key1));
    expect(seen.size).toBe(texts.length * 3);
  });

  it('spreads keys that count up evenly over 256 buckets', () => {
    const counts = new Array<number>(256).fill(0);
    for (let i = 0; i < 256 * 200; i++) (counts[halfSipHash(`key:${i}`, 7, 9) >>> 24] as number)++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
    // 255 degrees of freedom: 99.99 % of random tables lie below 348.
    expect(chiSquare).toBeLessThan(348);
  });

  it('changes about half of its bits when one bit of the text changes', () => {
    let changed = 0;
    for (let i = 0; i < 2000; i++) {
      const text = `some key ${i}`;
      const other = String.fromCharCode(text.charCodeAt(0) ^ (1 << (i % 8))) + text.slice(1);
      let difference = halfSipHash(text, 3, 5) ^ halfSipHash(other, 3, 5);
      for (; difference !== 0; difference &= difference - 1) changed++;
    }
    expect(changed / 2000).toBeGreaterThan(15);
    expect(changed / 2000).toBeLessThan(17);
  });
});
