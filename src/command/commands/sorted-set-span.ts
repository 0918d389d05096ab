import type { ByteString } from '../../kernel/bytes.ts';
import type { ReadonlySortedSet } from '../../store/engine/sorted-sets.ts';
import type { ScoredMember } from '../../store/engine/values/sorted-set.ts';
import { parseDouble, requireIndex } from '../arguments.ts';
import { CommandError } from '../command-error.ts';
import { isCompact } from './sorted-set-compact.ts';

/** Positions start..end-1 in ascending order; nothing when `end <= start`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Which end a walk over the span starts from. */
export type Direction = 'forward' | 'reverse';

/** Finds the span in a sorted set, in O(log n + n / 512). */
export type SpanFinder = (set: ReadonlySortedSet, direction: Direction) => Span;

/** What `min` and `max` of a range are: positions, scores or, among members of one score, members. */
export type RangeType = 'rank' | 'score' | 'lex';

/** Something that comes before a bound: what the sorted set's binary search takes. */
type Before = (entry: ScoredMember) => boolean;

/** The two ends of a range. */
interface Bounds {
  readonly beforeMin: Before;
  readonly notAfterMax: Before;
}

const always: Before = () => true;
const never: Before = () => false;

/**
 * @throws CommandError "min or max is not a float", "min or max not valid string range item" or "value is not an integer or out
 * of range"
 */
export function requireSpan(type: RangeType, min: ByteString, max: ByteString): SpanFinder {
  if (type === 'rank') return rankSpan(requireIndex(min), requireIndex(max));
  const bounds = type === 'score' ? scoreBounds(min, max) : lexBounds(min, max);
  return (set, direction) => {
    if (type === 'lex' && isCompact(set)) return walkToSpan([...set.range(0, set.size)], bounds, direction);
    return { start: set.lowerBound(bounds.beforeMin), end: set.lowerBound(bounds.notAfterMax) };
  };
}

/**
 * Where scores differ, ranges of members are unspecified. This is what Redis's compact encoding then gives: the walk starts at the
 * first entry that is inside one bound and ends with the first one outside the other.
 */
function walkToSpan(entries: readonly ScoredMember[], bounds: Bounds, direction: Direction): Span {
  const { beforeMin, notAfterMax } = bounds;
  if (beforeMin(entries.at(-1) as ScoredMember) || !notAfterMax(entries[0] as ScoredMember))
    return { start: 0, end: 0 };
  if (direction === 'forward') {
    const start = entries.findIndex((entry) => !beforeMin(entry));
    const end = entries.findIndex((entry, i) => i >= start && !notAfterMax(entry));
    return { start, end: end < 0 ? entries.length : end };
  }
  const last = entries.findLastIndex(notAfterMax);
  return { start: entries.findLastIndex((entry, i) => i <= last && beforeMin(entry)) + 1, end: last + 1 };
}

/** Indexes from 0, or from the end when negative; `last` is the last one inside. */
function rankSpan(first: number, last: number): SpanFinder {
  return ({ size }) => ({
    start: Math.max(0, first < 0 ? first + size : first),
    end: Math.min(size, (last < 0 ? last + size : last) + 1),
  });
}

function scoreBounds(minText: ByteString, maxText: ByteString): Bounds {
  const min = parseScoreBound(minText);
  const max = parseScoreBound(maxText);
  if (min === undefined || max === undefined) throw new CommandError('ERR min or max is not a float');
  return {
    beforeMin: min.exclusive ? ({ score }) => score <= min.score : ({ score }) => score < min.score,
    notAfterMax: max.exclusive ? ({ score }) => score < max.score : ({ score }) => score <= max.score,
  };
}

/**
 * As C's strtod reads it, which takes more than other commands do: leading spaces, nothing at all (0), numbers out of range (as
 * infinite or 0), and it stops at a NUL.
 */
function parseScoreBound(text: ByteString): { score: number; exclusive: boolean } | undefined {
  const exclusive = text.startsWith('(');
  const nul = text.indexOf('\0');
  const body = text.slice(exclusive ? 1 : 0, nul < 0 ? undefined : nul);
  const score = body === '' ? 0 : parseDouble(body.replace(/^[ \t\n\v\f\r]+/, ''), 'clamp');
  return score === undefined ? undefined : { score, exclusive };
}

function lexBounds(minText: ByteString, maxText: ByteString): Bounds {
  const min = parseLexBound(minText);
  const max = parseLexBound(maxText);
  if (min === undefined || max === undefined) throw new CommandError('ERR min or max not valid string range item');
  return { beforeMin: min.outside, notAfterMax: max.inside };
}

/** `outside`: before this bound as a minimum; `inside`: not after it as a maximum. */
function parseLexBound(text: ByteString): { outside: Before; inside: Before } | undefined {
  // Redis ends the two special ones at a NUL.
  if (text === '-' || text.startsWith('-\0')) return { outside: never, inside: never };
  if (text === '+' || text.startsWith('+\0')) return { outside: always, inside: always };
  const bound = text.slice(1);
  if (text.startsWith('[')) return { outside: ({ member }) => member < bound, inside: ({ member }) => member <= bound };
  if (text.startsWith('(')) return { outside: ({ member }) => member <= bound, inside: ({ member }) => member < bound };
  return undefined;
}
