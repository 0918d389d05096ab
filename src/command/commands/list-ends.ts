import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import { requireCount } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { wrongArity } from '../command-error.ts';
import { counted } from '../lookup.ts';
import { type End, move, pop, requireEnd } from './list-move.ts';

function push(end: End, condition: 'always' | 'if-exists'): Command['run'] {
  return ({ client }: Context, argv: readonly ByteString[], reply: Reply) => {
    const key = argv[1] as ByteString;
    const { lists } = client.keyspace(key);
    if (condition === 'if-exists' && lists.read(key) === undefined) {
      reply.int(0);
      return;
    }
    let length = 0;
    for (let i = 2; i < argv.length; i++) {
      const element = argv[i] as ByteString;
      length = end === 'left' ? lists.pushLeft(key, element) : lists.pushRight(key, element);
    }
    reply.int(length);
  };
}

function popCommand(name: string, end: End): Command['run'] {
  return ({ client }: Context, argv: readonly ByteString[], reply: Reply) => {
    if (argv.length > 3) throw wrongArity(name);
    const key = argv[1] as ByteString;
    if (argv.length === 2) {
      const element = pop(client, key, end);
      if (element === undefined) reply.nil();
      else reply.bulk(element);
      return;
    }
    const wanted = requireCount(argv[2] as ByteString);
    const list = client.keyspace(key).lists.read(key);
    if (list === undefined) {
      reply.nilArray();
      return;
    }
    const count = Math.min(wanted, list.length);
    reply.array(count);
    for (let i = 0; i < count; i++) reply.bulk(pop(client, key, end) as ByteString);
  };
}

function replyMoved(reply: Reply, element: ByteString | undefined): void {
  if (element === undefined) reply.nil();
  else reply.bulk(element);
}

function lmove({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const [, source, destination, from, to] = argv as [ByteString, ByteString, ByteString, ByteString, ByteString];
  replyMoved(reply, move(client, { source, destination, from: requireEnd(from), to: requireEnd(to) }));
}

function rpoplpush({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const [, source, destination] = argv as [ByteString, ByteString, ByteString];
  replyMoved(reply, move(client, { source, destination, from: 'right', to: 'left' }));
}

function llen(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const key = argv[1] as ByteString;
  reply.int(counted(context, context.client.keyspace(key).lists.read(key))?.length ?? 0);
}

export const listEndCommands: readonly Command[] = [
  {
    name: 'lpush',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'list',
    summary: 'Put elements before a list, one after the other',
    keys: [1, 1, 1],
    run: push('left', 'always'),
  },
  {
    name: 'rpush',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'list',
    summary: 'Append elements to a list',
    keys: [1, 1, 1],
    run: push('right', 'always'),
  },
  {
    name: 'lpushx',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'list',
    summary: 'Put elements before a list, only if it exists',
    keys: [1, 1, 1],
    run: push('left', 'if-exists'),
  },
  {
    name: 'rpushx',
    arity: -3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'list',
    summary: 'Append elements to a list, only if it exists',
    keys: [1, 1, 1],
    run: push('right', 'if-exists'),
  },
  {
    name: 'lpop',
    arity: -2,
    flags: ['write', 'fast'],
    group: 'list',
    summary: 'Remove and return the first elements of a list',
    keys: [1, 1, 1],
    run: popCommand('lpop', 'left'),
  },
  {
    name: 'rpop',
    arity: -2,
    flags: ['write', 'fast'],
    group: 'list',
    summary: 'Remove and return the last elements of a list',
    keys: [1, 1, 1],
    run: popCommand('rpop', 'right'),
  },
  {
    name: 'llen',
    arity: 2,
    flags: ['readonly', 'fast'],
    group: 'list',
    summary: 'Get the length of a list',
    keys: [1, 1, 1],
    run: llen,
  },
  {
    name: 'lmove',
    arity: 5,
    flags: ['write', 'denyoom'],
    group: 'list',
    summary: 'Move an element from one end of a list to an end of another',
    keys: [1, 2, 1],
    run: lmove,
  },
  {
    name: 'rpoplpush',
    arity: 3,
    flags: ['write', 'denyoom'],
    group: 'list',
    summary: 'Move the last element of a list to the front of another; an older LMOVE',
    keys: [1, 2, 1],
    run: rpoplpush,
  },
];
