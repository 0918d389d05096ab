import { describe, expect, it } from 'vitest';
import { describeValue } from './remote-keys.ts';

// printf hello | sha1sum
const TAG = 'aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d';

describe('describeValue', () => {
  it('keeps the media type that was stored with this very value', () => {
    expect(describeValue('hello', `${TAG}text/plain`)).toBe(`${TAG}text/plain`);
  });

  it('drops that of another one, and whatever else lies there', () => {
    expect(describeValue('hello', '')).toBe(TAG);
    expect(describeValue('hello', `${'0'.repeat(40)}text/plain`)).toBe(TAG);
    expect(describeValue('hello', 'text/plain')).toBe(TAG);
  });
});
