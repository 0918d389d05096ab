import type { ByteString } from '../../kernel/bytes.ts';
import { formatDouble } from '../../resp/format-double.ts';
import type { Reply } from '../../resp/reply.ts';
import type { ReadonlySortedSet } from '../../store/engine/sorted-sets.ts';
import type { Command, Context } from '../command.ts';
import { replyScan, replyScanOfNothing, requireCursor } from '../element-scan.ts';
import { counted } from '../lookup.ts';
import { isCompact } from './sorted-set-compact.ts';
import { type RangeType, requireSpan } from './sorted-set-span.ts';

/** The sorted set of the first argument. @throws SluiceError WRONG_TYPE */
export function readSortedSet(context: Context, argv: readonly ByteString[]): ReadonlySortedSet | undefined {
  const key = argv[1] as ByteString;
  return counted(context, context.client.keyspace(key).sortedSets.read(key));
}

function replyScore(reply: Reply, score: number | undefined): void {
  if (score === undefined) reply.nil();
  else reply.double(score);
}

function zmscore(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const set = readSortedSet(context, argv);
  reply.array(argv.length - 2);
  for (let i = 2; i < argv.length; i++) replyScore(reply, set?.score(argv[i] as ByteString));
}

function rank(direction: 'ascending' | 'descending'): Command['run'] {
  return (context: Context, argv: readonly ByteString[], reply: Reply) => {
    const set = readSortedSet(context, argv);
    const position = set?.rank(argv[2] as ByteString);
    if (set === undefined || position === undefined) reply.nil();
    else reply.int(direction === 'ascending' ? position : set.size - 1 - position);
  };
}

function count(type: RangeType): Command['run'] {
  return (context: Context, argv: readonly ByteString[], reply: Reply) => {
    const find = requireSpan(type, argv[2] as ByteString, argv[3] as ByteString);
    const set = readSortedSet(context, argv);
    if (set === undefined) {
      reply.int(0);
      return;
    }
    const { start, end } = find(set, 'forward');
    reply.int(Math.max(0, end - start));
  };
}

function zscan(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const cursor = requireCursor(argv[2] as ByteString);
  const set = readSortedSet(context, argv);
  if (set === undefined) {
    replyScanOfNothing(reply);
    return;
  }
  const format = isCompact(set) ? formatCompact : formatDouble;
  const elements = {
    size: set.size,
    elementAt: (position: number) => set.memberAt(position),
    valueAt: (position: number) => format(set.scoreAt(position)),
  };
  replyScan(reply, elements, cursor, argv.slice(3));
}

/** In the compact encoding scores are text, whole ones without an exponent. */
function formatCompact(score: number): string {
  return Number.isInteger(score) && Math.abs(score) < 2 ** 62 ? String(BigInt(score)) : formatDouble(score);
}

export const sortedSetReadCommands: readonly Command[] = [
  {
    name: 'zcard',
    arity: 2,
    flags: ['readonly', 'fast'],
    group: 'sorted-set',
    summary: 'Get the number of members of a sorted set',
    keys: [1, 1, 1],
    run: (context, argv, reply) => reply.int(readSortedSet(context, argv)?.size ?? 0),
  },
  {
    name: 'zcount',
    arity: 4,
    flags: ['readonly', 'fast'],
    group: 'sorted-set',
    summary: 'Count the members of a sorted set between two scores',
    keys: [1, 1, 1],
    run: count('score'),
  },
  {
    name: 'zlexcount',
    arity: 4,
    flags: ['readonly', 'fast'],
    group: 'sorted-set',
    summary: 'Count the members of a sorted set between two members, where all have one score',
    keys: [1, 1, 1],
    run: count('lex'),
  },
  {
    name: 'zscore',
    arity: 3,
    flags: ['readonly', 'fast'],
    group: 'sorted-set',
    summary: 'Get the score of a member of a sorted set',
    keys: [1, 1, 1],
    run: (context, argv, reply) => replyScore(reply, readSortedSet(context, argv)?.score(argv[2] as ByteString)),
  },
  {
    name: 'zmscore',
    arity: -3,
    flags: ['readonly', 'fast'],
    group: 'sorted-set',
    summary: 'Get the scores of members of a sorted set',
    keys: [1, 1, 1],
    run: zmscore,
  },
  {
    name: 'zrank',
    arity: 3,
    flags: ['readonly', 'fast'],
    group: 'sorted-set',
    summary: 'Get the position of a member of a sorted set, from the lowest score',
    keys: [1, 1, 1],
    run: rank('ascending'),
  },
  {
    name: 'zrevrank',
    arity: 3,
    flags: ['readonly', 'fast'],
    group: 'sorted-set',
    summary: 'Get the position of a member of a sorted set, from the highest score',
    keys: [1, 1, 1],
    run: rank('descending'),
  },
  {
    name: 'zscan',
    arity: -3,
    flags: ['readonly'],
    group: 'sorted-set',
    summary: 'Iterate over the members of a sorted set with their scores',
    keys: [1, 1, 1],
    run: zscan,
  },
];
