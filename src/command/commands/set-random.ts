import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import { requireCount, requireSignedCount } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { syntaxError } from '../command-error.ts';
import { counted } from '../lookup.ts';
import { distinctPositions, pickPositions } from '../random-picks.ts';

function spop({ server, client }: Context, argv: readonly ByteString[], reply: Reply): void {
  if (argv.length > 3) throw syntaxError();
  const key = argv[1] as ByteString;
  const space = client.keyspace(key);
  const { random } = server.engine;
  if (argv.length === 2) {
    const set = space.sets.read(key);
    if (set === undefined) {
      reply.nil();
      return;
    }
    const member = set.keyAt(Math.floor(random() * set.size));
    space.sets.remove(key, member);
    reply.bulk(member);
    return;
  }
  const count = requireCount(argv[2] as ByteString);
  const set = space.sets.read(key);
  if (set === undefined || count === 0) {
    reply.set(0);
    return;
  }
  const { size } = set;
  // Positions move with every removal, so the members are taken down first.
  const members =
    count >= size ? set.keys() : distinctPositions(size, count, random).map((position) => set.keyAt(position));
  if (count >= size) space.delete(key);
  else for (const member of members) space.sets.remove(key, member);
  reply.set(members.length);
  for (const member of members) reply.bulk(member);
}

function srandmember(context: Context, argv: readonly ByteString[], reply: Reply): void {
  if (argv.length > 3) throw syntaxError();
  const key = argv[1] as ByteString;
  const { sets } = context.client.keyspace(key);
  const { random } = context.server.engine;
  if (argv.length === 2) {
    const set = counted(context, sets.read(key));
    if (set === undefined) reply.nil();
    else reply.bulk(set.keyAt(Math.floor(random() * set.size)));
    return;
  }
  const count = requireSignedCount(argv[2] as ByteString);
  const set = counted(context, sets.read(key));
  if (set === undefined) {
    reply.array(0);
    return;
  }
  const positions = pickPositions(set.size, count, random);
  reply.array(positions.length);
  for (const position of positions) reply.bulk(set.keyAt(position));
}

export const setRandomCommands: readonly Command[] = [
  {
    name: 'spop',
    arity: -2,
    flags: ['write', 'fast'],
    group: 'set',
    summary: 'Remove and return random members of a set',
    keys: [1, 1, 1],
    run: spop,
  },
  {
    name: 'srandmember',
    arity: -2,
    flags: ['readonly'],
    group: 'set',
    summary: 'Get random members of a set; with a negative count one may come several times',
    keys: [1, 1, 1],
    difference: 'a negative count is at least -16777216',
    run: srandmember,
  },
];
