import { describe, expect, it } from 'vitest';
import { ByteBudget, type ByteHolder } from './byte-budget.ts';

const KIB = 1024;

class Holder implements ByteHolder {
  heldBytes = 0;
  gone = false;
  readonly #budget: ByteBudget;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  hold(bytes: number): this {
    this.heldBytes = bytes;
    this.#budget.report(this);
    return this;
  }

  shed(): void {
    this.gone = true;
    this.heldBytes = 0;
    this.#budget.report(this);
  }
}

describe('a budget of bytes', () => {
  it('sheds the largest, and only as many as it needs to', () => {
    const budget = new ByteBudget(1000 * KIB);
    const small = Array.from({ length: 10 }, () => new Holder(budget).hold(20 * KIB));
    const middle = new Holder(budget).hold(200 * KIB);
    const large = new Holder(budget).hold(590 * KIB);
    expect(budget.total).toBe(990 * KIB);
    const last = new Holder(budget).hold(50 * KIB);
    expect(large.gone).toBe(true);
    expect([middle, last, ...small].some(({ gone }) => gone)).toBe(false);
    expect(budget.total).toBe(450 * KIB);
    expect(budget.shed).toBe(1);
    expect(budget.most).toBe(1040 * KIB);
  });

  it('sheds several when the largest is not enough, down to an eighth below the bound', () => {
    const budget = new ByteBudget(800 * KIB);
    const holders = Array.from({ length: 9 }, () => new Holder(budget).hold(100 * KIB));
    expect(holders.filter(({ gone }) => gone).length).toBe(2);
    expect(budget.total).toBe(700 * KIB);
  });

  it('asks before it sheds: who has shrunk meanwhile counts with what it has', () => {
    const budget = new ByteBudget(100 * KIB);
    const drained = new Holder(budget).hold(90 * KIB);
    drained.heldBytes = 0;
    const next = new Holder(budget).hold(90 * KIB);
    expect(drained.gone).toBe(false);
    expect(next.gone).toBe(false);
    expect(budget.total).toBe(90 * KIB);
  });

  it('may shed the one who reports', () => {
    const budget = new ByteBudget(100 * KIB);
    const only = new Holder(budget).hold(101 * KIB);
    expect(only.gone).toBe(true);
    expect(budget.total).toBe(0);
  });

  it('does not count little, and forgets who releases', () => {
    const budget = new ByteBudget(100 * KIB);
    const holder = new Holder(budget).hold(10 * KIB);
    expect(budget.total).toBe(0);
    holder.hold(50 * KIB).hold(60 * KIB);
    expect(budget.total).toBe(60 * KIB);
    holder.hold(KIB);
    expect(budget.total).toBe(0);
    holder.hold(60 * KIB);
    budget.release(holder);
    budget.release(holder);
    expect(budget.total).toBe(0);
  });

  it('of 0 bounds nothing', () => {
    const budget = new ByteBudget(0);
    expect(new Holder(budget).hold(1e12).gone).toBe(false);
    expect(budget.total).toBe(1e12);
  });
});
