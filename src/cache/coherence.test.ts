import { describe, expect, it } from 'vitest';
import { Coherence, Trust } from './coherence.ts';

const GRACE = 5000;

describe('Coherence', () => {
  it('trusts what was read while the link answers', () => {
    const coherence = new Coherence(1000);
    coherence.attached(1, 0);
    const epoch = coherence.epochOf(1);
    expect(coherence.trust(1, epoch, 1000, GRACE)).toBe(Trust.fresh);
    expect(coherence.trust(1, epoch, 1001, GRACE)).toBe(Trust.unproven);
    coherence.heard(1, 900);
    expect(coherence.trust(1, epoch, 1900, GRACE)).toBe(Trust.fresh);
    expect(coherence.hasProof(1900)).toBe(true);
    expect(coherence.hasProof(1901)).toBe(false);
  });

  it('does not go back in time', () => {
    const coherence = new Coherence(1000);
    coherence.attached(1, 500);
    coherence.heard(1, 100);
    expect(coherence.trust(1, coherence.epochOf(1), 1500, GRACE)).toBe(Trust.fresh);
  });

  it('takes nothing of a lost link for fresh, and nothing at all after the grace', () => {
    const coherence = new Coherence(1000);
    coherence.attached(1, 0);
    const epoch = coherence.epochOf(1);
    coherence.lost(1, 100);
    coherence.attached(2, 200);
    expect(coherence.trust(1, epoch, 200, GRACE)).toBe(Trust.unproven);
    expect(coherence.trust(1, epoch, 5100, GRACE)).toBe(Trust.unproven);
    expect(coherence.trust(1, epoch, 5101, GRACE)).toBe(Trust.none);
    expect(coherence.trust(1, epoch, 150, 0)).toBe(Trust.none);
    expect(coherence.epochOf(1)).toBe(0);
    coherence.forget(5101, GRACE);
    expect(coherence.trust(1, epoch, 100, GRACE)).toBe(Trust.none);
    expect(coherence.trust(2, coherence.epochOf(2), 1200, GRACE)).toBe(Trust.fresh);
  });

  it('gives out nothing that was read before all keys were changed', () => {
    const coherence = new Coherence(1000);
    coherence.attached(1, 0);
    const before = coherence.epochOf(1);
    coherence.flushed(1);
    expect(coherence.trust(1, before, 0, GRACE)).toBe(Trust.none);
    expect(coherence.trust(1, coherence.epochOf(1), 0, GRACE)).toBe(Trust.fresh);
  });

  it('doubts all that was read when keys may be elsewhere', () => {
    const coherence = new Coherence(1000);
    coherence.attached(1, 0);
    const before = coherence.epochOf(1);
    coherence.doubtAll(100);
    expect(coherence.trust(1, before, 200, GRACE)).toBe(Trust.unproven);
    expect(coherence.trust(1, before, 5101, GRACE)).toBe(Trust.none);
    expect(coherence.trust(1, coherence.epochOf(1), 200, GRACE)).toBe(Trust.fresh);
  });

  it('does not mistake the bearer of a number for a former one', () => {
    const coherence = new Coherence(1000);
    coherence.attached(1, 0);
    const before = coherence.epochOf(1);
    coherence.lost(1, 10);
    coherence.attached(1, 20);
    expect(coherence.trust(1, before, 20, GRACE)).toBe(Trust.none);
  });
});
