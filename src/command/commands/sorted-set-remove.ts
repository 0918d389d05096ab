import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Keyspace } from '../../store/engine/keyspace.ts';
import type { ScoredMember } from '../../store/engine/values/sorted-set.ts';
import { requireCount } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { syntaxError } from '../command-error.ts';
import { replyEntries } from './sorted-set-range.ts';
import { type RangeType, requireSpan } from './sorted-set-span.ts';

function zrem({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const key = argv[1] as ByteString;
  const { sortedSets } = client.keyspace(key);
  let removed = 0;
  for (let i = 2; i < argv.length; i++) if (sortedSets.remove(key, argv[i] as ByteString)) removed++;
  reply.int(removed);
}

/** Removes them all; the whole sorted set at once when nothing else is in it. */
function removeEntries(space: Keyspace, key: ByteString, entries: readonly ScoredMember[], size: number): void {
  if (entries.length === size) space.delete(key);
  else for (const { member } of entries) space.sortedSets.remove(key, member);
}

function removeRange(type: RangeType): Command['run'] {
  return ({ client }: Context, argv: readonly ByteString[], reply: Reply) => {
    const key = argv[1] as ByteString;
    const find = requireSpan(type, argv[2] as ByteString, argv[3] as ByteString);
    const space = client.keyspace(key);
    const set = space.sortedSets.read(key);
    if (set === undefined) {
      reply.int(0);
      return;
    }
    const { start, end } = find(set, 'forward');
    const entries = [...set.range(start, end - start)];
    removeEntries(space, key, entries, set.size);
    reply.int(entries.length);
  };
}

function popEnd(end: 'lowest' | 'highest'): Command['run'] {
  return ({ client }: Context, argv: readonly ByteString[], reply: Reply) => {
    if (argv.length > 3) throw syntaxError();
    const counted = argv.length === 3;
    const count = counted ? requireCount(argv[2] as ByteString) : 1;
    const key = argv[1] as ByteString;
    const space = client.keyspace(key);
    const set = space.sortedSets.read(key);
    if (set === undefined || count === 0) {
      reply.array(0);
      return;
    }
    const { size } = set;
    const entries = [...set.range(end === 'lowest' ? 0 : size - 1, Math.min(count, size), end === 'highest')];
    removeEntries(space, key, entries, size);
    if (counted) {
      replyEntries(reply, entries, entries.length, 'pairs');
      return;
    }
    // Without a count the one pair is flat in RESP3 too.
    const { member, score } = entries[0] as ScoredMember;
    reply.array(2);
    reply.bulk(member);
    reply.double(score);
  };
}

function rangeRow(name: string, summary: string, type: RangeType): Command {
  return { name, arity: 4, flags: ['write'], group: 'sorted-set', summary, keys: [1, 1, 1], run: removeRange(type) };
}

function popRow(name: string, summary: string, end: 'lowest' | 'highest'): Command {
  return {
    name,
    arity: -2,
    flags: ['write', 'fast'],
    group: 'sorted-set',
    summary,
    keys: [1, 1, 1],
    run: popEnd(end),
  };
}

export const sortedSetRemoveCommands: readonly Command[] = [
  {
    name: 'zrem',
    arity: -3,
    flags: ['write', 'fast'],
    group: 'sorted-set',
    summary: 'Remove members from a sorted set',
    keys: [1, 1, 1],
    run: zrem,
  },
  rangeRow('zremrangebyrank', 'Remove the members of a sorted set between two positions', 'rank'),
  rangeRow('zremrangebyscore', 'Remove the members of a sorted set between two scores', 'score'),
  rangeRow('zremrangebylex', 'Remove the members of a sorted set between two members, where all have one score', 'lex'),
  popRow('zpopmin', 'Remove and return the members with the lowest scores of a sorted set', 'lowest'),
  popRow('zpopmax', 'Remove and return the members with the highest scores of a sorted set', 'highest'),
];
