import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import { type Keyspace, requireKey } from '../../store/engine/keyspace.ts';
import { requireIndex } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, wrongArity } from '../command-error.ts';
import { type ExpireForm, requirePositiveInstant } from '../expire-time.ts';
import { counted } from '../lookup.ts';
import { numberCommands } from './string-numbers.ts';
import { parseGetOptions, parseSetOptions } from './string-options.ts';

const IN_SECONDS: ExpireForm = { unit: 'seconds', absolute: false };
const IN_MILLISECONDS: ExpireForm = { unit: 'milliseconds', absolute: false };

/** Below this the bound is not looked up. */
const SURELY_SMALL = 1 << 20;
/** Where the settings do not say, as long as a JavaScript string may be with its reply around it. */
const MAX_STRING_BYTES = 512 * 1024 * 1024 - 1024;

export const stringCommands: readonly Command[] = [
  {
    name: 'get',
    arity: 2,
    flags: ['readonly', 'fast'],
    group: 'string',
    summary: 'Reads a string.',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      replyValue(context, argv[1] as ByteString, reply);
    },
  },
  {
    name: 'set',
    arity: -3,
    flags: ['write', 'denyoom'],
    group: 'string',
    summary: 'Stores a string, with an expiry and under a condition where asked.',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      if (argv.length > 3) {
        setWithOptions(context, argv, reply);
        return;
      }
      const key = argv[1] as ByteString;
      context.client.keyspace(key).strings.set(key, argv[2] as ByteString);
      reply.ok();
    },
  },
  {
    name: 'setnx',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    summary: 'Stores a string unless the key exists.',
    keys: [1, 1, 1],
    run({ client }, argv, reply) {
      const key = argv[1] as ByteString;
      const space = client.keyspace(key);
      const absent = !space.has(key);
      if (absent) space.strings.set(key, argv[2] as ByteString);
      reply.int(absent ? 1 : 0);
    },
  },
  {
    name: 'setex',
    arity: 4,
    flags: ['write', 'denyoom'],
    group: 'string',
    summary: 'Stores a string with a time to live in seconds.',
    keys: [1, 1, 1],
    run: (context, argv, reply) => setExpiring(context, argv, reply, IN_SECONDS, 'setex'),
  },
  {
    name: 'psetex',
    arity: 4,
    flags: ['write', 'denyoom'],
    group: 'string',
    summary: 'Stores a string with a time to live in milliseconds.',
    keys: [1, 1, 1],
    run: (context, argv, reply) => setExpiring(context, argv, reply, IN_MILLISECONDS, 'psetex'),
  },
  {
    name: 'getset',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    summary: 'Stores a string and answers the one before.',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      const key = argv[1] as ByteString;
      replyValue(context, key, reply);
      context.client.keyspace(key).strings.set(key, argv[2] as ByteString);
    },
  },
  {
    name: 'getdel',
    arity: 2,
    flags: ['write', 'fast'],
    group: 'string',
    summary: 'Reads a string and deletes it.',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      const key = argv[1] as ByteString;
      replyValue(context, key, reply);
      context.client.keyspace(key).delete(key);
    },
  },
  {
    name: 'getex',
    arity: -2,
    flags: ['write', 'fast'],
    group: 'string',
    summary: 'Reads a string and changes its expiry.',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      const { client, server } = context;
      const { expire, persist } = parseGetOptions(argv);
      const key = argv[1] as ByteString;
      const space = client.keyspace(key);
      const value = counted(context, space.strings.get(key));
      if (value === undefined) {
        reply.nil();
        return;
      }
      if (expire !== undefined)
        space.expire(key, requirePositiveInstant(expire.text, expire.form, server.engine.turn.time, 'getex'));
      else if (persist) space.expire(key, 0);
      reply.bulk(value);
    },
  },
  {
    name: 'mget',
    arity: -2,
    flags: ['readonly', 'fast'],
    group: 'string',
    summary: 'Reads several strings.',
    keys: [1, -1, 1],
    run(context, argv, reply) {
      reply.array(argv.length - 1);
      // One large value asked for many times: the client is about to be closed.
      for (let i = 1; i < argv.length && !reply.overflowed; i++) {
        const key = argv[i] as ByteString;
        const space = context.client.keyspace(key);
        const type = counted(context, space.typeName(key));
        if (type === 'string') reply.bulk(space.strings.get(key) as ByteString);
        else reply.nil();
      }
    },
  },
  {
    name: 'mset',
    arity: -3,
    flags: ['write', 'denyoom'],
    group: 'string',
    summary: 'Stores several strings.',
    keys: [1, -1, 2],
    run({ client }, argv, reply) {
      requirePairs(argv, 'mset');
      for (let i = 1; i < argv.length; i += 2) {
        const key = argv[i] as ByteString;
        client.keyspace(key).strings.set(key, argv[i + 1] as ByteString);
      }
      reply.ok();
    },
  },
  {
    name: 'msetnx',
    arity: -3,
    flags: ['write', 'denyoom'],
    group: 'string',
    summary: 'Stores several strings unless one of the keys exists.',
    keys: [1, -1, 2],
    run({ client }, argv, reply) {
      requirePairs(argv, 'msetnx');
      for (let i = 1; i < argv.length; i += 2) {
        const key = argv[i] as ByteString;
        if (client.keyspace(key).has(key)) {
          reply.int(0);
          return;
        }
      }
      for (let i = 1; i < argv.length; i += 2) {
        const key = argv[i] as ByteString;
        client.keyspace(key).strings.set(key, argv[i + 1] as ByteString);
      }
      reply.int(1);
    },
  },
  {
    name: 'append',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    summary: 'Appends to a string.',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      const key = argv[1] as ByteString;
      const suffix = argv[2] as ByteString;
      const space = context.client.keyspace(key);
      const { strings } = space;
      requireStringSize(context, strings.length(key) + suffix.length);
      if (suffix === '' && space.has(key)) context.server.touch(space, key);
      reply.int(strings.append(key, suffix));
    },
  },
  {
    name: 'strlen',
    arity: 2,
    flags: ['readonly', 'fast'],
    group: 'string',
    summary: 'Tells the length of a string.',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      const key = argv[1] as ByteString;
      const space = context.client.keyspace(key);
      const length = space.strings.length(key);
      counted(context, length > 0 || space.has(key) ? length : undefined);
      reply.int(length);
    },
  },
  {
    name: 'getrange',
    arity: 4,
    flags: ['readonly'],
    group: 'string',
    summary: 'Reads a part of a string.',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      const key = argv[1] as ByteString;
      const start = requireIndex(argv[2] as ByteString);
      const end = requireIndex(argv[3] as ByteString);
      const space = context.client.keyspace(key);
      const length = space.strings.length(key);
      counted(context, length > 0 || space.has(key) ? length : undefined);
      if (start < 0 && end < 0 && start > end) {
        reply.bulk('');
        return;
      }
      const from = Math.max(0, start < 0 ? length + start : start);
      const to = Math.max(0, end < 0 ? length + end : end);
      reply.bulk(space.strings.slice(key, from, to + 1));
    },
  },
  {
    name: 'setrange',
    arity: 4,
    flags: ['write', 'denyoom'],
    group: 'string',
    summary: 'Overwrites a part of a string.',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      const key = argv[1] as ByteString;
      const offset = requireIndex(argv[2] as ByteString);
      const bytes = argv[3] as ByteString;
      if (offset < 0) throw new CommandError('ERR offset is out of range');
      const { strings } = context.client.keyspace(key);
      const length = strings.length(key);
      if (bytes.length === 0) {
        reply.int(length);
        return;
      }
      requireStringSize(context, offset + bytes.length);
      reply.int(strings.setRange(key, offset, bytes));
    },
  },
  ...numberCommands,
];

function replyValue(context: Context, key: ByteString, reply: Reply): void {
  const value = counted(context, context.client.keyspace(key).strings.get(key));
  if (value === undefined) reply.nil();
  else reply.bulk(value);
}

function setWithOptions(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const { client, server } = context;
  const { expire, keepTtl, condition, get } = parseSetOptions(argv);
  const key = argv[1] as ByteString;
  const space = client.keyspace(key);
  const expiresAt =
    expire === undefined ? 0 : requirePositiveInstant(expire.text, expire.form, server.engine.turn.time, 'set');
  if (get) replyValue(context, key, reply);
  if (condition !== undefined && space.has(key) !== (condition === 'xx')) {
    if (!get) reply.nil();
    return;
  }
  setValue(space, key, argv[2] as ByteString, keepTtl ? (space.expiresAt(key) ?? 0) : expiresAt);
  if (!get) reply.ok();
}

function setExpiring(
  { client, server }: Context,
  argv: readonly ByteString[],
  reply: Reply,
  form: ExpireForm,
  command: string,
): void {
  const key = argv[1] as ByteString;
  const expiresAt = requirePositiveInstant(argv[2] as ByteString, form, server.engine.turn.time, command);
  setValue(client.keyspace(key), key, argv[3] as ByteString, expiresAt);
  reply.ok();
}

function setValue(space: Keyspace, key: ByteString, value: ByteString, expiresAt: number): void {
  if (expiresAt === 0) space.strings.set(key, value);
  else space.strings.set(key, value, { expiresAt });
}

/** Also that every key can be stored, so that nothing is written when one cannot. */
function requirePairs(argv: readonly ByteString[], command: string): void {
  if (argv.length % 2 === 0) throw wrongArity(command);
  for (let i = 1; i < argv.length; i += 2) requireKey(argv[i] as ByteString);
}

function requireStringSize({ server }: Context, bytes: number): void {
  if (bytes <= SURELY_SMALL) return;
  const limit = Number(server.settings.get('proto-max-bulk-len') ?? MAX_STRING_BYTES);
  if (bytes > Math.min(limit, MAX_STRING_BYTES))
    throw new CommandError('ERR string exceeds maximum allowed size (proto-max-bulk-len)');
}
