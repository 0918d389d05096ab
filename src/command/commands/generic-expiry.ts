import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, quoted } from '../command-error.ts';
import { type ExpireForm, requireInstant } from '../expire-time.ts';
import { counted } from '../lookup.ts';

/** When a key's time to live may be changed: NX XX GT LT. */
interface Conditions {
  nx: boolean;
  xx: boolean;
  gt: boolean;
  lt: boolean;
}

export const expiryCommands: readonly Command[] = [
  expireCommand('expire', { unit: 'seconds', absolute: false }, 'Sets the time to live of a key, in seconds.'),
  expireCommand(
    'pexpire',
    { unit: 'milliseconds', absolute: false },
    'Sets the time to live of a key, in milliseconds.',
  ),
  expireCommand(
    'expireat',
    { unit: 'seconds', absolute: true },
    'Sets the instant at which a key expires, in seconds.',
  ),
  expireCommand(
    'pexpireat',
    { unit: 'milliseconds', absolute: true },
    'Sets the instant at which a key expires, in milliseconds.',
  ),
  ttlCommand('ttl', { unit: 'seconds', absolute: false }, 'Tells the time to live of a key, in seconds.'),
  ttlCommand('pttl', { unit: 'milliseconds', absolute: false }, 'Tells the time to live of a key, in milliseconds.'),
  ttlCommand(
    'expiretime',
    { unit: 'seconds', absolute: true },
    'Tells the instant at which a key expires, in seconds.',
  ),
  ttlCommand(
    'pexpiretime',
    { unit: 'milliseconds', absolute: true },
    'Tells the instant at which a key expires, in milliseconds.',
  ),
  {
    name: 'persist',
    arity: 2,
    flags: ['write', 'fast'],
    group: 'generic',
    summary: 'Lets a key live for ever.',
    keys: [1, 1, 1],
    run({ client }, argv, reply) {
      const key = argv[1] as ByteString;
      const space = client.keyspace(key);
      const expiring = (space.expiresAt(key) ?? 0) !== 0;
      if (expiring) space.expire(key, 0);
      reply.int(expiring ? 1 : 0);
    },
  },
];

function expireCommand(name: string, form: ExpireForm, summary: string): Command {
  return {
    name,
    arity: -3,
    flags: ['write', 'fast'],
    group: 'generic',
    summary,
    keys: [1, 1, 1],
    run: (context, argv, reply) => expire(context, argv, reply, name, form),
  };
}

function ttlCommand(name: string, form: ExpireForm, summary: string): Command {
  return {
    name,
    arity: 2,
    flags: ['readonly', 'fast'],
    group: 'generic',
    summary,
    keys: [1, 1, 1],
    run(context, argv, reply) {
      const key = argv[1] as ByteString;
      const instant = counted(context, context.client.keyspace(key).expiresAt(key));
      if (instant === undefined || instant === 0) {
        reply.int(instant === undefined ? -2 : -1);
        return;
      }
      const ms = form.absolute ? instant : instant - context.server.engine.turn.time;
      reply.int(form.unit === 'milliseconds' ? ms : Math.floor((ms + 500) / 1000));
    },
  };
}

function expire(
  { client, server }: Context,
  argv: readonly ByteString[],
  reply: Reply,
  name: string,
  form: ExpireForm,
): void {
  const conditions = argv.length > 3 ? parseConditions(argv) : undefined;
  const now = server.engine.turn.time;
  const instant = requireInstant(argv[2] as ByteString, form, now, name);
  const key = argv[1] as ByteString;
  const space = client.keyspace(key);
  const current = space.expiresAt(key);
  if (current === undefined || (conditions !== undefined && !holds(conditions, current, instant))) {
    reply.int(0);
    return;
  }
  // Zero means "never" to the engine, so an instant that has passed is not handed on.
  if (instant <= now) space.delete(key);
  else if (instant === current) server.touch(space, key);
  else space.expire(key, instant);
  reply.int(1);
}

/** @throws CommandError */
function parseConditions(argv: readonly ByteString[]): Conditions {
  const conditions: Conditions = { nx: false, xx: false, gt: false, lt: false };
  for (let i = 3; i < argv.length; i++) {
    const option = argv[i] as ByteString;
    switch (option.toLowerCase()) {
      case 'nx':
        conditions.nx = true;
        break;
      case 'xx':
        conditions.xx = true;
        break;
      case 'gt':
        conditions.gt = true;
        break;
      case 'lt':
        conditions.lt = true;
        break;
      default:
        // Line ends inside an error become blanks, but at its end they are dropped.
        throw new CommandError(`ERR Unsupported option ${quoted(option).replace(/[\r\n]+$/, '')}`);
    }
  }
  const { nx, xx, gt, lt } = conditions;
  if (nx && (xx || gt || lt))
    throw new CommandError('ERR NX and XX, GT or LT options at the same time are not compatible');
  if (gt && lt) throw new CommandError('ERR GT and LT options at the same time are not compatible');
  return conditions;
}

/** @param current ms since the epoch, 0 = never, which is later than any instant. */
function holds({ nx, xx, gt, lt }: Conditions, current: number, instant: number): boolean {
  if (nx && current !== 0) return false;
  if (xx && current === 0) return false;
  if (gt && (current === 0 || instant <= current)) return false;
  return !(lt && current !== 0 && instant >= current);
}
