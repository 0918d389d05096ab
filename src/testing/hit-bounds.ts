import assert from 'node:assert/strict';
import type { WindowDecision } from '../store/ports.ts';
import type { Moment } from './conformance.ts';

/**
 * Checks the decisions of a rolling window against the list of all hits before. Of each only the bounds of its instant are known, so
 * a decision is wrong when no instants within the bounds make it right; where the clock stands still they are exact.
 */
export class HitBounds {
  readonly #limit: number;
  readonly #per: number;
  readonly #hits: { readonly at: Moment; readonly cost: number }[] = [];

  constructor({ limit, per }: { readonly limit: number; readonly per: number }) {
    this.#limit = limit;
    this.#per = per;
  }

  /** @throws AssertionError */
  check(decision: WindowDecision, at: Moment, cost: number, what: string): void {
    const surely = this.#count((hit) => at.latest - hit.earliest < this.#per);
    const possibly = this.#count((hit) => at.earliest - hit.latest < this.#per);
    if (decision.allowed) assert.ok(surely + cost <= this.#limit, `${what}: allowed, though ${surely} hits are inside`);
    else assert.ok(possibly + cost > this.#limit, `${what}: refused, though at most ${possibly} hits are inside`);
    const added = decision.allowed ? cost : 0;
    const { count, remaining } = decision;
    assert.ok(count >= surely + added && count <= possibly + added, `${what}: the count is ${count}`);
    assert.equal(remaining, Math.max(0, this.#limit - count), what);
    if (decision.allowed) this.#hits.push({ at, cost });
  }

  #count(isInside: (at: Moment) => boolean): number {
    return this.#hits.reduce((sum, { at, cost }) => sum + (isInside(at) ? cost : 0), 0);
  }
}
