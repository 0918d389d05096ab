import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import type { ScoredMember } from '../../store/engine/values/sorted-set.ts';
import { requireIndex } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, syntaxError } from '../command-error.ts';
import { readSortedSet } from './sorted-set-read.ts';
import { type Direction, type RangeType, requireSpan, type Span } from './sorted-set-span.ts';

/** What a command fixes; ZRANGE leaves both to its options. */
interface Form {
  readonly type?: RangeType;
  readonly direction?: Direction;
}

interface RangeOptions {
  readonly type: RangeType;
  readonly direction: Direction;
  readonly withScores: boolean;
  readonly offset: number;
  /** Negative = all. */
  readonly limit: number;
}

/** @throws CommandError */
function parseOptions(argv: readonly ByteString[], form: Form): RangeOptions {
  let { type, direction } = form;
  let withScores = false;
  let offset = 0;
  let limit = -1;
  for (let i = 4; i < argv.length; i++) {
    const word = (argv[i] as ByteString).toLowerCase();
    if (word === 'withscores') {
      withScores = true;
    } else if (word === 'limit' && i + 2 < argv.length) {
      offset = requireIndex(argv[i + 1] as ByteString);
      limit = requireIndex(argv[i + 2] as ByteString);
      i += 2;
    } else if (word === 'rev' && direction === undefined) {
      direction = 'reverse';
    } else if (word === 'bylex' && type === undefined) {
      type = 'lex';
    } else if (word === 'byscore' && type === undefined) {
      type = 'score';
    } else {
      throw syntaxError();
    }
  }
  type ??= 'rank';
  if (limit !== -1 && type === 'rank') {
    throw new CommandError('ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX');
  }
  if (withScores && type === 'lex') {
    throw new CommandError('ERR syntax error, WITHSCORES not supported in combination with BYLEX');
  }
  return { type, direction: direction ?? 'forward', withScores, offset, limit };
}

/**
 * The part of a span that LIMIT leaves, as a first position to walk from and a number of entries. Positions of a reversed range
 * of ranks are counted from the other end.
 */
function window({ start, end }: Span, size: number, options: RangeOptions): { first: number; count: number } {
  const { direction, type, limit } = options;
  // Redis takes LIMIT with -1 for ranges of positions too, and ignores it.
  const offset = type === 'rank' ? 0 : options.offset;
  // A negative offset skips everything, as in Redis.
  const left = offset < 0 ? 0 : Math.max(0, end - start - offset);
  const count = limit < 0 ? left : Math.min(left, limit);
  if (direction === 'forward') return { first: start + offset, count };
  return { first: type === 'rank' ? size - 1 - start : end - 1 - offset, count };
}

function range(form: Form): Command['run'] {
  return (context: Context, argv: readonly ByteString[], reply: Reply) => {
    const options = parseOptions(argv, form);
    const { type, direction, withScores } = options;
    const [low, high] = [argv[2] as ByteString, argv[3] as ByteString];
    // Ranges of scores and members are given from max to min when reversed.
    const swapped = direction === 'reverse' && type !== 'rank';
    const find = requireSpan(type, swapped ? high : low, swapped ? low : high);
    const set = readSortedSet(context, argv);
    if (set === undefined) {
      reply.array(0);
      return;
    }
    const { first, count } = window(find(set, direction), set.size, options);
    replyEntries(reply, set.range(first, count, direction === 'reverse'), count, withScores ? 'pairs' : 'members');
  };
}

/** @param form `pairs` are nested in RESP3 and flat in RESP2. */
export function replyEntries(
  reply: Reply,
  entries: Iterable<ScoredMember>,
  count: number,
  form: 'members' | 'pairs',
): void {
  const nested = form === 'pairs' && reply.proto === 3;
  reply.array(form === 'pairs' && !nested ? count * 2 : count);
  for (const { member, score } of entries) {
    if (nested) reply.array(2);
    reply.bulk(member);
    if (form === 'pairs') reply.double(score);
  }
}

/** The rows differ in their names and in what they fix. */
function row(name: string, summary: string, form: Form): Command {
  return { name, arity: -4, flags: ['readonly'], group: 'sorted-set', summary, keys: [1, 1, 1], run: range(form) };
}

export const sortedSetRangeCommands: readonly Command[] = [
  row('zrange', 'Get the members of a sorted set between two positions, scores or members', {}),
  row('zrevrange', 'Get members of a sorted set by position, from the highest score; an older ZRANGE REV', {
    type: 'rank',
    direction: 'reverse',
  }),
  row('zrangebyscore', 'Get the members of a sorted set between two scores; an older ZRANGE BYSCORE', {
    type: 'score',
    direction: 'forward',
  }),
  row(
    'zrevrangebyscore',
    'Get the members of a sorted set between two scores, from the highest; an older ZRANGE BYSCORE REV',
    {
      type: 'score',
      direction: 'reverse',
    },
  ),
  row('zrangebylex', 'Get the members of a sorted set between two members; an older ZRANGE BYLEX', {
    type: 'lex',
    direction: 'forward',
  }),
  row(
    'zrevrangebylex',
    'Get the members of a sorted set between two members, from the last; an older ZRANGE BYLEX REV',
    {
      type: 'lex',
      direction: 'reverse',
    },
  ),
];
