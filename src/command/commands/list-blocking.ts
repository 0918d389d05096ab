import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import { inInt64 } from '../arguments.ts';
import type { Client } from '../client.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, errorText } from '../command-error.ts';
import { ceilingOfProduct, parseLongDouble } from '../decimal.ts';
import { type End, type Move, move, pop, requireEnd } from './list-move.ts';

/**
 * A timeout in seconds, with fractions; 0 = for ever.
 * @returns whole milliseconds, rounded up
 * @throws CommandError "timeout is not a float or out of range", "timeout is negative"
 */
function requireTimeout(text: ByteString): number {
  const seconds = parseLongDouble(text);
  if (seconds === undefined) throw new CommandError('ERR timeout is not a float or out of range');
  const ms = seconds === 'infinite' ? undefined : ceilingOfProduct(seconds, 1000n);
  // Redis 7.0 calls it negative too when the milliseconds do not fit 64 bits.
  if (ms === undefined || ms < 0n || !inInt64(ms)) throw new CommandError('ERR timeout is negative');
  return Number(ms);
}

/** In a transaction nobody waits: it is as if the time were up at once. */
function mayBlock(client: Client): boolean {
  return client.transaction === undefined;
}

function blockingPop(end: End): Command['run'] {
  return ({ server, client }: Context, argv: readonly ByteString[], reply: Reply) => {
    const timeout = requireTimeout(argv.at(-1) as ByteString);
    const keys = argv.slice(1, -1);
    const popFrom = (key: ByteString): boolean => {
      const element = pop(client, key, end);
      if (element === undefined) return false;
      reply.array(2);
      reply.bulk(key);
      reply.bulk(element);
      return true;
    };
    if (keys.some(popFrom)) return;
    const timedOut = (): void => reply.nilArray();
    if (!mayBlock(client)) {
      timedOut();
      return;
    }
    // What was pushed may be gone again, or something of another type be in its place.
    const serve = (key: ByteString): boolean => client.keyspace(key).typeName(key) === 'list' && popFrom(key);
    server.blocked.block(client, { keys, serve, timedOut }, timeout);
  };
}

function blmove({ server, client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const [, source, destination] = argv as [ByteString, ByteString, ByteString];
  const request: Move = {
    source,
    destination,
    from: requireEnd(argv[3] as ByteString),
    to: requireEnd(argv[4] as ByteString),
  };
  const timeout = requireTimeout(argv[5] as ByteString);
  const element = move(client, request);
  if (element !== undefined) {
    reply.bulk(element);
    return;
  }
  if (!mayBlock(client)) {
    reply.nil();
    return;
  }
  server.blocked.block(
    client,
    {
      keys: [source],
      serve: () => serveMove(client, request, reply),
      timedOut: () => reply.nilArray(),
    },
    timeout,
  );
}

/** The wait also ends when the destination turns out to be of another type; the element stays where it is. */
function serveMove(client: Client, request: Move, reply: Reply): boolean {
  if (client.keyspace(request.source).typeName(request.source) !== 'list') return false;
  try {
    reply.bulk(move(client, request) as ByteString);
  } catch (error) {
    reply.error(errorText(error));
  }
  return true;
}

export const listBlockingCommands: readonly Command[] = [
  {
    name: 'blpop',
    arity: -3,
    flags: ['write', 'noscript', 'blocking'],
    group: 'list',
    summary: 'Remove and return the first element of the first list that has one, or wait for it',
    keys: [1, -2, 1],
    run: blockingPop('left'),
  },
  {
    name: 'brpop',
    arity: -3,
    flags: ['write', 'noscript', 'blocking'],
    group: 'list',
    summary: 'Remove and return the last element of the first list that has one, or wait for it',
    keys: [1, -2, 1],
    run: blockingPop('right'),
  },
  {
    name: 'blmove',
    arity: 6,
    flags: ['write', 'denyoom', 'noscript', 'blocking'],
    group: 'list',
    summary: 'Move an element from one end of a list to an end of another, or wait for one',
    keys: [1, 2, 1],
    run: blmove,
  },
];
