import { type ByteString, bytesToUtf8, utf8ToBytes } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import { parseInteger } from '../arguments.ts';
import type { Client } from '../client.ts';
import { clientLine, clientType } from '../client-line.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, quoted, syntaxError } from '../command-error.ts';

const clientTypes = new Set(['normal', 'master', 'slave', 'replica', 'pubsub']);

export const clientListCommands: readonly Command[] = [
  {
    name: 'client|info',
    arity: 2,
    flags: ['noscript', 'loading', 'stale'],
    group: 'connection',
    summary: 'Describes the connection.',
    difference: 'fields that tell how Redis lays out its buffers are 0',
    run: ({ client, server }, _argv, reply) => replyLines([client], server.engine.turn.time, reply),
  },
  {
    name: 'client|list',
    arity: -2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    group: 'connection',
    summary: 'Describes all connections, or those of a type or with certain ids.',
    difference: 'fields that tell how Redis lays out its buffers are 0',
    run: list,
  },
  {
    name: 'client|kill',
    arity: -3,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    group: 'connection',
    summary: 'Closes connections by id, address, type or user.',
    run(context, argv, reply) {
      if (argv.length === 3) killByAddress(context, argv[2] as ByteString, reply);
      else reply.int(kill(context, matching(context, argv)));
    },
  },
];

function list({ server }: Context, argv: readonly ByteString[], reply: Reply): void {
  const { clients } = server;
  let chosen = [...clients.values()];
  const option = argv[2]?.toLowerCase();
  if (option === 'type' && argv.length === 4) {
    const type = requireType(argv[3] as ByteString);
    chosen = chosen.filter((client) => clientType(client) === type);
  } else if (option === 'id' && argv.length > 3) {
    chosen = argv.slice(3).flatMap((text) => {
      const id = parseInteger(text);
      if (id === undefined) throw new CommandError('ERR Invalid client ID');
      return clients.get(Number(id)) ?? [];
    });
  } else if (option !== undefined) {
    throw syntaxError();
  }
  replyLines(chosen, server.engine.turn.time, reply);
}

function replyLines(clients: readonly Client[], now: number, reply: Reply): void {
  reply.verbatim(utf8ToBytes(clients.map((client) => `${clientLine(client, now)}\n`).join('')));
}

function killByAddress(context: Context, address: ByteString, reply: Reply): void {
  const victims = [...context.server.clients.values()].filter((client) => client.connection.remoteAddress === address);
  if (kill(context, victims) === 0) throw new CommandError('ERR No such client');
  reply.ok();
}

/** The clients that fit all filters of CLIENT KILL. @throws CommandError */
function matching({ server, client: self }: Context, argv: readonly ByteString[]): Client[] {
  let skipSelf = true;
  const filters: ((client: Client) => boolean)[] = [];
  for (let i = 2; i < argv.length; i += 2) {
    const value = argv[i + 1];
    if (value === undefined) throw syntaxError();
    switch ((argv[i] as ByteString).toLowerCase()) {
      case 'id': {
        const id = parseInteger(value);
        if (id === undefined || id < 1n) throw new CommandError('ERR client-id should be greater than 0');
        filters.push((client) => client.id === Number(id));
        break;
      }
      case 'type': {
        const type = requireType(value);
        filters.push((client) => clientType(client) === type);
        break;
      }
      case 'addr':
        filters.push((client) => client.connection.remoteAddress === value);
        break;
      case 'laddr':
        filters.push((client) => client.connection.localAddress === value);
        break;
      case 'user': {
        const name = bytesToUtf8(value);
        const { acl, required } = server.authenticator;
        if (acl === undefined ? !required && name !== 'default' : acl.find(value) === undefined)
          throw new CommandError(`ERR No such user '${quoted(value)}'`);
        filters.push((client) => client.user?.name === name);
        break;
      }
      case 'skipme':
        skipSelf = requireYesNo(value);
        break;
      default:
        throw syntaxError();
    }
  }
  if (skipSelf) filters.push((client) => client !== self);
  return [...server.clients.values()].filter((client) => filters.every((fits) => fits(client)));
}

/** A client that kills itself gets its reply first. @returns how many were killed. */
function kill({ server, client: self }: Context, victims: readonly Client[]): number {
  for (const victim of victims) {
    if (victim === self) {
      victim.closing = true;
      continue;
    }
    // At once, so that what follows in this turn no longer sees it; the end of the connection removes it again, to no effect.
    server.remove(victim);
    victim.connection.kill();
  }
  return victims.length;
}

function requireType(text: ByteString): string {
  const type = text.toLowerCase();
  if (!clientTypes.has(type)) throw new CommandError(`ERR Unknown client type '${quoted(text)}'`);
  return type === 'slave' ? 'replica' : type;
}

function requireYesNo(text: ByteString): boolean {
  const word = text.toLowerCase();
  if (word !== 'yes' && word !== 'no') throw syntaxError();
  return word === 'yes';
}
