/**
 * Memory for many small records outside the JavaScript heap: the garbage collector never sees them.
 *
 * A record lives in a cell of the smallest size class that holds it; cells of one class share segments of about 1 MiB; a record
 * beyond the largest class has a segment of its own. Classes are 16 bytes apart up to 512 bytes, then 12.5 % apart, so at most
 * 12.5 % of a large record and 15 bytes of a small one are padding. Allocate and free are O(1).
 *
 * Free cells serve their own class only. When sizes change over time, or what stays is scattered, segments can be held for a few
 * records each; an owner that can move its records empties them with {@link Slab.nextToMove}.
 *
 * A `Ref` names a cell: segment number * 4096 + cell number, below 2^31 so that it stays a small integer in V8. 0 is no ref.
 */
export type Ref = number;

const CELL_BITS = 12;
const CELLS_PER_SEGMENT = 1 << CELL_BITS;
const MAX_SEGMENTS = 1 << (31 - CELL_BITS);
const SEGMENT_BYTES = 1 << 20;
const LARGEST_CELL = 1 << 16;
const SMALLEST_CELL = 48;
const OWN_SEGMENT = -1;

/** Cell sizes of the classes, ascending. */
export const cellSizes: readonly number[] = makeCellSizes();

function makeCellSizes(): number[] {
  const sizes: number[] = [];
  let size = SMALLEST_CELL;
  while (size <= LARGEST_CELL) {
    sizes.push(size);
    size = size < 512 ? size + 16 : Math.ceil((size * 1.125) / 16) * 16;
  }
  return sizes;
}

const classOfUnits = makeClassTable();

function makeClassTable(): Uint8Array {
  const units = (cellSizes[cellSizes.length - 1] as number) >>> 4;
  const table = new Uint8Array(units + 1);
  let current = 0;
  for (let unit = 0; unit <= units; unit++) {
    while ((cellSizes[current] as number) < unit << 4) current++;
    table[unit] = current;
  }
  return table;
}

function cellsOfSegment(sizeClass: number): number {
  return Math.min(CELLS_PER_SEGMENT, Math.floor(SEGMENT_BYTES / (cellSizes[sizeClass] as number)));
}

/** One block of memory cut into equal cells. The views overlap; cells are 16-byte aligned. */
export class Segment {
  readonly u8: Buffer;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly cellBytes: number;
  readonly cells: number;
  readonly sizeClass: number;
  /** Position among the segments of its class with room, or -1. */
  openAt = -1;
  used = 0;
  /** Cells from here on were never used. */
  fresh = 0;
  /** First free cell + 1, linked through the cells' first word. */
  freeHead = 0;

  constructor(sizeClass: number, cellBytes: number, cells: number) {
    const memory = new ArrayBuffer(cellBytes * cells);
    this.u8 = Buffer.from(memory);
    this.i32 = new Int32Array(memory);
    this.f64 = new Float64Array(memory);
    this.cellBytes = cellBytes;
    this.cells = cells;
    this.sizeClass = sizeClass;
  }
}

export class Slab {
  /** Indexed by segment number; a released segment leaves a hole that is used again. */
  readonly segments: (Segment | undefined)[] = [undefined];
  readonly #holes: number[] = [];
  readonly #open: number[][] = cellSizes.map(() => []);
  /** Free cells by class, without those of the segment that is being emptied. */
  readonly #freeCells: number[] = cellSizes.map(() => 0);
  #cellBytes = 0;
  #reservedBytes = 0;
  /** The segment that is being emptied, or 0; no cell of it is given out. */
  #emptying = 0;
  /** Which cells of it are free. Those before `#emptied` are. */
  readonly #freeOfEmptying = new Uint8Array(CELLS_PER_SEGMENT);
  #emptied = 0;

  /** Bytes of the cells in use. */
  get usedBytes(): number {
    return this.#cellBytes;
  }

  /** Bytes of all segments, free cells included. */
  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /** Bytes a record of `size` really takes. */
  static cellBytesFor(size: number): number {
    if (size > (cellSizes[cellSizes.length - 1] as number)) return (size + 4095) & ~4095;
    return cellSizes[classOfUnits[(size + 15) >>> 4] as number] as number;
  }

  segmentOf(ref: Ref): Segment {
    return this.segments[ref >>> CELL_BITS] as Segment;
  }

  /** Byte offset of the cell in its segment; a multiple of 16. */
  offsetOf(ref: Ref, segment: Segment): number {
    return (ref & (CELLS_PER_SEGMENT - 1)) * segment.cellBytes;
  }

  /** True when a record of `size` bytes fits the very cell it would be given anew, so it may be written in place. */
  fits(ref: Ref, size: number): boolean {
    return this.segmentOf(ref).cellBytes === Slab.cellBytesFor(size);
  }

  /** @throws RangeError when all segment numbers are taken (more than 500,000 segments). */
  allocate(size: number): Ref {
    if (size > (cellSizes[cellSizes.length - 1] as number)) {
      const number = this.#addSegment(OWN_SEGMENT, Slab.cellBytesFor(size), 1);
      const segment = this.segments[number] as Segment;
      segment.used = 1;
      this.#cellBytes += segment.cellBytes;
      return number << CELL_BITS;
    }
    const sizeClass = classOfUnits[(size + 15) >>> 4] as number;
    const open = this.#open[sizeClass] as number[];
    let number = open[open.length - 1];
    if (number === undefined) {
      const cellBytes = cellSizes[sizeClass] as number;
      number = this.#addSegment(sizeClass, cellBytes, cellsOfSegment(sizeClass));
      this.#freeCells[sizeClass] = cellsOfSegment(sizeClass);
      this.#openSegment(number, this.segments[number] as Segment);
    }
    const segment = this.segments[number] as Segment;
    let cell: number;
    if (segment.freeHead !== 0) {
      cell = segment.freeHead - 1;
      segment.freeHead = segment.i32[(cell * segment.cellBytes) >>> 2] as number;
    } else {
      cell = segment.fresh++;
    }
    segment.used++;
    (this.#freeCells[sizeClass] as number)--;
    if (segment.used === segment.cells) this.#closeSegment(segment);
    this.#cellBytes += segment.cellBytes;
    return (number << CELL_BITS) | cell;
  }

  free(ref: Ref): void {
    const number = ref >>> CELL_BITS;
    const segment = this.segments[number] as Segment;
    this.#cellBytes -= segment.cellBytes;
    if (segment.sizeClass === OWN_SEGMENT) {
      this.#release(number, segment);
      return;
    }
    const cell = ref & (CELLS_PER_SEGMENT - 1);
    if (number === this.#emptying) {
      this.#freeOfEmptying[cell] = 1;
      if (--segment.used === 0) this.#endEmptying(segment);
      return;
    }
    (this.#freeCells[segment.sizeClass] as number)++;
    segment.i32[(cell * segment.cellBytes) >>> 2] = segment.freeHead;
    segment.freeHead = cell + 1;
    if (segment.used === segment.cells) this.#openSegment(number, segment);
    segment.used--;
    // One empty segment a class is kept: a workload that hovers around a boundary must not allocate a mebibyte a time.
    if (segment.used === 0 && (this.#open[segment.sizeClass] as number[]).length > 1) {
      this.#freeCells[segment.sizeClass] = (this.#freeCells[segment.sizeClass] as number) - segment.cells;
      this.#release(number, segment);
    }
  }

  /**
   * A record to be moved elsewhere, so that the segment it is in can be released: the caller allocates a cell of the same size,
   * copies the cell, and frees this one before it asks again.
   *
   * @returns 0 when the free cells of no class add up to a segment
   */
  nextToMove(): Ref {
    while (this.#emptying !== 0 || this.#beginEmptying()) {
      const segment = this.segments[this.#emptying] as Segment;
      while (this.#emptied < segment.cells && this.#freeOfEmptying[this.#emptied] === 1) this.#emptied++;
      if (this.#emptied < segment.cells) return (this.#emptying << CELL_BITS) | this.#emptied;
      this.#endEmptying(segment);
    }
    return 0;
  }

  /** Chooses the emptiest segment of the class that wastes most. */
  #beginEmptying(): boolean {
    let sizeClass = -1;
    let most = 0;
    for (const [candidate, freeCells] of this.#freeCells.entries()) {
      const waste = freeCells * (cellSizes[candidate] as number);
      const isEnough = freeCells >= cellsOfSegment(candidate) && (this.#open[candidate] as number[]).length > 1;
      if (!isEnough || waste <= most) continue;
      sizeClass = candidate;
      most = waste;
    }
    if (sizeClass < 0) return false;
    let emptiest = 0;
    let fewest = Number.POSITIVE_INFINITY;
    for (const number of this.#open[sizeClass] as number[]) {
      const { used } = this.segments[number] as Segment;
      if (used >= fewest) continue;
      emptiest = number;
      fewest = used;
    }
    const segment = this.segments[emptiest] as Segment;
    this.#closeSegment(segment);
    this.#freeCells[sizeClass] = (this.#freeCells[sizeClass] as number) - (segment.cells - segment.used);
    this.#emptying = emptiest;
    this.#emptied = 0;
    this.#freeOfEmptying.fill(0).fill(1, segment.fresh);
    for (
      let free = segment.freeHead;
      free !== 0;
      free = segment.i32[((free - 1) * segment.cellBytes) >>> 2] as number
    ) {
      this.#freeOfEmptying[free - 1] = 1;
    }
    return true;
  }

  #endEmptying(segment: Segment): void {
    this.#release(this.#emptying, segment);
    this.#emptying = 0;
  }

  #addSegment(sizeClass: number, cellBytes: number, cells: number): number {
    const number = this.#holes.pop() ?? this.segments.length;
    if (number >= MAX_SEGMENTS) throw new RangeError(`the slab has no segment number left (${MAX_SEGMENTS})`);
    const segment = new Segment(sizeClass, cellBytes, cells);
    this.segments[number] = segment;
    this.#reservedBytes += cellBytes * cells;
    return number;
  }

  #openSegment(number: number, segment: Segment): void {
    const open = this.#open[segment.sizeClass] as number[];
    segment.openAt = open.length;
    open.push(number);
  }

  #closeSegment(segment: Segment): void {
    const open = this.#open[segment.sizeClass] as number[];
    const last = open.pop() as number;
    if (segment.openAt < open.length) {
      open[segment.openAt] = last;
      (this.segments[last] as Segment).openAt = segment.openAt;
    }
    segment.openAt = -1;
  }

  #release(number: number, segment: Segment): void {
    if (segment.openAt >= 0) this.#closeSegment(segment);
    this.segments[number] = undefined;
    this.#holes.push(number);
    this.#reservedBytes -= segment.cellBytes * segment.cells;
  }
}
