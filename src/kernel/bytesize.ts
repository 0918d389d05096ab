/** The units a size may be written with, in bytes. */
const unitBytes: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
  ['kB', 1e3],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
]);

const binaryUnits = ['TiB', 'GiB', 'MiB', 'KiB'] as const;

/** The form {@link parseByteSize} accepts, for messages. */
export const byteSizeForm = 'a size with its unit, such as 512B, 64KiB, 64MiB or 2GiB';

const pattern = /^(\d{1,16}(?:\.\d{1,9})?)([A-Za-z]{1,3})$/;

/**
 * Bytes of a size written with its unit: `B`, binary `KiB MiB GiB TiB` (powers of 1024), decimal `kB MB GB TB` (powers of 1000).
 * A bare `0` needs no unit. Returns undefined for anything else (no unit, `64M`, a sign, spaces, more than 2^53 - 1).
 * Fractions of a byte are rounded down.
 */
export function parseByteSize(text: string): number | undefined {
  if (text === '0') return 0;
  const match = pattern.exec(text);
  const unit = match === null ? undefined : unitBytes.get(match[2] as string);
  if (match === null || unit === undefined) return undefined;
  const bytes = Math.floor(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The exact form with the largest binary unit that divides `bytes`, e.g. 67108864 is `64MiB`, 1000 is `1000B`, 0 is `0`. */
export function formatByteSize(bytes: number): string {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError(`not a size in whole bytes: ${bytes}`);
  if (bytes === 0) return '0';
  for (const unit of binaryUnits) {
    const size = unitBytes.get(unit) as number;
    if (bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}
