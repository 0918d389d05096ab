/** The units a duration may be written with, in milliseconds, longest first. */
const unitMs: ReadonlyMap<string, number> = new Map([
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]);

/** The form {@link parseDuration} accepts, for messages. */
export const durationForm = 'a duration with its unit, such as 250ms, 10s, 5m, 1h30m or 7d';

const wholePattern = /^(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+$/;
const partPattern = /(\d+(?:\.\d+)?)(ms|[smhdw])/g;

/**
 * Milliseconds of a duration written with units (`ms s m h d w`), e.g. `250ms`, `1.5s`, `1h30m`. A bare `0` needs no unit.
 * Returns undefined for anything else (no unit, a sign, spaces, units out of order, more than 2^53 - 1 ms).
 * The result is whole: fractions of a millisecond are rounded, but what is above zero stays at least 1.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (text.length > 64 || !wholePattern.test(text)) return undefined;
  let total = 0;
  let lastUnit = Number.POSITIVE_INFINITY;
  for (const [, digits, unit] of text.matchAll(partPattern)) {
    const size = unitMs.get(unit as string) as number;
    // 1h30m, never 30m1h or 1h1h: a second unit is always smaller, so a slip of the pen is not summed silently.
    if (size >= lastUnit) return undefined;
    lastUnit = size;
    total += Number(digits) * size;
  }
  const rounded = total > 0 ? Math.max(1, Math.round(total)) : 0;
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}

/** The shortest form {@link parseDuration} reads back to the same number, e.g. 5400000 is `1h30m`, 0 is `0`. */
export function formatDuration(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0) throw new RangeError(`not a duration in whole milliseconds: ${ms}`);
  if (ms === 0) return '0';
  let rest = ms;
  let text = '';
  for (const [unit, size] of unitMs) {
    // Weeks are read but only written when exact, as 10d reads better than 1w3d.
    if (unit === 'w' && ms % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}
