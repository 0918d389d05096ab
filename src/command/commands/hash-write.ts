import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import { inInt64, parseInteger, requireInteger, requireLongDouble } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, wrongArity } from '../command-error.ts';
import { addLongDoubles, formatLongDouble, parseLongDouble } from '../decimal.ts';

/** @returns how many fields are new. @throws CommandError when a value is missing */
function setFields(name: string, { client }: Context, argv: readonly ByteString[]): number {
  if (argv.length % 2 !== 0) throw wrongArity(name);
  const key = argv[1] as ByteString;
  const { hashes } = client.keyspace(key);
  let created = 0;
  for (let i = 2; i < argv.length; i += 2) {
    if (hashes.set(key, argv[i] as ByteString, argv[i + 1] as ByteString)) created++;
  }
  return created;
}

function hsetnx({ client }: Context, [, key, field, value]: readonly ByteString[], reply: Reply): void {
  const { hashes } = client.keyspace(key as ByteString);
  if (hashes.read(key as ByteString)?.has(field as ByteString) === true) {
    reply.int(0);
    return;
  }
  hashes.set(key as ByteString, field as ByteString, value as ByteString);
  reply.int(1);
}

function hdel({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const key = argv[1] as ByteString;
  const { hashes } = client.keyspace(key);
  let deleted = 0;
  for (let i = 2; i < argv.length; i++) if (hashes.delete(key, argv[i] as ByteString)) deleted++;
  reply.int(deleted);
}

function hincrby({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const [, key, field, increment] = argv as [ByteString, ByteString, ByteString, ByteString];
  const by = requireInteger(increment);
  const { hashes } = client.keyspace(key);
  const old = parseInteger(hashes.read(key)?.get(field) ?? '0');
  if (old === undefined) throw new CommandError('ERR hash value is not an integer');
  const value: bigint = old + by;
  if (!inInt64(value)) throw new CommandError('ERR increment or decrement would overflow');
  hashes.set(key, field, String(value));
  reply.int(value);
}

function hincrbyfloat({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const [, key, field, increment] = argv as [ByteString, ByteString, ByteString, ByteString];
  const by = requireLongDouble(increment);
  if (by === 'infinite') throw new CommandError('ERR value is NaN or Infinity');
  const { hashes } = client.keyspace(key);
  const old = parseLongDouble(hashes.read(key)?.get(field) ?? '0');
  if (old === undefined) throw new CommandError('ERR hash value is not a float');
  const value = addLongDoubles(old, by);
  if (value === 'infinite') throw new CommandError('ERR increment would produce NaN or Infinity');
  const text = formatLongDouble(value);
  hashes.set(key, field, text);
  reply.bulk(text);
}

export const hashWriteCommands: readonly Command[] = [
  {
    name: 'hset',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    group: 'hash',
    summary: 'Set the values of fields of a hash',
    keys: [1, 1, 1],
    run: (context, argv, reply) => reply.int(setFields('hset', context, argv)),
  },
  {
    name: 'hsetnx',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    group: 'hash',
    summary: 'Set the value of a field of a hash, only if the field does not exist',
    keys: [1, 1, 1],
    run: hsetnx,
  },
  {
    name: 'hmset',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    group: 'hash',
    summary: 'Set the values of fields of a hash; an older HSET',
    keys: [1, 1, 1],
    run: (context, argv, reply) => {
      setFields('hmset', context, argv);
      reply.ok();
    },
  },
  {
    name: 'hdel',
    arity: -3,
    flags: ['write', 'fast'],
    group: 'hash',
    summary: 'Delete fields of a hash',
    keys: [1, 1, 1],
    run: hdel,
  },
  {
    name: 'hincrby',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    group: 'hash',
    summary: 'Increment the integer value of a field of a hash by the given number',
    keys: [1, 1, 1],
    run: hincrby,
  },
  {
    name: 'hincrbyfloat',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    group: 'hash',
    summary: 'Increment the float value of a field of a hash by the given amount',
    keys: [1, 1, 1],
    run: hincrbyfloat,
  },
];
