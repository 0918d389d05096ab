import type { ByteString } from '../../kernel/bytes.ts';
import type { ReadonlyDenseMap } from '../../kernel/dense-map.ts';
import type { Reply } from '../../resp/reply.ts';
import { requireSignedCount } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, syntaxError } from '../command-error.ts';
import { replyScan, replyScanOfNothing, requireCursor } from '../element-scan.ts';
import { counted } from '../lookup.ts';
import { pickPositions } from '../random-picks.ts';

type Fields = ReadonlyDenseMap<ByteString, ByteString>;

/** The hash of the first argument. @throws SluiceError WRONG_TYPE */
function readHash(context: Context, argv: readonly ByteString[]): Fields | undefined {
  const key = argv[1] as ByteString;
  return counted(context, context.client.keyspace(key).hashes.read(key));
}

function bulkOrNil(reply: Reply, value: ByteString | undefined): void {
  if (value === undefined) reply.nil();
  else reply.bulk(value);
}

function hmget(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const hash = readHash(context, argv);
  reply.array(argv.length - 2);
  for (let i = 2; i < argv.length; i++) bulkOrNil(reply, hash?.get(argv[i] as ByteString));
}

function hgetall(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const hash = readHash(context, argv);
  const size = hash?.size ?? 0;
  reply.map(size);
  for (let i = 0; i < size; i++) {
    reply.bulk((hash as Fields).keyAt(i));
    reply.bulk((hash as Fields).valueAt(i));
  }
}

function replyAll(reply: Reply, texts: readonly ByteString[]): void {
  reply.array(texts.length);
  for (const text of texts) reply.bulk(text);
}

function hrandfield(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const { random } = context.server.engine;
  if (argv.length === 2) {
    const hash = readHash(context, argv);
    if (hash === undefined) reply.nil();
    else reply.bulk(hash.keyAt(Math.floor(random() * hash.size)));
    return;
  }
  const count = requireSignedCount(argv[2] as ByteString);
  const withValues = argv.length > 3;
  if (withValues) {
    if (argv.length > 4 || (argv[3] as ByteString).toLowerCase() !== 'withvalues') throw syntaxError();
    // Twice as many replies must still be a number of 64 bits.
    if (Math.abs(count) > 2 ** 62) throw new CommandError('ERR value is out of range');
  }
  const hash = readHash(context, argv);
  const positions = hash === undefined ? [] : pickPositions(hash.size, count, random);
  reply.array(withValues && reply.proto === 2 ? positions.length * 2 : positions.length);
  for (const position of positions) {
    if (withValues && reply.proto === 3) reply.array(2);
    reply.bulk((hash as Fields).keyAt(position));
    if (withValues) reply.bulk((hash as Fields).valueAt(position));
  }
}

function hscan(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const cursor = requireCursor(argv[2] as ByteString);
  const hash = readHash(context, argv);
  if (hash === undefined) {
    replyScanOfNothing(reply);
    return;
  }
  const elements = {
    size: hash.size,
    elementAt: (position: number) => hash.keyAt(position),
    valueAt: (position: number) => hash.valueAt(position),
  };
  replyScan(reply, elements, cursor, argv.slice(3));
}

export const hashReadCommands: readonly Command[] = [
  {
    name: 'hget',
    arity: 3,
    flags: ['readonly', 'fast'],
    group: 'hash',
    summary: 'Get the value of a field of a hash',
    keys: [1, 1, 1],
    run: (context, argv, reply) => bulkOrNil(reply, readHash(context, argv)?.get(argv[2] as ByteString)),
  },
  {
    name: 'hmget',
    arity: -3,
    flags: ['readonly', 'fast'],
    group: 'hash',
    summary: 'Get the values of fields of a hash',
    keys: [1, 1, 1],
    run: hmget,
  },
  {
    name: 'hgetall',
    arity: 2,
    flags: ['readonly'],
    group: 'hash',
    summary: 'Get all fields of a hash with their values',
    keys: [1, 1, 1],
    run: hgetall,
  },
  {
    name: 'hexists',
    arity: 3,
    flags: ['readonly', 'fast'],
    group: 'hash',
    summary: 'Determine if a hash has a field',
    keys: [1, 1, 1],
    run: (context, argv, reply) => reply.int(readHash(context, argv)?.has(argv[2] as ByteString) === true ? 1 : 0),
  },
  {
    name: 'hlen',
    arity: 2,
    flags: ['readonly', 'fast'],
    group: 'hash',
    summary: 'Get the number of fields of a hash',
    keys: [1, 1, 1],
    run: (context, argv, reply) => reply.int(readHash(context, argv)?.size ?? 0),
  },
  {
    name: 'hstrlen',
    arity: 3,
    flags: ['readonly', 'fast'],
    group: 'hash',
    summary: 'Get the length of the value of a field of a hash',
    keys: [1, 1, 1],
    run: (context, argv, reply) => reply.int(readHash(context, argv)?.get(argv[2] as ByteString)?.length ?? 0),
  },
  {
    name: 'hkeys',
    arity: 2,
    flags: ['readonly'],
    group: 'hash',
    summary: 'Get all fields of a hash',
    keys: [1, 1, 1],
    run: (context, argv, reply) => replyAll(reply, readHash(context, argv)?.keys() ?? []),
  },
  {
    name: 'hvals',
    arity: 2,
    flags: ['readonly'],
    group: 'hash',
    summary: 'Get all values of a hash',
    keys: [1, 1, 1],
    run: (context, argv, reply) => replyAll(reply, readHash(context, argv)?.values() ?? []),
  },
  {
    name: 'hrandfield',
    arity: -2,
    flags: ['readonly'],
    group: 'hash',
    summary: 'Get random fields of a hash; with a negative count one may come several times',
    keys: [1, 1, 1],
    difference: 'a negative count is at least -16777216',
    run: hrandfield,
  },
  {
    name: 'hscan',
    arity: -3,
    flags: ['readonly'],
    group: 'hash',
    summary: 'Iterate over the fields of a hash with their values',
    keys: [1, 1, 1],
    run: hscan,
  },
];
