import { expect, it } from 'vitest';
import { HeldOutput } from './held-output.ts';

const waiting = (text: string, seq: number, replies: number | undefined = 1) => ({ text, seq, replies, waits: true });
const inTurn = (text: string, seq = 0) => ({ text, seq, replies: 1, waits: false });

it('lets go in order, up to the first that reveals what is not durable', () => {
  const held = new HeldOutput();
  for (const one of [waiting('a', 5), inTurn('b'), waiting('c', 9), inTurn('d')]) held.push(one);
  expect(held.bytes).toBe(4);
  expect(held.release(4)).toBe('');
  expect(held.release(5)).toBe('ab');
  expect(held.bytes).toBe(2);
  expect(held.isEmpty).toBe(false);
  expect(held.release(100)).toBe('cd');
  expect(held).toMatchObject({ bytes: 0, isEmpty: true });
});

it('gives one error for each reply that waited, and leaves those that did not', () => {
  const held = new HeldOutput();
  for (const one of [waiting('abc', 5, 3), inTurn('b'), waiting('c', 9)]) held.push(one);
  expect(held.fail('!')).toEqual({ text: '!!!b!', failed: 4 });
  expect(held).toMatchObject({ bytes: 0, isEmpty: true });
});

it('knows no answer where a push is among what waited', () => {
  const held = new HeldOutput();
  held.push({ text: 'a', seq: 5, replies: undefined, waits: true });
  expect(held.fail('!')).toBeUndefined();
});
