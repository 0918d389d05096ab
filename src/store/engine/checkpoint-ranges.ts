import type { Space } from './change.ts';

/** One past the largest hash. */
export const HASH_END = 2 ** 32;

/**
 * What one row of the image table says of itself. An image is made of *ranges*: all keys of one space whose hash lies in
 * [from, to), as they were after change number `upto`. A range is written in one piece or in several; it counts once the piece
 * marked `last` is there.
 */
export interface PieceHeader {
  readonly id: number;
  /** The pass that wrote it; a later one has the higher number. */
  readonly generation: number;
  readonly space: Space;
  readonly from: number;
  readonly to: number;
  /** From 0, within the range. */
  readonly piece: number;
  readonly last: boolean;
  readonly upto: number;
  /** Length of the effects. */
  readonly bytes: number;
}

/** A part of the hash space whose keys one range of the image gives. */
export interface ImageRange {
  readonly generation: number;
  readonly space: Space;
  /** May be higher than that of the pieces: a newer pass has been over the start of it. */
  readonly from: number;
  readonly to: number;
  readonly upto: number;
  readonly pieces: readonly PieceHeader[];
}

export interface Image {
  readonly ranges: readonly ImageRange[];
  /** Rows that are superseded or were never finished. */
  readonly stale: readonly number[];
  /** The number up to which every key is in the image: the log is needed only after it. */
  readonly upto: number;
  /** The newest number any key of the image contains; keys marked by themselves not counted. */
  readonly newest: number;
}

/**
 * Finds out which rows make the image. A pass goes through each space in the order of the hashes, so the newest pass gives the
 * start of a space as far as it came, the one before it the next part, and so on; what no pass has reached yet is all in the log.
 */
export function assembleImage(rows: readonly PieceHeader[]): Image {
  const bySpace = new Map<Space, Map<string, PieceHeader[]>>();
  for (const row of rows) {
    let ranges = bySpace.get(row.space);
    if (ranges === undefined) bySpace.set(row.space, (ranges = new Map()));
    const name = `${row.generation} ${row.from}`;
    const pieces = ranges.get(name);
    if (pieces === undefined) ranges.set(name, [row]);
    else pieces.push(row);
  }
  const found: ImageRange[] = [];
  let upto = Number.POSITIVE_INFINITY;
  let newest = 0;
  for (const space of [0, 1, 2] as const) {
    const candidates: PieceHeader[][] = [];
    for (const pieces of bySpace.get(space)?.values() ?? []) {
      pieces.sort((a, b) => a.piece - b.piece);
      if (pieces.every((piece, index) => piece.piece === index) && pieces.at(-1)?.last === true)
        candidates.push(pieces);
    }
    candidates.sort(
      ([a], [b]) =>
        (b as PieceHeader).generation - (a as PieceHeader).generation ||
        (a as PieceHeader).from - (b as PieceHeader).from,
    );
    let covered = 0;
    for (const pieces of candidates) {
      const first = pieces[0] as PieceHeader;
      if (first.to <= covered || first.from > covered) continue;
      found.push({ generation: first.generation, space, from: covered, to: first.to, upto: first.upto, pieces });
      covered = first.to;
      upto = Math.min(upto, first.upto);
      newest = Math.max(newest, first.upto);
    }
    if (covered < HASH_END) upto = 0;
  }
  const used = new Set(found.flatMap((range) => range.pieces.map((piece) => piece.id)));
  const stale = rows.filter((row) => !used.has(row.id)).map((row) => row.id);
  return { ranges: found, stale, upto: found.length === 0 ? 0 : upto, newest };
}

/** Tells from a hash up to which change the image already contains the key. */
export class RangeIndex {
  readonly #ends: number[][] = [[], [], []];
  readonly #uptos: number[][] = [[], [], []];

  constructor(ranges: readonly ImageRange[]) {
    // `assembleImage` gives the ranges of a space in the order of the hashes.
    for (const range of ranges) {
      (this.#ends[range.space] as number[]).push(range.to);
      (this.#uptos[range.space] as number[]).push(range.upto);
    }
  }

  /** @param hash unsigned. */
  upto(space: Space, hash: number): number {
    const ends = this.#ends[space] as number[];
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (hash < (ends[middle] as number)) high = middle;
      else low = middle + 1;
    }
    return (this.#uptos[space] as number[])[low] ?? 0;
  }
}
