import type { ByteString } from '../../../kernel/bytes.ts';

const CHUNK = 256;

interface Chunk {
  items: ByteString[];
  /** The list's epoch in which this chunk was made; an older one may be held by a snapshot and is copied before it changes. */
  epoch: number;
}

/** A list as a run of chunks of at most 256 elements: pushes and pops at both ends O(1), by index O(n / 256). */
export class ListValue {
  readonly #chunks: Chunk[] = [];
  #length = 0;
  #epoch = 0;

  get length(): number {
    return this.#length;
  }

  pushRight(element: ByteString): void {
    const last = this.#chunks.length - 1;
    if (last < 0 || (this.#chunks[last] as Chunk).items.length >= CHUNK)
      this.#chunks.push({ items: [element], epoch: this.#epoch });
    else this.#own(last).push(element);
    this.#length++;
  }

  pushLeft(element: ByteString): void {
    const first = this.#chunks[0];
    if (first === undefined || first.items.length >= CHUNK)
      this.#chunks.unshift({ items: [element], epoch: this.#epoch });
    else this.#own(0).unshift(element);
    this.#length++;
  }

  popRight(): ByteString | undefined {
    const last = this.#chunks.length - 1;
    if (last < 0) return undefined;
    const items = this.#own(last);
    const element = items.pop();
    if (items.length === 0) this.#chunks.pop();
    this.#length--;
    return element;
  }

  popLeft(): ByteString | undefined {
    if (this.#length === 0) return undefined;
    const items = this.#own(0);
    const element = items.shift();
    if (items.length === 0) this.#chunks.shift();
    this.#length--;
    return element;
  }

  /** @param index from 0; undefined outside. */
  at(index: number): ByteString | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    const { chunk, within } = this.#locate(index);
    return (this.#chunks[chunk] as Chunk).items[within];
  }

  /** The caller keeps `0 <= index < length`. */
  set(index: number, element: ByteString): void {
    const { chunk, within } = this.#locate(index);
    this.#own(chunk)[within] = element;
  }

  /** Inserts before `index`, `0 <= index <= length`. */
  insert(index: number, element: ByteString): void {
    if (index === 0 || index === this.#length) {
      if (index === 0) this.pushLeft(element);
      else this.pushRight(element);
      return;
    }
    const { chunk, within } = this.#locate(index);
    const items = this.#own(chunk);
    items.splice(within, 0, element);
    if (items.length > CHUNK)
      this.#chunks.splice(chunk + 1, 0, { items: items.splice(CHUNK >> 1), epoch: this.#epoch });
    this.#length++;
  }

  removeAt(index: number): void {
    const { chunk, within } = this.#locate(index);
    const items = this.#own(chunk);
    items.splice(within, 1);
    if (items.length === 0) this.#chunks.splice(chunk, 1);
    this.#length--;
  }

  /** Keeps the elements start..stop (inclusive, both inside the list). */
  trim(start: number, stop: number): void {
    let drop = start;
    while (drop > 0) {
      const size = (this.#chunks[0] as Chunk).items.length;
      if (size <= drop) {
        this.#chunks.shift();
        drop -= size;
      } else {
        this.#own(0).splice(0, drop);
        drop = 0;
      }
    }
    drop = this.#length - 1 - stop;
    while (drop > 0) {
      const last = this.#chunks.length - 1;
      const size = (this.#chunks[last] as Chunk).items.length;
      if (size <= drop) {
        this.#chunks.pop();
        drop -= size;
      } else {
        this.#own(last).splice(size - drop);
        drop = 0;
      }
    }
    this.#length = stop - start + 1;
  }

  /** The elements start..stop (inclusive, both inside the list), in order. */
  *range(start: number, stop: number): Generator<ByteString> {
    if (start > stop) return;
    let { chunk, within } = this.#locate(start);
    for (let left = stop - start + 1; left > 0; left--) {
      let items = (this.#chunks[chunk] as Chunk).items;
      if (within === items.length) {
        items = (this.#chunks[++chunk] as Chunk).items;
        within = 0;
      }
      yield items[within++] as ByteString;
    }
  }

  /** The list as it is now, in pieces that later changes leave untouched. O(n / 256); a changed chunk is copied once. */
  snapshot(): readonly (readonly ByteString[])[] {
    this.#epoch++;
    return this.#chunks.map((chunk) => chunk.items);
  }

  #locate(index: number): { chunk: number; within: number } {
    if (index > this.#length >> 1) {
      let chunk = this.#chunks.length - 1;
      let start = this.#length - (this.#chunks[chunk] as Chunk).items.length;
      while (start > index) start -= (this.#chunks[--chunk] as Chunk).items.length;
      return { chunk, within: index - start };
    }
    let chunk = 0;
    let within = index;
    while (within >= (this.#chunks[chunk] as Chunk).items.length)
      within -= (this.#chunks[chunk++] as Chunk).items.length;
    return { chunk, within };
  }

  #own(index: number): ByteString[] {
    const chunk = this.#chunks[index] as Chunk;
    if (chunk.epoch === this.#epoch) return chunk.items;
    const items = chunk.items.slice();
    this.#chunks[index] = { items, epoch: this.#epoch };
    return items;
  }
}
