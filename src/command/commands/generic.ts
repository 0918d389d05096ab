import type { ByteString } from '../../kernel/bytes.ts';
import { compileGlob } from '../../kernel/glob.ts';
import type { Reply } from '../../resp/reply.ts';
import { typeNames } from '../../store/engine/records.ts';
import { requireInteger } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, noSuchKey, syntaxError } from '../command-error.ts';
import { requireCursor } from '../element-scan.ts';
import { counted } from '../lookup.ts';
import { expiryCommands } from './generic-expiry.ts';

const DEFAULT_SCAN_COUNT = 10;
/** A scan step looks at so many places of the table beyond ten times its count before it returns with less than it was asked for. */
const SCAN_SLACK = 4096;
const LAST_CURSOR = 0xffffffff;

export const genericCommands: readonly Command[] = [
  {
    name: 'keys',
    arity: 2,
    flags: ['readonly'],
    group: 'generic',
    summary: 'Names all keys that match.',
    run({ server }, argv, reply) {
      const matches = compileGlob(argv[1] as ByteString);
      const found: ByteString[] = [];
      server.engine.user.scan(0, Number.POSITIVE_INFINITY, (key) => {
        if (matches(key)) found.push(key);
      });
      replyList(found, reply);
    },
  },
  {
    name: 'scan',
    arity: -2,
    flags: ['readonly'],
    group: 'generic',
    summary: 'Names the keys step by step.',
    run: scan,
  },
  {
    name: 'randomkey',
    arity: 1,
    flags: ['readonly'],
    group: 'generic',
    summary: 'Names some key.',
    run({ server }, _argv, reply) {
      const key = server.engine.user.randomKey(server.engine.random);
      if (key === undefined) reply.nil();
      else reply.bulk(key);
    },
  },
  {
    name: 'type',
    arity: 2,
    flags: ['readonly', 'fast'],
    group: 'generic',
    summary: 'Tells the type of a key.',
    keys: [1, 1, 1],
    run(context, argv, reply) {
      const key = argv[1] as ByteString;
      reply.simple(counted(context, context.client.keyspace(key).typeName(key)) ?? 'none');
    },
  },
  {
    name: 'exists',
    arity: -2,
    flags: ['readonly', 'fast'],
    group: 'generic',
    summary: 'Counts how many of the keys exist.',
    keys: [1, -1, 1],
    run: (context, argv, reply) => reply.int(countPresent(context, argv)),
  },
  {
    name: 'touch',
    arity: -2,
    flags: ['readonly', 'fast'],
    group: 'generic',
    summary: 'Counts how many of the keys exist, as a use of them.',
    keys: [1, -1, 1],
    run: (context, argv, reply) => reply.int(countPresent(context, argv)),
  },
  {
    name: 'del',
    arity: -2,
    flags: ['write'],
    group: 'generic',
    summary: 'Deletes keys.',
    keys: [1, -1, 1],
    run: deleteKeys,
  },
  {
    name: 'unlink',
    arity: -2,
    flags: ['write', 'fast'],
    group: 'generic',
    summary: 'Deletes keys.',
    keys: [1, -1, 1],
    difference: 'the same as DEL',
    run: deleteKeys,
  },
  {
    name: 'rename',
    arity: 3,
    flags: ['write'],
    group: 'generic',
    summary: 'Renames a key, in the place of what has the new name.',
    keys: [1, 2, 1],
    run(context, argv, reply) {
      rename(context, argv);
      reply.ok();
    },
  },
  {
    name: 'renamenx',
    arity: 3,
    flags: ['write', 'fast'],
    group: 'generic',
    summary: 'Renames a key unless the new name is taken.',
    keys: [1, 2, 1],
    run(context, argv, reply) {
      const [, from, to] = argv as [ByteString, ByteString, ByteString];
      const { client } = context;
      if (!client.keyspace(from).has(from)) throw noSuchKey();
      if (client.keyspace(to).has(to)) {
        reply.int(0);
        return;
      }
      rename(context, argv);
      reply.int(1);
    },
  },
  ...expiryCommands,
];

function countPresent(context: Context, argv: readonly ByteString[]): number {
  let present = 0;
  for (let i = 1; i < argv.length; i++) {
    const key = argv[i] as ByteString;
    if (counted(context, context.client.keyspace(key).has(key) || undefined) === true) present++;
  }
  return present;
}

function deleteKeys({ client }: Context, argv: readonly ByteString[], reply: Reply): void {
  let deleted = 0;
  for (let i = 1; i < argv.length; i++) {
    const key = argv[i] as ByteString;
    if (client.keyspace(key).delete(key)) deleted++;
  }
  reply.int(deleted);
}

function rename({ client }: Context, argv: readonly ByteString[]): void {
  const [, from, to] = argv as [ByteString, ByteString, ByteString];
  const space = client.keyspace(from);
  if (!space.has(from)) throw noSuchKey();
  if (client.keyspace(to) !== space)
    throw new CommandError('ERR a key cannot be renamed between the compatibility names and the other ones');
  space.rename(from, to);
}

function scan({ server }: Context, argv: readonly ByteString[], reply: Reply): void {
  let cursor = requireCursor(argv[1] as ByteString);
  const { count, matches, type } = parseScanOptions(argv);
  const found: ByteString[] = [];
  let seen = 0;
  let budget = count * 10 + SCAN_SLACK;
  if (cursor > LAST_CURSOR) cursor = 0;
  else {
    do {
      cursor = server.engine.user.scan(cursor, count - seen, (key, valueType) => {
        seen++;
        if (matches(key) && (type === undefined || type === typeNames[valueType])) found.push(key);
      });
      budget -= count;
    } while (cursor !== 0 && seen < count && budget > 0);
  }
  reply.array(2);
  reply.bulk(String(cursor));
  replyList(found, reply);
}

interface ScanOptions {
  readonly count: number;
  readonly matches: (key: ByteString) => boolean;
  readonly type: string | undefined;
}

function parseScanOptions(argv: readonly ByteString[]): ScanOptions {
  let count = DEFAULT_SCAN_COUNT;
  let matches: (key: ByteString) => boolean = () => true;
  let type: string | undefined;
  for (let i = 2; i < argv.length; i += 2) {
    const value = argv[i + 1];
    if (value === undefined) throw syntaxError();
    switch ((argv[i] as ByteString).toLowerCase()) {
      case 'count': {
        const wanted = requireInteger(value);
        if (wanted < 1n) throw syntaxError();
        count = Number(wanted);
        break;
      }
      case 'match':
        matches = compileGlob(value);
        break;
      case 'type':
        type = value.toLowerCase();
        break;
      default:
        throw syntaxError();
    }
  }
  return { count, matches, type };
}

function replyList(items: readonly ByteString[], reply: Reply): void {
  reply.array(items.length);
  for (const item of items) reply.bulk(item);
}
