import type { ByteString } from '../../kernel/bytes.ts';
import type { Ref } from '../../kernel/slab.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Keyspace } from '../../store/engine/keyspace.ts';
import { ValueType } from '../../store/engine/records.ts';
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
    summary: 'Adds one to the integer a string holds.',
    keys: [1, 1, 1],
    run: (context, argv, reply) => increment(context, argv[1] as ByteString, 1, reply),
  },
  {
    name: 'decr',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    summary: 'Subtracts one from the integer a string holds.',
    keys: [1, 1, 1],
    run: (context, argv, reply) => increment(context, argv[1] as ByteString, -1, reply),
  },
  {
    name: 'incrby',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    summary: 'Adds to the integer a string holds.',
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
    summary: 'Subtracts from the integer a string holds.',
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
    summary: 'Adds to the decimal number a string holds.',
    keys: [1, 1, 1],
    run({ client }, argv, reply) {
      const key = argv[1] as ByteString;
      const space = client.keyspace(key);
      const ref = space.find(key);
      const value = parseLongDouble(stringAt(space, ref) ?? '0');
      const amount = parseLongDouble(argv[2] as ByteString);
      if (value === undefined || amount === undefined) throw notAFloat();
      const sum = addLongDoubles(value, amount);
      if (sum === 'infinite') throw new CommandError('ERR increment would produce NaN or Infinity');
      const text = formatLongDouble(sum);
      replaceValue(space, key, ref, text);
      reply.bulk(text);
    },
  },
];

function increment({ client }: Context, key: ByteString, amount: number | bigint, reply: Reply): void {
  const space = client.keyspace(key);
  const ref = space.find(key);
  const text = stringAt(space, ref);
  const value = text === undefined ? 0 : requireNumber(text);
  const sum = add(value, amount);
  replaceValue(space, key, ref, String(sum));
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

/** @throws SluiceError WRONG_TYPE */
function stringAt(space: Keyspace, ref: Ref): ByteString | undefined {
  if (ref === 0) return undefined;
  space.requireType(ref, ValueType.string);
  return space.records.value(ref);
}

/** Stores another value and keeps expiry, content type and entry class. @param ref of the key, 0 = it is absent. */
function replaceValue(space: Keyspace, key: ByteString, ref: Ref, value: ByteString): void {
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
