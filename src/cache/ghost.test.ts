import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/lib/traces.mjs';
import { Ghost } from './ghost.ts';

const random = seededRandom(5);
const someHashes = (count: number): number[] => Array.from({ length: count }, () => Math.floor(random() * 2 ** 32) | 0);

describe('Ghost', () => {
  it('remembers a hash once, and knows nothing at first', () => {
    const ghost = new Ghost();
    expect(ghost.take(0)).toBe(false);
    ghost.add(0, 10);
    ghost.add(-5, 10);
    expect([ghost.take(-5), ghost.take(-5), ghost.take(0), ghost.take(1)]).toEqual([true, false, true, false]);
  });

  it.each([90, 900, 58_000])('remembers nearly all of the last %i, and hardly any from before', (limit) => {
    const ghost = new Ghost();
    const hashes = someHashes(limit * 3);
    for (const hash of hashes) ghost.add(hash, limit);
    const before = hashes.slice(0, limit * 2 - 1).filter((hash) => ghost.take(hash)).length;
    const last = hashes.slice(-limit).filter((hash) => ghost.take(hash)).length;
    // Two of so many hashes may agree.
    expect(before).toBeLessThan(10);
    expect(last).toBeGreaterThan(limit * 0.85);
  });

  it('grows with the number to remember and takes what it knows along', () => {
    const ghost = new Ghost();
    const hashes = someHashes(3000);
    for (const [i, hash] of hashes.entries()) ghost.add(hash, i + 1);
    expect(hashes.filter((hash) => ghost.take(hash)).length).toBeGreaterThan(2500);
  });
});
