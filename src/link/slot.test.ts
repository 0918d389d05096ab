import { describe, expect, it } from 'vitest';
import { slotOf } from './slot.ts';

describe('the slot of a key', () => {
  it('is the CRC16 of the key', () => {
    // The check value of the specification: CRC16 of "123456789" is 0x31c3.
    expect(slotOf('123456789')).toBe(0x31c3);
    expect(slotOf('a')).toBe(15_495);
    expect(slotOf('foo')).toBe(12_182);
    expect(slotOf('')).toBe(0);
    expect(slotOf('\xff\0\x80')).toBe(slotOf('{\xff\0\x80}'));
  });

  it('is that of the first hash tag, when it is not empty', () => {
    const user = slotOf('user1000');
    expect(slotOf('{user1000}.following')).toBe(user);
    expect(slotOf('a{user1000}{b}')).toBe(user);
    expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'));
    // Without one, all of the key counts.
    expect(['foo{}{bar}', '{}x', 'a{b', 'a}b{', 'a}{b}c'].map(slotOf)).toEqual([
      8363,
      10_595,
      13_340,
      6027,
      slotOf('b'),
    ]);
  });
});
