import type { ByteString } from '../../kernel/bytes.ts';
import type { Client } from '../client.ts';
import type { Command } from '../command.ts';
import { CommandError, quoted, syntaxError } from '../command-error.ts';
import { helpCommand, needsSubcommand } from '../help.ts';
import { clientListCommands } from './connection-client-list.ts';
import { trackingCommands } from './connection-tracking.ts';

const MANAGEMENT = ['admin', 'noscript', 'loading', 'stale'] as const;
const OWN = ['noscript', 'loading', 'stale'] as const;

/** CLIENT and its subcommands. */
export const clientCommand: Command = {
  name: 'client',
  arity: -2,
  flags: [],
  group: 'connection',
  summary: 'Groups the commands about client connections.',
  run: needsSubcommand,
  subcommands: [
    {
      name: 'client|id',
      arity: 2,
      flags: OWN,
      group: 'connection',
      summary: 'Tells the id of the connection.',
      run: ({ client }, _argv, reply) => reply.int(client.id),
    },
    {
      name: 'client|getname',
      arity: 2,
      flags: OWN,
      group: 'connection',
      summary: 'Tells the name of the connection.',
      run({ client }, _argv, reply) {
        if (client.name === '') reply.nil();
        else reply.bulk(client.name);
      },
    },
    {
      name: 'client|setname',
      arity: 3,
      flags: OWN,
      group: 'connection',
      summary: 'Names the connection.',
      run({ client }, argv, reply) {
        client.name = requireClientName(argv[2] as ByteString);
        reply.ok();
      },
    },
    {
      name: 'client|setinfo',
      arity: 4,
      flags: OWN,
      group: 'connection',
      summary: 'Notes name and version of the client library.',
      difference: 'as in Redis 7.2',
      run({ client }, argv, reply) {
        setInfo(client, argv[2] as ByteString, argv[3] as ByteString);
        reply.ok();
      },
    },
    {
      name: 'client|reply',
      arity: 3,
      flags: OWN,
      group: 'connection',
      summary: 'Silences replies: all, the next one, or none.',
      run({ client }, argv, reply) {
        switch ((argv[2] as ByteString).toLowerCase()) {
          case 'on':
            client.replyMode = 'on';
            reply.ok();
            break;
          case 'off':
            client.replyMode = 'off';
            break;
          case 'skip':
            if (client.replyMode !== 'off') client.replyMode = 'skip-next';
            break;
          default:
            throw syntaxError();
        }
      },
    },
    {
      name: 'client|no-evict',
      arity: 3,
      flags: MANAGEMENT,
      group: 'connection',
      summary: 'Asks not to be closed when clients take too much memory.',
      difference: 'noted, without effect: clients are not evicted for memory, each has its own bound',
      run({ client }, argv, reply) {
        client.noEvict = requireOnOff(argv[2] as ByteString);
        reply.ok();
      },
    },
    {
      name: 'client|no-touch',
      arity: 3,
      flags: OWN,
      group: 'connection',
      summary: 'Asks that reads do not count as a use of the key.',
      difference: 'as in Redis 7.2; noted, without effect: what clients store is never evicted',
      run({ client }, argv, reply) {
        client.noTouch = requireOnOff(argv[2] as ByteString);
        reply.ok();
      },
    },
    ...clientListCommands,
    ...trackingCommands,
    helpCommand('client', 'connection', [
      'CACHING (YES|NO)',
      '    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.',
      'GETREDIR',
      '    Return the client ID we are redirecting to when tracking is enabled.',
      'GETNAME',
      '    Return the name of the current connection.',
      'ID',
      '    Return the ID of the current connection.',
      'INFO',
      '    Return information about the current client connection.',
      'KILL <ip:port>',
      '    Kill connection made from <ip:port>.',
      'KILL <option> <value> [<option> <value> [...]]',
      '    Kill connections. Options are:',
      '    * ADDR <ip:port>',
      '      Kill connections made from the specified address',
      '    * LADDR <ip:port>',
      '      Kill connections made to specified local address',
      '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
      '      Kill connections by type.',
      '    * USER <username>',
      '      Kill connections authenticated by <username>.',
      '    * SKIPME (YES|NO)',
      '      Skip killing current connection (default: yes).',
      'LIST [options ...]',
      '    Return information about client connections. Options:',
      '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
      '      Return clients of specified type.',
      'REPLY (ON|OFF|SKIP)',
      '    Control the replies sent to the current connection.',
      'SETINFO <option> <value>',
      '    Set client meta attr. Options are: LIB-NAME, LIB-VER.',
      'SETNAME <name>',
      '    Assign the name <name> to the current connection.',
      'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]',
      '         [OPTIN] [OPTOUT] [NOLOOP]',
      '    Control server assisted client side caching.',
      'TRACKINGINFO',
      '    Report tracking status for the current connection.',
      'NO-EVICT (ON|OFF)',
      '    Protect current client connection from eviction.',
      'NO-TOUCH (ON|OFF)',
      '    Will not touch LRU/LFU stats when this mode is on.',
    ]),
  ],
};

/** Printable ASCII without the space, so that CLIENT LIST stays one line a client. @throws CommandError */
export function requireClientName(name: ByteString): ByteString {
  if (!/^[!-~]*$/.test(name))
    throw new CommandError('ERR Client names cannot contain spaces, newlines or special characters.');
  return name;
}

function setInfo(client: Client, option: ByteString, value: ByteString): void {
  const name = option.toLowerCase();
  if (name !== 'lib-name' && name !== 'lib-ver') throw new CommandError(`ERR Unrecognized option '${quoted(option)}'`);
  if (!/^[!-~]*$/.test(value))
    throw new CommandError(`ERR ${name} cannot contain spaces, newlines or special characters.`);
  if (name === 'lib-name') client.libName = value;
  else client.libVersion = value;
}

function requireOnOff(text: ByteString): boolean {
  const word = text.toLowerCase();
  if (word !== 'on' && word !== 'off') throw syntaxError();
  return word === 'on';
}
