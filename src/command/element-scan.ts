import type { ByteString } from '../kernel/bytes.ts';
import { compileGlob } from '../kernel/glob.ts';
import type { Reply } from '../resp/reply.ts';
import { requireInteger } from './arguments.ts';
import { CommandError, syntaxError } from './command-error.ts';

const DEFAULT_COUNT = 10;

/** Redis keeps collections of up to so many small elements in a compact encoding, which shows in some replies. */
export const COMPACT = 128;

const MAX_CURSOR = 2n ** 64n - 1n;

/** What HSCAN, SSCAN and ZSCAN look at: elements by position, 0..size-1. */
export interface Scannable {
  readonly size: number;
  readonly elementAt: (position: number) => ByteString;
  /** The value or score that follows each element; absent for sets. */
  readonly valueAt?: (position: number) => ByteString;
}

/**
 * The cursor of HSCAN, SSCAN and ZSCAN: the position below which nothing was visited yet, 0 = from the beginning.
 * @throws CommandError "invalid cursor"
 */
export function requireCursor(text: ByteString): number {
  if (!/^(?:[+-]?\d+)?$/.test(text)) throw new CommandError('ERR invalid cursor');
  const cursor = BigInt(text.replace(/^\+/, ''));
  if (cursor > MAX_CURSOR || cursor < -MAX_CURSOR) throw new CommandError('ERR invalid cursor');
  // As strtoul has it, a negative number is one counted back from the greatest.
  return cursor < 0n ? Number.MAX_SAFE_INTEGER : Number(cursor);
}

/** The reply to a scan of a key that does not exist. Redis does not look at the options then. */
export function replyScanOfNothing(reply: Reply): void {
  reply.array(2);
  reply.bulk('0');
  reply.array(0);
}

/**
 * One step of a scan and its reply. Positions are walked downwards: a deletion moves the last element into the hole, so what
 * moves was visited already, and nothing that stays throughout the scan is missed.
 *
 * @param options the words after the cursor: MATCH, COUNT
 * @throws CommandError "syntax error", "value is not an integer or out of range"
 */
export function replyScan(
  reply: Reply,
  { size, elementAt, valueAt }: Scannable,
  cursor: number,
  options: readonly ByteString[],
): void {
  const { count, match } = parseOptions(options);
  const end = cursor === 0 ? size : Math.min(cursor, size);
  // A compact collection comes in one step, whatever COUNT says.
  const start = size <= COMPACT ? 0 : Math.max(0, end - count);
  const found: ByteString[] = [];
  for (let position = end - 1; position >= start; position--) {
    const element = elementAt(position);
    if (!match(element)) continue;
    found.push(element);
    if (valueAt !== undefined) found.push(valueAt(position));
  }
  reply.array(2);
  reply.bulk(String(start));
  reply.array(found.length);
  for (const text of found) reply.bulk(text);
}

function parseOptions(options: readonly ByteString[]): { count: number; match: (text: ByteString) => boolean } {
  let count = DEFAULT_COUNT;
  let match: (text: ByteString) => boolean = () => true;
  for (let i = 0; i < options.length; i += 2) {
    const value = options[i + 1];
    if (value === undefined) throw syntaxError();
    switch ((options[i] as ByteString).toLowerCase()) {
      case 'count': {
        const wanted = requireInteger(value);
        if (wanted < 1n) throw syntaxError();
        count = Number(wanted);
        break;
      }
      case 'match':
        match = compileGlob(value);
        break;
      default:
        throw syntaxError();
    }
  }
  return { count, match };
}
