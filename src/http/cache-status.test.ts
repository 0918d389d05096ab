import { describe, expect, it } from 'vitest';
import { forwardStatus, hitStatus } from './cache-status.ts';

describe('hitStatus', () => {
  it('gives whole seconds, rounded down', () => {
    expect(hitStatus(59_999)).toBe('sluice; hit; ttl=59');
    expect(hitStatus(999)).toBe('sluice; hit; ttl=0');
  });

  it('leaves out a life without end, and stays a whole number of a structured field', () => {
    expect(hitStatus(Number.POSITIVE_INFINITY)).toBe('sluice; hit');
    expect(hitStatus(2 ** 63)).toBe('sluice; hit; ttl=999999999999999');
  });
});

describe('forwardStatus', () => {
  it('says why, and what became of the answer', () => {
    expect(forwardStatus('miss')).toBe('sluice; fwd=miss');
    expect(forwardStatus('miss', { stored: true })).toBe('sluice; fwd=miss; stored');
    expect(forwardStatus('miss', { stored: true, collapsed: true })).toBe('sluice; fwd=miss; stored; collapsed');
    expect(forwardStatus('bypass', { stored: false, collapsed: false })).toBe('sluice; fwd=bypass');
  });

  it('gives how long ago freshness ended as a negative number, and nothing where that is not known', () => {
    expect(forwardStatus('stale', { ttl: -1, detail: 'STORE_UNAVAILABLE' })).toBe(
      'sluice; fwd=stale; ttl=-1; detail=STORE_UNAVAILABLE',
    );
    expect(forwardStatus('stale', { ttl: undefined })).toBe('sluice; fwd=stale');
    expect(forwardStatus('stale', { ttl: Number.NEGATIVE_INFINITY })).toBe('sluice; fwd=stale');
  });
});
