import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cellSizes, type Ref, Slab } from './slab.ts';

/** Fills the cell's usable bytes with a mark and reads it back. */
function mark(slab: Slab, ref: Ref, size: number, byte: number): void {
  const segment = slab.segmentOf(ref);
  const at = slab.offsetOf(ref, segment);
  segment.u8.fill(byte, at, at + size);
}
function isMarked(slab: Slab, ref: Ref, size: number, byte: number): boolean {
  const segment = slab.segmentOf(ref);
  const at = slab.offsetOf(ref, segment);
  return segment.u8.subarray(at, at + size).every((value) => value === byte);
}

/** Does what an owner does with a record that it is asked to move. */
function moveOne(slab: Slab, live: { ref: Ref; size: number }[]): boolean {
  const from = slab.nextToMove();
  if (from === 0) return false;
  const record = live.find(({ ref }) => ref === from);
  if (record === undefined) throw new Error('asked to move what is not there');
  record.ref = slab.allocate(record.size);
  const [old, segment] = [slab.segmentOf(from), slab.segmentOf(record.ref)];
  expect(segment).not.toBe(old);
  const at = slab.offsetOf(from, old);
  old.u8.copy(segment.u8, slab.offsetOf(record.ref, segment), at, at + old.cellBytes);
  slab.free(from);
  return true;
}

describe('Slab', () => {
  it('gives every record room of its own, whatever is allocated and freed', () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          size: fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 200_000 })),
        }),
      },
      { weight: 2, arbitrary: fc.record({ free: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ move: fc.integer({ min: 1, max: 20 }) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const slab = new Slab();
        const live: { ref: Ref; size: number; byte: number }[] = [];
        for (const [i, action] of steps.entries()) {
          if ('size' in action) {
            const ref = slab.allocate(action.size);
            expect(ref).toBeGreaterThan(0);
            live.push({ ref, size: action.size, byte: i & 0xff });
            mark(slab, ref, action.size, i & 0xff);
          } else if ('move' in action) {
            for (let n = 0; n < action.move; n++) moveOne(slab, live);
          } else if (live.length > 0) {
            const [gone] = live.splice(action.free % live.length, 1);
            slab.free(gone?.ref as Ref);
          }
        }
        for (const { ref, size, byte } of live) expect(isMarked(slab, ref, size, byte)).toBe(true);
        expect(slab.usedBytes).toBe(live.reduce((sum, { size }) => sum + Slab.cellBytesFor(size), 0));
        for (const { ref } of live) slab.free(ref);
        expect(slab.usedBytes).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('wastes at most an eighth of a large record and 15 bytes of a small one', () => {
    for (let size = 33; size <= (cellSizes.at(-1) as number); size += 7) {
      const cell = Slab.cellBytesFor(size);
      expect(cell).toBeGreaterThanOrEqual(size);
      expect(cell - size).toBeLessThanOrEqual(size <= 512 ? 15 : size / 8 + 16);
    }
  });

  it('gives memory back when records go, but for one segment a class', () => {
    const slab = new Slab();
    const refs = Array.from({ length: 100_000 }, () => slab.allocate(100));
    const full = slab.reservedBytes;
    for (const ref of refs) slab.free(ref);
    expect(slab.reservedBytes).toBeLessThan(full / 10);
    const large = slab.allocate(5_000_000);
    slab.free(large);
    expect(slab.reservedBytes).toBeLessThan(full / 10);
  });

  it('uses freed cells again before it grows', () => {
    const slab = new Slab();
    const refs = Array.from({ length: 10_000 }, () => slab.allocate(100));
    const before = slab.reservedBytes;
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < refs.length; i += 2) slab.free(refs[i] as Ref);
      for (let i = 0; i < refs.length; i += 2) refs[i] = slab.allocate(98 + (i % 3));
    }
    expect(slab.reservedBytes).toBe(before);
  });

  it('empties sparse segments, so that what is held is what is used and less than two segments a class', () => {
    const slab = new Slab();
    let live: { ref: Ref; size: number; byte: number }[] = [];
    for (let i = 0; i < 60_000; i++) {
      const record = { size: i % 3 === 0 ? 100 : 400, byte: i & 0xff, ref: 0 };
      record.ref = slab.allocate(record.size);
      mark(slab, record.ref, record.size, record.byte);
      live.push(record);
    }
    for (const [i, { ref }] of live.entries()) if (i % 10 !== 0) slab.free(ref);
    live = live.filter((_, i) => i % 10 === 0);
    const scattered = slab.reservedBytes;
    let moved = 0;
    while (slab.nextToMove() !== 0) {
      // What goes while its segment is being emptied is not asked for again.
      if (moved % 7 === 6)
        slab.free(
          live.splice(
            live.findIndex(({ ref }) => ref === slab.nextToMove()),
            1,
          )[0]?.ref as Ref,
        );
      else moveOne(slab, live);
      moved++;
    }
    expect(slab.reservedBytes).toBeLessThan(scattered / 4);
    expect(slab.reservedBytes - slab.usedBytes).toBeLessThan(2 * 2 * (1 << 20));
    for (const { ref, size, byte } of live) expect(isMarked(slab, ref, size, byte)).toBe(true);
    for (const { ref } of live) slab.free(ref);
    expect(slab.usedBytes).toBe(0);
  });

  it('asks to move records only, not cells that were never used', () => {
    const slab = new Slab();
    const size = 1000;
    const perSegment = Math.floor((1 << 20) / Slab.cellBytesFor(size));
    const live = Array.from({ length: perSegment + 10 }, () => ({ ref: slab.allocate(size), size }));
    for (const { ref } of live.splice(0, perSegment - 100)) slab.free(ref);
    while (moveOne(slab, live));
    expect(slab.reservedBytes).toBe(perSegment * Slab.cellBytesFor(size));
  });
});
