import { expect, it } from 'vitest';
import { SyncTokens } from './sync-token.ts';

function node(nodeId: string): { readonly tokens: SyncTokens; readonly waiting: ((complete: boolean) => void)[] } {
  const waiting: ((complete: boolean) => void)[] = [];
  return { tokens: new SyncTokens({ nodeId, barrier: (done) => void waiting.push(done) }), waiting };
}

it('asks the link once for a token of another node, and not for older ones of it', () => {
  const a = node('a');
  const b = node('b');
  const first = a.tokens.issue();
  const second = a.tokens.issue();
  const told: boolean[] = [];
  b.tokens.honour(second, (current) => told.push(current));
  expect(told).toEqual([]);
  b.waiting.shift()?.(true);
  b.tokens.honour(first, (current) => told.push(current));
  b.tokens.honour(second, (current) => told.push(current));
  expect(told).toEqual([true, true, true]);
  expect(b.waiting).toEqual([]);
});

it('knows its own tokens, and does not remember what the link could not tell', () => {
  const a = node('a');
  const b = node('b');
  const told: boolean[] = [];
  a.tokens.honour(a.tokens.issue(), (current) => told.push(current));
  const token = a.tokens.issue();
  b.tokens.honour(token, (current) => told.push(current));
  b.waiting.shift()?.(false);
  b.tokens.honour(token, (current) => told.push(current));
  expect(told).toEqual([true, false]);
  expect(b.waiting).toHaveLength(1);
});

it('tells tokens from other text', () => {
  const { tokens } = node('n-1');
  expect(tokens.isToken(tokens.issue())).toBe(true);
  for (const text of ['', 'a', 'a.', '.1', 'a.1.2', 'a b.1', 'a.-1']) expect(tokens.isToken(text)).toBe(false);
});
