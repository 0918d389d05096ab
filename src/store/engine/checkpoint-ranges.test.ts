import { describe, expect, it } from 'vitest';
import { assembleImage, HASH_END, type PieceHeader, RangeIndex } from './checkpoint-ranges.ts';

function piece(id: number, part: Partial<PieceHeader>): PieceHeader {
  return { id, generation: 1, space: 0, from: 0, to: HASH_END, piece: 0, last: true, upto: 10, bytes: 1, ...part };
}

/** The spaces nobody looks at here. */
const others = [piece(98, { space: 1 }), piece(99, { space: 2 })];

describe('the pieces of an image', () => {
  it('are all there is after a whole pass', () => {
    const image = assembleImage([piece(1, { to: 100, upto: 10 }), piece(2, { from: 100, upto: 12 }), ...others]);
    expect(image.ranges.filter(({ space }) => space === 0)).toMatchObject([
      { from: 0, to: 100, upto: 10 },
      { from: 100, to: HASH_END, upto: 12 },
    ]);
    expect(image).toMatchObject({ upto: 10, newest: 12, stale: [] });
  });

  it('are of the newest pass as far as it came, and of the one before after that', () => {
    const image = assembleImage([
      piece(1, { to: 100 }),
      piece(2, { from: 100 }),
      piece(3, { generation: 2, to: 150, upto: 20 }),
      ...others,
    ]);
    expect(image.ranges.filter(({ space }) => space === 0)).toMatchObject([
      { generation: 2, from: 0, to: 150, upto: 20 },
      { generation: 1, from: 150, to: HASH_END, upto: 10 },
    ]);
    expect(image.stale).toEqual([1]);
    expect(image.upto).toBe(10);
  });

  it('do not count before the last of their range is there', () => {
    const image = assembleImage([
      piece(1, {}),
      piece(2, { generation: 2, to: 50, upto: 20, last: false }),
      piece(3, { generation: 2, to: 50, upto: 20, last: false, piece: 1 }),
      ...others,
    ]);
    expect(image.ranges.filter(({ space }) => space === 0)).toMatchObject([{ generation: 1, from: 0 }]);
    expect(image.stale).toEqual([2, 3]);
  });

  it('need the whole log where a part is missing', () => {
    expect(assembleImage([]).upto).toBe(0);
    expect(assembleImage([piece(1, { to: 100 }), ...others]).upto).toBe(0);
    expect(assembleImage([piece(1, { from: 100 }), ...others])).toMatchObject({ upto: 0, stale: [1] });
    expect(assembleImage([piece(1, {})]).upto).toBe(0);
  });

  it('tell from a hash how new a key is', () => {
    const { ranges } = assembleImage([
      piece(1, { to: 100, upto: 7 }),
      piece(2, { from: 100, to: 2 ** 31, upto: 8 }),
      piece(3, { from: 2 ** 31, upto: 9 }),
    ]);
    const index = new RangeIndex(ranges);
    expect([0, 99, 100, 2 ** 31 - 1, 2 ** 31, HASH_END - 1].map((hash) => index.upto(0, hash))).toEqual([
      7, 7, 8, 8, 9, 9,
    ]);
    expect(index.upto(1, 5)).toBe(0);
  });
});
