import { describe, expect, it } from 'vitest';
import { SluiceError } from '../errors.ts';
import { first, partReceivers, sum } from './cluster-merge.ts';

const away = new SluiceError('STORE_UNAVAILABLE', 'away');
const unknown = new SluiceError('STORE_TIMEOUT', 'unknown');

/** Gives these answers to the parts of one command, in this order. */
function answered(
  answers: readonly (string | SluiceError)[],
  { idempotent = false, isOneEnough = false } = {},
): string {
  const told: string[] = [];
  const receivers = partReceivers(
    answers.length,
    isOneEnough ? first : sum,
    idempotent,
    { replied: (frame) => told.push(frame), failed: ({ code }) => told.push(code) },
    isOneEnough,
  );
  for (const [i, answer] of answers.entries()) {
    expect(told).toEqual([]);
    if (typeof answer === 'string') receivers[i]?.replied(answer);
    else receivers[i]?.failed(answer);
  }
  expect(told).toHaveLength(1);
  return told[0] as string;
}

describe('a command made of parts', () => {
  it('is answered once, when all parts are', () => {
    expect(answered([':1\r\n', ':2\r\n', ':0\r\n'])).toBe(':3\r\n');
  });

  it('gives the first error', () => {
    expect(answered([':1\r\n', '-OOM x\r\n', '-ERR y\r\n'])).toBe('-OOM x\r\n');
    expect(answered([':1\r\n', '-OOM x\r\n', unknown])).toBe('STORE_TIMEOUT');
  });

  it('is never called unsent when part of it has run', () => {
    expect(answered([away, away])).toBe('STORE_UNAVAILABLE');
    expect(answered([away, unknown])).toBe('STORE_TIMEOUT');
    expect(answered([unknown, away])).toBe('STORE_TIMEOUT');
    expect(answered([':1\r\n', away])).toBe('STORE_TIMEOUT');
    expect(answered([':1\r\n', away], { idempotent: true })).toBe('STORE_UNAVAILABLE');
  });

  it('may need one node only', () => {
    expect(answered(['-NOTBUSY\r\n', '+OK\r\n', away], { isOneEnough: true })).toBe('+OK\r\n');
    expect(answered(['-NOTBUSY\r\n', '-NOTBUSY\r\n'], { isOneEnough: true })).toBe('-NOTBUSY\r\n');
  });
});
