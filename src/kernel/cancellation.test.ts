import { describe, expect, it } from 'vitest';
import { type Cancellation, Canceller } from './cancellation.ts';

describe('Canceller', () => {
  it('tells its listeners once, in order, and not those that have left', () => {
    const canceller = new Canceller();
    const log: string[] = [];
    const gone = (): void => void log.push('gone');
    const first = (): void => void log.push('first');
    canceller.addEventListener('abort', first);
    canceller.addEventListener('abort', first);
    canceller.addEventListener('abort', gone);
    canceller.addEventListener('abort', { handleEvent: () => void log.push('second') });
    canceller.removeEventListener('abort', gone);
    expect(() => canceller.throwIfAborted()).not.toThrow();
    canceller.abort(new Error('over'));
    canceller.abort(new Error('again'));
    canceller.addEventListener('abort', gone);
    expect(log).toEqual(['first', 'second']);
    expect(canceller.aborted).toBe(true);
    expect(() => canceller.throwIfAborted()).toThrow('over');
  });

  it('is what an AbortSignal is', () => {
    const signal: Cancellation = AbortSignal.abort(new Error('over'));
    expect(() => signal.throwIfAborted()).toThrow('over');
  });
});
