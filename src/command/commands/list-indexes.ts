import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import type { ReadonlyList } from '../../store/engine/lists.ts';
import { requireIndex } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, noSuchKey, syntaxError } from '../command-error.ts';
import { counted } from '../lookup.ts';

/** The list of the first argument, for a reading command. @throws SluiceError WRONG_TYPE */
function readList(context: Context, argv: readonly ByteString[]): ReadonlyList | undefined {
  const key = argv[1] as ByteString;
  return counted(context, context.client.keyspace(key).lists.read(key));
}

/** Counted from 0; negative ones count from the end, -1 the last. */
function fromStart(index: number, length: number): number {
  return index < 0 ? index + length : index;
}

function lindex(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const list = readList(context, argv);
  // Redis looks at the index only when there is a list.
  const element = list?.at(fromStart(requireIndex(argv[2] as ByteString), list.length));
  if (element === undefined) reply.nil();
  else reply.bulk(element);
}

function lrange(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const first = requireIndex(argv[2] as ByteString);
  const last = requireIndex(argv[3] as ByteString);
  const list = readList(context, argv);
  if (list === undefined) {
    reply.array(0);
    return;
  }
  const start = Math.max(0, fromStart(first, list.length));
  const stop = Math.min(fromStart(last, list.length), list.length - 1);
  reply.array(Math.max(0, stop - start + 1));
  for (const element of list.range(start, stop)) reply.bulk(element);
}

function lset({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const [, key, at, element] = argv as [ByteString, ByteString, ByteString, ByteString];
  const { lists } = client.keyspace(key);
  const list = lists.read(key);
  if (list === undefined) throw noSuchKey();
  const index = fromStart(requireIndex(at), list.length);
  if (index < 0 || index >= list.length) throw new CommandError('ERR index out of range');
  lists.set(key, index, element);
  reply.ok();
}

function lrem({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const [, key, count, element] = argv as [ByteString, ByteString, ByteString, ByteString];
  const wanted = requireIndex(count);
  const { lists } = client.keyspace(key);
  const list = lists.read(key);
  if (list === undefined) {
    reply.int(0);
    return;
  }
  const indexes = indexesOf(list, element, wanted > 0 ? wanted : Number.POSITIVE_INFINITY);
  const removed = wanted < 0 ? indexes.slice(wanted) : indexes;
  // From the end, so that the indexes before stay as they are.
  for (const index of removed.reverse()) lists.removeAt(key, index);
  reply.int(removed.length);
}

/** The first `limit` places where the element is. */
function indexesOf(list: ReadonlyList, element: ByteString, limit: number): number[] {
  const indexes: number[] = [];
  let index = 0;
  for (const other of list.range(0, list.length - 1)) {
    if (other === element && indexes.push(index) === limit) break;
    index++;
  }
  return indexes;
}

function ltrim({ client, server }: Context, argv: readonly ByteString[], reply: Reply): void {
  const [, key, first, last] = argv as [ByteString, ByteString, ByteString, ByteString];
  const start = requireIndex(first);
  const stop = requireIndex(last);
  const space = client.keyspace(key);
  const list = space.lists.read(key);
  if (list !== undefined) {
    const { length } = list;
    space.lists.trim(key, fromStart(start, length), fromStart(stop, length));
    if (list.length === length) server.touch(space, key);
  }
  reply.ok();
}

function linsert({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const [, key, where, pivot, element] = argv as [ByteString, ByteString, ByteString, ByteString, ByteString];
  const side = where.toLowerCase();
  if (side !== 'before' && side !== 'after') throw syntaxError();
  const { lists } = client.keyspace(key);
  const list = lists.read(key);
  if (list === undefined) {
    reply.int(0);
    return;
  }
  const [index] = indexesOf(list, pivot, 1);
  if (index === undefined) reply.int(-1);
  else reply.int(lists.insert(key, side === 'before' ? index : index + 1, element));
}

export const listIndexCommands: readonly Command[] = [
  {
    name: 'lrange',
    arity: 4,
    flags: ['readonly'],
    group: 'list',
    summary: 'Get the elements of a list between two indexes',
    keys: [1, 1, 1],
    run: lrange,
  },
  {
    name: 'lindex',
    arity: 3,
    flags: ['readonly'],
    group: 'list',
    summary: 'Get the element of a list at an index',
    keys: [1, 1, 1],
    run: lindex,
  },
  {
    name: 'lset',
    arity: 4,
    flags: ['write', 'denyoom'],
    group: 'list',
    summary: 'Replace the element of a list at an index',
    keys: [1, 1, 1],
    run: lset,
  },
  {
    name: 'lrem',
    arity: 4,
    flags: ['write'],
    group: 'list',
    summary: 'Remove elements equal to the given one from a list',
    keys: [1, 1, 1],
    run: lrem,
  },
  {
    name: 'ltrim',
    arity: 4,
    flags: ['write'],
    group: 'list',
    summary: 'Keep only the elements of a list between two indexes',
    keys: [1, 1, 1],
    run: ltrim,
  },
  {
    name: 'linsert',
    arity: 5,
    flags: ['write', 'denyoom'],
    group: 'list',
    summary: 'Insert an element before or after another one of a list',
    keys: [1, 1, 1],
    run: linsert,
  },
];
