import type { ByteString } from '../../kernel/bytes.ts';
import type { ReadonlyDenseMap } from '../../kernel/dense-map.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Command, Context } from '../command.ts';
import { replyScan, replyScanOfNothing, requireCursor } from '../element-scan.ts';
import { counted } from '../lookup.ts';

/** The set of the first argument. @throws SluiceError WRONG_TYPE */
function readSet(context: Context, argv: readonly ByteString[]): ReadonlyDenseMap<ByteString, true> | undefined {
  const key = argv[1] as ByteString;
  return counted(context, context.client.keyspace(key).sets.read(key));
}

function sadd({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const key = argv[1] as ByteString;
  const { sets } = client.keyspace(key);
  let added = 0;
  for (let i = 2; i < argv.length; i++) if (sets.add(key, argv[i] as ByteString)) added++;
  reply.int(added);
}

function srem({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const key = argv[1] as ByteString;
  const { sets } = client.keyspace(key);
  let removed = 0;
  for (let i = 2; i < argv.length; i++) if (sets.remove(key, argv[i] as ByteString)) removed++;
  reply.int(removed);
}

function smove({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const [, source, destination, member] = argv as [ByteString, ByteString, ByteString, ByteString];
  const from = client.keyspace(source).sets;
  const to = client.keyspace(destination).sets;
  const set = from.read(source);
  if (set === undefined) {
    reply.int(0);
    return;
  }
  // Looked at for its type alone.
  to.read(destination);
  if (!set.has(member)) {
    reply.int(0);
    return;
  }
  if (source !== destination) {
    // First the one that may be refused, as its name may be too long.
    to.add(destination, member);
    from.remove(source, member);
  }
  reply.int(1);
}

function smembers(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const members = readSet(context, argv)?.keys() ?? [];
  reply.set(members.length);
  for (const member of members) reply.bulk(member);
}

function smismember(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const set = readSet(context, argv);
  reply.array(argv.length - 2);
  for (let i = 2; i < argv.length; i++) reply.int(set?.has(argv[i] as ByteString) === true ? 1 : 0);
}

function sscan(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const cursor = requireCursor(argv[2] as ByteString);
  const set = readSet(context, argv);
  if (set === undefined) replyScanOfNothing(reply);
  else replyScan(reply, { size: set.size, elementAt: (position) => set.keyAt(position) }, cursor, argv.slice(3));
}

export const setMemberCommands: readonly Command[] = [
  {
    name: 'sadd',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'set',
    summary: 'Add members to a set',
    keys: [1, 1, 1],
    run: sadd,
  },
  {
    name: 'srem',
    arity: -3,
    flags: ['write', 'fast'],
    group: 'set',
    summary: 'Remove members from a set',
    keys: [1, 1, 1],
    run: srem,
  },
  {
    name: 'smove',
    arity: 4,
    flags: ['write', 'fast'],
    group: 'set',
    summary: 'Move a member from one set to another',
    keys: [1, 2, 1],
    run: smove,
  },
  {
    name: 'smembers',
    arity: 2,
    flags: ['readonly'],
    group: 'set',
    summary: 'Get all members of a set',
    keys: [1, 1, 1],
    run: smembers,
  },
  {
    name: 'sismember',
    arity: 3,
    flags: ['readonly', 'fast'],
    group: 'set',
    summary: 'Determine if a set has a member',
    keys: [1, 1, 1],
    run: (context, argv, reply) => reply.int(readSet(context, argv)?.has(argv[2] as ByteString) === true ? 1 : 0),
  },
  {
    name: 'smismember',
    arity: -3,
    flags: ['readonly', 'fast'],
    group: 'set',
    summary: 'Determine which of several members a set has',
    keys: [1, 1, 1],
    run: smismember,
  },
  {
    name: 'scard',
    arity: 2,
    flags: ['readonly', 'fast'],
    group: 'set',
    summary: 'Get the number of members of a set',
    keys: [1, 1, 1],
    run: (context, argv, reply) => reply.int(readSet(context, argv)?.size ?? 0),
  },
  {
    name: 'sscan',
    arity: -3,
    flags: ['readonly'],
    group: 'set',
    summary: 'Iterate over the members of a set',
    keys: [1, 1, 1],
    run: sscan,
  },
];
