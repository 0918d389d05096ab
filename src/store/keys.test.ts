import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StoreKeys } from './keys.ts';

const keys = new StoreKeys();

/** Redis Cluster's slot of a key (CRC-16/XMODEM of the hash tag, or of the whole key). */
function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  const hashed = open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (let i = 0; i < hashed.length; i++) {
    crc ^= hashed.charCodeAt(i) << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    crc &= 0xffff;
  }
  return crc % 16384;
}

/** Names full of what has a meaning in names. */
const names = fc.string({ unit: fc.constantFrom('{', '}', ':', 'a', 'b', '\n', '\0', '\xff'), maxLength: 8 });

describe('slotOf', () => {
  it('gives the slots of the specification', () => {
    expect(slotOf('123456789')).toBe(0x31c3);
    expect(slotOf('{user1000}.following')).toBe(slotOf('user1000'));
    expect(slotOf('foo{}{bar}')).toBe(slotOf('foo{}{bar}'));
  });
});

describe('names of internal keys', () => {
  it('keeps the parts of one name in one slot, whatever the name', () => {
    fc.assert(
      fc.property(names, (name) => {
        const parts = (['log-next', 'log-records', 'log-waiting', 'log-claimed'] as const).map((part) =>
          slotOf(keys.internal(name, part)),
        );
        expect(new Set(parts).size).toBe(1);
      }),
    );
  });

  it('never gives one key to two names', () => {
    fc.assert(
      fc.property(names, names, (a, b) => {
        expect(keys.internal(a, 'counter') === keys.internal(b, 'counter')).toBe(a === b);
      }),
    );
  });

  it('lie in their namespace', () => {
    const mine = new StoreKeys('blue');
    expect(mine.internal('a', 'lease')).toBe('blue:{a}:lease');
    expect(mine.isOwn(mine.internal('a', 'lease'))).toBe(true);
    expect(mine.isOwn(keys.internal('a', 'lease'))).toBe(false);
    expect(mine.isOwn('blue')).toBe(false);
    for (const wrong of ['', 'a{b', 'a}b']) expect(() => new StoreKeys(wrong)).toThrow('namespace');
  });
});

describe('names of keys beside values', () => {
  it('lie in the slot of the value and lead back to it', () => {
    fc.assert(
      fc.property(names, (key) => {
        const meta = keys.metaKeyOf(key);
        if (meta === undefined) return;
        expect(slotOf(meta)).toBe(slotOf(key));
        expect(keys.isOwn(meta)).toBe(true);
        expect(keys.keyOfMetaKey(meta)).toBe(key);
      }),
    );
  });

  it('exist for all keys but the empty one and those with a brace that closes nothing', () => {
    for (const key of ['a', 'a{b', 'a:{b}', '{a}', '{a}}', ':a', 'meta:a']) expect(keys.metaKeyOf(key)).toBeDefined();
    for (const key of ['', 'a}', '{}a', '}{a']) expect(keys.metaKeyOf(key)).toBeUndefined();
    expect(keys.metaKeyOf('{a}')).not.toBe(keys.metaKeyOf('a'));
  });

  it('are not taken for more than they are', () => {
    for (const name of [
      'a',
      'sluice:',
      'sluice:a',
      'sluice:meta:a',
      'sluice:{a}:fields',
      'sluice:{}:meta',
      'blue:{a}:meta',
    ])
      expect(keys.keyOfMetaKey(name)).toBeUndefined();
    fc.assert(
      fc.property(names, (rest) => {
        const key = keys.keyOfMetaKey(`sluice:${rest}`);
        if (key !== undefined) expect(keys.metaKeyOf(key)).toBe(`sluice:${rest}`);
      }),
    );
  });
});
