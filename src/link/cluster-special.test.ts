import { describe, expect, it } from 'vitest';
import { CROSS_SLOT, commonSlot, everywhereRule, shardChannels, splitBySlot } from './cluster-special.ts';
import { slotOf } from './slot.ts';

describe('commands over several slots', () => {
  it('are taken apart by slot, keys in their order', () => {
    const split = splitBySlot(['mget', 'a', 'b', '{a}2', 'a']);
    expect(split?.parts.map(({ slot, argv }) => [slot, argv])).toEqual([
      [slotOf('a'), ['mget', 'a', '{a}2', 'a']],
      [slotOf('b'), ['mget', 'b']],
    ]);
    expect(split?.merge(['*3\r\n$1\r\n1\r\n$-1\r\n$4\r\n\r\n\r\n\r\n', '*1\r\n_\r\n'])).toBe(
      '*4\r\n$1\r\n1\r\n_\r\n$-1\r\n$4\r\n\r\n\r\n\r\n',
    );
    expect(splitBySlot(['MSET', 'a', '1', 'b', '2', '{a}', '3'])?.parts.map(({ argv }) => argv)).toEqual([
      ['MSET', 'a', '1', '{a}', '3'],
      ['MSET', 'b', '2'],
    ]);
    expect(splitBySlot(['DEL', 'a', 'b'])?.merge([':1\r\n', ':0\r\n'])).toBe(':1\r\n');
  });

  it('are refused where that cannot be done', () => {
    expect(splitBySlot(['MSET', 'a', '1', 'b'])).toBeUndefined();
    expect(splitBySlot(['MSETNX', 'a', '1', 'b', '2'])).toBeUndefined();
    expect(splitBySlot(['constructor', 'a', 'b'])).toBeUndefined();
    expect(commonSlot(['SINTER', 'a', '{a}', 'b'], [1, 2])).toBe(slotOf('a'));
    expect(commonSlot(['SINTER', 'a', '{a}', 'b'], [1, 2, 3])).toBeUndefined();
    expect(commonSlot(['PING'], [])).toBe(-1);
    expect(CROSS_SLOT).toMatch(/^-CROSSSLOT .*\r\n$/);
  });

  it('without keys concern one node or all', () => {
    expect(everywhereRule(['dbsize'])?.merge([':3\r\n', ':4\r\n'])).toBe(':7\r\n');
    expect(everywhereRule(['KEYS', '*'])?.merge(['*1\r\n$1\r\na\r\n', '*0\r\n', '*1\r\n$1\r\nb\r\n'])).toBe(
      '*2\r\n$1\r\na\r\n$1\r\nb\r\n',
    );
    expect(everywhereRule(['Script', 'EXISTS', 'x', 'y'])?.merge(['*2\r\n:1\r\n:1\r\n', '*2\r\n:0\r\n:1\r\n'])).toBe(
      '*2\r\n:0\r\n:1\r\n',
    );
    expect(everywhereRule(['SCRIPT', 'KILL'])?.isOneEnough).toBe(true);
    for (const argv of [['PING'], ['SCRIPT'], ['CONFIG', 'GET', 'x'], ['toString']])
      expect(everywhereRule(argv)).toBeUndefined();
  });

  it('have channels that belong to slots', () => {
    expect(shardChannels(['SSUBSCRIBE', 'a', 'b'])).toEqual([1, 2]);
    expect(shardChannels(['spublish', 'a', 'message'])).toEqual([1]);
    expect(shardChannels(['SUBSCRIBE', 'a'])).toBeUndefined();
  });
});
