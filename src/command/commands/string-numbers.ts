import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Keyspace } from '../../store/engine/keyspace.ts';
import { parseNumber } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, notAFloat, notAnInteger } from '../command-error.ts';
import { addLongDoubles, formatLongDouble, parseLongDouble } from '../decimal.ts';

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

/** Strings taken as numbers: integers of 64 bits, and long doubles. */
export const numberCommands: readonly Command[] = [
  {
    name: 'incr',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    summary: 'Increment the integer value of a key by one',
    keys: [1, 1, 1],
    run: (context, argv, reply) => increment(context, argv[1] as ByteString, 1, reply),
  },
  {
    name: 'decr',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    summary: 'Decrement the integer value of a key by one',
    keys: [1, 1, 1],
    run: (context, argv, reply) => increment(context, argv[1] as ByteString, -1, reply),
  },
  {
    name: 'incrby',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    summary: 'Increment the integer value of a key by the given amount',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      increment(context, argv[1] as ByteString, requireNumber(argv[2] as ByteString), reply);
    },
  },
  {
    name: 'decrby',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    summary: 'Decrement the integer value of a key by the given number',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      const amount = requireNumber(argv[2] as ByteString);
      if (amount === MIN_INT64) throw new CommandError('ERR decrement would overflow');
      increment(context, argv[1] as ByteString, -amount, reply);
    },
  },
  {
    name: 'incrbyfloat',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    summary: 'Increment the float value of a key by the given amount',
    keys: [1, 1, 1],
    run({ client }, argv, reply) {
      const key = argv[1] as ByteString;
      const space = client.keyspace(key);
      const value = parseLongDouble(space.strings.get(key) ?? '0');
      const amount = parseLongDouble(argv[2] as ByteString);
      if (value === undefined || amount === undefined) throw notAFloat();
      const sum = addLongDoubles(value, amount);
      if (sum === 'infinite') throw new CommandError('ERR increment would produce NaN or Infinity');
      const text = formatLongDouble(sum);
      replaceValue(space, key, text);
      reply.bulk(text);
    },
  },
];

function increment({ client }: Context, key: ByteString, amount: number | bigint, reply: Reply): void {
  const space = client.keyspace(key);
  const text = space.strings.get(key);
  const value = text === undefined ? 0 : requireNumber(text);
  const sum = add(value, amount);
  replaceValue(space, key, String(sum));
  reply.int(sum);
}

/** Numbers are within ±10^15, so that their sums are exact. */
function add(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const sum = BigInt(a) + BigInt(b);
  if (sum > MAX_INT64 || sum < MIN_INT64) throw new CommandError('ERR increment or decrement would overflow');
  return sum;
}

function requireNumber(text: ByteString): number | bigint {
  const value = parseNumber(text);
  if (value === undefined) throw notAnInteger();
  return value;
}

/** Stores another value and keeps expiry, content type and entry class. */
function replaceValue(space: Keyspace, key: ByteString, value: ByteString): void {
  const ref = space.find(key);
  if (ref === 0) {
    space.strings.set(key, value);
    return;
  }
  const { records } = space;
  space.strings.set(key, value, {
    expiresAt: records.expiresAt(ref),
    contentType: records.contentType(ref),
    entryClass: records.entryClass(ref),
  });
}
