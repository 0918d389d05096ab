import { describe, expect, it } from 'vitest';
import { nearestWord } from './nearest.ts';

describe('nearestWord', () => {
  const keys = ['store', 'data', 'durability', 'maxBytes', 'http', 'resp', 'admin', 'log', 'tls'];

  it.each([
    ['durabilty', 'durability'],
    ['maxbytes', 'maxBytes'],
    ['max_bytes', 'maxBytes'],
    ['htpt', 'http'],
    ['stroe', 'store'],
    ['logs', 'log'],
  ])('takes %s for %s', (word, expected) => {
    expect(nearestWord(word, keys)).toBe(expected);
  });

  it.each(['x', 'lvl', 'completely', 'port'])('suggests nothing for %s', (word) => {
    expect(nearestWord(word, keys)).toBeUndefined();
  });
});
